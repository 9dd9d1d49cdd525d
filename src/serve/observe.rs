//! Around every request: an id, a line in the log, a limit on the head, and no panic beyond this point.

use std::convert::Infallible;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tower::{Layer, Service};

use super::app::{App, Entry, Phase};
use super::error::{ApiError, Internal};
use crate::jobs::panic_message;

/// The request's id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Target of the request lines, for filters.
const TARGET: &str = "trestle::request";

/// Longest id that is taken over from a client.
const MAX_ID_LENGTH: usize = 128;

/// For the log, in the response's extensions: which model answered.
#[derive(Clone)]
pub(super) struct Answered(pub(super) Arc<Entry>);

/// The layer.
#[derive(Clone)]
pub(super) struct Observe {
    app: Arc<App>,
    ids: Arc<Ids>,
}

impl Observe {
    pub(super) fn new(app: &Arc<App>) -> Self {
        let ids = Ids { start: RandomState::new().hash_one(std::process::id()), count: AtomicU64::new(0) };
        Self { app: Arc::clone(app), ids: Arc::new(ids) }
    }
}

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed { inner, observe: self.clone() }
    }
}

/// A service with the layer around it.
#[derive(Clone)]
pub(super) struct Observed<S> {
    inner: S,
    observe: Observe,
}

impl<S> Service<Request> for Observed<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = self.observe.ids.take_or_make(request.headers().get(REQUEST_ID));
        let line = Line::begin(&request);
        let max_head_bytes = self.observe.app.config.max_head_bytes;
        if max_head_bytes < head_bytes(&request) {
            let response = ApiError::head_too_large(max_head_bytes).into_response();
            return Box::pin(std::future::ready(Ok(line.end(response, id))));
        }
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let app = Arc::clone(&self.observe.app);
        Box::pin(async move {
            let mut response = match answer.await {
                Ok(Ok(response)) => response,
                Err(panic) => {
                    let reason = panic_message(panic.as_ref());
                    ApiError::internal("the server failed on this request", reason).into_response()
                }
            };
            if Phase::Draining <= app.phase() {
                // The client's next request belongs to another instance.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(line.end(response, id))
        })
    }
}

fn head_bytes(request: &Request) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    request.uri().path().len() + request.uri().query().map_or(0, str::len) + headers.sum::<usize>()
}

/// What the log says of a request; nothing is collected when nobody reads it.
struct Line {
    seen: Option<(Instant, Method, String)>,
}

impl Line {
    fn begin(request: &Request) -> Self {
        let logged = tracing::enabled!(target: TARGET, tracing::Level::INFO)
            || tracing::enabled!(target: TARGET, tracing::Level::ERROR);
        // The query may hold data of the client's, the path does not.
        let seen = logged.then(|| (Instant::now(), request.method().clone(), request.uri().path().to_owned()));
        Self { seen }
    }

    fn end(self, mut response: Response, id: HeaderValue) -> Response {
        if let Some((started, method, path)) = self.seen {
            let ms = started.elapsed().as_micros() as f64 / 1e3;
            let (request_id, method, path) = (id.to_str().unwrap_or_default(), method.as_str(), path.as_str());
            let served = response.extensions().get::<Answered>().map(|Answered(entry)| &entry.served);
            let (model, version) = (served.map(|served| &*served.name), served.map(|served| &*served.version));
            let status = response.status();
            let code = status.as_u16();
            if status.is_server_error() {
                let error = response.extensions().get::<Internal>().map(|Internal(reason)| reason.as_str());
                tracing::error!(
                    target: TARGET, request_id, method, path, model, version, status = code, ms, error, "request"
                );
            } else {
                tracing::info!(target: TARGET, request_id, method, path, model, version, status = code, ms, "request");
            }
        }
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }
}

/// Ids for requests that come without one.
struct Ids {
    start: u64,
    count: AtomicU64,
}

impl Ids {
    /// The client's id when it is one that can stand in a log, else a new one.
    fn take_or_make(&self, given: Option<&HeaderValue>) -> HeaderValue {
        let sane = |id: &&HeaderValue| {
            (1..=MAX_ID_LENGTH).contains(&id.len())
                && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte))
        };
        if let Some(id) = given.filter(sane) {
            return id.clone();
        }
        // Multiplying by an odd number is a bijection: no id repeats, and neighbours look different.
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let number = self.start.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut digits = [0; 16];
        for (position, digit) in digits.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(number >> (60 - 4 * position) & 0xF) as usize];
        }
        HeaderValue::from_bytes(&digits).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}
