//! The engine against ONNX Runtime: every stored model, with its stored answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use trestle::engine::tensor::{Tensor, TensorData};
use trestle::engine::{EngineError, Model};
use trestle::project::contract::Severity;

const TOLERANCE: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-4 };

/// Models that are refused, and what the reason must say.
const REFUSED: &[(&str, &str)] = &[
    ("cast_map", "The operator ai.onnx.ml:CastMap is not supported"),
    ("function_calls_itself", "The operator own:Endless is not supported (1 node"),
    ("optional_output", "The output `y` is not a tensor"),
    ("sequence_input", "The input `x` is not a tensor"),
    ("sequence_output", "The output `y` is not a tensor"),
    ("mystery", "The operator com.example:Mystery is not supported (1 node: `what_is_this`)"),
    ("mystery_relu", "The operator com.example:Relu is not supported"),
];

/// Models whose first axis is not the row, or whose rows depend on each other.
///
/// Texts are padded to as many parts as the longest has.
const NOT_ROW_BY_ROW: &[&str] = &[
    "functions",
    "string_split",
    "string_split_delimiter",
    "tokenizer_characters",
    "tokenizer_expression",
    "tokenizer_longest",
    "tokenizer_separators",
    "torch_boxes",
];

#[derive(Deserialize)]
struct Fixture {
    inputs: Vec<Stored>,
    outputs: Option<Vec<Stored>>,
}

/// A tensor as stored beside the models.
#[derive(Clone, Deserialize)]
pub(crate) struct Stored {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    data: Vec<serde_json::Value>,
}

/// How far a number may be from the stored one.
#[derive(Clone, Copy)]
pub(crate) struct Tolerance {
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
}

impl Tolerance {
    fn allows(self, got: f64, expected: f64) -> bool {
        let near = (got - expected).abs() <= self.absolute + self.relative * expected.abs();
        near || got.total_cmp(&expected).is_eq() || (got.is_nan() && expected.is_nan())
    }
}

fn number(value: &serde_json::Value) -> f64 {
    match value {
        serde_json::Value::Null => f64::NAN,
        serde_json::Value::String(text) if text == "-inf" => f64::NEG_INFINITY,
        serde_json::Value::String(_) => f64::INFINITY,
        other => other.as_f64().unwrap(),
    }
}

impl Stored {
    pub(crate) fn tensor(&self) -> Tensor {
        let ints = || self.data.iter().map(|value| value.as_i64().unwrap());
        let data = match self.dtype.as_str() {
            "float32" => TensorData::F32(self.data.iter().map(|value| number(value) as f32).collect()),
            "float16" => TensorData::F16(ints().map(|bits| bits.try_into().unwrap()).collect()),
            "float64" => TensorData::F64(self.data.iter().map(number).collect()),
            "int64" => TensorData::I64(ints().collect()),
            "int32" => TensorData::I32(ints().map(|value| value.try_into().unwrap()).collect()),
            "int16" => TensorData::I16(ints().map(|value| value.try_into().unwrap()).collect()),
            "int8" => TensorData::I8(ints().map(|value| value.try_into().unwrap()).collect()),
            "uint8" => TensorData::U8(ints().map(|value| value.try_into().unwrap()).collect()),
            "uint16" => TensorData::U16(ints().map(|value| value.try_into().unwrap()).collect()),
            "uint32" => TensorData::U32(ints().map(|value| value.try_into().unwrap()).collect()),
            "uint64" => TensorData::U64(self.data.iter().map(|value| value.as_u64().unwrap()).collect()),
            "bool" => TensorData::Bool(self.data.iter().map(|value| value.as_bool().unwrap()).collect()),
            "string" => TensorData::Text(self.data.iter().map(|value| value.as_str().unwrap().to_owned()).collect()),
            other => panic!("{other} is new here"),
        };
        Tensor::new(&self.name, self.shape.clone(), data)
    }

    /// The same with these rows.
    fn rows(&self, rows: &[usize]) -> Self {
        let width: usize = self.shape[1..].iter().product();
        let data = rows.iter().flat_map(|row| self.data[row * width..][..width].to_vec()).collect();
        let mut shape = self.shape.clone();
        shape[0] = rows.len();
        Self { shape, data, ..self.clone() }
    }
}

fn floats(data: &TensorData) -> Option<Vec<f64>> {
    match data {
        TensorData::F16(bits) => Some(bits.iter().map(|bits| half::f16::from_bits(*bits).to_f64()).collect()),
        TensorData::F32(values) => Some(values.iter().copied().map(f64::from).collect()),
        TensorData::F64(values) => Some(values.clone()),
        _ => None,
    }
}

