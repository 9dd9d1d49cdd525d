//! The command line as people and pipelines meet it: the built program, its streams, its exit codes and its JSON.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// An empty folder to run the program in, with a home of its own.
pub(crate) struct Dir {
    folder: tempfile::TempDir,
}

/// What the program left behind.
pub(crate) struct Answer {
    /// The command, for messages.
    asked: String,
    code: Option<i32>,
    pub(crate) stdout: String,
    stderr: String,
}

impl Dir {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    /// With the example in `churn`.
    pub(crate) fn with_example() -> Self {
        let dir = Self::new();
        dir.run("new --example churn").code(0);
        dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Replaces `old`, which must occur, by `new`.
    fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "{name} does not contain {old}");
        self.write(name, text.replacen(old, new, 1));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trestle"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["TRESTLE_LOG", "GIT_AUTHOR_NAME", "DISPLAY", "WAYLAND_DISPLAY"] {
            command.env_remove(name);
        }
        command.env("HOME", self.path("home")).env("XDG_CONFIG_HOME", self.path("home/.config")).env("USER", "tester");
        command
    }

    /// Runs the program with arguments that contain no blanks.
    fn run(&self, arguments: &str) -> Answer {
        self.run_args(&arguments.split(' ').collect::<Vec<_>>())
    }

    pub(crate) fn run_args(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, &[])
    }

    /// The same with more in its environment.
    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Answer {
        answer(self.command(arguments).envs(environment.iter().copied()).output().unwrap(), arguments)
    }
}

fn answer(output: Output, arguments: &[&str]) -> Answer {
    Answer {
        asked: arguments.join(" "),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.code, Some(expected), "{}\n{}\n{}", self.asked, self.stdout, self.stderr);
        self
    }

    /// The one JSON object on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}\n{}", self.asked, self.stdout, self.stderr));
        assert!(value.is_object(), "{}", self.stdout);
        value
    }

    /// The error of a command that could not be done: `what`, `where` and `fix`, also for people on standard error.
    #[track_caller]
    pub(crate) fn problem(&self) -> [String; 3] {
        self.code(2);
        let object = self.json();
        assert_eq!(shape(&object), "{error{what, where, fix}}", "{}", self.asked);
        let problem = ["what", "where", "fix"].map(|key| object["error"][key].as_str().unwrap().to_owned());
        assert!(self.stderr.starts_with(&format!("error: {}", problem[0])), "{}: {}", self.asked, self.stderr);
        problem
    }
}

/// The keys of a value in their order; of an array the first element's.
fn shape(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}{}", shape(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.first().map(shape).unwrap_or_default()),
        _ => String::new(),
    }
}

/// The shape of a report: what all have in common, then the command's own fields.
#[track_caller]
pub(crate) fn check_shape(answer: &Answer, own: &str) {
    let expected = format!("{{format, command, project, version, verdict, reasons[], {own}}}");
    let object = answer.json();
    assert_eq!(shape(&object), expected, "{}", answer.asked);
    assert_eq!(object["format"], 1);
    assert_eq!(object["command"], answer.asked.split(' ').next().unwrap());
}

fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    assert!(path.exists(), "{}", path.display());
    path.to_str().unwrap().to_owned()
}

fn model(version: &str) -> String {
    repository(&format!("projects/churn/models/{version}/model.onnx"))
}

#[test]
fn a_new_project_is_the_example_or_empty() {
    let dir = Dir::new();
    let made = dir.run("new --example churn --json");
    check_shape(made.code(0), "path");
    let made = made.json();
    assert_eq!((&made["project"], &made["version"]), (&"churn".into(), &"1.1.0".into()));
    assert_eq!(dir.read("churn/brief.ron"), fs::read_to_string(repository("projects/churn/brief.ron")).unwrap());

    let made = dir.run("new empty --json");
    check_shape(made.code(0), "path");
    assert_eq!(made.json()["version"], Value::Null);
    dir.run_args(&["new", "named", "--name", "Wide & far"]).code(0);
    assert_eq!(dir.run("brief named --json").json()["project"], "wide-far");
    // The command line leaves no traces in the user's home.
    assert_eq!(fs::read_dir(dir.path("home")).unwrap().count(), 0);
}

#[test]
fn an_occupied_folder_is_refused_and_left_alone() {
    let dir = Dir::new();
    fs::create_dir(dir.path("here")).unwrap();
    dir.write("here/precious.txt", "precious");
    for command in ["new here --json", "new --example here --json"] {
        let [what, place, fix] = dir.run(command).problem();
        assert_eq!(what, "There is already something here");
        assert!(place.ends_with("here"), "{place}");
        assert!(!fix.is_empty());
    }
    assert_eq!(fs::read_dir(dir.path("here")).unwrap().count(), 1);
    let for_people = dir.run("new here");
    assert_eq!(for_people.code(2).stdout, "");
    assert!(for_people.stderr.starts_with("error: There is already something here: "), "{}", for_people.stderr);
}

