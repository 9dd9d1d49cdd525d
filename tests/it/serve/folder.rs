//! Real models: from a file, from a project folder, and every stored one over the wire.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use trestle::engine;
use trestle::problem::Problem;
use trestle::project::brief::{Band, OutputSpec};
use trestle::project::contract::{ClassLabel, Dtype};
use trestle::project::documents::Evidence;
use trestle::project::{NewVersion, Project};
use trestle::serve::{ServeConfig, router, served_folder};

use super::fixture::{check, get, post_json};

const RELATIVE: f64 = 1e-3;
const ABSOLUTE: f64 = 1e-4;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("models")
}

fn near(got: &Json, expected: &Json) -> bool {
    match (got.as_f64(), expected.as_f64()) {
        (Some(got), Some(expected)) => (got - expected).abs() <= ABSOLUTE + RELATIVE * expected.abs(),
        _ => got == expected,
    }
}

/// A stored tensor as V2 writes it.
fn tensor(stored: &Json) -> Json {
    let dtype = Dtype::ALL.into_iter().find(|dtype| dtype.plain_name() == stored["dtype"]).unwrap();
    json!({
        "name": stored["name"],
        "shape": stored["shape"],
        "datatype": dtype.v2_name(),
        "data": stored["data"],
    })
}

#[tokio::test]
async fn every_stored_model_answers_over_the_wire_what_onnx_runtime_answered() {
    let mut n_answered = 0;
    for entry in std::fs::read_dir(models()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(stored) = std::fs::read_to_string(path.with_extension("json")) else { continue };
        let stored: Json = serde_json::from_str(&stored).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "onnx") || stored["outputs"].is_null() {
            continue;
        }
        // JSON has no infinity.
        if stored["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .any(|input| input["dtype"] != "string" && input["data"].as_array().unwrap().iter().any(Json::is_string))
        {
            continue;
        }
        // What the engine refuses is its own tests' concern.
        let Ok(served) = served_folder(&path, None) else { continue };
        assert_eq!((served.name.as_str(), served.version.as_str()), (name.as_str(), "1"));
        let router = router(vec![served], &ServeConfig::default()).unwrap();
        let inputs: Vec<Json> = stored["inputs"].as_array().unwrap().iter().map(tensor).collect();
        let answer = post_json(&router, &format!("/v2/models/{name}/infer"), &json!({ "inputs": inputs })).await;
        let outputs = stored["outputs"].as_array().unwrap();
        if outputs.iter().any(|output| output["dtype"] == "float32" && output["data"].to_string().contains("inf")) {
            assert_eq!(answer.status, 422, "{name}");
            continue;
        }
        assert_eq!(answer.status, 200, "{name}: {}", answer.json());
        let answer = answer.json();
        let answered = answer["outputs"].as_array().unwrap();
        assert_eq!(answered.len(), outputs.len(), "{name}");
        for (got, expected) in answered.iter().zip(outputs) {
            let expected = tensor(expected);
            for part in ["name", "shape", "datatype"] {
                assert_eq!(got[part], expected[part], "{name}");
            }
            let data = |tensor: &Json| tensor["data"].as_array().unwrap().clone();
            let (got, expected) = (data(got), data(&expected));
            assert_eq!(got.len(), expected.len(), "{name}");
            let wrong = got.iter().zip(&expected).find(|(got, expected)| !near(got, expected));
            assert!(wrong.is_none(), "{name}: {wrong:?}");
        }
        n_answered += 1;
    }
    assert!(100 < n_answered, "only {n_answered} models answered");
}

fn project(folder: &Path) -> Project {
    let mut project = Project::create(folder, "Loud Words").unwrap();
    for (version, model) in [("1.0.0", "logistic_strings"), ("1.1.0", "tree_strings")] {
        let source = models().join(model).with_extension("onnx");
        let new = NewVersion {
            model: engine::inspect(&source).unwrap(),
            source,
            version: version.parse().unwrap(),
            why: "a test".into(),
            bump_reason: String::new(),
            previous: None,
            golden: None,
            evidence: Evidence::default(),
        };
        project.register(new, Timestamp::UNIX_EPOCH, "tester").unwrap();
    }
    project
}

