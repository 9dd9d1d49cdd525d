//! One plain row per model: it warms the model up, and it is the example in the documentation.

use serde_json::{Map, Value as Json, json};

use super::predict::Answer;
use super::v2::JsonData;
use super::{ServedModel, mlflow};
use crate::engine::tensor::{Tensor, TensorData};
use crate::features::{self, predictions};
use crate::project::contract::{Dim, Dtype, TensorSpec};
use crate::project::documents::{Feature, Value};

/// Longest tensor that is written out in the documentation.
const MAX_SHOWN: usize = 256;

/// Largest input that is made up for warming up.
const MAX_ELEMENTS: u64 = 64 * 1024 * 1024;

/// A request that was answered, and its answer.
pub(super) struct Example {
    /// The tensors of the row.
    pub(super) inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    /// The row for `/predict` and its answer.
    pub(super) prediction: Option<(Json, Json)>,
    /// The answer of `/invocations` to that row.
    pub(super) predictions: Option<Json>,
}

impl Example {
    pub(super) fn new(served: &ServedModel, inputs: Vec<Tensor>, outputs: Vec<Tensor>) -> Self {
        let prediction = served.mapping.as_ref().and_then(|mapping| {
            let answers = predictions(served.model.contract(), &served.output, &outputs).ok()?;
            let answer = serde_json::to_string(&Answer::from(answers.first()?)).ok()?;
            let answer = serde_json::from_str(&answer).ok()?;
            Some((row_json(mapping.features()), answer))
        });
        let predictions = mlflow::records(&outputs, 1).filter(|_| prediction.is_some());
        Self { inputs, outputs, prediction, predictions }
    }

    /// The V2 request and its answer, when they are short enough to be read.
    pub(super) fn inference(&self, served: &ServedModel) -> Option<(Json, Json)> {
        let request = json!({ "id": "example", "inputs": tensors_json(&self.inputs)? });
        let answer = json!({
            "model_name": served.name,
            "model_version": served.version,
            "id": "example",
            "outputs": tensors_json(&self.outputs)?,
        });
        Some((request, answer))
    }
}

/// The tensors of one plain row: from the features when there are some, else zeros and empty texts.
pub(super) fn inputs(served: &ServedModel) -> Option<Vec<Tensor>> {
    match &served.mapping {
        Some(mapping) => {
            let row: Vec<Value> = mapping.features().iter().map(features::plain_value).collect();
            mapping.encode(&[row]).ok()
        }
        None => served.model.contract().inputs.iter().map(zeros).collect(),
    }
}

/// Zeros of the fixed shape, with every free axis of length 1.
fn zeros(spec: &TensorSpec) -> Option<Tensor> {
    let lengths = spec.shape.iter().map(|dim| match dim {
        Dim::Fixed(length) => *length,
        Dim::Symbol(_) => 1,
    });
    let n = lengths.clone().try_fold(1_u64, u64::checked_mul).filter(|n| (1..=MAX_ELEMENTS).contains(n))? as usize;
    let data = match spec.dtype {
        Dtype::Bool => TensorData::Bool(vec![false; n]),
        Dtype::U8 => TensorData::U8(vec![0; n]),
        Dtype::U16 => TensorData::U16(vec![0; n]),
        Dtype::U32 => TensorData::U32(vec![0; n]),
        Dtype::U64 => TensorData::U64(vec![0; n]),
        Dtype::I8 => TensorData::I8(vec![0; n]),
        Dtype::I16 => TensorData::I16(vec![0; n]),
        Dtype::I32 => TensorData::I32(vec![0; n]),
        Dtype::I64 => TensorData::I64(vec![0; n]),
        Dtype::F16 => TensorData::F16(vec![0; n]),
        Dtype::F32 => TensorData::F32(vec![0.0; n]),
        Dtype::F64 => TensorData::F64(vec![0.0; n]),
        Dtype::Text => TensorData::Text(vec![String::new(); n]),
    };
    Some(Tensor::new(spec.name.as_str(), lengths.map(|length| length as usize).collect(), data))
}

/// The plain row as a client would write it.
fn row_json(features: &[Feature]) -> Json {
    let fields = features.iter().map(|feature| {
        let value = match features::plain_value(feature) {
            Value::Missing => Json::Null,
            Value::Bool(value) => Json::from(value),
            Value::Number(value) if value.fract() == 0.0 && value.abs() < 1e15 => Json::from(value as i64),
            Value::Number(value) => Json::from(value),
            Value::Text(value) => Json::from(value),
        };
        (feature.name.clone(), value)
    });
    Json::Object(fields.collect::<Map<String, Json>>())
}

fn tensors_json(tensors: &[Tensor]) -> Option<Vec<Json>> {
    let written = tensors.iter().map(|tensor| {
        if MAX_SHOWN < tensor.data.len() {
            return None;
        }
        // By way of text, so that an FP32 0.1 stays 0.1 and does not become the double next to it.
        let data: Json = serde_json::from_str(&serde_json::to_string(&JsonData(&tensor.data)).ok()?).ok()?;
        let datatype = tensor.data.dtype().v2_name();
        Some(json!({ "name": tensor.name, "shape": tensor.shape, "datatype": datatype, "data": data }))
    });
    written.collect()
}