#[test]
fn the_brief_says_what_was_answered_and_understood() {
    let dir = Dir::with_example();
    let brief = dir.run("brief churn --json");
    let values = "values{input{form, fields[]}, output{kind, positive_class, threshold, bands[{name, from}]}, \
                  latency{percentile, limit_ms, per_second, batch}, retraining{every_days, trigger}, \
                  success[{metric, comparison, value, minimum_gain, of}]}";
    check_shape(
        brief.code(0),
        &format!("answered, questions, answers[{{id, question, answer, understood, hint}}], {values}"),
    );
    let brief = brief.json();
    assert_eq!((&brief["answered"], &brief["questions"]), (&8.into(), &8.into()));
    let understood: Vec<(&str, &str)> = brief["answers"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|answer| Some((answer["id"].as_str()?, answer["understood"].as_str()?)))
        .collect();
    let expected = [
        ("input", "JSON naming tenure_months"),
        ("output", "probability of class 1, bands low < 0.3 ≤ medium < 0.7 ≤ high"),
        ("latency", "p95 ≤ 200 ms at 50 requests/s"),
        ("retraining", "every 7 days, or on new data"),
        ("success", "ROC-AUC > 0.85, precision > 0.8"),
    ];
    assert_eq!(understood, expected);
    let ids: Vec<&Value> = brief["answers"].as_array().unwrap().iter().map(|answer| &answer["id"]).collect();
    let expected = [
        "problem",
        "end_user",
        "data",
        "input",
        "output",
        "latency",
        "retraining",
        "success",
        "in_scope",
        "out_of_scope",
        "minimum_viable_model",
    ];
    assert_eq!(ids, expected);

    let markdown = dir.run("brief churn --markdown");
    assert!(markdown.code(0).stdout.starts_with("# Customer churn: project brief\n"), "{}", markdown.stdout);
    assert!(markdown.stdout.contains("Predict which customers leave within 30 days"));
    let both = dir.run("brief churn --markdown --json").json();
    assert_eq!(both["markdown"].as_str().unwrap().trim_end(), markdown.stdout.trim_end());
}

#[test]
fn an_empty_brief_has_answered_nothing() {
    let dir = Dir::new();
    dir.run("new empty").code(0);
    let brief = dir.run("brief empty --json");
    assert_eq!(brief.code(0).json()["answered"], 0);
    let values = "{input, output, latency, retraining, success}";
    assert_eq!(shape(&brief.json()["values"]), values);
}

#[test]
fn words_edited_by_hand_are_understood_anew() {
    let dir = Dir::with_example();
    dir.edit("churn/brief.ron", "words: \"< 200ms", "words: \"< 5ms");
    let brief = dir.run("brief churn --json").json();
    assert_eq!(brief["answers"][5]["understood"], "p95 ≤ 5 ms at 50 requests/s");
    assert_eq!(brief["values"]["latency"]["limit_ms"], 5.0);
    let for_people = dir.run("brief churn");
    assert!(for_people.stdout.contains("understood as p95 ≤ 5 ms at 50 requests/s"), "{}", for_people.stdout);
}

#[test]
fn a_good_model_is_described() {
    let dir = Dir::new();
    let inspected = dir.run_args(&["inspect", &model("1.1.0"), "--json"]);
    let spec = "{name, dtype, datatype, shape[], classes[]}";
    check_shape(
        inspected.code(0),
        &format!(
            "model, sha256, size_bytes, producer, ir_version, opsets[{{domain, version}}], parameters, inputs[{spec}], \
             outputs[{spec}], operators[{{domain, operator, count}}], \
             metadata{{version, training_time, training_data, code}}, findings[{{id, severity, what, fix}}], \
             runtimes[{{runtime, severity, reason}}]"
        ),
    );
    let inspected = inspected.json();
    assert_eq!(inspected["verdict"], "pass");
    assert_eq!(inspected["inputs"].as_array().unwrap().len(), 12);
    assert_eq!(inspected["outputs"][1]["classes"], serde_json::json!([0, 1]));
    let for_people = dir.run_args(&["inspect", &model("1.1.0")]);
    assert!(for_people.code(0).stdout.contains("output_probability"), "{}", for_people.stdout);
}

#[test]
fn a_model_with_an_unknown_operator_fails_its_inspection() {
    let dir = Dir::new();
    let path = repository("tests/models/mystery.onnx");
    let inspected = dir.run_args(&["inspect", &path, "--json"]);
    let object = inspected.code(1).json();
    assert_eq!(object["verdict"], "fail");
    assert!(object["reasons"][0].as_str().unwrap().contains("com.example:Mystery"), "{object}");
    assert_eq!(object["findings"][0]["severity"], "refused");
    let for_people = dir.run_args(&["inspect", &path]);
    let expected = "refused: The operator com.example:Mystery is not supported";
    assert!(for_people.code(1).stdout.contains(expected), "{}", for_people.stdout);
}

