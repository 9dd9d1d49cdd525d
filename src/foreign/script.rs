//! The program that converts a model, made for the file at hand.

use super::Foreign;

/// What the model was made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Library {
    /// It could not be told.
    #[default]
    Unknown,
    Sklearn,
    Lightgbm,
    Xgboost,
    Catboost,
    Torch,
    Keras,
}

impl Library {
    /// The library that a class belongs to, when its objects are models.
    pub(super) fn of(class: &str) -> Option<Self> {
        let (top, rest) = class.split_once('.')?;
        // Helpers that are no models by themselves.
        let helpers = ["utils.", "_loss.", "metrics.", "tree._tree.", "externals."];
        match top {
            "sklearn" | "imblearn" if !helpers.iter().any(|helper| rest.starts_with(helper)) => Some(Self::Sklearn),
            "lightgbm" => Some(Self::Lightgbm),
            "xgboost" => Some(Self::Xgboost),
            "catboost" | "_catboost" => Some(Self::Catboost),
            "torch" if !(rest.starts_with("nn.modules") || rest.starts_with("_utils._rebuild")) => None,
            "torch" | "torchvision" => Some(Self::Torch),
            "keras" | "tensorflow" => Some(Self::Keras),
            _ => None,
        }
    }

    /// Its name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "an unknown library",
            Self::Sklearn => "scikit-learn",
            Self::Lightgbm => "LightGBM",
            Self::Xgboost => "XGBoost",
            Self::Catboost => "CatBoost",
            Self::Torch => "PyTorch",
            Self::Keras => "Keras",
        }
    }
}

/// What the script is made from, besides what is shown.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Facts {
    pub(super) file: String,
    pub(super) library: Library,
    /// How the model is reached in what was loaded.
    pub(super) access: String,
    pub(super) with_lightgbm: bool,
    pub(super) with_xgboost: bool,
    /// Whether columns are told apart by name.
    pub(super) by_column: bool,
    /// Whether there are weights without the network.
    pub(super) holds_weights_only: bool,
    /// Whether it is a compiled PyTorch program.
    pub(super) is_torch_script: bool,
    /// What one row of a network looks like; empty when that is not known.
    pub(super) shape: Vec<u64>,
    /// Flags of the TensorFlow converter.
    pub(super) flags: &'static str,
}

/// A text as Python and JSON write it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const TRUST: &str =
    "Loading a pickle runs the code that it names: run this only if you trust where the file came from.";

/// The script for a pickle; empty when there is nothing to go by.
pub(super) fn write(facts: &Facts, foreign: &Foreign) -> String {
    let path = quoted(&facts.file);
    match facts.library {
        Library::Unknown => String::new(),
        Library::Torch => torch(facts, foreign),
        Library::Catboost => {
            let load = format!("import joblib\n\nmodel = joblib.load(MODEL){}", facts.access);
            let body = include_str!("scripts/catboost.py").replace("@PATH@", &path).replace("@LOAD@", &load);
            whole(facts, foreign, &["catboost", "joblib", "onnxruntime", "pandas"], TRUST, &body)
        }
        Library::Keras => {
            let body = include_str!("scripts/keras.py").replace("@PATH@", &path);
            whole(facts, foreign, &["tensorflow", "tf2onnx", "onnxruntime"], TRUST, &body)
        }
        Library::Lightgbm if foreign.class.starts_with("lightgbm.basic") => {
            let load = format!("booster = joblib.load(MODEL){}", facts.access);
            lightgbm(facts, foreign, "import joblib\n", &load, TRUST)
        }
        Library::Xgboost if foreign.class.starts_with("xgboost.core") => {
            let load = format!("booster = joblib.load(MODEL){}", facts.access);
            xgboost(facts, foreign, "import joblib\n", &load, TRUST)
        }
        Library::Sklearn | Library::Lightgbm | Library::Xgboost => sklearn(facts, foreign),
    }
}

