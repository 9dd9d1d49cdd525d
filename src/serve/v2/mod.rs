//! Open Inference Protocol V2 over REST, with the extensions for binary tensors, statistics and configuration.

mod binary;
mod config;
mod elements;
mod request;
mod response;
mod stats;
mod tensors;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::request::Request;
use self::response::Chosen;
use super::answer::{self, Asked, Written, model_failed};
use super::app::{App, Phase};
use super::entry::Entry;
use super::error::{ApiError, json, json_bytes};
use super::{ServedModel, body};
use crate::engine::tensor::Tensor;
use crate::features::Mapping;
use crate::project::contract::{ModelContract, TensorSpec};

pub(super) use self::response::{JsonData, holds_infinity};
pub(super) use self::tensors::{MissingTexts, check_tensors, tensor_from_json};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2", get(server))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/stats", get(stats::all))
        .route("/v2/models/{model}", get(model))
        .route("/v2/models/{model}/stats", get(stats::model))
        .route("/v2/models/{model}/config", get(config::model))
        .route("/v2/models/{model}/ready", get(model_ready))
        .route("/v2/models/{model}/infer", post(infer))
        .route("/v2/models/{model}/versions/{version}", get(model_version))
        .route("/v2/models/{model}/versions/{version}/stats", get(stats::version))
        .route("/v2/models/{model}/versions/{version}/config", get(config::version))
        .route("/v2/models/{model}/versions/{version}/ready", get(model_version_ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer_version))
        .route("/v2/repository/index", get(index).post(index))
        .route("/v2/repository/models/{model}/load", post(no_loading))
        .route("/v2/repository/models/{model}/unload", post(no_loading))
}

async fn server() -> Response {
    json(&json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": ["binary_tensor_data", "statistics", "model_configuration"],
    }))
}