#[test]
fn files_that_are_no_models_are_refused_by_name() {
    let dir = Dir::new();
    dir.write("empty.onnx", "");
    let whole = fs::read(model("1.1.0")).unwrap();
    dir.write("truncated.onnx", &whole[..whole.len() / 2]);
    dir.write("picture.onnx", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    File::create(dir.path("zeros.onnx")).unwrap().set_len(3 << 30).unwrap();
    for (name, expected) in [
        ("empty.onnx", "an empty file"),
        ("truncated.onnx", "The file is truncated"),
        ("picture.onnx", "a PNG picture"),
        ("zeros.onnx", "a file of another kind"),
        ("absent.onnx", "could not be read"),
    ] {
        let [what, place, fix] = dir.run_args(&["inspect", name, "--json"]).problem();
        assert!(what.contains(expected), "{name}: {what}");
        assert_eq!(place, name);
        assert!(!fix.is_empty(), "{name}");
        // The same file is refused everywhere, and for the same reason.
        if name == "absent.onnx" {
            continue;
        }
        for command in [vec!["serve", name, "--address", "127.0.0.1:0"], vec!["inspect", name]] {
            let refused = dir.run_args(&command);
            let last = refused.code(2).stderr.lines().last().unwrap_or_default();
            assert!(last.contains(expected), "{command:?}: {}", refused.stderr);
        }
    }
}

#[test]
fn a_model_of_another_framework_is_described_and_its_script_printed() {
    let dir = Dir::new();
    let pickle = repository("tests/foreign/pipeline.joblib");
    let inspected = dir.run_args(&["inspect", &pickle, "--json"]);
    check_shape(
        inspected.code(1),
        "model, foreign{found, reason, class, parts[], made_with[[]], n_features, feature_names[], suspicious[], \
         warnings[], fix, script}",
    );
    let inspected = inspected.json();
    assert_eq!((&inspected["verdict"], &inspected["foreign"]["n_features"]), (&"fail".into(), &4.into()));
    let for_people = dir.run_args(&["inspect", &pickle]);
    let for_people = &for_people.code(1).stdout;
    assert!(for_people.contains("never loaded") && for_people.contains("--script > convert.py"), "{for_people}");

    let script = dir.run_args(&["inspect", &pickle, "--script"]);
    assert_eq!(script.code(0).stdout.trim_end(), inspected["foreign"]["script"].as_str().unwrap().trim_end());
    let nothing = dir.run_args(&["inspect", &model("1.1.0"), "--script"]);
    assert!(nothing.code(2).stderr.contains("nothing to convert"), "{}", nothing.stderr);

    dir.write("evil.pkl", b"cos\nsystem\n(S'ls'\ntR.");
    let evil = dir.run("inspect evil.pkl");
    assert!(evil.code(1).stdout.contains("DANGER: it names os.system"), "{}", evil.stdout);
    dir.run("new p").code(0);
    let [what, place, fix] = dir.run_args(&["add", "p", &pickle, "--json"]).problem();
    assert!(what.contains("a joblib file with a Pipeline of scikit-learn") && fix.contains("--script"), "{what} {fix}");
    assert!(place.ends_with("pipeline.joblib"), "{place}");
    // What serves models says what the file is, too.
    let served = dir.run_args(&["serve", &pickle, "--address", "127.0.0.1:0"]);
    assert!(served.code(2).stderr.contains("a Python pickle"), "{}", served.stderr);
}

#[test]
fn predictions_of_their_own_file_are_matched_by_an_id() {
    let dir = Dir::with_example();
    let whole = fs::read_to_string(repository("projects/churn/data/predictions-1.1.0.csv")).unwrap();
    let lines: Vec<&str> = whole.lines().take(6).collect();
    let columns: Vec<&str> = lines[0].split(',').collect();
    let is_prediction =
        |column: &&str| ["label", "prediction", "probability"].iter().any(|name| column.starts_with(name));
    let n_features = columns.iter().position(is_prediction).unwrap();
    let part = |line: &str, from: usize, to: usize| line.split(',').collect::<Vec<_>>()[from..to].join(",");
    let name = |row: usize| if row == 0 { "id".to_owned() } else { format!("r{row}") };
    let rows = lines.iter().enumerate().map(|(row, line)| format!("{},{}\n", name(row), part(line, 0, n_features)));
    dir.write("rows.csv", rows.collect::<String>());
    let answer = |row: usize| format!("{},{}\n", name(row), part(lines[row], n_features, columns.len()));
    // The other way round, and one missing.
    dir.write("predictions.csv", [0, 4, 3, 2, 1].map(answer).concat());
    let arguments = ["golden", "churn", "--from", "predictions.csv", "--rows", "rows.csv"];
    let asked = dir.run_args(&[&arguments[..], &["--id", "id", "--tolerance", "1e-3", "--json"]].concat());
    let asked = asked.code(0).json();
    assert_eq!((&asked["rows"], &asked["agree"], &asked["tolerance"]), (&4.into(), &4.into(), &1e-3.into()));
    assert_eq!(asked["skipped"][0]["row"], 4);
    let [what, ..] = dir.run_args(&[&arguments[..], &["--json"]].concat()).problem();
    assert_eq!(what, "There are 4 predictions and 5 rows of features");
}

#[test]
fn a_version_that_answers_otherwise_is_not_served() {
    let dir = Dir::with_example();
    dir.edit("churn/models/1.1.0/golden.ron", "0.8368685245513916", "0.7368685245513916");
    let refused = dir.run_args(&["serve", "churn", "--address", "127.0.0.1:0"]);
    let last = refused.code(2).stderr.lines().last().unwrap_or_default();
    assert!(last.contains("31 of 32 agree; row 1") && last.contains("--golden=warn"), "{last}");
}

#[test]
fn versions_are_proposed_from_what_differs() {
    let dir = Dir::new();
    dir.run("new p").code(0);
    let add = |version: &str, more: &[&str]| dir.run_args(&[&["add", "p", &model(version), "--json"], more].concat());
    let first = add("1.0.0", &["--why", "the \"first\""]);
    check_shape(first.code(0), "bump_reason, previous, sha256, golden_rows");
    let first = first.json();
    assert_eq!((&first["version"], &first["previous"]), (&"1.0.0".into(), &Value::Null));

    let second = add("1.1.0", &[]);
    check_shape(second.code(0), "bump_reason, previous, sha256, golden_rows");
    let second = second.json();
    assert_eq!((&second["version"], &second["previous"]), (&"1.1.0".into(), &"1.0.0".into()));
    let reason = second["bump_reason"].as_str().unwrap();
    assert!(reason.contains("same contract as 1.0.0") && reason.contains("TreeEnsembleClassifier"), "{reason}");

    let before = dir.read("p/ledger.ron");
    for more in [&[][..], &["--bump", "major"]] {
        let [what, ..] = add("1.1.0", more).problem();
        assert_eq!(what, "This file is already registered as 1.1.0");
    }
    assert_eq!(dir.read("p/ledger.ron"), before);
    assert!(before.contains("who:\"tester\",what:\"register 1.0.0\",why:\"the \\\"first\\\"\""), "{before}");
}

#[test]
fn a_version_can_be_raised_by_hand() {
    for (bump, expected) in [("major", "2.0.0"), ("minor", "1.1.0"), ("patch", "1.0.1")] {
        let dir = Dir::new();
        dir.run("new p").code(0);
        dir.run_args(&["add", "p", &model("1.0.0")]).code(0);
        let added = dir.run_args(&["add", "p", &model("1.1.0"), "--bump", bump, "--json"]);
        assert_eq!(added.code(0).json()["version"], expected, "{bump}");
        assert!(dir.path(&format!("p/models/{expected}/version.ron")).is_file());
    }
}

#[test]
fn an_alias_stands_for_a_known_version_only() {
    let dir = Dir::with_example();
    let set = dir.run_args(&["alias", "churn", "challenger", "1.0.0", "--why", "to compare", "--json"]);
    check_shape(set.code(0), "alias");
    assert_eq!((&set.json()["version"], &set.json()["alias"]), (&"1.0.0".into(), &"challenger".into()));
    assert!(dir.read("churn/models/registry.ron").contains("(\"challenger\", \"1.0.0\")"));
    assert!(dir.read("churn/ledger.ron").contains("what:\"alias challenger 1.0.0\",why:\"to compare\""));
    // An alias is as good as a number.
    assert_eq!(dir.run("golden churn --version challenger --json").code(0).json()["version"], "1.0.0");

    let registry = dir.read("churn/models/registry.ron");
    let [what, _, fix] = dir.run("alias churn champion 9.9.9 --json").problem();
    assert_eq!(what, "There is no version or alias “9.9.9”");
    assert!(fix.contains("1.0.0, 1.1.0"), "{fix}");
    assert_eq!(dir.read("churn/models/registry.ron"), registry);
}

/// The fields of `golden`; what its rows that differ hold is asked apart, as there may be none.
fn golden_shape(answer: &Value) -> String {
    let worst = answer["worst"].as_array().unwrap().first();
    let worst = worst.map_or("", |_| "{row, expected, answered, error, flipped, agrees}");
    format!(
        "source, rows, agree, largest_error, quantile99_error, flips[], tolerance, worst[{worst}], histogram[{{up_to, rows}}], \
         skipped[], remarks[]"
    )
}

#[test]
fn golden_rows_are_asked() {
    let dir = Dir::with_example();
    for (arguments, version) in [("golden churn --json", "1.1.0"), ("golden churn --version 1.0.0 --json", "1.0.0")] {
        let asked = dir.run(arguments);
        check_shape(asked.code(0), &golden_shape(&asked.json()));
        let asked = asked.json();
        assert_eq!((&asked["verdict"], &asked["version"]), (&"pass".into(), &version.into()));
        assert!(asked["rows"].as_u64().unwrap() > 0 && asked["rows"] == asked["agree"], "{asked}");
    }
    assert!(dir.run("golden churn").stdout.contains("32 of 32 golden rows agree"));
}

#[test]
fn golden_rows_are_taken_from_the_framework_that_trained_the_model() {
    let dir = Dir::with_example();
    let from = repository("projects/churn/data/predictions-1.1.0.csv");
    let same = dir.run_args(&["golden", "churn", "--from", &from, "--json"]);
    check_shape(same.code(0), &golden_shape(&same.json()));
    let same = same.json();
    assert_eq!((&same["verdict"], &same["rows"], &same["agree"]), (&"pass".into(), &50.into(), &50.into()));
    assert_eq!(same["source"], "predictions-1.1.0.csv");
    assert!(same["largest_error"].as_f64().unwrap() < 1e-5, "{same}");

    let other = dir.run_args(&["golden", "churn", "--version", "1.0.0", "--from", &from, "--json"]);
    let other = other.code(1).json();
    assert_eq!(other["verdict"], "fail");
    assert!(other["reasons"][0].as_str().unwrap().starts_with("row 1: "), "{other}");
    assert!(!other["flips"].as_array().unwrap().is_empty(), "{other}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_deployment_is_exported_without_an_engine() {
    let dir = Dir::with_example();
    for (kind, name, words) in [
        ("compose", "compose.yaml", "read_only: true"),
        ("kubernetes", "churn-kubernetes.yaml", "kind: HorizontalPodAutoscaler"),
        ("kserve", "churn-kserve.yaml", "kind: InferenceService"),
    ] {
        let answer = dir.run_args(&["export", "churn", kind, ".", "--tag", "team/churn:7", "--json"]);
        check_shape(answer.code(0), "kind, path, size_bytes");
        let text = dir.read(name);
        assert!(text.contains("team/churn:7") && text.contains(words), "{text}");
    }
    let [what, place, _] =
        dir.run_args(&["export", "churn", "compose", "churn/brief.ron/compose.yaml", "--json"]).problem();
    assert!(what.starts_with("Could not write the file") && place.ends_with("compose.yaml"), "{what}: {place}");
}

#[test]
fn tampered_golden_rows_fail() {
    let dir = Dir::with_example();
    dir.edit("churn/models/1.1.0/golden.ron", "0.8368685245513916", "0.7368685245513916");
    let asked = dir.run("golden churn --json");
    let asked = asked.code(1).json();
    assert_eq!((&asked["verdict"], &asked["rows"], &asked["agree"]), (&"fail".into(), &32.into(), &31.into()));
    let largest = asked["largest_error"].as_f64().unwrap();
    assert!((largest - 0.1).abs() < 1e-6, "{largest}");
}

#[test]
fn a_model_file_changed_after_registration_is_not_used() {
    let dir = Dir::with_example();
    dir.write("rows.csv", first_rows(&dir, 2));
    // A change that leaves a well-formed model: only its hash tells.
    let path = dir.path("churn/models/1.1.0/model.onnx");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(8).position(|window| window == b"skl2onnx").unwrap();
    bytes[at + 7] = b'y';
    fs::write(&path, bytes).unwrap();
    dir.run_args(&["inspect", path.to_str().unwrap()]).code(0);
    for command in ["golden churn --json", "predict churn --input rows.csv --json"] {
        let [what, place, _] = dir.run(command).problem();
        assert!(what.contains("registered"), "{command}: {what}");
        assert!(place.ends_with("model.onnx"), "{command}: {place}");
    }
    dir.run("golden churn --version 1.0.0").code(0);
}

/// The header and the first rows of the labelled data.
fn first_rows(dir: &Dir, n_rows: usize) -> String {
    let text = dir.read("churn/data/labelled.csv");
    text.split_inclusive('\n').take(1 + n_rows).collect()
}

#[test]
fn rows_are_scored_into_every_form() {
    let dir = Dir::with_example();
    dir.write("rows.csv", first_rows(&dir, 3));
    let to_file = dir.run("predict churn --input rows.csv --output scored.csv --json");
    let summary = "rows, scored, failed, errors[], resumed_from, micros, findings[]";
    check_shape(to_file.code(0), &format!("{summary}, output"));
    assert_eq!((&to_file.json()["rows"], &to_file.json()["version"]), (&3.into(), &"1.1.0".into()));
    let scored = dir.read("scored.csv");
    let (given, header) = (first_rows(&dir, 3), scored.lines().next().unwrap());
    let own = ",label,probability,level,probability_0,probability_1,error";
    assert_eq!(header, format!("{}{own}", given.lines().next().unwrap()));
    for (scored, given) in scored.lines().zip(given.lines()) {
        assert!(scored.starts_with(given), "{scored}");
    }
    // Without a file the same rows go to standard output, and nothing else does.
    assert_eq!(dir.run("predict churn --input rows.csv").code(0).stdout, scored);

    dir.run("predict churn --input rows.csv --output scored.jsonl --version 1.0.0").code(0);
    let lines = dir.read("scored.jsonl");
    assert_eq!(lines.lines().count(), 3);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["customer_id"], &first["level"]), (&"C-20001".into(), &"low".into()));
    // What was written as JSON lines can be read again.
    dir.run("predict churn --input scored.jsonl --output again.csv").code(0);

    let inline = dir.run("predict churn --input rows.csv --json");
    let answer = "predictions[{label, probability, level, classes[], scores[], error}]";
    check_shape(inline.code(0), &format!("{summary}, {answer}"));
    let inline = inline.json();
    let probability = inline["predictions"][0]["probability"].as_f64().unwrap();
    assert!((probability - 0.182_329_95).abs() < 1e-6, "{probability}");
    assert_eq!(inline["predictions"].as_array().unwrap().len(), 3);
}

