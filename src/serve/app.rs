//! The server's state and its routes.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::batch::Batcher;
use super::entry::Entry;
use super::error::ApiError;
use super::fallback::Fallback;
use super::metrics::{self, Metrics};
use super::observe::Observe;
use super::request_log::RequestLog;
use super::{ServeConfig, ServeError, ServedModel, body, docs, mlflow, openapi, predict, v2};
use crate::clock;

/// How far the server's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    /// Models are being warmed up.
    Starting,
    /// Ready.
    Serving,
    /// Asked to stop: not ready, but whoever has not noticed is still served.
    Draining,
    /// What is under way may finish, nothing new is taken.
    Closing,
}

impl Phase {
    fn from_u8(phase: u8) -> Self {
        match phase {
            0 => Self::Starting,
            1 => Self::Serving,
            2 => Self::Draining,
            _ => Self::Closing,
        }
    }
}

/// The server's state.
pub(super) struct App {
    pub(super) models: Vec<Arc<Entry>>,
    pub(super) config: ServeConfig,
    pub(super) metrics: Metrics,
    pub(super) request_log: Option<RequestLog>,
    phase: AtomicU8,
    in_flight: Arc<Semaphore>,
    /// One permit for each model that may compute at once.
    pub(super) processors: Arc<Semaphore>,
    /// Memory for bodies, in units of [`body::UNIT_BYTES`].
    pub(super) body_memory: Arc<Semaphore>,
    pub(super) n_processors: usize,
    openapi: OnceLock<Bytes>,
    /// One moment, on both clocks.
    began: (Instant, Timestamp),
}

impl App {
    pub(super) fn new(models: Vec<ServedModel>, config: &ServeConfig) -> Result<Arc<Self>, ServeError> {
        let metrics = Metrics::new().map_err(ServeError::Metrics)?;
        let names: Vec<(String, String)> =
            models.iter().map(|model| (model.name.clone(), model.version.clone())).collect();
        let entries = models.into_iter().map(|model| {
            let of_same_name = names.iter().filter(|(name, _)| *name == model.name);
            let versions: Vec<&str> = of_same_name.map(|(_, version)| version.as_str()).collect();
            Arc::new(Entry::new(model, &versions, &metrics))
        });
        let entries: Vec<Arc<Entry>> = entries.collect();
        if let Some(fallback) = &config.fallback {
            for entry in &entries {
                if let Some(fallback) = Fallback::new(fallback, entry, &entries)? {
                    // Entries were made above and have none yet.
                    entry.fallback.get_or_init(|| fallback);
                }
            }
        }
        let request_log = config.request_log.as_ref().map(RequestLog::open).transpose()?;
        let n_processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let units = (config.max_buffered_bytes / body::UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Ok(Arc::new(Self {
            models: entries,
            config: config.clone(),
            metrics,
            request_log,
            phase: AtomicU8::new(Phase::Starting as u8),
            in_flight: Arc::new(Semaphore::new(config.max_in_flight.min(Semaphore::MAX_PERMITS))),
            processors: Arc::new(Semaphore::new(n_processors)),
            body_memory: Arc::new(Semaphore::new(units)),
            n_processors,
            openapi: OnceLock::new(),
            began: (Instant::now(), clock::now()),
        }))
    }

    /// Warms every model up, then becomes ready unless asked to stop meanwhile.
    pub(super) fn warm_up(&self) {
        for entry in &self.models {
            entry.warm_up();
            if let Some(config) = &self.config.batching {
                let (model, version) = (&entry.served.name, &entry.served.version);
                match Batcher::new(config, entry, self.n_processors) {
                    Ok(batcher) => drop(entry.batcher.set(batcher)),
                    Err(reason) => tracing::warn!(model, version, reason, "requests are not run together"),
                }
            }
        }
        self.openapi.get_or_init(|| openapi::document(self));
        self.advance(Phase::Serving);
    }

    /// A moment as time since 1970.
    pub(super) fn since_1970(&self, moment: Instant) -> Duration {
        let (instant, time) = self.began;
        Duration::from_nanos(u64::try_from(time.as_nanosecond()).unwrap_or(0))
            + moment.saturating_duration_since(instant)
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::from_u8(self.phase.load(Ordering::SeqCst))
    }

    /// Moves on to `phase`; never back.
    pub(super) fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
    }

    /// Whether new requests should come here.
    pub(super) fn ready(&self) -> bool {
        self.phase() == Phase::Serving
    }

    /// Requests to models under way.
    pub(super) fn n_in_flight(&self) -> usize {
        self.config.max_in_flight.saturating_sub(self.in_flight.available_permits())
    }

    /// Lets a request to a model in, or says at once why not.
    pub(super) fn admit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        match self.phase() {
            Phase::Starting => return Err(ApiError::unavailable("the model is warming up", 1)),
            Phase::Closing => return Err(ApiError::unavailable("the server is stopping", 5)),
            Phase::Serving | Phase::Draining => {}
        }
        Arc::clone(&self.in_flight).try_acquire_owned().map_err(|_full| {
            self.metrics.rejected("in flight");
            ApiError::overloaded(format!("{} requests are under way already", self.config.max_in_flight))
        })
    }

    /// The model of that name and version or alias; without a version, the first of the name.
    pub(super) fn find(&self, name: &str, version: Option<&str>) -> Result<&Arc<Entry>, ApiError> {
        let mut of_name = self.models.iter().filter(|entry| entry.served.name == name).peekable();
        if of_name.peek().is_none() {
            let mut known: Vec<&str> = self.models.iter().map(|entry| entry.served.name.as_str()).collect();
            known.dedup();
            return Err(ApiError::not_found(format!("there is no model `{name}`; there is {}", known.join(", "))));
        }
        of_name.find(|entry| version.is_none_or(|version| entry.is_called(version))).ok_or_else(|| {
            let version = version.unwrap_or_default();
            ApiError::not_found(format!("model `{name}` has no version `{version}` here"))
        })
    }

    fn openapi(&self) -> Bytes {
        self.openapi.get().cloned().unwrap_or_else(|| openapi::document(self))
    }
}

/// The server without a port, ready to answer; models are warmed up before it returns.
pub fn router(models: Vec<ServedModel>, config: &ServeConfig) -> Result<Router, ServeError> {
    let app = App::new(models, config)?;
    app.warm_up();
    Ok(routes(&app))
}

/// The routes over `app`.
pub(super) fn routes(app: &Arc<App>) -> Router {
    let document = Arc::clone(app);
    Router::new()
        .route("/", get(docs::redirect))
        .route("/docs", get(docs::redirect))
        .route("/docs/", get(docs::index))
        .route("/docs/{*file}", get(docs::file))
        .route("/openapi.json", get(move || async move { super::error::json_bytes(document.openapi()) }))
        .route("/metrics", get(metrics_text))
        .route("/predict", post(predict::predict))
        .merge(mlflow::routes())
        .merge(v2::routes())
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(Observe::new(app))
        .with_state(Arc::clone(app))
}

async fn metrics_text(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let mut response = Response::new(app.metrics.text()?.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
    Ok(response)
}

async fn no_such_path(uri: Uri) -> Response {
    ApiError::not_found(format!("there is nothing at {}; /docs lists what there is", uri.path())).into_response()
}

async fn wrong_method(method: axum::http::Method, uri: Uri) -> Response {
    ApiError::method_not_allowed(format!("{} does not take {method}", uri.path())).into_response()
}
