//! Formats that are no pickles: told by their first bytes, by what is in an archive, or by the files of a folder.

use std::fs::File;
use std::path::Path;

use serde_json::Value;

use super::archive;
use super::describe;
use super::script::{self, Facts, Library};
use super::{Foreign, Packing, pickle, plain_name};

/// What a script of these formats has to say about trust.
const SAFE: &str = "Only numbers are loaded; no code of the file runs.";
const FIX: &str = "Convert it with the script that `trestle inspect FILE --script` prints";
const NO_GRAPH: &str = "It holds numbers without the graph that uses them";

fn base(found: &str, reason: &str, fix: &str) -> Foreign {
    Foreign { found: found.to_owned(), reason: reason.to_owned(), fix: fix.to_owned(), ..Foreign::default() }
}

const ANOTHER: &str = "Only ONNX models are run here";

/// Tells a file by its beginning.
pub(super) fn by_head(path: &Path, head: &[u8]) -> Option<Foreign> {
    let facts = Facts { file: plain_name(path), ..Facts::default() };
    let starts = |magic: &[u8]| head.starts_with(magic);
    if starts(b"tree\n") || starts(b"tree\r\n") {
        return Some(lightgbm_text(facts, head));
    }
    if starts(b"{L") || starts(b"{U\x07learner") || is_xgboost_json(head) || starts(b"binf") {
        return Some(xgboost_file(&facts, head));
    }
    if starts(b"\x89HDF\r\n\x1a\n") {
        return Some(keras(&facts, "an HDF5 file, such as an older Keras model", &[]));
    }
    if starts(b"CBM1") {
        let mut foreign = base("a CatBoost model", ANOTHER, FIX);
        "catboost.CatBoost".clone_into(&mut foreign.class);
        let load = "model = catboost.CatBoost()\nmodel.load_model(MODEL)";
        let body =
            include_str!("scripts/catboost.py").replace("@PATH@", &script::quoted(&facts.file)).replace("@LOAD@", load);
        foreign.script = script::whole(&facts, &foreign, &["catboost", "onnxruntime", "pandas"], SAFE, &body);
        return Some(foreign);
    }
    if head.get(4..8) == Some(b"TFL3") {
        let facts = Facts { flags: "\"--tflite\"", ..facts };
        return Some(tensorflow(&facts, "a TensorFlow Lite model"));
    }
    if starts(b"GGUF") {
        return Some(base(
            "a GGUF language model",
            "It is made for llama.cpp and holds weights in formats that ONNX does not have",
            "Export the original model: optimum-cli export onnx --model NAME FOLDER",
        ));
    }
    if head.len() > 9 && head[8] == b'{' && head[5..8].iter().all(|byte| *byte == 0) {
        return Some(base(
            "a safetensors file of weights",
            NO_GRAPH,
            "Export the network that it belongs to: optimum-cli export onnx --model FOLDER OUT, or load the weights in \
             Python with safetensors.torch.load_file and call torch.onnx.export",
        ));
    }
    let text = String::from_utf8_lossy(head);
    if text.trim_start().starts_with("<?xml") && text.contains("<PMML") {
        return Some(base(
            "a PMML document",
            "There is no faithful way from PMML to ONNX",
            "Export the model that it was made from: skl2onnx for scikit-learn, onnxmltools for Spark",
        ));
    }
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    if extension.as_deref() == Some("mlmodel") && matches!(head, [0x08, ..]) {
        return Some(base(
            "a CoreML model",
            "CoreML is a format for Apple's devices, with operators that ONNX does not have",
            "Export the model that it was made from to ONNX",
        ));
    }
    None
}

fn is_xgboost_json(head: &[u8]) -> bool {
    let text: String = String::from_utf8_lossy(head).split_whitespace().collect();
    text.starts_with("{\"learner\":") || (text.starts_with("{\"version\":[") && text.contains("\"learner\""))
}

/// LightGBM's own text, whose first lines say what it takes.
fn lightgbm_text(facts: Facts, head: &[u8]) -> Foreign {
    let text = String::from_utf8_lossy(head);
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::trim);
    let mut foreign = base("a LightGBM model in its own text", ANOTHER, FIX);
    "lightgbm.basic.Booster".clone_into(&mut foreign.class);
    foreign.n_features = field("max_feature_idx").and_then(|index| index.parse::<u64>().ok()?.checked_add(1));
    // The last line of what was read may be cut off.
    let names: Vec<String> = field("feature_names").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if foreign.n_features == Some(names.len() as u64) {
        foreign.feature_names = names;
    }
    if let Some(objective) = field("objective") {
        foreign.parts.push(format!("objective {objective}"));
    }
    let facts = Facts { library: Library::Lightgbm, ..facts };
    let load = "booster = lightgbm.Booster(model_file=MODEL)";
    foreign.script = script::lightgbm(&facts, &foreign, "", load, SAFE);
    foreign
}