#[test]
fn a_model_without_a_project_scores_rows() {
    let dir = Dir::with_example();
    dir.write("rows.csv", first_rows(&dir, 2));
    let scored = dir.run_args(&["predict", &model("1.1.0"), "--input", "rows.csv", "--json"]).code(0).json();
    assert_eq!((&scored["project"], &scored["rows"]), (&Value::Null, &2.into()));
}

#[test]
fn rows_that_do_not_fit_are_refused_by_column() {
    let dir = Dir::with_example();
    let rows = first_rows(&dir, 2);
    dir.write("without.csv", rows.replacen(",plan,", ",scheme,", 1));
    let problem = dir.run("predict churn --input without.csv --output o.csv --json").problem();
    assert!(problem[0].contains("plan"), "{problem:?}");
    assert!(!dir.path("o.csv").exists());
    // A single bad row is no reason to refuse the others.
    dir.write("words.csv", rows.replacen(",25,11.91,", ",many,11.91,", 1));
    let summary = dir.run("predict churn --input words.csv --output o.csv --json").code(0).json();
    assert_eq!((&summary["scored"], &summary["failed"]), (&1.into(), &1.into()));
    assert!(summary["errors"][0]["error"].as_str().unwrap().starts_with("tenure_months: a number"), "{summary}");
    let [_, place, _] = dir.run("predict churn --input absent.csv --json").problem();
    assert_eq!(place, "absent.csv");
}