#[tokio::test]
async fn a_project_serves_its_champion_or_the_version_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("words");
    drop(project(&root));
    for (asked, version) in [(None, "1.0.0"), (Some("1.1.0"), "1.1.0"), (Some("champion"), "1.0.0")] {
        let served = served_folder(&root, asked).unwrap();
        assert_eq!((served.name.as_str(), served.version.as_str()), ("loud-words", version));
        assert_eq!(served.description, "Loud Words");
    }
    let router = router(vec![served_folder(&root, None).unwrap()], &ServeConfig::default()).unwrap();
    check("metadata", &get(&router, "/v2/models/loud-words").await, 200, &json!({ "versions": ["1.0.0"] }));
    let document = get(&router, "/openapi.json").await.json();
    let examples = &document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["examples"];
    let example = &examples["several"]["value"];
    assert!(example.is_array());
    let answer = post_json(&router, "/predict", example).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert!(answer.json()[1]["label"].is_string() || answer.json()[1]["label"].is_i64());
}

#[tokio::test]
async fn the_brief_names_the_class_and_the_levels() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("words");
    let mut project = project(&root);
    let classes = |project: &Project| {
        let contract = &project.versions()[0].record.model.contract;
        contract.outputs.iter().find(|output| !output.classes.is_empty()).unwrap().classes.clone()
    };
    let known = classes(&project);
    let mut brief = (*project.documents.brief).clone();
    let bands = vec![Band { name: "any".into(), from: 0.0 }];
    let output = OutputSpec { positive_class: Some(known[0].clone()), bands, ..OutputSpec::default() };
    brief.output.value = Some(output.clone());
    project.documents.brief = brief.clone().into();
    project.save().unwrap();
    let served = served_folder(&root, None).unwrap();
    let router = router(vec![served], &ServeConfig::default()).unwrap();
    let document = get(&router, "/openapi.json").await.json();
    let examples = &document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["examples"];
    let answer = post_json(&router, "/predict", &examples["one"]["value"]).await.json();
    assert_eq!(answer["risk_level"], "any", "{answer}");
    assert_eq!(answer["probability"], answer["probabilities"][known[0].to_string()], "{answer}");

    brief.output.value = Some(OutputSpec { positive_class: Some(ClassLabel::Text("nobody".into())), ..output });
    project.documents.brief = brief.into();
    project.save().unwrap();
    let problem = Problem::from(served_folder(&root, None).unwrap_err());
    assert!(problem.what.contains("no class nobody"), "{problem}");
}

#[test]
fn what_cannot_be_served_says_what_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    drop(project(&at("good")));
    drop(project(&at("broken")));
    std::fs::write(at("broken").join("brief.ron"), "(format: 1, problem: \"unfinished").unwrap();
    drop(Project::create(&at("empty"), "Empty").unwrap());
    std::fs::create_dir(at("no project")).unwrap();
    std::fs::write(at("text.onnx"), "not a model").unwrap();
    let bare = models().join("scaler.onnx");
    let cases = [
        (at("nowhere"), None, "no such file or folder"),
        (at("no project"), None, "no project"),
        (at("empty"), None, "no version or alias"),
        (at("good"), Some("9.9.9"), "no version or alias “9.9.9”"),
        (at("broken"), None, "cannot be read"),
        (at("text.onnx"), None, "not an ONNX model"),
        (models().join("mystery.onnx"), None, "com.example:Mystery"),
        (bare, Some("2"), "no version “2”"),
    ];
    for (path, version, expected) in cases {
        let problem = Problem::from(served_folder(&path, version).unwrap_err());
        assert!(problem.what.contains(expected), "{}: {problem}", path.display());
        assert!(!problem.place.is_empty() && !problem.fix.is_empty(), "{}: {problem:?}", path.display());
    }
}