fn xgboost_file(facts: &Facts, head: &[u8]) -> Foreign {
    let kind = match head.first() {
        Some(b'b') => "an XGBoost model (the older binary form)",
        _ if head.get(1) == Some(&b'L') || head.get(1) == Some(&b'U') => "an XGBoost model (UBJSON)",
        _ => "an XGBoost model (JSON)",
    };
    let mut foreign = base(kind, ANOTHER, FIX);
    "xgboost.core.Booster".clone_into(&mut foreign.class);
    if head.starts_with(b"binf") {
        foreign
            .warnings
            .push("XGBoost 3 does not read this form any more: load it with XGBoost 2, and save it as JSON".to_owned());
    }
    let load = "booster = xgboost.Booster()\nbooster.load_model(MODEL)";
    foreign.script = script::xgboost(facts, &foreign, "", load, SAFE);
    foreign
}

fn keras(facts: &Facts, found: &str, versions: &[(String, String)]) -> Foreign {
    let mut foreign = base(found, "It can hold Python code (Lambda layers), and only ONNX models are run here", FIX);
    foreign.made_with = versions.to_vec();
    let body = include_str!("scripts/keras.py").replace("@PATH@", &script::quoted(&facts.file));
    let warning = "A Keras file can hold code (Lambda layers): run this only if you trust where it came from.";
    foreign.script = script::whole(facts, &foreign, &["tensorflow", "tf2onnx", "onnxruntime"], warning, &body);
    foreign
}

fn tensorflow(facts: &Facts, found: &str) -> Foreign {
    let mut foreign = base(found, ANOTHER, FIX);
    let body = include_str!("scripts/tf2onnx.py")
        .replace("@PATH@", &script::quoted(&facts.file))
        .replace("@FLAGS@", facts.flags);
    foreign.script = script::whole(facts, &foreign, &["tensorflow", "tf2onnx", "onnxruntime"], SAFE, &body);
    foreign
}

/// A folder that is a model: TensorFlow's saved model, a Core ML package.
pub(super) fn folder(path: &Path) -> Option<Foreign> {
    let facts = Facts { file: plain_name(path), flags: "\"--saved-model\"", ..Facts::default() };
    if path.join("saved_model.pb").is_file() {
        return Some(tensorflow(&facts, "a TensorFlow SavedModel"));
    }
    if path.join("Manifest.json").is_file() && path.join("Data").is_dir() {
        return Some(base(
            "a Core ML package",
            "Core ML is a format for Apple's devices, with operators that ONNX does not have",
            "Export the model that it was made from to ONNX",
        ));
    }
    None
}

/// A zip archive: PyTorch's, Keras's, skops's; `None` for any other.
pub(super) fn zip(file: &mut File, path: &Path) -> Option<Foreign> {
    const LONGEST_DESCRIPTION: usize = 1 << 20;
    let entries = archive::entries(file)?;
    let named =
        |name: &str| entries.iter().find(|entry| entry.name == name || entry.name.ends_with(&format!("/{name}")));
    let facts = Facts { file: plain_name(path), ..Facts::default() };
    if named("config.json").is_some() && named("model.weights.h5").is_some() {
        let metadata = named("metadata.json").cloned();
        let metadata = metadata.and_then(|entry| archive::text(file, &entry, LONGEST_DESCRIPTION));
        let version = metadata.and_then(|text| {
            serde_json::from_str::<Value>(&text).ok()?.get("keras_version")?.as_str().map(str::to_owned)
        });
        let versions: Vec<(String, String)> =
            version.map(|version| ("keras".to_owned(), version)).into_iter().collect();
        return Some(keras(&facts, "a Keras model", &versions));
    }
    if entries.iter().any(|entry| entry.name.contains("/code/__torch__")) {
        let mut foreign = base("a TorchScript program", ANOTHER, FIX);
        foreign.made_with = vec![("torch".to_owned(), String::new())];
        let weights = named("data.pkl").cloned().and_then(|data| Some(pickle::scan(&mut archive::open(file, &data)?)));
        let shape = weights.map(|weights| describe::torch_shape(&weights.items)).unwrap_or_default();
        let facts = Facts { library: Library::Torch, is_torch_script: true, shape, ..facts };
        foreign.script = script::write(&facts, &foreign);
        return Some(foreign);
    }
    if let Some(data) = named("data.pkl").cloned() {
        let mut source = archive::open(file, &data)?;
        let scan = pickle::scan(&mut source);
        return Some(describe::pickle(&scan, path, Packing::Plain));
    }
    if let Some(schema) = named("schema.json").cloned() {
        let text = archive::text(file, &schema, LONGEST_DESCRIPTION)?;
        let schema: Value = serde_json::from_str(&text).ok()?;
        let (module, class) = (schema.get("__module__")?.as_str()?, schema.get("__class__")?.as_str()?);
        let mut foreign = base(
            &format!("a skops file with {class} of {}", module.split('.').next().unwrap_or(module)),
            ANOTHER,
            "Load it where it was made with skops.io.load, and export it: skl2onnx.to_onnx(model, X[:1])",
        );
        foreign.class = format!("{module}.{class}");
        return Some(foreign);
    }
    None
}
