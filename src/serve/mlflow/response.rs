//! Predictions as MLflow writes them.

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::engine::tensor::Tensor;
use crate::serve::answer::{Written, model_failed};
use crate::serve::error::ApiError;
use crate::serve::rows;
use crate::serve::v2::{JsonData, holds_infinity};

/// The body: records for `n_rows`, else a list for each output.
pub(super) fn write(outputs: &[Tensor], n_rows: Option<usize>) -> Result<Written, ApiError> {
    #[derive(Serialize)]
    struct Body<T> {
        predictions: T,
    }
    if let Some(output) = outputs.iter().find(|output| holds_infinity(&output.data)) {
        let message = format!("output `{}` holds an infinity, which JSON cannot carry", output.name);
        return Err(ApiError::unprocessable(message, Vec::new()));
    }
    let written = match n_rows {
        Some(n_rows) => {
            if let Some(output) = outputs.iter().find(|output| output.shape.first() != Some(&n_rows)) {
                let (name, shape) = (&output.name, &output.shape);
                return Err(model_failed(format!("output {name} has the shape {shape:?} for {n_rows} rows")));
            }
            serde_json::to_vec(&Body { predictions: Records { outputs, n_rows } })
        }
        None => serde_json::to_vec(&Body { predictions: Lists(outputs) }),
    };
    let failed = |error: serde_json::Error| ApiError::internal("the answer could not be written", error.to_string());
    written.map(Into::into).map_err(failed)
}

/// The answer to rows, for the documentation; `None` when it cannot be written.
pub(in crate::serve) fn records(outputs: &[Tensor], n_rows: usize) -> Option<Json> {
    serde_json::from_slice(&write(outputs, Some(n_rows)).ok()?.body).ok()
}

/// One object a row: each output's value, or the list of its values.
struct Records<'a> {
    outputs: &'a [Tensor],
    n_rows: usize,
}

impl Serialize for Records<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.n_rows).map(|row| Record { outputs: self.outputs, row }))
    }
}

struct Record<'a> {
    outputs: &'a [Tensor],
    row: usize,
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.outputs.iter().map(|output| {
            let row = rows::rows(output, self.row..self.row + 1);
            let shape = row.shape.get(1..).unwrap_or_default().to_vec();
            (&output.name, Nested { tensor: Tensor { shape, ..row } })
        }))
    }
}

/// Each output under its name, nested as its shape says.
struct Lists<'a>(&'a [Tensor]);

impl Serialize for Lists<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|output| (&output.name, Nested { tensor: output.clone() })))
    }
}

/// A tensor as lists within lists; one without axes is its element.
struct Nested {
    tensor: Tensor,
}

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.tensor.shape.as_slice() {
            [] => Element(&self.tensor).serialize(serializer),
            [_] => JsonData(&self.tensor.data).serialize(serializer),
            [length, ..] => serializer.collect_seq((0..*length).map(|row| {
                let mut tensor = rows::rows(&self.tensor, row..row + 1);
                tensor.shape.remove(0);
                Self { tensor }
            })),
        }
    }
}

struct Element<'a>(&'a Tensor);

impl Serialize for Element<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use crate::engine::tensor::TensorData;
        fn one<T: Serialize, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
            values.first().serialize(serializer)
        }
        match &self.0.data {
            TensorData::Bool(values) => one(values, serializer),
            TensorData::U8(values) => one(values, serializer),
            TensorData::U16(values) => one(values, serializer),
            TensorData::U32(values) => one(values, serializer),
            TensorData::U64(values) => one(values, serializer),
            TensorData::I8(values) => one(values, serializer),
            TensorData::I16(values) => one(values, serializer),
            TensorData::I32(values) => one(values, serializer),
            TensorData::I64(values) => one(values, serializer),
            TensorData::F16(values) => {
                values.first().map(|bits| half::f16::from_bits(*bits).to_f32()).serialize(serializer)
            }
            TensorData::F32(values) => one(values, serializer),
            TensorData::F64(values) => one(values, serializer),
            TensorData::Text(values) => one(values, serializer),
        }
    }
}
