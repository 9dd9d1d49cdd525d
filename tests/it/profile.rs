//! `trestle profile` on a copy of the example and on bare files: what it says, what it keeps, what it refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use trestle::project::Project;
use trestle::project::reports::ProfileReport;

use crate::onnx::{FLOAT, INT64, graph, model, node, tensor, value};

struct Dir(tempfile::TempDir);

impl Dir {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with_example() -> Self {
        let dir = Self::empty();
        assert!(dir.run("new --example churn").status.success());
        dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trestle"));
        command.args(arguments.split(' ')).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("HOME", self.0.path()).env("XDG_CONFIG_HOME", self.0.path());
        command.output().unwrap()
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

    fn reports(&self) -> Vec<ProfileReport> {
        Project::open(&self.path("churn")).unwrap().reports().to_vec()
    }
}

fn stored(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name).display().to_string()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_profile_is_kept_with_its_version_and_shown_again_without_a_new_run() {
    let dir = Dir::with_example();
    let (code, measured) = dir.json("profile churn --calls 3 --batch 4 --json");
    assert_eq!((code, measured["verdict"].as_str()), (0, Some("none")), "{measured}");
    assert_eq!(
        keys(&measured),
        [
            "format", "command", "project", "version", "verdict", "reasons", "time", "rows", "batch", "threads",
            "notes", "machine", "overhead", "profile"
        ]
    );
    assert_eq!((&measured["version"], &measured["batch"]), (&"1.1.0".into(), &4.into()));
    assert_eq!(measured["rows"], "512 rows of data/reference.csv");
    let profile = &measured["profile"];
    assert_eq!(
        keys(profile),
        [
            "n_calls",
            "n_warm_up",
            "plain",
            "timed",
            "clock_ns",
            "steps_ns",
            "flops",
            "n_flops_unknown",
            "flops_one_row",
            "n_parameters",
            "weight_bytes",
            "peak_activation_bytes",
            "peak_step",
            "n_nodes",
            "n_nodes_without_step",
            "n_steps",
            "left_out_ns",
            "operators",
            "steps"
        ]
    );
    assert_eq!(
        keys(&profile["operators"][0]),
        [
            "domain",
            "operator",
            "n_nodes",
            "n_without_step",
            "n_steps",
            "runs_as",
            "time_ns",
            "flops",
            "flops_one_row",
            "n_flops_unknown",
            "bytes_one_row",
            "n_parameters",
            "parameter_bytes",
            "bytes_read",
            "bytes_written"
        ]
    );
    assert_eq!(
        keys(&profile["steps"][0]),
        [
            "idx",
            "node",
            "node_operator",
            "fused",
            "name",
            "operator",
            "detail",
            "inputs",
            "outputs",
            "n_calls",
            "time",
            "flops",
            "bytes_read",
            "weight_bytes",
            "bytes_written",
            "live_bytes"
        ]
    );
    // As the inspection counts them.
    let (_, inspected) = dir.json("inspect churn/models/1.1.0/model.onnx --json");
    let version = Project::open(&dir.path("churn")).unwrap().version(&"1.1.0".parse().unwrap()).unwrap().clone();
    assert_eq!(profile["n_parameters"], version.record.model.n_parameters, "{inspected}");
    let nodes: u64 = version.record.model.operators.iter().map(|operator| operator.count).sum();
    assert_eq!(profile["n_nodes"], nodes);

    let (code, shown) = dir.json("profile churn --last --json");
    assert_eq!((code, &shown["time"], &shown["profile"]), (0, &measured["time"], &measured["profile"]));
    let reports = dir.reports();
    assert_eq!(reports.len(), 1, "no new run");
    assert_eq!((reports[0].version.to_string().as_str(), reports[0].batch), ("1.1.0", 4));
    assert_eq!(reports[0].evidence.model, version.record.model.sha256);

    let (code, other) = dir.json("profile churn --last --version 1.0.0 --json");
    assert_eq!((code, other["error"]["what"].as_str()), (2, Some("Version 1.0.0 was not profiled yet")));
}

#[test]
fn people_get_two_tables_and_what_they_mean() {
    let dir = Dir::with_example();
    let output = dir.run("profile churn --calls 3 --top 4");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let head = text.lines().next().unwrap();
    for column in ["operator", "nodes", "steps", "time", "share", "FLOPs", "bytes moved", "trained values", "runs as"] {
        assert!(head.contains(column), "{head}");
    }
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("The 4 costliest of ")).unwrap();
    // A head and four lines, then an empty one.
    assert!(lines[at + 1].starts_with("node ") && lines[at + 6].is_empty(), "{text}");
    for words in
        ["a multiply-add counts as two", "with every step timed", "trained values", "have no step of their own"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_bare_model_is_profiled_and_nothing_is_kept() {
    let dir = Dir::empty();
    let (code, measured) =
        dir.json(&format!("profile {} --calls 3 --batch 7 --json", stored("small_convolution.onnx")));
    assert_eq!((code, measured["batch"].as_u64()), (0, Some(7)), "{measured}");
    // As tests/models/make_costs.py counts it.
    let operators = measured["profile"]["operators"].as_array().unwrap();
    let flops = |name: &str| operators.iter().find(|operator| operator["operator"] == name).unwrap()["flops"].as_u64();
    assert_eq!((flops("Conv"), flops("Gemm")), (Some(14_364), Some(1_540)));
    assert_eq!(measured["profile"]["flops_one_row"].as_u64().unwrap() * 7, measured["profile"]["flops"]);
    assert_eq!(fs::read_dir(dir.0.path()).unwrap().count(), 0);
    let refused = dir.json(&format!("profile {} --json", stored("mystery.onnx")));
    assert_eq!(refused.0, 2, "{}", refused.1);
}

#[test]
fn rows_of_a_file_can_be_named() {
    let dir = Dir::with_example();
    let (code, measured) = dir.json("profile churn --calls 3 --rows churn/data/current.csv --json");
    assert_eq!((code, measured["rows"].as_str()), (0, Some("512 rows of churn/data/current.csv")), "{measured}");
}

#[test]
fn wrong_requests_are_refused_in_words() {
    let dir = Dir::with_example();
    let model = stored("scaler.onnx");
    for (arguments, expected) in [
        ("profile churn --batch 0 --json".to_owned(), "A batch of 0 rows cannot be profiled"),
        ("profile churn --calls 0 --json".to_owned(), "A profile cannot be made of 0 calls"),
        ("profile churn --rows nowhere.csv --json".to_owned(), "There is no such file of rows"),
        (format!("profile {model} --rows nowhere.csv --json"), "There is no such file of rows"),
        (format!("profile {model} --last --json"), "A model file has no versions and no earlier profile"),
        ("profile churn --last --json".to_owned(), "Version 1.1.0 was not profiled yet"),
    ] {
        let (code, object) = dir.json(&arguments);
        assert_eq!((code, object["error"]["what"].as_str()), (2, Some(expected)), "{arguments}: {object}");
    }
    fs::copy(dir.path("churn/models/1.0.0/model.onnx"), dir.path("churn/models/1.1.0/model.onnx")).unwrap();
    let (code, object) = dir.json("profile churn --calls 3 --json");
    assert_eq!(
        (code, object["error"]["what"].as_str()),
        (2, Some("The model file is not the one that was registered"))
    );
    assert!(!dir.path("churn/reports").exists());
    for arguments in ["profile churn --last --batch 2", "profile churn --batch x"] {
        assert_eq!(dir.run(arguments).status.code(), Some(2), "{arguments}");
    }
}

/// tract has no sequences: such a graph runs step by step, and its steps are listed likewise.
#[test]
fn a_graph_that_runs_step_by_step_is_profiled_by_those_steps() {
    let dir = Dir::empty();
    let ports = |name| [value(name, FLOAT, &[0, 2])];
    let nodes = [
        node("Relu", "", &["x"], &["r"]),
        node("SequenceConstruct", "", &["r", "x"], &["s"]),
        node("SequenceAt", "", &["s", "first"], &["y"]),
    ];
    let stored = [tensor("first", INT64, &[], &0_i64.to_le_bytes())];
    fs::write(dir.path("sequence.onnx"), model(&graph(&nodes, &stored, &ports("x"), &ports("y")))).unwrap();
    let (code, measured) = dir.json("profile sequence.onnx --calls 4 --batch 3 --json");
    assert_eq!(code, 0, "{measured}");
    let profile = &measured["profile"];
    let steps = profile["steps"].as_array().unwrap();
    let operators: Vec<&str> = steps.iter().map(|step| step["operator"].as_str().unwrap()).collect();
    assert_eq!(operators, ["Relu", "SequenceConstruct", "SequenceAt"]);
    let nodes: Vec<&str> = steps.iter().map(|step| step["node"].as_str().unwrap()).collect();
    assert_eq!(nodes, ["the_relu", "the_sequenceconstruct", "the_sequenceat"]);
    assert_eq!(steps[1]["inputs"], serde_json::json!(["float32[3, 2]", "float32[3, 2]"]));
    // Input, result of the first step, and the pair made of them.
    assert_eq!((steps[1]["bytes_written"].as_u64(), steps[1]["live_bytes"].as_u64()), (Some(48), Some(96)));
    assert!(steps.iter().all(|step| step["n_calls"] == 4 && step["flops"].is_null()), "{measured}");
    assert_eq!((&profile["flops"], &profile["n_flops_unknown"]), (&0.into(), &3.into()));
}
