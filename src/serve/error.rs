//! What a client is told when a request cannot be answered: one shape, one place that maps it to HTTP.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// `application/json`, as a header value.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer other than success.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    fields: Vec<WrongField>,
    retry_after_secs: Option<u64>,
    internal: Option<String>,
}

/// One wrong field of a request for people.
#[derive(Debug, Serialize)]
pub(super) struct WrongField {
    /// Place in the list of rows, when a list was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) row: Option<usize>,
    /// The field.
    pub(super) field: String,
    /// What it should hold.
    pub(super) expected: String,
    /// What it held.
    pub(super) given: String,
    /// What to do, when that is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) hint: String,
}

/// For the log, in the response's extensions: what went wrong inside, which the client need not know in full.
#[derive(Clone, Debug)]
pub(super) struct Internal(pub(super) String);

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), fields: Vec::new(), retry_after_secs: None, internal: None }
    }

    /// The status it is sent with.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// 400: the request is not what the protocol or the model's contract says.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 404: there is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 405: the thing is there, the method is not.
    pub(super) fn method_not_allowed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }

    /// 408: the client did not send its request in time.
    pub(super) fn request_timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, message)
    }

    /// 413: the body is too large.
    pub(super) fn too_large(limit_bytes: usize) -> Self {
        let message = format!("the body is larger than the {limit_bytes} bytes that are accepted");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// 401: a token is needed, or another one.
    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 415: the body is packed or written in a way that is not understood.
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    /// 422: well-formed, but the content cannot be answered.
    pub(super) fn unprocessable(message: impl Into<String>, fields: Vec<WrongField>) -> Self {
        Self { fields, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, message) }
    }

    /// 429: too many requests are under way.
    pub(super) fn overloaded(message: impl Into<String>) -> Self {
        Self { retry_after_secs: Some(1), ..Self::new(StatusCode::TOO_MANY_REQUESTS, message) }
    }

    /// 431: path and headers are too large.
    pub(super) fn head_too_large(limit_bytes: usize) -> Self {
        let message = format!("path and headers are larger than the {limit_bytes} bytes that are accepted");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message)
    }

    /// 503: not now.
    pub(super) fn unavailable(message: impl Into<String>, retry_after_secs: u64) -> Self {
        Self { retry_after_secs: Some(retry_after_secs), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// 500: our fault; `internal` goes to the log only.
    pub(super) fn internal(message: impl Into<String>, internal: impl Into<String>) -> Self {
        Self { internal: Some(internal.into()), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, message) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a str,
            #[serde(skip_serializing_if = "<[WrongField]>::is_empty")]
            fields: &'a [WrongField],
        }
        let body = Body { error: &self.message, fields: &self.fields };
        // Strings and integers always serialise.
        let body = serde_json::to_vec(&body).unwrap_or_else(|_| br#"{"error":"unknown"}"#.to_vec());
        let mut response = (self.status, [(CONTENT_TYPE, JSON)], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_secs {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(internal) = self.internal {
            response.extensions_mut().insert(Internal(internal));
        }
        response
    }
}

/// A JSON answer from bytes that are JSON already.
pub(super) fn json_bytes(body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A JSON answer.
pub(super) fn json(body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => json_bytes(body),
        Err(error) => ApiError::internal("the answer could not be written", error.to_string()).into_response(),
    }
}
