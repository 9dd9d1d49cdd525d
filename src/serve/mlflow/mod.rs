//! MLflow's scoring protocol: `/ping`, `/health`, `/version` and `/invocations`.
//!
//! Rows of named features are answered by one record a row, tensors by one list an output, as MLflow's ONNX flavour does.

mod request;
mod response;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::answer::{self, Asked, Written};
use super::app::App;
use super::entry::Entry;
use super::error::ApiError;
use crate::engine::tensor::Tensor;

pub(super) use self::response::records;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/ping", get(ping))
        .route("/health", get(ping))
        .route("/version", get(version))
        .route("/invocations", post(invocations))
}

async fn ping(State(app): State<Arc<App>>) -> Response {
    let status = if app.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))], "\n").into_response()
}

async fn version() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("text/plain"))], env!("CARGO_PKG_VERSION")).into_response()
}

async fn invocations(State(app): State<Arc<App>>, request: Request) -> Response {
    let Some(entry) = app.models.first() else { return ApiError::not_found("no model is served").into_response() };
    let (parts, body) = request.into_parts();
    let written = Format::of(&parts.headers);
    answer::answer(&app, entry, &parts, body, move |entry, body| match written? {
        Format::Json => request::from_json(entry, body),
        Format::Csv => request::from_csv(entry, body),
    })
    .await
}

/// How a request is written.
enum Format {
    Json,
    Csv,
}

impl Format {
    /// What the Content-Type says; without one it is JSON.
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(Self::Json) };
        let content_type = content_type.to_str().unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" | "" => Ok(Self::Json),
            "text/csv" => Ok(Self::Csv),
            _ => Err(ApiError::unsupported(format!("{essence} is not taken; send application/json or text/csv"))),
        }
    }
}

/// A request that was understood.
struct Invocation {
    inputs: Vec<Tensor>,
    /// Rows of named features, which are answered row by row; `None` for tensors.
    n_rows: Option<usize>,
}

impl Asked for Invocation {
    fn take_inputs(&mut self) -> Vec<Tensor> {
        std::mem::take(&mut self.inputs)
    }

    fn at_once(&self) -> Option<Written> {
        (self.n_rows == Some(0)).then(|| br#"{"predictions":[]}"#.to_vec().into())
    }

    fn write(&self, _entry: &Entry, outputs: &[Tensor]) -> Result<Written, ApiError> {
        response::write(outputs, self.n_rows)
    }
}