async fn live() -> Response {
    json_bytes(r#"{"live":true}"#)
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.ready() { json_bytes(r#"{"ready":true}"#) } else { not_ready(&app, &json!({ "ready": false })) }
}

fn not_ready(app: &App, body: &serde_json::Value) -> Response {
    let reason = if app.phase() == Phase::Starting { "the model is warming up" } else { "the server is stopping" };
    let mut body = body.clone();
    body["error"] = reason.into();
    (StatusCode::SERVICE_UNAVAILABLE, json(&body)).into_response()
}

async fn model(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    Ok(json_bytes(app.find(&name, None)?.metadata.clone()))
}

async fn model_version(
    State(app): State<Arc<App>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(json_bytes(app.find(&name, Some(&version))?.metadata.clone()))
}

async fn model_ready(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    Ok(readiness(&app, app.find(&name, None)?))
}

async fn model_version_ready(
    State(app): State<Arc<App>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(readiness(&app, app.find(&name, Some(&version))?))
}

fn readiness(app: &App, entry: &Entry) -> Response {
    let body = json!({ "name": entry.served.name, "ready": app.ready() });
    if app.ready() { json(&body) } else { not_ready(app, &body) }
}

async fn index(State(app): State<Arc<App>>, request: HttpRequest) -> Result<Response, ApiError> {
    /// What may be asked of the index.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Question {
        ready: bool,
    }
    let (parts, body) = request.into_parts();
    let body = body::read(&app, body, &parts.headers).await?.bytes;
    let question: Question = if body.trim_ascii().is_empty() {
        Question::default()
    } else {
        serde_json::from_slice(&body).map_err(bad_json)?
    };
    let ready = app.ready();
    let listed = app.models.iter().filter(|_| ready || !question.ready).map(|entry| {
        let state = if ready { "READY" } else { "UNAVAILABLE" };
        json!({ "name": entry.served.name, "version": entry.served.version, "state": state, "reason": "" })
    });
    Ok(json(&listed.collect::<Vec<_>>()))
}

async fn infer(State(app): State<Arc<App>>, Path(name): Path<String>, request: HttpRequest) -> Response {
    match app.find(&name, None) {
        Ok(entry) => infer_with(&app, entry, request).await,
        Err(error) => error.into_response(),
    }
}

async fn infer_version(
    State(app): State<Arc<App>>,
    Path((name, version)): Path<(String, String)>,
    request: HttpRequest,
) -> Response {
    match app.find(&name, Some(&version)) {
        Ok(entry) => infer_with(&app, entry, request).await,
        Err(error) => error.into_response(),
    }
}

/// What is served is decided at start: a replica that changes its models is no replica any more.
async fn no_loading(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    app.find(&name, None)?;
    let message = "models are chosen when the server starts; start it again with other versions";
    Err(ApiError::bad_request(message))
}

async fn infer_with(app: &Arc<App>, entry: &Arc<Entry>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let json_length = json_length(&parts.headers);
    answer::answer(app, entry, &parts, body, move |entry, body| Prepared::new(entry, body, json_length?)).await
}

/// Length of the JSON when tensors follow it.
fn json_length(headers: &HeaderMap) -> Result<Option<usize>, ApiError> {
    let Some(length) = headers.get(answer::HEADER_LENGTH) else { return Ok(None) };
    let length = length.to_str().ok().and_then(|length| length.trim().parse().ok());
    length.map(Some).ok_or_else(|| ApiError::bad_request("Inference-Header-Content-Length is no number of bytes"))
}

/// A request that fits the model.
struct Prepared {
    id: Option<String>,
    inputs: Vec<Tensor>,
    /// Position among the model's outputs, and whether it is wanted in binary.
    wanted: Vec<(usize, bool)>,
}

impl Prepared {
    fn new(entry: &Entry, body: &Bytes, json_length: Option<usize>) -> Result<Self, ApiError> {
        let length = json_length.unwrap_or(body.len());
        if body.len() < length {
            return Err(ApiError::bad_request(format!(
                "Inference-Header-Content-Length is {length}, but the body has only {} bytes",
                body.len()
            )));
        }
        let tail = json_length.map(|length| body.slice(length..));
        let mut request: Request<'_> = serde_json::from_slice(&body[..length]).map_err(bad_json)?;
        let contract = entry.served.model.contract();
        let inputs = tensors::model_inputs(&mut request, tail.as_ref(), contract, &entry.missing)?;
        let wanted = wanted_outputs(&request, contract)?;
        Ok(Self { id: request.id, inputs, wanted })
    }
}

impl Asked for Prepared {
    fn take_inputs(&mut self) -> Vec<Tensor> {
        std::mem::take(&mut self.inputs)
    }

    fn write(&self, entry: &Entry, outputs: &[Tensor]) -> Result<Written, ApiError> {
        let ServedModel { name, version, model, .. } = &entry.served;
        let specs = &model.contract().outputs;
        let chosen: Option<Vec<Chosen<'_>>> = self
            .wanted
            .iter()
            .map(|(position, binary)| {
                let spec = &specs[*position];
                let tensor = outputs.iter().find(|output| output.name == spec.name)?;
                Some(Chosen { tensor, binary: *binary })
            })
            .collect();
        let chosen = chosen.ok_or_else(|| model_failed("it gave fewer outputs than it declares".to_owned()))?;
        response::write(name, version, self.id.as_deref(), &chosen)
    }
}

fn wanted_outputs(request: &Request<'_>, contract: &ModelContract) -> Result<Vec<(usize, bool)>, ApiError> {
    let by_default = request.parameters.binary_data_output;
    if request.outputs.is_empty() {
        return Ok((0..contract.outputs.len()).map(|position| (position, by_default)).collect());
    }
    let position_of = |wanted: &request::WantedOutput<'_>| {
        if let Some(unknown) = wanted.parameters.refused() {
            let message = format!("output `{}` asks for {unknown}, which there is not here", wanted.name);
            return Err(ApiError::bad_request(message));
        }
        let position = contract.outputs.iter().position(|spec| spec.name == wanted.name).ok_or_else(|| {
            let known: Vec<&str> = contract.outputs.iter().map(|spec| spec.name.as_str()).collect();
            let message = format!("the model has no output `{}`; its outputs are {}", wanted.name, known.join(", "));
            ApiError::bad_request(message)
        })?;
        Ok((position, wanted.parameters.binary_data.unwrap_or(by_default)))
    };
    request.outputs.iter().map(position_of).collect()
}

/// 400 for a body that is not the JSON it should be.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(bad_json)`")]
pub(super) fn bad_json(error: serde_json::Error) -> ApiError {
    ApiError::bad_request(format!("the body cannot be read: {error}"))
}

/// The metadata of a model, as it is sent.
pub(super) fn metadata(served: &ServedModel, versions: &[&str]) -> Bytes {
    #[derive(Serialize)]
    struct Metadata<'a> {
        name: &'a str,
        versions: &'a [&'a str],
        platform: &'static str,
        inputs: Vec<serde_json::Value>,
        outputs: Vec<serde_json::Value>,
    }
    let contract = served.model.contract();
    let metadata = Metadata {
        name: &served.name,
        versions,
        platform: "onnx_onnxv1",
        inputs: contract.inputs.iter().map(tensor_metadata).collect(),
        outputs: contract.outputs.iter().map(tensor_metadata).collect(),
    };
    // Strings and numbers always serialise.
    Bytes::from(serde_json::to_vec(&metadata).unwrap_or_default())
}

fn tensor_metadata(spec: &TensorSpec) -> serde_json::Value {
    let shape: Vec<i64> =
        spec.shape.iter().map(|dim| dim.fixed().and_then(|length| i64::try_from(length).ok()).unwrap_or(-1)).collect();
    let mut metadata = json!({ "name": spec.name, "datatype": spec.dtype.v2_name(), "shape": shape });
    if !spec.classes.is_empty() {
        metadata["parameters"] = json!({ "classes": spec.classes });
    }
    metadata
}

/// The texts that stand for a missing one, from the feature contract.
pub(super) fn missing_texts(served: &ServedModel) -> MissingTexts {
    let features = served.mapping.iter().flat_map(Mapping::features);
    let texts = features.filter_map(|feature| {
        feature.missing.as_ref().map(|text| (feature.input.clone(), feature.column, text.clone()))
    });
    MissingTexts { texts: texts.collect() }
}
