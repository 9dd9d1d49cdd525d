//! The inference answer, written from the model's tensors without an intermediate tree.

use serde::{Serialize, Serializer};

use super::binary;
use crate::engine::tensor::{Tensor, TensorData};
use crate::serve::answer::Written;
use crate::serve::error::ApiError;

/// One output and whether it goes behind the JSON.
pub(super) struct Chosen<'a> {
    /// The tensor.
    pub(super) tensor: &'a Tensor,
    /// In binary.
    pub(super) binary: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Output<'a>>,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: &'a [usize],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<OutputParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<JsonData<'a>>,
}

#[derive(Serialize)]
struct OutputParameters {
    binary_data_size: usize,
}

/// Elements as a flat JSON list; NaN is `null`.
pub(in crate::serve) struct JsonData<'a>(pub(in crate::serve) &'a TensorData);

impl Serialize for JsonData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            TensorData::Bool(values) => serializer.collect_seq(values),
            TensorData::U8(values) => serializer.collect_seq(values),
            TensorData::U16(values) => serializer.collect_seq(values),
            TensorData::U32(values) => serializer.collect_seq(values),
            TensorData::U64(values) => serializer.collect_seq(values),
            TensorData::I8(values) => serializer.collect_seq(values),
            TensorData::I16(values) => serializer.collect_seq(values),
            TensorData::I32(values) => serializer.collect_seq(values),
            TensorData::I64(values) => serializer.collect_seq(values),
            TensorData::F16(values) => {
                serializer.collect_seq(values.iter().map(|bits| half::f16::from_bits(*bits).to_f32()))
            }
            TensorData::F32(values) => serializer.collect_seq(values),
            TensorData::F64(values) => serializer.collect_seq(values),
            TensorData::Text(values) => serializer.collect_seq(values),
        }
    }
}

/// Whether an element is one that JSON cannot carry.
pub(in crate::serve) fn holds_infinity(data: &TensorData) -> bool {
    match data {
        TensorData::F16(values) => values.iter().any(|bits| half::f16::from_bits(*bits).is_infinite()),
        TensorData::F32(values) => values.iter().any(|value| value.is_infinite()),
        TensorData::F64(values) => values.iter().any(|value| value.is_infinite()),
        _ => false,
    }
}

/// Writes the answer.
pub(super) fn write(model: &str, version: &str, id: Option<&str>, chosen: &[Chosen<'_>]) -> Result<Written, ApiError> {
    let mut tail = Vec::new();
    let mut outputs = Vec::with_capacity(chosen.len());
    let mut n_elements = 0;
    for Chosen { tensor, binary } in chosen {
        let mut output = Output {
            name: &tensor.name,
            datatype: tensor.data.dtype().v2_name(),
            shape: &tensor.shape,
            parameters: None,
            data: None,
        };
        if *binary {
            let before = tail.len();
            binary::encode(&tensor.data, &mut tail)
                .map_err(|reason| ApiError::internal("an output could not be written", reason))?;
            output.parameters = Some(OutputParameters { binary_data_size: tail.len() - before });
        } else {
            if holds_infinity(&tensor.data) {
                let message = format!(
                    "output `{}` holds an infinity, which JSON cannot carry; ask for it with \"binary_data\": true",
                    tensor.name
                );
                return Err(ApiError::unprocessable(message, Vec::new()));
            }
            n_elements += tensor.data.len();
            output.data = Some(JsonData(&tensor.data));
        }
        outputs.push(output);
    }
    let has_tail = chosen.iter().any(|chosen| chosen.binary);
    let mut body = Vec::with_capacity(160 + 80 * outputs.len() + 12 * n_elements + tail.len());
    let answer = Answer { model_name: model, model_version: version, id, outputs };
    serde_json::to_writer(&mut body, &answer)
        .map_err(|error| ApiError::internal("the answer could not be written", error.to_string()))?;
    let json_length = has_tail.then_some(body.len());
    body.append(&mut tail);
    Ok(Written { body, json_length })
}