#[test]
fn a_newer_document_is_named_and_left_alone() {
    let dir = Dir::with_example();
    dir.edit("churn/brief.ron", "format: 1", "format: 2");
    let brief = dir.read("churn/brief.ron");
    let [what, _, fix] = dir.run("brief churn --json").problem();
    assert!(what.contains("format 2, newer than the 1"), "{what}");
    assert!(fix.contains("Update Trestle"), "{fix}");
    assert_eq!(dir.read("churn/brief.ron"), brief);

    dir.edit("churn/models/registry.ron", "format: 1", "format: 2");
    let [what, place, _] = dir.run("alias churn challenger 1.0.0 --json").problem();
    assert!(what.contains("format 2, newer than"), "{what}");
    assert!(place.ends_with("registry.ron"), "{place}");
}

#[test]
fn a_brief_cut_in_half_is_reported_with_its_line_and_left_alone() {
    let dir = Dir::with_example();
    let text = dir.read("churn/brief.ron");
    let cut = text.find("risk level\",\n        value").unwrap();
    dir.write("churn/brief.ron", &text[..cut]);
    let line = text[..cut].lines().count();
    let [what, place, fix] = dir.run("brief churn --json").problem();
    assert!(what.contains(&format!("line {line}, column")), "{what}");
    assert!(place.contains(&format!("brief.ron:{line}:")), "{place}");
    assert!(fix.contains("not be overwritten"), "{fix}");
    assert_eq!(dir.read("churn/brief.ron"), text[..cut]);
}

