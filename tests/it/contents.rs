//! What is inside an image, by what the executable exports without an engine.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value as Json;
use tempfile::TempDir;
use trestle::project::evidence::bytes_sha256;

/// A copy of the example.
struct Example {
    folder: TempDir,
}

impl Example {
    fn new() -> Self {
        let example = Self { folder: tempfile::tempdir().unwrap() };
        assert_eq!(example.run(&["new", "--example", "churn"]).status.code(), Some(0));
        example
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_trestle")).args(args).current_dir(self.folder.path()).output().unwrap()
    }

    /// What an export wrote.
    fn exported(&self, kind: &str, more: &[&str]) -> Vec<u8> {
        let done = self.run(&[&["export", "churn", kind, "out"], more].concat());
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
        fs::read(self.folder.path().join("out")).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The files of an archive.
fn unpack(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(entry.path().unwrap().display().to_string(), content);
    }
    files
}

fn executable() -> Vec<u8> {
    fs::read(env!("CARGO_BIN_EXE_trestle")).unwrap()
}

#[test]
fn the_layers_are_the_same_at_another_time_and_account_for_what_is_in_them() {
    let example = Example::new();
    // What runs these tests may have the smaller build beside it.
    let own = ["--executable", env!("CARGO_BIN_EXE_trestle")];
    let first = unpack(&example.exported("context", &own));
    let second = unpack(&example.exported("context", &own));
    for layer in ["libs.tar", "exe.tar", "model.tar"] {
        assert!(first[layer] == second[layer], "{layer}");
    }
    let (exe, model) = (unpack(&first["exe.tar"]), unpack(&first["model.tar"]));
    assert!(exe["trestle"] == executable());
    let licences = String::from_utf8(exe["licences.txt"].clone()).unwrap();
    for words in ["\ntract-onnx ", "\nbollard ", "Apache License", "Permission is hereby granted"] {
        assert!(licences.contains(words), "{words}");
    }
    assert_eq!(model["sbom.cdx.json"], example.exported("sbom", &own));
    let sbom: Json = serde_json::from_slice(&model["sbom.cdx.json"]).unwrap();
    let hash = |name: &str, kind: &str| {
        let components = sbom["components"].as_array().unwrap();
        let found = components.iter().find(|found| found["name"] == name && found["type"] == kind).unwrap();
        found["hashes"][0]["content"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash("trestle", "application"), bytes_sha256(&executable()));
    let onnx = fs::read(example.path("churn/models/1.1.0/model.onnx")).unwrap();
    assert_eq!(hash("churn", "machine-learning-model"), bytes_sha256(&onnx));
}

#[test]
fn what_is_no_build_of_trestle_is_not_packaged() {
    let example = Example::new();
    let script = example.path("script");
    fs::write(&script, "#!/bin/sh\ntouch it-was-run\n").unwrap();
    for (path, words) in [
        (Path::new("/bin/sh"), "it does not say that it is Trestle"),
        (&script, "it is not an ELF file"),
        (&example.path("gone"), "Could not read the executable"),
    ] {
        let refused = example.run(&["build", "churn", "--executable", path.to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(2));
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(told.contains(words), "{told}");
    }
    assert!(!example.path("it-was-run").exists());
}

#[test]
fn the_context_that_compiles_the_server_has_the_model_and_its_contract() {
    let example = Example::new();
    let context = unpack(&example.exported("source", &["--tag", "team/churn:7"]));
    let dockerfile = String::from_utf8(context["Dockerfile"].clone()).unwrap();
    assert!(dockerfile.contains("-t team/churn:7 ") && dockerfile.contains("\nUSER 65532:65532\n"), "{dockerfile}");
    let model = unpack(&context["model.tar"]);
    assert!(model.contains_key("model/models/1.1.0/model.onnx") && model.contains_key("sbom.cdx.json"));
}