fn sklearn(facts: &Facts, foreign: &Foreign) -> String {
    let mut register = String::new();
    let mut needed = vec!["scikit-learn", "joblib", "skl2onnx", "onnxruntime", "pandas"];
    if facts.with_lightgbm {
        register.push_str(include_str!("scripts/lightgbm_converter.py"));
        needed.extend(["onnxmltools", "lightgbm"]);
    }
    if facts.with_xgboost {
        register.push_str(include_str!("scripts/xgboost_converter.py"));
        needed.extend(["onnxmltools", "xgboost"]);
    }
    needed.dedup();
    let names = if foreign.feature_names.is_empty() {
        "None".to_owned()
    } else {
        serde_json::Value::from(foreign.feature_names.clone()).to_string()
    };
    let body = include_str!("scripts/sklearn.py")
        .replace("joblib.load(MODEL)", &format!("joblib.load(MODEL){}", facts.access))
        .replace("@REGISTER_NAME@", if register.is_empty() { "" } else { ", update_registered_converter" })
        .replace("@REGISTER@", &register)
        .replace("@PREPARE@", &preparations(facts, foreign))
        .replace("@BY_COLUMN@", if facts.by_column { "True" } else { "False" })
        .replace("@N_FEATURES@", &foreign.n_features.map_or_else(|| "None".to_owned(), |n| n.to_string()))
        .replace("@FEATURE_NAMES@", &names)
        .replace("@PATH@", &quoted(&facts.file));
    whole(facts, foreign, &needed, TRUST, &body)
}

/// What some models need before they are converted.
fn preparations(facts: &Facts, foreign: &Foreign) -> String {
    let holds = |name: &str| foreign.class.ends_with(name) || foreign.parts.iter().any(|part| part.ends_with(name));
    let mut prepared = String::new();
    if facts.with_xgboost {
        prepared.push_str(
            "for step in [model, *(step for _, step in getattr(model, \"steps\", []))]:\n    \
             if hasattr(step, \"get_booster\"):\n        \
             # The converter takes numbered names only.\n        \
             step.get_booster().feature_names = None\n",
        );
    }
    if holds(".LinearSVC") {
        prepared.push_str(
            "last = model.steps[-1][1] if hasattr(model, \"steps\") else model\n\
             if type(last).__name__ == \"LinearSVC\":\n    options = {id(last): {\"raw_scores\": True}}\n",
        );
    }
    if holds(".VotingClassifier") {
        prepared.push_str("# It only changes what `transform` gives, and the converter knows the other form.\n");
        prepared.push_str("for step in [model, *(step for _, step in getattr(model, \"steps\", []))]:\n");
        prepared.push_str("    if hasattr(step, \"flatten_transform\"):\n        step.flatten_transform = False\n");
    }
    if holds(".HistGradientBoostingClassifier") || holds(".HistGradientBoostingRegressor") {
        prepared.push_str(include_str!("scripts/plain_attributes.py"));
    }
    prepared
}

/// The script for a booster of LightGBM.
pub(super) fn lightgbm(facts: &Facts, foreign: &Foreign, import: &str, load: &str, warning: &str) -> String {
    let import = format!(
        "{import}import lightgbm\nfrom onnxmltools import convert_lightgbm\n\
         from onnxmltools.convert.common.data_types import FloatTensorType"
    );
    booster(
        facts,
        foreign,
        &["lightgbm", "onnxmltools", "skl2onnx", "onnxruntime", "pandas", "joblib"],
        &[
            ("@IMPORT@", &import),
            ("@LOAD@", load),
            ("@NAMES@", "booster.feature_name()"),
            ("@CONVERT@", "onnx_model = convert_lightgbm(booster, initial_types=types, zipmap=False, target_opset=15)"),
            ("@PREDICT@", "predicted = np.asarray(booster.predict(rows.to_numpy()))"),
        ],
        warning,
    )
}

/// The script for a booster of XGBoost.
pub(super) fn xgboost(facts: &Facts, foreign: &Foreign, import: &str, load: &str, warning: &str) -> String {
    let import = format!(
        "{import}import xgboost\nfrom onnxmltools import convert_xgboost\n\
         from onnxmltools.convert.common.data_types import FloatTensorType"
    );
    let load = format!(
        "{load}\n\
         names_of_model = booster.feature_names\n\
         # The converter takes numbered names only.\n\
         booster.feature_names = None"
    );
    booster(
        facts,
        foreign,
        &["xgboost", "onnxmltools", "skl2onnx", "onnxruntime", "pandas", "joblib"],
        &[
            ("@IMPORT@", &import),
            ("@LOAD@", &load),
            ("@NAMES@", "names_of_model or [f\"X_{column}\" for column in range(booster.num_features())]"),
            ("@CONVERT@", "onnx_model = convert_xgboost(booster, initial_types=types, target_opset=15)"),
            ("@PREDICT@", "predicted = np.asarray(booster.predict(xgboost.DMatrix(rows.to_numpy())))"),
        ],
        warning,
    )
}