/// What differs first; `None` if nothing does.
pub(crate) fn difference(got: &Tensor, expected: &Tensor, tolerance: Tolerance) -> Option<String> {
    let name = &expected.name;
    if got.name != *name || got.shape != expected.shape || got.data.dtype() != expected.data.dtype() {
        let (left, right) = (got.data.dtype(), expected.data.dtype());
        return Some(format!("{} {left} {:?} instead of {name} {right} {:?}", got.name, got.shape, expected.shape));
    }
    match (floats(&got.data), floats(&expected.data)) {
        (Some(got), Some(expected)) => got.iter().zip(&expected).enumerate().find_map(|(idx, (got, expected))| {
            (!tolerance.allows(*got, *expected)).then(|| format!("{name}[{idx}]: {got} instead of {expected}"))
        }),
        _ => (got.data != expected.data).then(|| format!("{name}: {:?} instead of {:?}", got.data, expected.data)),
    }
}

/// Whether labels differ only in rows whose two best scores are equal within the tolerance.
fn all_ties(got: &TensorData, labels: &Tensor, outputs: &[Tensor]) -> bool {
    let n_rows = labels.shape.first().copied().unwrap_or(0);
    let scores = outputs.iter().find(|output| {
        output.shape.len() == 2 && output.shape[0] == n_rows && 1 < output.shape[1] && floats(&output.data).is_some()
    });
    let (Some(scores), true) = (scores, labels.data.len() == n_rows) else { return false };
    let values = floats(&scores.data).unwrap();
    let tie = |row: usize| {
        let mut row = values[row * scores.shape[1]..][..scores.shape[1]].to_vec();
        row.sort_by(|left, right| right.total_cmp(left));
        row[0] - row[1] <= TOLERANCE.absolute + TOLERANCE.relative * row[0].abs()
    };
    match (got, &labels.data) {
        (TensorData::I64(got), TensorData::I64(expected)) if got.len() == n_rows => {
            (0..n_rows).all(|row| got[row] == expected[row] || tie(row))
        }
        (TensorData::Text(got), TensorData::Text(expected)) if got.len() == n_rows => {
            (0..n_rows).all(|row| got[row] == expected[row] || tie(row))
        }
        _ => false,
    }
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("models")
}

fn check_rows(model: &Model, inputs: &[Stored], outputs: &[Stored], rows: Option<&[usize]>) -> Result<(), String> {
    let pick = |stored: &Stored| rows.map_or_else(|| stored.clone(), |rows| stored.rows(rows)).tensor();
    let inputs: Vec<Tensor> = inputs.iter().map(pick).collect();
    let got = model.run(&inputs).map_err(|error| error.to_string())?;
    let names = |tensors: &[&str]| tensors.join(", ");
    let (left, right): (Vec<&str>, Vec<&str>) =
        (got.iter().map(|t| t.name.as_str()).collect(), outputs.iter().map(|t| t.name.as_str()).collect());
    if left != right {
        return Err(format!("outputs {} instead of {}", names(&left), names(&right)));
    }
    let expected: Vec<Tensor> = outputs.iter().map(pick).collect();
    let found = got
        .iter()
        .zip(&expected)
        .find_map(|(got, one)| difference(got, one, TOLERANCE).filter(|_| !all_ties(&got.data, one, &expected)));
    let batch =
        rows.map_or_else(|| "as stored".to_owned(), |rows| format!("with {} rows from {}", rows.len(), rows[0]));
    found.map_or(Ok(()), |found| Err(format!("{batch}: {found}")))
}

fn stored(folder: &Path, name: &str) -> Fixture {
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn check_fixture(name: &str) -> Result<(), String> {
    let fixture = stored(&models(), name);
    let loaded = Model::load(&models().join(format!("{name}.onnx")));
    if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return match loaded {
            Err(error @ EngineError::Refused { .. }) if error.to_string().contains(reason) => Ok(()),
            Err(error) => Err(format!("refused, but for another reason: {error}")),
            Ok(_) => Err("it should be refused".to_owned()),
        };
    }
    check_answers(name, &loaded.map_err(|error| format!("not loaded: {error}"))?, &fixture)
}

/// Every row alone, the rows as stored, and 256 of them.
fn check_answers(name: &str, model: &Model, fixture: &Fixture) -> Result<(), String> {
    let Some(outputs) = &fixture.outputs else {
        let inputs: Vec<Tensor> = fixture.inputs.iter().map(Stored::tensor).collect();
        return match model.run(&inputs) {
            Err(EngineError::Run { .. }) => Ok(()),
            other => Err(format!("ONNX Runtime does not answer this, we do: {other:?}")),
        };
    };
    check_rows(model, &fixture.inputs, outputs, None)?;
    let n_rows = fixture.inputs[0].shape.first().copied().unwrap_or(1);
    let row_by_row = fixture.inputs.iter().chain(outputs).all(|stored| stored.shape.first() == Some(&n_rows));
    if NOT_ROW_BY_ROW.contains(&name) || !row_by_row {
        return Ok(());
    }
    for row in 0..n_rows {
        check_rows(model, &fixture.inputs, outputs, Some(&[row]))?;
    }
    let many: Vec<usize> = (0..256).map(|row| row % n_rows).collect();
    check_rows(model, &fixture.inputs, outputs, Some(&many))
}

