use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::*;

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name)
}

#[track_caller]
fn found(name: &str) -> Foreign {
    examine(&stored(name)).unwrap().unwrap_or_else(|| panic!("{name} was not recognised"))
}

/// What is said about bytes under a name.
fn of_bytes(name: &str, bytes: &[u8]) -> Option<Foreign> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    examine(&path).unwrap()
}

// ---- real files, made by tests/foreign/make.py ----

#[test]
fn a_pipeline_is_told_with_its_version_and_its_features() {
    for name in ["pipeline.joblib", "pipeline.pkl", "pipeline_protocol0.pkl", "in_dict.pkl"] {
        let found = found(name);
        assert_eq!(found.class, "sklearn.pipeline.Pipeline", "{name}");
        assert_eq!(found.made_with, [("scikit-learn".to_owned(), "1.9.1".to_owned())], "{name}");
        assert_eq!(found.n_features, Some(4), "{name}");
        assert_eq!(found.feature_names, ["age", "income", "tenure", "calls"], "{name}");
        assert_eq!(found.suspicious, [], "{name}");
        assert_eq!(found.warnings, <[String; 0]>::default(), "{name}");
        assert!(found.parts.iter().any(|part| part.ends_with("LogisticRegression")), "{name}: {:?}", found.parts);
        assert!(found.script.contains("scikit-learn==1.9.1"), "{name}");
        assert!(
            found.script.contains(r#"FEATURE_NAMES = ["age","income","tenure","calls"]"#),
            "{name}: {}",
            found.script
        );
        assert!(!found.script.contains('@'), "{name}: a mark was left in the script");
    }
    assert!(found("in_dict.pkl").script.contains(r#"joblib.load(MODEL)["model"]"#));
}

#[test]
fn every_kind_of_file_is_named_and_converted() {
    for (name, words, in_script) in [
        ("columns.joblib", "a joblib file (zlib) with a Pipeline of scikit-learn", "if True or texts"),
        ("regressor.joblib", "a joblib file (gzip) with a GradientBoostingRegressor", "N_FEATURES = 4"),
        ("regressor_xz.joblib", "a joblib file packed with xz", "joblib.load"),
        ("lightgbm.joblib", "a joblib file with an LGBMClassifier of LightGBM", "lightgbm.LGBMClassifier"),
        ("lightgbm.txt", "a LightGBM model in its own text", "lightgbm.Booster(model_file=MODEL)"),
        ("xgboost.pkl", "a Python pickle with an XGBClassifier of XGBoost", "xgboost.XGBClassifier"),
        ("xgboost_pipeline.pkl", "a joblib file (zlib) with a Pipeline", "xgboost.XGBRegressor"),
        ("xgboost.json", "an XGBoost model (JSON)", "booster.load_model(MODEL)"),
        ("xgboost.ubj", "an XGBoost model (UBJSON)", "booster.load_model(MODEL)"),
        ("network.pt", "a PyTorch file with a Sequential", "SHAPE = (4,)"),
        ("weights.pth", "a PyTorch file of weights", "load_state_dict"),
        ("weights_old.pth", "a PyTorch file of weights", "load_state_dict"),
        ("program.pt", "a TorchScript program", "torch.jit.load"),
        ("program.pt", "a TorchScript program", "SHAPE = (4,)"),
    ] {
        let found = found(name);
        assert!(found.found.starts_with(words), "{name}: {}", found.found);
        assert!(found.script.contains(in_script), "{name}: {}", found.script);
        assert!(!found.script.contains('@'), "{name}: a mark was left in the script: {}", found.script);
        assert!(found.suspicious.is_empty(), "{name}: {:?}", found.suspicious);
    }
    assert_eq!(found("lightgbm.joblib").n_features, Some(4));
    assert_eq!(found("lightgbm.txt").n_features, Some(4));
}

#[test]
fn an_lz4_file_is_looked_into() {
    let mut packed = lz4_flex::frame::FrameEncoder::new(Vec::new());
    packed.write_all(&std::fs::read(stored("pipeline.joblib")).unwrap()).unwrap();
    let found = of_bytes("model.joblib", &packed.finish().unwrap()).unwrap();
    assert_eq!(found.class, "sklearn.pipeline.Pipeline");
    assert!(found.found.contains("lz4"), "{}", found.found);
}

#[test]
fn what_is_no_model_is_left_to_others() {
    for (name, bytes) in [
        ("model.onnx", &b"\x08\x08\x12\x07pytorch"[..]),
        ("picture.png", b"\x89PNG\r\n\x1a\n"),
        ("notes.txt", b"the quick brown fox"),
        ("table.csv", b"a,b\n1,2\n"),
        ("empty.pkl", b""),
        ("data.json", b"{\"rows\": []}"),
        ("archive.zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ] {
        assert_eq!(of_bytes(name, bytes), None, "{name}");
    }
}

#[test]
fn formats_without_a_way_to_onnx_say_so() {
    for (name, bytes, expected) in [
        ("model.gguf", &b"GGUF\x03\0\0\0"[..], "GGUF"),
        ("model.safetensors", b"\x40\0\0\0\0\0\0\0{\"a\":{}}", "safetensors"),
        ("model.pmml", b"<?xml version=\"1.0\"?>\n<PMML version=\"4.4\">", "PMML"),
        ("model.mlmodel", b"\x08\x05\x12\x04", "CoreML"),
    ] {
        let found = of_bytes(name, bytes).unwrap();
        assert!(found.found.contains(expected), "{name}: {}", found.found);
        assert!(found.script.is_empty() && !found.fix.is_empty(), "{name}");
    }
    for (name, bytes) in [("m.tflite", &b"\x20\0\0\0TFL3"[..]), ("m.h5", b"\x89HDF\r\n\x1a\n"), ("m.cbm", b"CBM1\0\0")]
    {
        let found = of_bytes(name, bytes).unwrap();
        assert!(!found.script.is_empty() && !found.script.contains('@'), "{name}: {}", found.script);
    }
}

// ---- hostile files ----

#[test]
fn a_pickle_that_would_run_a_command_is_called_dangerous_and_its_script_stops() {
    for bytes in [
        &b"cos\nsystem\n(S'touch /tmp/pwned'\ntR."[..],
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R.",
        b"\x80\x02c__builtin__\neval\nX\x03\0\0\x001+1\x85R.",
        b"(i__builtin__\nexec\nS'1'\n.",
    ] {
        let found = of_bytes("model.pkl", bytes).unwrap();
        assert_eq!(found.suspicious.len(), 1, "{found:?}");
        assert!(found.script.is_empty() || found.script.contains("raise SystemExit("), "{}", found.script);
    }
    // The same, hidden in a model: the name of the array's builder is replaced.
    let mut bytes = std::fs::read(stored("pipeline.pkl")).unwrap();
    let stop = bytes.pop();
    assert_eq!(stop, Some(b'.'));
    bytes.extend_from_slice(b"0cos\nsystem\nX\x02\0\0\0ls\x85R.");
    let found = of_bytes("model.pkl", &bytes).unwrap();
    assert_eq!(found.suspicious[0].0, "os.system");
}

#[test]
fn a_name_cannot_break_out_of_the_script() {
    let bytes = b"\x80\x04\x95\0\0\0\0\0\0\0\0csklearn.linear_model._base\nLinearRegression\n)\x81}(X\x0e\0\0\0n_features_in_K\x01X\x11\0\0\0feature_names_in_](X\x1b\0\0\0a\"]\nimport os; os.abort() #\"\\ ub.";
    let found = of_bytes("x'\");\nimport os #.pkl", bytes).unwrap();
    for line in found.script.lines() {
        assert!(!line.trim_start().starts_with("import os"), "{}", found.script);
    }
}

#[test]
fn truncated_files_are_described_as_far_as_they_go() {
    for name in ["pipeline.joblib", "columns.joblib", "xgboost.pkl", "network.pt", "regressor.joblib"] {
        let whole = std::fs::read(stored(name)).unwrap();
        for end in (2..whole.len()).step_by(7) {
            // Whatever is said, nothing hangs and nothing panics.
            let found = of_bytes(name, &whole[..end]);
            // A packed file's last bytes are its checksum only.
            if let (Some(found), true) = (&found, name.ends_with(".joblib") && end + 12 < whole.len()) {
                assert!(!found.warnings.is_empty(), "{name} up to {end}: {found:?}");
            }
        }
    }
}

#[test]
fn mutated_files_never_panic() {
    // A fixed sequence, so that a failure can be repeated.
    let mut state = 0x9e37_79b9_u32;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    for name in
        ["pipeline.joblib", "pipeline_protocol0.pkl", "xgboost.pkl", "weights_old.pth", "lightgbm.txt", "xgboost.ubj"]
    {
        let whole = std::fs::read(stored(name)).unwrap();
        for _ in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..=next(4) {
                let at = next(bytes.len());
                bytes[at] = next(256) as u8;
            }
            drop(of_bytes(name, &bytes));
        }
    }
}

#[test]
fn huge_announcements_cost_nothing() {
    for (name, bytes) in [
        // A text of 2^63 bytes, a list of marks, an endless recall, an array of 2^60 elements.
        ("long.pkl", [&b"\x80\x04\x8d"[..], &u64::MAX.to_le_bytes()].concat()),
        ("marks.pkl", [&b"\x80\x04"[..], &vec![b'('; 3_000_000]].concat()),
        ("lists.pkl", [&b"\x80\x04"[..], &vec![b']'; 3_000_000]].concat()),
        ("nested.pkl", [&b"\x80\x04"[..], &b"]".repeat(900_000), &b"a".repeat(899_999), b"."].concat()),
        ("tuples.pkl", [&b"\x80\x04N"[..], &b"\x85".repeat(900_000), b"."].concat()),
        ("none.pkl", b"\x80\x04.".to_vec()),
        ("memo.pkl", b"\x80\x04j\xff\xff\xff\xff.".to_vec()),
        ("persistent.pkl", b"\x80\x04Q.".to_vec()),
    ] {
        let found = of_bytes(name, &bytes).unwrap();
        assert!(found.script.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn a_bomb_is_unpacked_up_to_a_bound_only() {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0_u8; 1 << 20];
    // A pickle that announces a text of 4 GiB, and 600 MiB of zeros.
    packed.write_all(b"\x80\x04X\xff\xff\xff\xff").unwrap();
    for _ in 0..600 {
        packed.write_all(&zeros).unwrap();
    }
    let found = of_bytes("model.joblib", &packed.finish().unwrap()).unwrap();
    assert!(
        found.warnings.iter().any(|warning| warning.contains("unpacks to more than any model")),
        "{:?}",
        found.warnings
    );
}
