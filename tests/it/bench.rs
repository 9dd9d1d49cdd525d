//! `trestle bench` on a copy of the example: the verdict, how it follows the brief, and what is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use trestle::project::Project;
use trestle::project::reports::{BenchmarkReport, Verdict};
use trestle::statistics::LatencyHistogram;

struct Dir(tempfile::TempDir);

impl Dir {
    fn with_example() -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        assert!(dir.run("new --example churn").status.success());
        dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trestle"));
        command.args(arguments.split(' ')).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("HOME", self.0.path()).env("XDG_CONFIG_HOME", self.0.path());
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The exit code and the one object on standard output.
    #[track_caller]
    fn json(&self, arguments: &str) -> (i32, Value) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let object =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments}: {error}\n{said}"));
        (output.status.code().unwrap(), object)
    }

    fn edit(&self, name: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(old), "{name} does not contain {old}");
        fs::write(self.path(name), text.replacen(old, new, 1)).unwrap();
    }

    /// How the checklist says the brief's latency stands.
    #[track_caller]
    fn latency_item(&self) -> String {
        let (code, checked) = self.json("check churn --json");
        assert_eq!(code, 1, "other items of a new copy block");
        let items = checked["brief"].as_array().unwrap();
        let item = items.iter().find(|item| item["id"] == "brief.latency").unwrap();
        item["status"].as_str().unwrap().to_owned()
    }

    fn reports(&self) -> Vec<BenchmarkReport> {
        Project::open(&self.path("churn")).unwrap().reports().to_vec()
    }
}

fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}

