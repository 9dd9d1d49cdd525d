//! Around every request: an id, a line in the log, a limit on the head, and no panic beyond this point.

use std::convert::Infallible;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tower::{Layer, Service};

use super::access;
use super::app::{App, Phase};
use super::entry::Entry;
use super::error::{ApiError, Internal};
use super::metrics::Spent;
use super::route::Route;
use crate::jobs::panic_message;

/// The request's id, in and out.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Target of the request lines, for filters.
const TARGET: &str = "trestle::request";

/// Longest id that is taken over from a client.
const MAX_ID_LENGTH: usize = 128;

/// For the log, in the response's extensions: which model answered, and where the time went.
#[derive(Clone)]
pub(super) struct Answered {
    pub(super) entry: Arc<Entry>,
    pub(super) spent: Spent,
}

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

    fn call(&mut self, mut request: Request) -> Self::Future {
        let id = self.observe.ids.take_or_make(request.headers().get(REQUEST_ID));
        let app = Arc::clone(&self.observe.app);
        let line = Line::begin(&app, &request);
        if let Err(error) = refuse(&app, line.route, &request) {
            return Box::pin(std::future::ready(Ok(line.end(error.into_response(), id))));
        }
        if app.request_log.is_some() {
            request.headers_mut().insert(REQUEST_ID, id.clone());
        }
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
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

/// What is wrong with a request before anybody looks at what it asks.
fn refuse(app: &App, route: Route, request: &Request) -> Result<(), ApiError> {
    if app.config.max_head_bytes < head_bytes(request) {
        return Err(ApiError::head_too_large(app.config.max_head_bytes));
    }
    access::admit(&app.config, route.access, request.headers())
}

fn head_bytes(request: &Request) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    request.uri().path().len() + request.uri().query().map_or(0, str::len) + headers.sum::<usize>()
}

/// A request that is being answered: what the metrics and the log say of it.
struct Line {
    app: Arc<App>,
    started: Instant,
    method: Method,
    route: Route,
    /// The path, when somebody reads the log.
    path: Option<String>,
}

impl Line {
    fn begin(app: &Arc<App>, request: &Request) -> Self {
        let logged = tracing::enabled!(target: TARGET, tracing::Level::INFO)
            || tracing::enabled!(target: TARGET, tracing::Level::ERROR);
        app.metrics.active.inc();
        Self {
            app: Arc::clone(app),
            started: Instant::now(),
            method: request.method().clone(),
            route: Route::of(request.uri().path()),
            // The query may hold data of the client's, the path does not.
            path: logged.then(|| request.uri().path().to_owned()),
        }
    }

    fn end(self, mut response: Response, id: HeaderValue) -> Response {
        let took = self.started.elapsed();
        let status = response.status();
        self.app.metrics.answered(known_method(&self.method), self.route.template, status.as_u16(), took);
        if let Some(path) = &self.path {
            let millis = |time: Duration| time.as_micros() as f64 / 1e3;
            let ms = millis(took);
            let (request_id, method) = (id.to_str().unwrap_or_default(), self.method.as_str());
            let answered = response.extensions().get::<Answered>();
            let served = answered.map(|answered| &answered.entry.served);
            let (model, version) = (served.map(|served| &*served.name), served.map(|served| &*served.version));
            let spent = answered.map(|answered| answered.spent);
            let (queue_ms, infer_ms) = (spent.map(|spent| millis(spent.queue)), spent.map(|spent| millis(spent.infer)));
            let rows = spent.map(|spent| spent.n_rows);
            let code = status.as_u16();
            if status.is_server_error() {
                let error = response.extensions().get::<Internal>().map(|Internal(reason)| reason.as_str());
                tracing::error!(
                    target: TARGET,
                    request_id, method, path, model, version, status = code, ms, queue_ms, infer_ms, rows, error,
                    "request"
                );
            } else {
                tracing::info!(
                    target: TARGET,
                    request_id, method, path, model, version, status = code, ms, queue_ms, infer_ms, rows,
                    "request"
                );
            }
        }
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }
}

impl Drop for Line {
    /// Also of a request whose client has gone.
    fn drop(&mut self) {
        self.app.metrics.active.dec();
    }
}

/// Methods as labels; there are as many others as clients care to make up.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "other",
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
