//! The model configuration extension, as far as load generators read it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value as Json, json};

use crate::project::contract::{Dim, Dtype, TensorSpec};
use crate::serve::app::App;
use crate::serve::entry::Entry;
use crate::serve::error::{ApiError, json};

/// Rows that one request may have, as far as a generator is concerned: the limit is on bytes.
const MAX_BATCH: u32 = 1 << 16;

/// Of the version that answers by default.
pub(super) async fn model(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    Ok(json(&configuration(app.find(&name, None)?)))
}

/// Of one version.
pub(super) async fn version(
    State(app): State<Arc<App>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(json(&configuration(app.find(&name, Some(&version))?)))
}

fn configuration(entry: &Entry) -> Json {
    let contract = entry.served.model.contract();
    // With a batch size, shapes are those of one row.
    let batches =
        contract.inputs.iter().chain(&contract.outputs).all(|spec| matches!(spec.shape.first(), Some(Dim::Symbol(_))));
    let tensor = |spec: &TensorSpec| {
        let dims = spec.shape.iter().skip(usize::from(batches));
        let dims: Vec<i64> = dims.map(|dim| dim.fixed().and_then(|n| i64::try_from(n).ok()).unwrap_or(-1)).collect();
        json!({ "name": spec.name, "data_type": data_type(spec.dtype), "dims": dims })
    };
    json!({
        "name": entry.served.name,
        "platform": "onnx_onnxv1",
        "backend": env!("CARGO_PKG_NAME"),
        "max_batch_size": if batches { MAX_BATCH } else { 0 },
        "input": contract.inputs.iter().map(tensor).collect::<Vec<_>>(),
        "output": contract.outputs.iter().map(tensor).collect::<Vec<_>>(),
    })
}

fn data_type(dtype: Dtype) -> String {
    match dtype {
        Dtype::Text => "TYPE_STRING".to_owned(),
        other => format!("TYPE_{}", other.v2_name()),
    }
}