#[test]
fn a_folder_without_a_project_is_refused() {
    let dir = Dir::new();
    for command in ["brief home --json", "golden absent --json", "alias absent a 1.0.0 --json"] {
        let [what, _, fix] = dir.run(command).problem();
        assert_eq!(what, "This folder holds no project", "{command}");
        assert!(fix.contains("trestle new"), "{fix}");
    }
}

/// Root may write everywhere, so root runs the program as somebody else.
#[cfg(unix)]
fn as_somebody(mut command: Command) -> Command {
    use std::os::unix::process::CommandExt as _;
    if rustix::process::geteuid().is_root() {
        command.uid(65_534);
    }
    command
}

#[cfg(unix)]
#[test]
fn a_project_that_may_not_be_written_can_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::with_example();
    let chmod = |mode: &str, path: &Path| {
        assert!(Command::new("chmod").args(["-R", mode]).arg(path).status().unwrap().success());
    };
    fs::set_permissions(dir.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    chmod("a=rX", &dir.path("churn"));
    let run = |arguments: &[&str]| as_somebody(dir.command(arguments)).output();
    // Where the build folder itself is closed to others, root cannot test this.
    if let Err(error) = run(&["--version"]) {
        eprintln!("SKIPPED a_project_that_may_not_be_written_can_be_read: {error}");
        return;
    }
    let before = (dir.read("churn/ledger.ron"), dir.read("churn/models/registry.ron"));
    for arguments in [&["brief", "churn"][..], &["golden", "churn"]] {
        answer(run(arguments).unwrap(), arguments).code(0);
    }
    let new_model = model("1.0.0");
    dir.write("other.onnx", fs::read(&new_model).unwrap());
    for arguments in [
        &["alias", "churn", "challenger", "1.0.0", "--json"][..],
        &["golden", "churn", "--from", "churn/data/predictions-1.1.0.csv", "--json"],
    ] {
        let [what, ..] = answer(run(arguments).unwrap(), arguments).problem();
        assert!(what.starts_with("The project is read-only: its folder cannot be written"), "{what}");
    }
    assert_eq!((dir.read("churn/ledger.ron"), dir.read("churn/models/registry.ron")), before);
    chmod("u+w", &dir.path("churn"));
}

