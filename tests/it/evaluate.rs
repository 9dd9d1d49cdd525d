//! `trestle evaluate` through the built program, its values held against scikit-learn's on ONNX Runtime's answers.
//!
//! Every expected number is from `tests/statistics/evaluation_reference.json`, written by the script of that name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a project in `p`.
struct Project {
    folder: TempDir,
}

/// What the program left behind.
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn reference() -> Value {
    serde_json::from_str(include_str!("../statistics/evaluation_reference.json")).unwrap()
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Project {
    /// The churn example.
    fn example() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.run(&["new", "--example", "p"]).code(0);
        project
    }

    /// A project with one of the test models and labelled data in `truth`.
    fn of(model: &str, csv: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.run(&["new", "p"]).code(0);
        project.run(&["add", "p", repository(&format!("tests/models/{model}.onnx")).to_str().unwrap()]).code(0);
        fs::create_dir(project.path("data")).unwrap();
        fs::write(project.path("data/labelled.csv"), csv).unwrap();
        project.edit("project.ron", "labelled: None", r#"labelled: (path: "data/labelled.csv", target: "truth")"#);
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("p").join(name)
    }

    /// Replaces `old`, which must occur, by `new`.
    fn edit(&self, name: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(old), "{name} does not contain {old}: {text}");
        fs::write(self.path(name), text.replacen(old, new, 1)).unwrap();
    }

    /// Replaces the brief by one that states only these words.
    fn brief(&self, success: &str, output: &str) {
        let text = format!("(format: 1, success: (words: {success:?}), output: (words: {output:?}))");
        fs::write(self.path("brief.ron"), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trestle"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).env("HOME", self.folder.path());
        command.env_remove("TRESTLE_LOG").env("XDG_CONFIG_HOME", self.folder.path()).env("USER", "tester");
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn evaluate(&self, arguments: &[&str]) -> Answer {
        self.run(&[&["evaluate", "p", "--json"], arguments].concat())
    }
}

impl Answer {
    #[track_caller]
    fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.code, Some(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

/// A metric of a report.
#[track_caller]
fn metric<'a>(report: &'a Value, name: &str, of: Option<&str>) -> &'a Value {
    let metrics = report["metrics"].as_array().unwrap();
    let found = metrics.iter().find(|metric| metric["metric"] == name && metric["of"].as_str() == of);
    found.unwrap_or_else(|| panic!("no {name} of {of:?}: {metrics:#?}"))
}

#[track_caller]
fn near(found: &Value, expected: &Value, tolerance: f64) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
}

const NAMES: [(&str, &str); 7] = [
    ("accuracy", "accuracy"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("F1", "f1"),
    ("ROC-AUC", "auc"),
    ("PR-AUC", "ap"),
    ("log loss", "log_loss"),
];

/// A report of two classes against the reference.
#[track_caller]
fn check_binary(report: &Value, expected: &Value) {
    for (name, key) in NAMES {
        // Ranks of nearly equal scores may differ between engines; one in 500,000 pairs is 2e-6.
        near(&metric(report, name, None)["value"], &expected[key], 1e-5);
    }
    for (name, key) in [("ROC-AUC", "auc"), ("PR-AUC", "ap")] {
        near(&metric(report, name, None)["low"], &expected[format!("{key}_low")], 1e-5);
        near(&metric(report, name, None)["high"], &expected[format!("{key}_high")], 1e-5);
    }
    assert_eq!(report["confusion"]["rows"], expected["confusion"]);
}

#[test]
fn the_example_has_scikit_learns_values_and_an_edited_brief_flips_the_verdict() {
    let project = Project::example();
    let expected = &reference()["churn"];
    let evaluated = project.evaluate(&[]);
    let report = evaluated.code(0).json();
    check_binary(&report, &expected["1.1.0"][0]);
    assert_eq!((&report["verdict"], &report["n"], &report["unlabelled"]), (&"pass".into(), &1_500.into(), &0.into()));
    assert_eq!(report["confusion"]["answered"], serde_json::json!(["0", "1"]));
    let auc = metric(&report, "ROC-AUC", None);
    assert_eq!((&auc["comparison"], &auc["limit"], &auc["verdict"]), (&">".into(), &0.85.into(), &"pass".into()));
    assert_eq!(metric(&report, "recall", None)["verdict"], "none");

    // Version 1.0.0 is less precise than the brief wants.
    let older = project.evaluate(&["--version", "1.0.0"]);
    let report = older.code(1).json();
    check_binary(&report, &expected["1.0.0"][0]);
    assert_eq!((&report["verdict"], &report["version"]), (&"fail".into(), &"1.0.0".into()));
    let reason = report["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("precision > 0.8: 0.79 (0.75 – 0.83). On 1,500 rows"), "{reason}");

    // A stricter brief, a lower threshold, another positive class: the same model is judged anew.
    project.brief("AUC > 0.95", "probability of class 1");
    assert_eq!(project.evaluate(&[]).code(1).json()["verdict"], "fail");
    project.brief("recall > 0.8", "probability of class 1, threshold 0.3");
    let report = project.evaluate(&[]).code(0).json();
    check_binary(&report, &expected["1.1.0"][1]);
    near(&report["confusion"]["threshold"], &0.3.into(), 1e-12);
    project.brief("RMSE < 3", "probability of class 1");
    let report = project.evaluate(&[]).code(1).json();
    assert_eq!(metric(&report, "RMSE", None)["verdict"], "undecided");
    assert!(metric(&report, "RMSE", None)["value"].is_null());
    project.brief("", "");
    assert_eq!(project.evaluate(&[]).code(0).json()["verdict"], "none");
    let reports = fs::read_dir(project.path("reports/evaluation")).unwrap().count();
    assert_eq!(reports, 6);
}

#[test]
fn a_gain_over_the_champion_is_judged_on_its_own_evaluation() {
    let project = Project::example();
    project.brief("AUC 5 points better than the current model", "probability of class 1");
    // Without the champion's evaluation nothing is known, and a gate fails.
    let report = project.evaluate(&["--version", "1.0.0"]).code(1).json();
    assert_eq!(metric(&report, "ROC-AUC", None)["verdict"], "undecided");
    assert_eq!(project.evaluate(&[]).code(0).json()["verdict"], "none");
    let report = project.evaluate(&["--version", "1.0.0"]).code(1).json();
    let auc = metric(&report, "ROC-AUC", None);
    let reason = auc["reason"].as_str().unwrap();
    // 0.8758 after 0.9252.
    assert!(auc["verdict"] == "fail" && reason.contains("0.049 worse than the champion 1.1.0"), "{auc}");
    project.run(&["alias", "p", "champion", "1.0.0"]).code(0);
    let report = project.evaluate(&["--version", "1.1.0"]).code(1).json();
    let reason = metric(&report, "ROC-AUC", None)["reason"].as_str().unwrap();
    assert!(reason.contains("0.049 better than the champion 1.0.0"), "{reason}");
    project.brief("AUC 4 points better than the current model", "probability of class 1");
    assert_eq!(project.evaluate(&["--version", "1.1.0"]).code(0).json()["verdict"], "pass");
}

#[test]
fn people_read_a_table() {
    let answer = Project::example().run(&["evaluate", "p"]);
    for part in [
        "churn 1.1.0 on 1500 rows of data/labelled.csv",
        "passes  ROC-AUC    0.93 (0.91 – 0.94)",
        "brief says precision > 0.8",
        "true 1  129",
    ] {
        assert!(answer.code(0).stdout.contains(part), "{part}: {}", answer.stdout);
    }
}

#[test]
fn a_regressor_has_scikit_learns_errors() {
    let expected = &reference()["regressor"];
    let project = Project::of("linear_regression", expected["csv"].as_str().unwrap());
    project.brief("R² of at least 0.5, RMSE below 0.5", "");
    let report = project.evaluate(&[]).code(1).json();
    assert!(report["confusion"].is_null() && report["n"] == 80, "{report}");
    for (name, key) in [("RMSE", "rmse"), ("MAE", "mae"), ("R²", "r2")] {
        let found = metric(&report, name, None);
        near(&found["value"], &expected[key], 1e-5);
        near(&found["low"], &expected[format!("{key}_low")], 1e-5);
        near(&found["high"], &expected[format!("{key}_high")], 1e-5);
    }
    assert_eq!(metric(&report, "R²", None)["verdict"], "pass");
    assert_eq!(metric(&report, "RMSE", None)["verdict"], "fail");
}

#[test]
fn three_classes_named_by_words_have_scikit_learns_averages() {
    let expected = &reference()["three_classes"];
    let project = Project::of("logistic_strings", expected["csv"].as_str().unwrap());
    for of in ["macro", "micro", "weighted"] {
        project.brief(
            &format!("precision > 0 ({of}), recall > 0 ({of}), F1 > 0 ({of}), AUC > 0 ({of}), PR-AUC > 0 ({of})"),
            "label",
        );
        let report = project.evaluate(&[]).code(0).json();
        for (name, key) in &NAMES[1..6] {
            near(&metric(&report, name, Some(of))["value"], &expected[of][key], 1e-5);
        }
        near(&metric(&report, "accuracy", None)["value"], &expected["accuracy"], 1e-12);
        near(&metric(&report, "log loss", None)["value"], &expected["log_loss"], 1e-5);
        assert_eq!(report["confusion"]["rows"], expected["confusion"]);
        assert_eq!(report["confusion"]["true"], expected["classes"]);
    }
    project.brief("recall of class médium > 0.9, F1 of class high > 0.9, AUC > 0.5", "label");
    let report = project.evaluate(&[]).code(1).json();
    near(&metric(&report, "recall", Some("médium"))["value"], &expected["of"]["médium"]["recall"], 1e-12);
    near(&metric(&report, "F1", Some("high"))["value"], &expected["of"]["high"]["f1"], 1e-12);
    // Which class is meant is not guessed.
    assert_eq!(metric(&report, "ROC-AUC", None)["verdict"], "undecided");
}

/// The labelled file of the example with its target rewritten.
fn rewrite(project: &Project, mut target: impl FnMut(usize, &str) -> String) {
    let path = project.path("data/labelled.csv");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    let mut rewritten = lines.next().unwrap().to_owned();
    for (index, line) in lines.enumerate() {
        let (features, label) = line.rsplit_once(',').unwrap();
        rewritten.push_str(&format!("\n{features},{}", target(index, label)));
    }
    fs::write(path, rewritten).unwrap();
}

#[test]
fn labels_are_matched_however_they_are_written() {
    let expected = &reference()["churn"]["1.1.0"][0];
    for (yes, no) in [("True", "False"), ("1.0", "0.0"), ("true", "0")] {
        let project = Project::example();
        rewrite(&project, |_, label| if label == "1" { yes.to_owned() } else { no.to_owned() });
        check_binary(&project.evaluate(&[]).code(0).json(), expected);
    }
}

#[test]
fn rows_without_a_label_are_left_out_and_strange_labels_have_a_row_of_their_own() {
    let project = Project::example();
    rewrite(&project, |index, label| match index {
        0..10 => String::new(),
        10..13 => "maybe".to_owned(),
        _ => label.to_owned(),
    });
    let report = project.evaluate(&[]).code(0).json();
    assert_eq!((&report["n"], &report["unlabelled"]), (&1_490.into(), &10.into()));
    assert_eq!(report["confusion"]["true"], serde_json::json!(["0", "1", "maybe"]));
    let rows = report["confusion"]["rows"].as_array().unwrap();
    let sum = |row: &Value| row.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum(&rows[2]), rows.iter().map(sum).sum::<u64>()), (3, 1_490));
    let loss = metric(&report, "log loss", None);
    assert!(loss["value"].is_null() && loss["reason"].as_str().unwrap().contains("does not know"), "{loss}");
}

#[test]
fn one_class_alone_leaves_metrics_undefined_and_not_zero() {
    let project = Project::example();
    rewrite(&project, |_, _| "0".to_owned());
    let report = project.evaluate(&[]).code(1).json();
    for name in ["ROC-AUC", "PR-AUC", "recall"] {
        let found = metric(&report, name, None);
        assert!(found["value"].is_null(), "{found}");
        assert!(found["reason"].as_str().unwrap().contains("No row is of class “1”"), "{found}");
    }
    assert_eq!(metric(&report, "ROC-AUC", None)["verdict"], "undecided");
}

#[test]
fn what_cannot_be_evaluated_is_one_clear_error_and_leaves_no_report() {
    #[track_caller]
    fn check(project: &Project, what: &str, place: &str, fix: &str) {
        let error = project.evaluate(&[]).code(2).json()["error"].take();
        for (key, part) in [("what", what), ("where", place), ("fix", fix)] {
            assert!(error[key].as_str().unwrap().contains(part), "{part}: {error}");
        }
        assert!(!project.path("reports/evaluation").exists());
    }
    let project = Project::example();
    let data = r#"labelled: (path: "data/labelled.csv", target: "churned", time: "observed_on", id: "customer_id")"#;
    project.edit("project.ron", data, r#"labelled: (path: "data/labelled.csv", target: "left")"#);
    check(&project, "no column left", "labelled.csv", "churned");
    project.edit("project.ron", r#"target: "left""#, "target: None");
    check(&project, "true answer in data/labelled.csv is not named", "project.ron", "data.labelled.target");
    project.edit("project.ron", r#"(path: "data/labelled.csv", target: None)"#, "None");
    check(&project, "no labelled data", "project.ron", "data.labelled");
    let project = Project::example();
    rewrite(&project, |_, _| "stays".to_owned());
    check(&project, "No label in churned is a class of the model", "labelled.csv", "model's own labels");
    rewrite(&project, |_, _| String::new());
    check(&project, "No row has a true answer", "labelled.csv", "");
    fs::write(project.path("data/labelled.csv"), "tenure_months,churned\n1,0\n").unwrap();
    check(&project, "", "labelled.csv", "");
    fs::write(project.path("data/labelled.csv"), "").unwrap();
    check(&project, "", "labelled.csv", "");
    fs::remove_file(project.path("data/labelled.csv")).unwrap();
    check(&project, "", "labelled.csv", "");
    let project = Project::of("linear_regression", "X_0,X_1,X_2,X_3,truth\n1,2,3,4,5\n1,2,3,4,high\n");
    check(&project, "row 2 has “high” in truth", "labelled.csv", "");
    let project = Project::of("linear_regression_two_targets", "X_0,X_1,X_2,X_3,truth\n1,2,3,4,5\n");
    project.brief("", "a number");
    check(&project, "answers 2 numbers a row", "labelled.csv", "");
}