/// Stored models in a folder, by name.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_stored_model_agrees_with_onnx_runtime_or_is_refused_by_name() {
    let exported = names_in(&models().join("exported"));
    assert!(120 <= exported.len(), "the exporters' models are missing");
    let exported = exported.iter().map(|name| format!("exported/{name}"));
    let names: Vec<String> = names_in(&models()).into_iter().chain(exported).collect();
    assert!(250 < names.len(), "the stored models are missing");
    let failures: BTreeMap<&str, String> =
        names.iter().filter_map(|name| Some((name.as_str(), check_fixture(name).err()?))).collect();
    let lines: Vec<String> = failures.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
    assert!(failures.is_empty(), "{} of {} differ\n{}", failures.len(), names.len(), lines.join("\n"));
}

/// What became of a model that is not in the repository.
fn verdict(folder: &Path, name: &str) -> (&'static str, String) {
    match Model::load(&folder.join(format!("{name}.onnx"))) {
        Err(EngineError::Refused { findings, .. }) => {
            let refusals = findings.iter().filter(|finding| finding.severity == Severity::Refused);
            ("refused", refusals.map(|finding| finding.what.clone()).collect::<Vec<_>>().join("; "))
        }
        Err(error) => ("not loaded", error.to_string()),
        Ok(model) => match check_answers(name, &model, &stored(folder, name)) {
            Ok(()) => ("agrees", String::new()),
            Err(reason) => ("differs", reason),
        },
    }
}

/// The same comparison over any folder of `NAME.onnx` with `NAME.json`, whose name is in `TRESTLE_CONFORMANCE_DIR`.
///
/// Writes `verdicts.tsv` there: name, verdict, reason.
#[test]
fn every_model_in_the_folder_given_agrees_or_is_refused() {
    let Some(folder) = std::env::var_os("TRESTLE_CONFORMANCE_DIR").map(PathBuf::from) else {
        eprintln!("TRESTLE_CONFORMANCE_DIR is not set: no models outside of the repository are compared");
        return;
    };
    let names = names_in(&folder);
    assert!(!names.is_empty(), "there is no model in {}", folder.display());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut verdicts = Vec::new();
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (verdict, reason) = verdict(&folder, name);
            verdicts.push((name.clone(), verdict, reason.replace(['\n', '\t'], " ")));
        }
        verdicts
    };
    let mut verdicts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    verdicts.sort();
    let lines: Vec<String> =
        verdicts.iter().map(|(name, verdict, reason)| format!("{name}\t{verdict}\t{reason}\n")).collect();
    std::fs::write(folder.join("verdicts.tsv"), lines.concat()).unwrap();
    let count = |wanted: &str| verdicts.iter().filter(|(_, verdict, _)| *verdict == wanted).count();
    let (agree, refused) = (count("agrees"), count("refused"));
    assert_eq!(agree + refused, names.len(), "{agree} agree, {refused} are refused; see verdicts.tsv");
}

#[derive(Deserialize)]
struct Churn {
    label: Vec<i64>,
    probabilities: Vec<Vec<f32>>,
}

#[test]
fn the_example_answers_as_in_onnx_runtime() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for version in ["1.0.0", "1.1.0"] {
        let model = Model::load(&root.join(format!("projects/churn/models/{version}/model.onnx"))).unwrap();
        let text = std::fs::read_to_string(models().join(format!("churn-{version}.expected.json"))).unwrap();
        let expected: Churn = serde_json::from_str(&text).unwrap();
        let mut reader = csv::Reader::from_path(root.join("projects/churn/data/reference.csv")).unwrap();
        let headers = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().take(expected.label.len()).map(Result::unwrap).collect();
        let inputs: Vec<Tensor> = model
            .inspection()
            .contract
            .inputs
            .iter()
            .map(|spec| {
                let column = headers.iter().position(|header| header == spec.name).unwrap();
                let cells = rows.iter().map(|row| &row[column]);
                let data = if spec.dtype.is_float() {
                    TensorData::F32(cells.map(|cell| cell.parse().unwrap_or(f32::NAN)).collect())
                } else {
                    let text = |cell: &str| if cell.is_empty() { "missing" } else { cell }.to_owned();
                    TensorData::Text(cells.map(text).collect())
                };
                Tensor::new(&spec.name, vec![rows.len(), 1], data)
            })
            .collect();
        let outputs = model.run(&inputs).unwrap();
        assert_eq!(outputs[0].data, TensorData::I64(expected.label.clone()));
        let probabilities =
            Tensor::new(&outputs[1].name, vec![rows.len(), 2], TensorData::F32(expected.probabilities.concat()));
        assert_eq!(difference(&outputs[1], &probabilities, TOLERANCE), None, "{version}");
    }
}