fn booster(facts: &Facts, foreign: &Foreign, needed: &[&str], marks: &[(&str, &str)], warning: &str) -> String {
    let path = quoted(&facts.file);
    let template = include_str!("scripts/booster.py").replace("@PATH@", &path);
    let body = marks.iter().fold(template, |body, (mark, text)| body.replace(mark, text));
    whole(facts, foreign, needed, warning, &body)
}

fn torch(facts: &Facts, foreign: &Foreign) -> String {
    let shape = if facts.shape.is_empty() {
        "(10,)".to_owned()
    } else {
        let lengths: Vec<String> = facts.shape.iter().map(u64::to_string).collect();
        format!("({}{})", lengths.join(", "), if lengths.len() == 1 { "," } else { "" })
    };
    let load = if facts.is_torch_script {
        "model = torch.jit.load(MODEL, map_location=\"cpu\")".to_owned()
    } else if facts.holds_weights_only {
        "# The file holds weights only: import the class of the network from your own code.\n\
         from my_model import MyModel\n\n\
         model = MyModel()\n\
         state = torch.load(MODEL, map_location=\"cpu\", weights_only=True)\n\
         model.load_state_dict(state.get(\"state_dict\", state.get(\"model_state_dict\", state)))"
            .to_owned()
    } else {
        format!("model = torch.load(MODEL, map_location=\"cpu\", weights_only=False){}", facts.access)
    };
    let mut body = include_str!("scripts/torch.py")
        .replace("@PATH@", &quoted(&facts.file))
        .replace("@SHAPE@", &shape)
        .replace("@LOAD@", &load);
    if facts.is_torch_script {
        // The newer exporter takes no compiled programs.
        body = body
            .replace("batch = torch.export.Dim(\"batch\")\n", "")
            .replace("    dynamo=True,\n    external_data=False,\n", "    dynamo=False,\n")
            .replace("    dynamic_shapes=({0: batch},),\n", "    dynamic_axes={\"X\": {0: \"batch\"}},\n");
    }
    let warning = if facts.holds_weights_only { "Only weights are loaded; no code of the file runs." } else { TRUST };
    whole(facts, foreign, &["torch", "onnxscript", "onnxruntime"], warning, &body)
}

/// A script of a format that is no pickle.
pub(super) fn whole(facts: &Facts, foreign: &Foreign, needed: &[&str], warning: &str, body: &str) -> String {
    let pinned: Vec<String> = needed
        .iter()
        .map(|package| {
            let known = foreign.made_with.iter().find(|(name, version)| name == package && !version.is_empty());
            known.map_or_else(|| (*package).to_owned(), |(name, version)| format!("\"{name}=={version}\""))
        })
        .collect();
    let arguments = if body.contains("sys.argv") {
        " [rows.csv]     rows with the model's features; without them rows are made up"
    } else {
        ""
    };
    let header = include_str!("scripts/header.py")
        .replace("@FILE@", &facts.file)
        .replace("@WHAT@", &foreign.found)
        .replace("@WARNING@", warning)
        .replace("@REQUIREMENTS@", &pinned.join(" "))
        .replace("@SCRIPT@", "convert.py")
        .replace("@ARGUMENTS@", arguments);
    let mut guard = String::new();
    if !foreign.suspicious.is_empty() {
        let names: Vec<&str> = foreign.suspicious.iter().take(8).map(|(name, _)| name.as_str()).collect();
        let what = format!("This file calls {}. Remove this line only if you know why.", names.join(", "));
        guard = format!("raise SystemExit({})\n\n", quoted(&what));
    }
    format!("{header}{guard}{body}")
}
