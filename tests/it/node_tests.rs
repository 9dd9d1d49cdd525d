//! Single operators: ours in `tests/standard`, and ONNX's own tests, which `tests/models/make_node_tests.py` makes into
//! a folder outside of the repository.
//!
//! The latter run only when `TRESTLE_NODE_TESTS` names that folder. What is not computed right must be refused: a test
//! may fail with a reason, it may never give a wrong answer.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use trestle::engine::{EngineError, Model};
use trestle::project::contract::Severity;

use crate::engine::{Stored, Tolerance, difference};

const FOLDER: &str = "TRESTLE_NODE_TESTS";

/// Tests whose expected values are one of several right answers, and why.
const NO_SINGLE_ANSWER: &[(&str, &str)] = &[
    ("_bernoulli", "random"),
    ("_training_dropout", "random"),
    ("_qlinearmatmul_", "int8 results wrap around there where ONNX says they saturate"),
    ("FLOAT_to_STRING", "ONNX Runtime writes eight significant digits, NumPy as few as tell the number apart"),
];

#[derive(Deserialize)]
struct Case {
    operator: String,
    rtol: f64,
    atol: f64,
    sets: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    inputs: Vec<Stored>,
    outputs: Vec<Stored>,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Wrong(String),
    Panicked(String),
    Failed(String),
    Refused(String),
    Passed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => write!(f, "passed"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Panicked(reason) => write!(f, "PANICKED: {reason}"),
            Self::Wrong(what) => write!(f, "WRONG: {what}"),
        }
    }
}

fn outcome_of(error: EngineError) -> Outcome {
    match error {
        EngineError::Refused { findings, .. } => {
            let refusals = findings.iter().filter(|finding| finding.severity == Severity::Refused);
            Outcome::Refused(refusals.map(|finding| finding.what.as_str()).collect::<Vec<_>>().join("; "))
        }
        EngineError::Panicked { .. } | EngineError::Memory { .. } => Outcome::Panicked(error.to_string()),
        EngineError::Prepare { reason, .. } => Outcome::Refused(format!("not prepared: {reason}")),
        other => Outcome::Failed(other.to_string()),
    }
}

fn try_case(model: &Path, case: &Case) -> Outcome {
    let model = match Model::load(model) {
        Ok(model) => model,
        Err(error) => return outcome_of(error),
    };
    let tolerance = Tolerance { relative: case.rtol, absolute: case.atol.max(1e-5) };
    for set in &case.sets {
        let inputs: Vec<_> = set.inputs.iter().map(Stored::tensor).collect();
        let outputs = match model.run(&inputs) {
            Ok(outputs) => outputs,
            Err(error) => return outcome_of(error),
        };
        let expected: Vec<_> = set.outputs.iter().map(Stored::tensor).collect();
        if outputs.len() != expected.len() {
            return Outcome::Wrong(format!("{} outputs instead of {}", outputs.len(), expected.len()));
        }
        let found = outputs.iter().zip(&expected).find_map(|(got, expected)| difference(got, expected, tolerance));
        if let Some(mut what) = found {
            if let Some((cut, _)) = what.char_indices().nth(300) {
                what.truncate(cut);
            }
            return Outcome::Wrong(what);
        }
    }
    Outcome::Passed
}

fn read(path: &Path) -> Case {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn standard_operators_agree_with_onnx_runtime() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("standard");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(50 < paths.len(), "the stored operators are missing");
    let outcomes = paths.iter().map(|path| (path, try_case(&path.with_extension("onnx"), &read(path))));
    let failures: Vec<String> = outcomes
        .filter(|(_, outcome)| *outcome != Outcome::Passed)
        .map(|(path, outcome)| format!("{}: {outcome}", path.file_stem().unwrap().display()))
        .collect();
    assert!(failures.is_empty(), "{} of {} differ\n{}", failures.len(), paths.len(), failures.join("\n"));
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).unwrap();
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("case.json").exists()).collect();
    found.sort();
    found
}

#[test]
fn onnx_node_tests_pass_or_are_refused() {
    let Some(root) = std::env::var_os(FOLDER) else {
        println!(
            "NOT RUN: ONNX's operator tests, because {FOLDER} names no folder; see tests/models/make_node_tests.py"
        );
        return;
    };
    let mut tally: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut unpassed: Vec<(Outcome, String, String)> = Vec::new();
    for folder in folders(Path::new(&root)) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let case = read(&folder.join("case.json"));
        let outcome = try_case(&folder.join("model.onnx"), &case);
        let (n_passed, n_all) = tally.entry(case.operator.clone()).or_default();
        *n_all += 1;
        if outcome == Outcome::Passed {
            *n_passed += 1;
        } else {
            unpassed.push((outcome, case.operator, name));
        }
    }
    unpassed.sort();
    for (outcome, operator, name) in &unpassed {
        println!("{operator:28} {name}: {outcome}");
    }
    for (operator, (n_passed, n_all)) in &tally {
        println!("{operator:28} {n_passed:4} of {n_all:4}");
    }
    let count = |is: fn(&Outcome) -> bool| unpassed.iter().filter(|(outcome, _, _)| is(outcome)).count();
    let n_passed: usize = tally.values().map(|(n_passed, _)| n_passed).sum();
    let n_all: usize = tally.values().map(|(_, n_all)| n_all).sum();
    println!(
        "{n_passed} of {n_all} passed ({:.1} %), {} refused, {} failed while running, {} panics contained, {} wrong",
        100.0 * n_passed as f64 / n_all as f64,
        count(|outcome| matches!(outcome, Outcome::Refused(_))),
        count(|outcome| matches!(outcome, Outcome::Failed(_))),
        count(|outcome| matches!(outcome, Outcome::Panicked(_))),
        count(|outcome| matches!(outcome, Outcome::Wrong(_))),
    );
    let excused = |name: &str| NO_SINGLE_ANSWER.iter().any(|(part, _)| name.contains(part));
    let wrong: Vec<_> = unpassed
        .iter()
        .filter(|(outcome, _, name)| matches!(outcome, Outcome::Wrong(_)) && !excused(name))
        .map(|(outcome, _, name)| format!("{name}: {outcome}"))
        .collect();
    assert!(0 < n_all, "there is no test in {}", Path::new(&root).display());
    assert!(wrong.is_empty(), "{} tests give a wrong answer\n{}", wrong.len(), wrong.join("\n"));
}