#[test]
fn the_verdict_follows_the_brief_without_a_new_run() {
    let dir = Dir::with_example();
    // A busy machine answers few requests in a second; the median needs 20 of them.
    dir.edit(
        "churn/brief.ron",
        "words: \"< 200ms per prediction, 50 requests",
        "words: \"p50 < 60 s per prediction, 1 request",
    );
    let (code, measured) = dir.json("bench churn --seconds 1 --json");
    assert_eq!((code, measured["verdict"].as_str()), (0, Some("pass")), "{measured}");
    assert_eq!((measured["command"].as_str(), measured["project"].as_str()), (Some("bench"), Some("churn")));
    assert_eq!(measured["brief"]["limit_ms"], 60_000.0);
    let reason = measured["reasons"][0].as_str().unwrap();
    assert!(reason.contains("in process, batch 1, 1 thread"), "{reason}");
    assert!(reason.contains("the network and the server are not in it"), "{reason}");
    let runs = measured["runs"].as_array().unwrap();
    let batches: Vec<u64> = runs.iter().map(|run| run["batch"].as_u64().unwrap()).collect();
    assert_eq!(batches, [1, 32]);
    let keys: Vec<&String> = runs[0].as_object().unwrap().keys().collect();
    let expected =
        ["scope", "scenario", "batch", "threads", "n", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms", "per_second"];
    assert_eq!(keys, expected);
    assert_eq!((&runs[0]["scope"], &runs[0]["scenario"]), (&"in_process".into(), &"closed_loop".into()));
    assert_eq!(runs[0]["p50_ms"], measured["brief"]["measured_ms"]);
    assert_eq!(measured["rows"], "512 rows of data/reference.csv");

    dir.edit("churn/brief.ron", "words: \"p50 < 60 s", "words: \"p50 < 0.001 ms");
    let (code, judged) = dir.json("bench churn --last --json");
    assert_eq!((code, judged["verdict"].as_str()), (1, Some("fail")), "{judged}");
    assert_eq!((&judged["runs"], &judged["time"]), (&measured["runs"], &measured["time"]));
    assert_eq!(judged["brief"]["limit_ms"], 0.001);
    assert!(judged["reasons"][0].as_str().unwrap().contains("over 0.001 ms"), "{judged}");
    assert_eq!(dir.latency_item(), "fail", "the checklist follows");
    dir.edit("churn/brief.ron", "words: \"p50 < 0.001 ms", "words: \"p50 < 60 s");
    assert_eq!(dir.latency_item(), "pass");

    let reports = dir.reports();
    assert_eq!(reports.len(), 1, "no new run");
    // What it came to at its time is kept as it was.
    assert_eq!(reports[0].judged.verdict, Verdict::Pass);
    for run in &reports[0].runs {
        let histogram = LatencyHistogram::decode(&run.histogram).unwrap();
        assert_eq!(histogram.n(), run.n);
    }
    assert!(!reports[0].evidence.model.is_empty() && !reports[0].evidence.data.is_empty());
}

#[test]
fn a_brief_without_a_limit_gives_no_verdict() {
    let dir = Dir::with_example();
    dir.edit("churn/brief.ron", "words: \"< 200ms per prediction, 50 requests per second\"", "words: \"fast\"");
    let (code, measured) = dir.json("bench churn --seconds 0.2 --batch 2 --json");
    assert_eq!((code, measured["verdict"].as_str()), (0, Some("none")), "{measured}");
    assert_eq!((&measured["brief"], measured["runs"].as_array().unwrap().len()), (&Value::Null, 1));
}

#[test]
fn what_is_asked_and_not_found_out_fails() {
    let dir = Dir::with_example();
    dir.edit("churn/brief.ron", "words: \"< 200ms per prediction", "words: \"p99.9999 < 200ms per prediction");
    let (code, measured) = dir.json("bench churn --seconds 0.2 --json");
    assert_eq!((code, measured["verdict"].as_str()), (1, Some("fail")), "{measured}");
    assert!(measured["reasons"][0].as_str().unwrap().starts_with("not enough samples"), "{measured}");
    assert_eq!(measured["brief"]["measured_ms"], Value::Null);
}

#[test]
fn a_second_run_is_compared_with_the_first() {
    let dir = Dir::with_example();
    let (_, first) = dir.json("bench churn --seconds 1 --json");
    assert_eq!(first["compared"], Value::Null);
    let (_, second) = dir.json("bench churn --seconds 1 --json");
    assert_eq!(second["compared"]["with"], first["time"]);
    let p50 = &second["compared"]["percentiles"][0];
    assert_eq!((&p50["percentile"], &p50["before_ms"]), (&50.0.into(), &first["runs"][0]["p50_ms"]));
    // Another version has nothing to be compared with.
    let (_, other) = dir.json("bench churn --seconds 0.3 --version 1.0.0 --json");
    assert_eq!((&other["version"], &other["compared"]), (&"1.0.0".into(), &Value::Null));
}

#[test]
fn the_last_benchmark_must_be_of_this_version_and_this_model() {
    let dir = Dir::with_example();
    let problem = |arguments: &str| {
        let (code, object) = dir.json(arguments);
        assert_eq!(code, 2, "{object}");
        object["error"]["what"].as_str().unwrap().to_owned()
    };
    assert_eq!(problem("bench churn --last --json"), "Version 1.1.0 was not measured yet");
    dir.json("bench churn --seconds 0.2 --json");
    assert_eq!(dir.json("bench churn --last --json").1["version"], "1.1.0");
    assert_eq!(problem("bench churn --last --version 1.0.0 --json"), "Version 1.0.0 was not measured yet");
    fs::copy(repository("projects/churn/models/1.0.0/model.onnx"), dir.path("churn/models/1.1.0/model.onnx")).unwrap();
    assert_eq!(problem("bench churn --seconds 0.2 --json"), "The model file is not the one that was registered");
}

#[test]
fn a_bare_model_is_measured_and_nothing_is_kept() {
    let dir = Dir(tempfile::tempdir().unwrap());
    let path = repository("tests/models/logistic_binary.onnx");
    let (code, measured) = dir.json(&format!("bench {path} --seconds 0.2 --json"));
    assert_eq!(
        (code, measured["verdict"].as_str(), measured["rows"].as_str()),
        (0, Some("none"), Some("one made-up row"))
    );
    assert!(0.0 < measured["runs"][0]["per_second"].as_f64().unwrap());
    assert_eq!(fs::read_dir(dir.0.path()).unwrap().count(), 0);
    let refused = dir.json(&format!("bench {} --seconds 0.2 --json", repository("tests/models/mystery.onnx")));
    assert_eq!(refused.0, 2, "{}", refused.1);
}

#[test]
fn a_damaged_report_is_no_measurement() {
    let dir = Dir::with_example();
    dir.json("bench churn --seconds 0.2 --json");
    let folder = dir.path("churn/reports/benchmark");
    let path = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find("histogram: \"").unwrap() + 20;
    fs::write(&path, format!("{}!!{}", &text[..at], &text[at + 2..])).unwrap();
    let (code, judged) = dir.json("bench churn --last --json");
    assert_eq!((code, judged["reasons"][0].as_str()), (1, Some("the stored histogram cannot be read")), "{judged}");
    assert_eq!(judged["runs"][0]["p50_ms"], Value::Null);
}

#[test]
fn wrong_requests_are_refused_in_words() {
    let dir = Dir::with_example();
    for (arguments, expected) in [
        ("bench churn --seconds 0 --json", "A benchmark cannot take 0 seconds"),
        ("bench churn --seconds 0.1 --batch 0 --json", "A batch of 0 rows cannot be measured"),
        ("bench churn --seconds 0.1 --batch 70000 --json", "A batch of 70000 rows cannot be measured"),
        ("bench nowhere --quick --json", ""),
    ] {
        let (code, object) = dir.json(arguments);
        assert_eq!(code, 2, "{arguments}: {object}");
        assert!(object["error"]["what"].as_str().unwrap().contains(expected), "{arguments}: {object}");
    }
    assert!(!dir.path("churn/reports").exists());
    for arguments in ["bench churn --quick --long", "bench churn --last --quick", "bench churn --batch x"] {
        assert_eq!(dir.run(arguments).status.code(), Some(2), "{arguments}");
    }
}

#[test]
fn a_cancelled_benchmark_leaves_nothing() {
    let dir = Dir::with_example();
    let child = dir.command("bench churn --long").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Whenever the signal comes, before or in the middle of the measurement, nothing is kept.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    // Without a code the signal itself ended it, before the program listened to it.
    let code = output.status.code();
    assert!(matches!(code, Some(130) | None), "{code:?} {}", String::from_utf8_lossy(&output.stderr));
    assert!(!dir.path("churn/reports/benchmark").exists());
}
