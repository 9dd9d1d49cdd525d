//! A plan for tests: a model that doubles its one feature, packaged with the system's shell.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::BuildPlan;
use crate::features::Mapping;
use crate::project::brief::OutputSpec;
use crate::project::contract::{Dim, Dtype, ModelContract, TensorSpec};
use crate::project::documents::{Evidence, Feature, FeatureContract, GoldenRow, GoldenRows, Value};

/// The plan, with its files in `folder`.
pub(super) fn plan(folder: &Path) -> BuildPlan {
    let spec = |name: &str| TensorSpec {
        name: name.to_owned(),
        dtype: Dtype::F32,
        shape: vec![Dim::Symbol("N".to_owned()), Dim::Fixed(1)],
        classes: Vec::new(),
    };
    let model = ModelContract { inputs: vec![spec("x")], outputs: vec![spec("y")] };
    let feature =
        Feature { name: "a".to_owned(), nullable: true, input: "x".to_owned(), column: Some(0), ..Feature::default() };
    let version_folder = folder.join("models/1.0.0");
    fs::create_dir_all(&version_folder).unwrap();
    for (name, text) in [("model.onnx", "a model"), ("version.ron", "(format: 1)"), ("golden.ron", "(format: 1)")] {
        fs::write(version_folder.join(name), text).unwrap();
    }
    for name in ["brief.ron", "features.ron", "project.ron"] {
        fs::write(folder.join(name), "(format: 1)").unwrap();
    }
    let row = |value: f64| GoldenRow { values: vec![Value::Number(value)], label: None, scores: vec![2.0 * value] };
    BuildPlan {
        executable: PathBuf::from("/bin/sh"),
        slug: "standin".to_owned(),
        title: "A \"model\" for $5 \\ test".to_owned(),
        description: "Two\nlines".to_owned(),
        version: "1.0.0".parse().unwrap(),
        registered: "2026-11-22T00:00:00Z".parse().unwrap(),
        model_path: version_folder.join("model.onnx"),
        version_folder,
        brief: folder.join("brief.ron"),
        features: Some(folder.join("features.ron")),
        project_config: folder.join("project.ron"),
        golden: GoldenRows {
            source: "a test".to_owned(),
            features: vec!["a".to_owned()],
            rows: vec![row(1.0), row(2.5), row(-3.0)],
            tolerance: 1e-5,
        },
        mapping: Mapping::new(&FeatureContract { features: vec![feature] }, &model).unwrap(),
        model,
        output: OutputSpec::default(),
        tag: "trestle-test-standin:1.0.0".to_owned(),
        evidence: Evidence { model: "0".repeat(64), ..Evidence::default() },
        created: "2026-11-23T00:00:00Z".parse().unwrap(),
        load_time: Duration::from_millis(50),
    }
}