/// A server as a child, killed when dropped.
struct Served {
    child: Child,
    log: BufReader<ChildStderr>,
    address: String,
}

impl Served {
    fn start(dir: &Dir, arguments: &[&str]) -> Self {
        let mut child = dir.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() != 0, "the server ended: {:?}\n{seen}", child.wait());
            let object: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if object["message"] == "listening" {
                break object["address"].as_str().unwrap().to_owned();
            }
            seen.write_str(&line).unwrap();
        };
        Self { child, log, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Waits until it is ready; a server warms up first.
    fn wait_until_ready(&self) {
        for _ in 0..200 {
            if self.get("/v2/health/ready").starts_with("HTTP/1.1 200 ") {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the server never became ready");
    }

    /// Asks it to stop; returns its exit code and the rest of its log.
    fn stop(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has usually ended by now; a failure here has nobody to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_server_answers_until_it_is_asked_to_stop() {
    let dir = Dir::with_example();
    for (target, version) in [("churn", Some("1.1.0")), (model("1.0.0").as_str(), None)] {
        let server = Served::start(&dir, &["serve", target, "--address", "127.0.0.1:0", "--drain", "5"]);
        server.wait_until_ready();
        dir.run_args(&["health", &format!("http://{}/v2/health/ready", server.address)]).code(0);
        let name = if version.is_some() { "churn" } else { "model" };
        let metadata = server.get(&format!("/v2/models/{name}"));
        assert!(metadata.starts_with("HTTP/1.1 200 "), "{metadata}");
        assert!(version.is_none_or(|version| metadata.contains(version)), "{metadata}");
        let address = server.address.clone();
        let (code, log) = server.stop();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("drained"), "{log}");
        for line in log.lines() {
            let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(object["timestamp"].is_string() && object["level"].is_string(), "{line}");
        }
        dir.run_args(&["health", &format!("http://{address}/v2/health/ready")]).code(1);
    }
}

#[test]
fn a_server_with_a_certificate_is_healthy_to_its_own_check_and_to_no_other() {
    let dir = Dir::with_example();
    for name in ["own", "other"] {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        dir.write(&format!("{name}.pem"), made.cert.pem());
        dir.write(&format!("{name}.key"), made.signing_key.serialize_pem());
    }
    dir.write("serve.ron", "(format: 1, tls_certificate: \"own.pem\", tls_key: \"own.key\")");
    let served = ["serve", "churn", "--address", "127.0.0.1:0", "--config", "serve.ron"];
    let server = Served::start(&dir, &served);
    let url = format!("http://{}/v2/health/ready", server.address);
    let asked = |certificate: Option<&str>, arguments: &[&str]| {
        let mut command = dir.command(&[&["health", &url], arguments].concat());
        if let Some(certificate) = certificate {
            command.env("TRESTLE_SERVE_TLS_CERTIFICATE", certificate);
        }
        command.output().unwrap().status.code()
    };
    // While the model warms up it is not ready; the image's own check is run by its environment alone.
    let healthy = (0..200).any(|_| asked(Some("own.pem"), &[]) == Some(0));
    assert!(healthy, "the server never became ready");
    assert_eq!(asked(None, &["--config", "serve.ron"]), Some(0));
    assert_eq!(asked(None, &["--tls-certificate", "own.pem"]), Some(0));
    assert_eq!(asked(None, &["--tls-certificate", "other.pem"]), Some(1));
    assert_eq!(asked(Some("other.pem"), &[]), Some(1));
    assert_eq!(asked(Some("absent.pem"), &[]), Some(1));
    assert_eq!(asked(None, &[]), Some(1), "nothing tells who should answer");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_servers_configuration_is_checked_without_serving() {
    let dir = Dir::with_example();
    dir.write(
        "serve.ron",
        format!("(format: 1, max_in_flight: 7, drain_seconds: 3, inference_token_sha256: [\"{}\"])", "ab".repeat(32)),
    );
    let asked = ["serve", "churn", "--check", "--json", "--config", "serve.ron", "--version", "all"];
    let checked = dir.run_args(&[&asked[..], &["--drain", "4", "--set", "max-in-flight=8"]].concat());
    let object: Value = serde_json::from_str(&checked.code(0).stdout).unwrap();
    assert_eq!(object["served"], serde_json::json!(["churn 1.1.0", "churn 1.0.0"]));
    let configuration = &object["configuration"];
    assert_eq!((&configuration["max_in_flight"], &configuration["drain_seconds"]), (&8.into(), &4.0.into()));
    assert_eq!(configuration["inference_token_sha256"], "1, hidden");
    assert!(!checked.stdout.contains("abab"), "{}", checked.stdout);
    for (arguments, reason) in [
        (&["--set", "max_in_flight=none"][..], "max_in_flight"),
        (&["--set", "typo=1"], "no such setting"),
        (&["--config", "absent.ron"], "absent.ron"),
        (&["--version", "9.9.9"], "9.9.9"),
        (&["--set", "fallback_version=9.9.9"], "9.9.9"),
        (&["--log-level", "=nonsense="], "--log-level"),
    ] {
        let check =
            if arguments[0] == "--log-level" { &["serve", "churn"][..] } else { &["serve", "churn", "--check"] };
        let refused = dir.run_args(&[check, arguments].concat());
        assert!(refused.code(2).stderr.contains(reason), "{arguments:?}: {}", refused.stderr);
    }
}

#[test]
fn a_model_that_cannot_be_served_ends_the_server_with_the_reason_last() {
    let dir = Dir::new();
    let served = dir.run_args(&["serve", &repository("tests/models/mystery.onnx"), "--address", "127.0.0.1:0"]);
    let last = served.code(2).stderr.lines().last().unwrap_or_default();
    assert!(last.contains("com.example:Mystery"), "{}", served.stderr);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let dir = Dir::with_example();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let served = dir.run_args(&["serve", "churn", "--address", &address]);
    assert!(served.code(2).stderr.lines().last().unwrap_or_default().contains(&address), "{}", served.stderr);
}

#[test]
fn health_knows_only_yes_and_no() {
    let dir = Dir::new();
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [format!("http://{address}/v2/health/ready"), "nonsense".to_owned(), String::new()] {
        let asked = dir.run_args(&["health", &url]);
        assert_eq!(asked.code(1).stdout, "", "{url}");
    }
}

#[test]
fn what_is_not_a_command_is_refused() {
    let dir = Dir::new();
    for arguments in ["nosuch dir", "nosuch --json", "brief --nosuch dir", "add dir", "golden dir --version"] {
        let refused = dir.run(arguments);
        assert_eq!(refused.code(2).stdout, "", "{arguments}");
        assert!(refused.stderr.contains("--help"), "{arguments}: {}", refused.stderr);
    }
    let help = dir.run("--help");
    assert!(help.code(0).stdout.contains("Exit code: 0 done and the verdict passes"), "{}", help.stdout);
    // Not for people.
    assert!(!help.stdout.contains("worker"), "{}", help.stdout);
    assert_eq!(dir.run("--version").code(0).stdout, concat!("trestle ", env!("CARGO_PKG_VERSION"), "\n"));
}

// ---- containers

#[test]
fn without_an_engine_containers_are_one_clear_error() {
    let dir = Dir::with_example();
    let socket = format!("unix://{}", dir.path("no.sock").display());
    for arguments in ["run churn", "containers", "containers logs some", "containers stop some", "containers clean"] {
        let mut arguments: Vec<&str> = arguments.split(' ').collect();
        arguments.push("--json");
        let output = dir.command(&arguments).env("DOCKER_HOST", &socket).output().unwrap();
        let answer = answer(output, &arguments);
        let error: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(answer.code, Some(2), "{arguments:?}");
        assert!(error["error"]["what"].as_str().unwrap().contains("no.sock: missing"), "{error}");
    }
}

#[test]
fn what_cannot_be_run_is_told_before_an_engine_is_asked() {
    let dir = Dir::with_example();
    for (arguments, says) in [
        ("run churn --env A", "NAME=VALUE"),
        ("run churn --env LD_PRELOAD=x", "would change what the executable loads"),
        ("run churn --env TRESTLE_SERVE_ADDRESS=x", "choose the port"),
        ("run churn --port 70000", "70000"),
        ("run churn --address here", "here"),
        ("containers stop", "Which container is to stop"),
        ("containers logs --follow --json", "--json"),
    ] {
        let answer = dir.run(arguments);
        assert_eq!(answer.code, Some(2), "{arguments}");
        assert!(answer.stderr.contains(says), "{arguments}: {}", answer.stderr);
    }
}
