//! The server's state and its routes.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use super::example::{self, Example};
use super::observe::Observe;
use super::v2::{self, MissingTexts};
use super::{ServeConfig, ServedModel, docs, openapi, predict};
use crate::jobs::panic_message;

/// What one request may compute on a thread that also serves other connections.
///
/// Handing work to another thread and back costs some 10 to 20 µs of CPU time, more than a small tabular model takes;
/// tokio's advice is to let no more than 10 to 100 µs pass between two await points.
const INLINE_BUDGET_MICROS: f32 = 100.0;

/// Timed runs at start, after the first.
const WARM_UP_RUNS: usize = 5;

/// No further timed run is started after this.
const WARM_UP_TIME: Duration = Duration::from_millis(20);

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

/// One model, and what is prepared for it once.
pub(super) struct Entry {
    pub(super) served: ServedModel,
    /// The answer to a request for its metadata.
    pub(super) metadata: Bytes,
    pub(super) missing: MissingTexts,
    pub(super) example: OnceLock<Example>,
    /// Bits of the `f32` microseconds one row takes; infinite while that is not known.
    micros_per_row: AtomicU32,
}

impl Entry {
    fn new(served: ServedModel, versions: &[&str]) -> Self {
        Self {
            metadata: v2::metadata(&served, versions),
            missing: v2::missing_texts(&served),
            served,
            example: OnceLock::new(),
            micros_per_row: AtomicU32::new(f32::INFINITY.to_bits()),
        }
    }

    /// Whether `n_rows` may be computed without leaving the thread.
    fn is_cheap(&self, n_rows: usize) -> bool {
        f32::from_bits(self.micros_per_row.load(Ordering::Relaxed)) * n_rows as f32 <= INLINE_BUDGET_MICROS
    }

    /// Runs the model on one plain row, so that the first client does not wait for what is made once.
    fn warm_up(&self) {
        let (name, version) = (&*self.served.name, &*self.served.version);
        let Some(inputs) = example::inputs(&self.served) else {
            tracing::info!(model = name, version, "not warmed up: no plain row can be made for this contract");
            return;
        };
        let started = Instant::now();
        match self.served.model.run(&inputs) {
            Ok(outputs) => {
                let example = Example::new(&self.served, inputs, outputs);
                let first = started.elapsed();
                let mut fastest = Duration::MAX;
                let timed = Instant::now();
                for _ in 0..WARM_UP_RUNS {
                    let run = Instant::now();
                    if self.served.model.run(&example.inputs).is_err() {
                        fastest = Duration::MAX;
                        break;
                    }
                    fastest = fastest.min(run.elapsed());
                    if WARM_UP_TIME < timed.elapsed() {
                        break;
                    }
                }
                let micros = fastest.as_secs_f32() * 1e6;
                self.micros_per_row.store(micros.to_bits(), Ordering::Relaxed);
                tracing::info!(
                    model = name,
                    version,
                    first_ms = first.as_secs_f64() * 1e3,
                    then_ms = f64::from(micros) / 1e3,
                    inline = self.is_cheap(1),
                    "warmed up"
                );
                // Only this function sets it, and it is called once.
                self.example.get_or_init(|| example);
            }
            Err(error) => tracing::warn!(model = name, version, error, "the model failed on a plain row"),
        }
    }
}

/// The server's state.
pub(super) struct App {
    pub(super) models: Vec<Arc<Entry>>,
    pub(super) config: ServeConfig,
    phase: AtomicU8,
    in_flight: Arc<Semaphore>,
    /// One permit for each model that may compute at once.
    processors: Arc<Semaphore>,
    openapi: OnceLock<Bytes>,
}

