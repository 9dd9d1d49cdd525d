//! The statistics extension: what was asked of each version, and where the time went.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value as Json, json};

use crate::serve::app::App;
use crate::serve::entry::Entry;
use crate::serve::error::{ApiError, json};

/// Of every model.
pub(super) async fn all(State(app): State<Arc<App>>) -> Response {
    answer(app.models.iter())
}

/// Of every version of a model.
pub(super) async fn model(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    app.find(&name, None)?;
    Ok(answer(app.models.iter().filter(|entry| entry.served.name == name)))
}

/// Of one version.
pub(super) async fn version(
    State(app): State<Arc<App>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(answer(std::iter::once(app.find(&name, Some(&version))?)))
}

fn answer<'a>(entries: impl Iterator<Item = &'a Arc<Entry>>) -> Response {
    json(&json!({ "model_stats": entries.map(|entry| statistics(entry)).collect::<Vec<_>>() }))
}

fn statistics(entry: &Entry) -> Json {
    let metrics = &entry.metrics;
    let success = metrics.success.get();
    let nanos = metrics.micros.each_ref().map(|micros| (micros.get() * 1e3) as u64);
    let [request, queue, input, infer, output] = nanos.map(|ns| json!({ "count": success, "ns": ns }));
    json!({
        "name": entry.served.name,
        "version": entry.served.version,
        "last_inference": metrics.last_millis(),
        "inference_count": metrics.rows.get(),
        "execution_count": metrics.executions.get(),
        "inference_stats": {
            "success": request,
            "fail": { "count": metrics.failure.get(), "ns": metrics.failure_nanos() },
            "queue": queue,
            "compute_input": input,
            "compute_infer": infer,
            "compute_output": output,
            "cache_hit": { "count": 0, "ns": 0 },
            "cache_miss": { "count": 0, "ns": 0 },
        },
        // Triton lists these by batch size; there is no cache and no count by size here, /metrics has a histogram.
        "batch_stats": [],
        "memory_usage": [],
    })
}
