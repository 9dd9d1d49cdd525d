//! Scoring tables of any size: bad rows among good ones, forms in and out, and runs that are killed in the middle.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::onnx::relu;

/// A folder to run the program in.
struct Dir(tempfile::TempDir);

impl Dir {
    /// With a model `model.onnx` of two numbers `x_0` and `x_1`, whose scores are these where they are above 0.
    fn new() -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        dir.write("model.onnx", relu());
        dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trestle"));
        command.args(["predict", "model.onnx"]).args(arguments.split(' ')).current_dir(self.0.path());
        command.env_remove("TRESTLE_LOG").stdin(Stdio::null());
        command
    }

    fn output(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    fn run(&self, arguments: &str) -> String {
        let output = self.output(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{arguments} --json"))).unwrap()
    }

    /// What is said when it cannot be done.
    #[track_caller]
    fn fails(&self, arguments: &str) -> String {
        let output = self.output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// The lines of a table, split at its commas.
fn cells(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn a_bad_row_has_its_reason_and_the_others_their_scores() {
    let dir = Dir::new();
    dir.write("rows.csv", "id,x_0,x_1\n007,1,2\n1e5,many,2\na,1\nb, 3 ,4.50\nc,1e999,1\n\"d, e\",-1,0.5\n");
    let summary = dir.json("--input rows.csv --output out.csv");
    let counts = ["rows", "scored", "failed"].map(|key| summary[key].as_u64().unwrap());
    assert_eq!(counts, [6, 3, 3]);
    assert_eq!((&summary["errors"][0]["row"], summary["errors"].as_array().unwrap().len()), (&2.into(), 3));
    let expected = "id,x_0,x_1,label,score_0,score_1,error
007,1,2,1,1,2,
1e5,many,2,,,,\"x_0: a number or nothing expected, the text “many” given\"
a,1,,,,,The row cannot be read: 2 cells are where the header has 3
b, 3 ,4.50,1,3,4.5,
c,1e999,1,,,,\"x_0: a number or nothing expected, the text “1e999” given\"
\"d, e\",-1,0.5,1,0,0.5,
";
    assert_eq!(dir.read("out.csv"), expected);
    assert!(!dir.path("out.csv.part").exists() && !dir.path("out.csv.part.state").exists());
    // Where the batches end makes no difference.
    for batch in [1, 2, 5, 100] {
        assert_eq!(dir.run(&format!("--input rows.csv --batch {batch}")), expected, "{batch}");
    }
    assert_eq!(dir.run("--input rows.csv --keep id --output k.csv").lines().count(), 2);
    assert_eq!(cells(&dir.read("k.csv"))[1], ["007", "1", "1", "2", ""]);
    assert_eq!(dir.run("--input rows.csv --only-predictions").lines().nth(1), Some("1,1,2,"));
}

#[test]
fn nothing_scored_is_an_error_and_no_rows_are_none() {
    let dir = Dir::new();
    dir.write("bad.csv", "x_0,x_1\na,1\nb,2\n");
    let said = dir.fails("--input bad.csv --output bad_out.csv");
    assert!(said.contains("None of the 2 rows could be scored, such as row 1: x_0: a number"), "{said}");
    assert_eq!(dir.read("bad_out.csv").lines().count(), 3);
    dir.write("none.csv", "x_0,x_1\n");
    assert_eq!(dir.json("--input none.csv --output none_out.csv")["rows"], 0);
    assert_eq!(dir.read("none_out.csv"), "x_0,x_1,label,score_0,score_1,error\n");
    dir.write("empty.csv", "");
    dir.write("double.csv", "x_0,x_1,x_0\n1,2,3\n");
    dir.write("other.csv", "x_0,y\n1,2\n");
    for (name, expected) in [
        ("empty.csv", "The file is empty"),
        ("double.csv", "Columns 1 and 3 are both named x_0"),
        ("absent.csv", "cannot be opened"),
    ] {
        let said = dir.fails(&format!("--input {name} --output no.csv"));
        assert!(said.contains(expected), "{name}: {said}");
        assert!(!dir.path("no.csv").exists());
    }
    assert!(dir.fails("--input none.csv --output no.txt").contains("Name it .csv, .jsonl or .parquet"));
    assert!(dir.fails("--input none.csv --keep id --output no.csv").contains("no column id"));
}

#[test]
fn every_form_goes_into_every_form() {
    let dir = Dir::new();
    dir.write("rows.csv", "id,x_0,x_1,label\n007,1,2,yes\nü,-0.50,1e2,\n,x,1,no\n");
    dir.run("--input rows.csv --output a.jsonl");
    let lines: Vec<Value> = dir.read("a.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["id"], "007");
    assert_eq!((&lines[0]["input_label"], &lines[1]["input_label"]), (&"yes".into(), &Value::Null));
    assert!(dir.read("a.jsonl").contains("\"x_1\":1e2"), "{}", dir.read("a.jsonl"));
    assert!(lines[2]["error"].as_str().unwrap().starts_with("x_0: a number"));
    // A row of an earlier output keeps what it was.
    dir.run("--input a.jsonl --output b.parquet");
    dir.run("--input b.parquet --output c.csv --keep id,x_0,x_1");
    let rows = cells(&dir.read("c.csv"));
    assert_eq!(rows[0], ["id", "x_0", "x_1", "label", "score_0", "score_1", "error"]);
    assert_eq!(rows[1], ["007", "1", "2", "1", "1", "2", ""]);
    assert_eq!(rows[2], ["ü", "-0.50", "1e2", "1", "0", "100", ""]);
    let again = dir.run("--input c.csv");
    assert!(
        again.starts_with(
            "id,x_0,x_1,input_label,input_score_0,input_score_1,input_error,label,score_0,score_1,error\n"
        ),
        "{again}"
    );
}

#[test]
fn json_lines_keep_fields_that_only_some_rows_have() {
    let dir = Dir::new();
    let text = "{\"x_0\": 1, \"x_1\": 2}\n\nnot json\n{\"x_1\": 4.0, \"more\": {\"a\": [1]}, \"x_0\": null}\n\
                {\"x_0\": [1], \"x_1\": 1}\n{\"x_0\": 1, \"x_0\": 2, \"x_1\": 1}\n";
    dir.write("rows.jsonl", text);
    let summary = dir.json("--input rows.jsonl --output out.jsonl");
    assert_eq!((&summary["rows"], &summary["failed"]), (&5.into(), &3.into()));
    let lines: Vec<Value> = dir.read("out.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[2]["more"]["a"][0], &lines[2]["score_1"]), (&1.into(), &4.into()));
    for (line, expected) in [(1, "not a JSON object"), (3, "a list given"), (4, "x_0 is there twice")] {
        assert!(lines[line]["error"].as_str().unwrap().contains(expected), "{}", lines[line]);
    }
}

#[test]
fn standard_input_goes_to_standard_output() {
    let dir = Dir::new();
    let mut child = dir
        .command("--input - --format jsonl --only-predictions")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"x_0;x_1\n1,5;2\n-1;3\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let expected = "{\"label\":1,\"score_0\":1.5,\"score_1\":2,\"error\":null}\n{\"label\":1,\"score_0\":0,\"score_1\":3,\"error\":null}\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{}", String::from_utf8_lossy(&output.stderr));
}

/// Many rows, some of them bad.
fn many_rows(n_rows: usize) -> (String, String) {
    let (mut csv, mut json) = ("id,x_0,x_1\n".to_owned(), String::new());
    for row in 0..n_rows {
        let cell = if row % 97 == 5 { "\"bad\"".to_owned() } else { format!("{}.5", row % 1_000) };
        writeln!(csv, "{row:05},{cell},{row}").unwrap();
        writeln!(json, "{{\"id\":\"{row:05}\",\"x_0\":{cell},\"x_1\":{row}}}").unwrap();
    }
    (csv, json)
}

/// Starts a run that hangs after some batches, and waits until it does.
fn hanging(dir: &Dir, arguments: &str, batches: usize) -> Child {
    let mut child = dir
        .command(&format!("{arguments} --hang-after {batches}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("hanging") {
        line.clear();
        assert!(0 < stderr.read_line(&mut line).unwrap(), "it ended before it hung");
    }
    child
}

fn end(child: &mut Child, signal: Signal) -> Option<i32> {
    kill_process(Pid::from_child(child), signal).unwrap();
    child.wait().unwrap().code()
}

#[test]
fn a_run_that_is_killed_goes_on_to_the_same_output() {
    let dir = Dir::new();
    let (csv, json) = many_rows(2_000);
    dir.write("rows.csv", &csv);
    dir.write("rows.jsonl", &json);
    dir.run("--input rows.csv --output rows.parquet --batch 64 --keep id,x_0,x_1");
    for (input, output) in
        [("rows.csv", "csv"), ("rows.jsonl", "jsonl"), ("rows.parquet", "csv"), ("rows.csv", "jsonl")]
    {
        let plain = format!("--input {input} --batch 64");
        let whole = format!("whole.{output}");
        dir.run(&format!("{plain} --output {whole}"));
        let arguments = format!("{plain} --output out.{output}");
        let part = dir.path(&format!("out.{output}.part"));
        // Committed after each batch, then not at all: what is behind the last commit is done again.
        for (commits, batches) in [("0", 3), ("3600000", 5), ("0", 11)] {
            let mut child = hanging(&dir, &format!("{arguments} --commit-millis {commits}"), batches);
            assert_eq!(end(&mut child, Signal::KILL), None);
            assert!(part.exists() && !dir.path(&format!("out.{output}")).exists());
            // As if the system had written more than was committed.
            fs::OpenOptions::new().append(true).open(&part).unwrap().write_all(b"torn").unwrap();
        }
        let summary = dir.json(&arguments);
        assert_eq!(summary["resumed_from"], 14 * 64, "{input}");
        assert_eq!((&summary["rows"], &summary["failed"]), (&2_000.into(), &21.into()), "{input}");
        assert!(dir.read(&format!("out.{output}")) == dir.read(&whole), "{input} into {output} differs");
        fs::remove_file(dir.path(&format!("out.{output}"))).unwrap();
    }
}

#[test]
fn a_run_goes_on_only_with_the_same_input_and_settings() {
    let dir = Dir::new();
    let (csv, _) = many_rows(500);
    dir.write("rows.csv", &csv);
    let arguments = "--input rows.csv --output out.csv --batch 64";
    // Ctrl+C commits what there is.
    let mut child = hanging(&dir, &format!("{arguments} --commit-millis 3600000"), 2);
    assert_eq!(end(&mut child, Signal::INT), Some(130));
    let said = dir.fails("--input rows.csv --output out.csv --batch 65");
    assert!(said.contains("the rows a batch changed") && said.contains("--restart"), "{said}");
    let said = dir.fails(&format!("{arguments} --keep id"));
    assert!(said.contains("the columns that are kept changed"), "{said}");
    dir.write("rows.csv", csv.replacen("1.5", "2.5", 1));
    let said = dir.fails(arguments);
    assert!(said.contains("the input file changed"), "{said}");
    assert_eq!(dir.json(&format!("{arguments} --restart"))["resumed_from"], 0);
    assert_eq!(dir.read("out.csv").lines().count(), 501);
}

#[test]
fn a_row_that_the_model_fails_on_is_found_among_the_others() {
    let dir = Dir::new();
    let strict = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/one_hot_unknown_refused.onnx");
    fs::copy(strict, dir.path("model.onnx")).unwrap();
    // Its categories are a, b and ç.
    let rows: Vec<String> =
        (0..100).map(|row| if row == 37 || row == 90 { "unseen" } else { "b" }.to_owned()).collect();
    dir.write("rows.csv", format!("X\n{}\n", rows.join("\n")));
    let summary = dir.json("--input rows.csv --output out.csv --batch 32");
    assert_eq!((&summary["rows"], &summary["failed"]), (&100.into(), &2.into()), "{summary}");
    let failed: Vec<u64> = summary["errors"].as_array().unwrap().iter().map(|e| e["row"].as_u64().unwrap()).collect();
    assert_eq!(failed, [38, 91]);
    assert!(summary["errors"][0]["error"].as_str().unwrap().starts_with("The model fails on this row: "), "{summary}");
}