impl App {
    pub(super) fn new(models: Vec<ServedModel>, config: &ServeConfig) -> Arc<Self> {
        let names: Vec<(String, String)> =
            models.iter().map(|model| (model.name.clone(), model.version.clone())).collect();
        let entries = models.into_iter().map(|model| {
            let of_same_name = names.iter().filter(|(name, _)| *name == model.name);
            let versions: Vec<&str> = of_same_name.map(|(_, version)| version.as_str()).collect();
            Arc::new(Entry::new(model, &versions))
        });
        let n_processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Arc::new(Self {
            models: entries.collect(),
            config: config.clone(),
            phase: AtomicU8::new(Phase::Starting as u8),
            in_flight: Arc::new(Semaphore::new(config.max_in_flight.min(Semaphore::MAX_PERMITS))),
            processors: Arc::new(Semaphore::new(n_processors)),
            openapi: OnceLock::new(),
        })
    }

    /// Warms every model up, then becomes ready unless asked to stop meanwhile.
    pub(super) fn warm_up(&self) {
        for entry in &self.models {
            entry.warm_up();
        }
        self.openapi.get_or_init(|| openapi::document(self));
        self.advance(Phase::Serving);
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
            ApiError::overloaded(format!("{} requests are under way already", self.config.max_in_flight))
        })
    }

    /// The model of that name and version; without a version, the first of the name.
    pub(super) fn find(&self, name: &str, version: Option<&str>) -> Result<&Arc<Entry>, ApiError> {
        let mut of_name = self.models.iter().filter(|entry| entry.served.name == name).peekable();
        if of_name.peek().is_none() {
            let known: Vec<&str> = self.models.iter().map(|entry| entry.served.name.as_str()).collect();
            return Err(ApiError::not_found(format!("there is no model `{name}`; there is {}", known.join(", "))));
        }
        of_name.find(|entry| version.is_none_or(|version| entry.served.version == version)).ok_or_else(|| {
            let version = version.unwrap_or_default();
            ApiError::not_found(format!("model `{name}` has no version `{version}` here"))
        })
    }

    /// Does `work` for a request that was let in: here when it is cheap, else on a thread that may block.
    ///
    /// Work that has begun cannot be stopped; it keeps its permits until it is done, so that time-outs do not
    /// let more work in than is allowed.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        entry: &Entry,
        n_rows: usize,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        if entry.is_cheap(n_rows) {
            let result = work();
            drop(permit);
            return result;
        }
        let processors = Arc::clone(&self.processors);
        let elsewhere = async move {
            let processor = processors.acquire_owned().await;
            let task = tokio::task::spawn_blocking(move || {
                let result = work();
                drop((permit, processor));
                result
            });
            match task.await {
                Ok(result) => result,
                Err(error) => Err(crashed(error)),
            }
        };
        match tokio::time::timeout(self.config.request_timeout, elsewhere).await {
            Ok(result) => result,
            Err(_elapsed) => Err(ApiError::unavailable(
                format!("the model did not answer within {} s", self.config.request_timeout.as_secs_f64()),
                1,
            )),
        }
    }

    fn openapi(&self) -> Bytes {
        self.openapi.get().cloned().unwrap_or_else(|| openapi::document(self))
    }
}

fn crashed(error: tokio::task::JoinError) -> ApiError {
    let reason = match error.try_into_panic() {
        Ok(panic) => panic_message(panic.as_ref()),
        Err(error) => error.to_string(),
    };
    ApiError::internal("the model stopped unexpectedly", reason)
}

/// The server without a port, ready to answer; models are warmed up before it returns.
pub fn router(models: Vec<ServedModel>, config: &ServeConfig) -> Router {
    let app = App::new(models, config);
    app.warm_up();
    routes(&app)
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
        .route("/predict", post(predict::predict))
        .merge(v2::routes())
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(Observe::new(app))
        .with_state(Arc::clone(app))
}

async fn no_such_path(uri: Uri) -> Response {
    ApiError::not_found(format!("there is nothing at {}; /docs lists what there is", uri.path())).into_response()
}

async fn wrong_method(method: axum::http::Method, uri: Uri) -> Response {
    ApiError::method_not_allowed(format!("{} does not take {method}", uri.path())).into_response()
}
