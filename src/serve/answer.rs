//! The way of a request through the server, the same for every protocol: let in, read, parse, run, write.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use prometheus::IntGauge;
use tokio::sync::OwnedSemaphorePermit;

use super::app::App;
use super::batch::Batcher;
use super::body;
use super::coding::{self, Coding};
use super::entry::{Entry, Instead, Ran};
use super::error::{ApiError, JSON};
use super::metrics::Spent;
use super::observe::{Answered, REQUEST_ID};
use super::request_log::Record;
use crate::clock;
use crate::engine::tensor::Tensor;
use crate::jobs::panic_message;

/// Bodies up to this are parsed on the connection's thread.
const PARSED_INLINE_BYTES: usize = 64 * 1024;

/// Outputs up to this are written on the connection's thread.
const WRITTEN_INLINE_ELEMENTS: usize = 4096;

/// Says that something else answered in place of the model, and what.
const FALLBACK: HeaderName = HeaderName::from_static("x-trestle-fallback");

/// Length of the JSON in front of binary tensors.
pub(super) const HEADER_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// A request that was understood, in whatever protocol.
pub(super) trait Asked: Send + 'static {
    /// The model's inputs; asked for once.
    fn take_inputs(&mut self) -> Vec<Tensor>;

    /// The answer when there is nothing to run.
    fn at_once(&self) -> Option<Written> {
        None
    }

    /// The answer from the outputs of `entry`.
    fn write(&self, entry: &Entry, outputs: &[Tensor]) -> Result<Written, ApiError>;
}

/// An answer's body.
pub(super) struct Written {
    /// The bytes.
    pub(super) body: Vec<u8>,
    /// How many of them are JSON, when tensors follow.
    pub(super) json_length: Option<usize>,
}

impl From<Vec<u8>> for Written {
    fn from(body: Vec<u8>) -> Self {
        Self { body, json_length: None }
    }
}

/// What a request holds until its work is done, whether anybody still waits for it or not.
pub(super) struct Kept {
    _permit: OwnedSemaphorePermit,
    _grant: body::Grant,
}

/// Answers a request to `entry`; `parse` understands its body.
pub(super) async fn answer<A: Asked>(
    app: &Arc<App>,
    entry: &Arc<Entry>,
    parts: &Parts,
    body: Body,
    parse: impl FnOnce(&Entry, &Bytes) -> Result<A, ApiError> + Send + 'static,
) -> Response {
    let begun = Instant::now();
    let mut spent = Spent::default();
    let answered = try_answer(app, entry, parts, body, parse, &mut spent).await;
    let took = begun.elapsed();
    let mut response = match answered {
        Ok(response) => {
            entry.metrics.succeeded(took, &spent, app.since_1970(begun).as_millis() as u64);
            response
        }
        Err(error) => {
            entry.metrics.failed(took);
            error.into_response()
        }
    };
    response.extensions_mut().insert(Answered { entry: Arc::clone(entry), spent });
    response
}

async fn try_answer<A: Asked>(
    app: &Arc<App>,
    entry: &Arc<Entry>,
    parts: &Parts,
    body: Body,
    parse: impl FnOnce(&Entry, &Bytes) -> Result<A, ApiError> + Send + 'static,
    spent: &mut Spent,
) -> Result<Response, ApiError> {
    let permit = app.admit()?;
    let (bytes, grant) = body::read(app, body, &parts.headers).await?.into_parts();
    let work = Work {
        app: Arc::clone(app),
        entry: Arc::clone(entry),
        accepted: coding::of_answer(&parts.headers),
        log_id: app.request_log.as_ref().filter(|log| log.samples()).map(|_| request_id(&parts.headers)),
        kept: Arc::new(Kept { _permit: permit, _grant: grant }),
    };
    if bytes.len() <= PARSED_INLINE_BYTES {
        let begun = Instant::now();
        let mut asked = parse(entry, &bytes)?;
        drop(bytes);
        if let Some(written) = asked.at_once() {
            return Ok(work.respond(written, None));
        }
        let inputs = asked.take_inputs();
        spent.input = begun.elapsed();
        spent.n_rows = n_rows(&inputs);
        if entry.is_cheap(spent.n_rows) {
            let done = work.run(&asked, inputs);
            return done.report(spent);
        }
        return within(app, entry, work.run_elsewhere(asked, inputs, spent)).await;
    }
    let elsewhere = async {
        let queued = Instant::now();
        let processor = Arc::clone(&app.processors).acquire_owned().await;
        spent.queue += queued.elapsed();
        let model = Arc::clone(entry);
        let parsed = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let mut asked = parse(&model, &bytes)?;
            drop(processor);
            let inputs = if asked.at_once().is_some() { Vec::new() } else { asked.take_inputs() };
            Ok((asked, inputs, begun.elapsed()))
        });
        let (asked, inputs, took) = parsed.await.unwrap_or_else(|error| Err(crashed(error)))?;
        spent.input = took;
        if let Some(written) = asked.at_once() {
            return Ok(work.respond(written, None));
        }
        spent.n_rows = n_rows(&inputs);
        work.run_elsewhere(asked, inputs, spent).await
    };
    within(app, entry, elsewhere).await
}

fn n_rows(inputs: &[Tensor]) -> usize {
    inputs.iter().map(Tensor::n_rows).max().unwrap_or(1)
}

fn request_id(headers: &HeaderMap) -> String {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
}

/// Waits no longer than a request may take. Work that has begun cannot be stopped; it keeps its place until it is
/// done, so that time-outs do not let more work in than is allowed.
async fn within(
    app: &App,
    entry: &Entry,
    work: impl Future<Output = Result<Response, ApiError>>,
) -> Result<Response, ApiError> {
    match tokio::time::timeout(app.config.request_timeout, work).await {
        Ok(result) => result,
        Err(_elapsed) => {
            entry.timed_out();
            let seconds = app.config.request_timeout.as_secs_f64();
            Err(ApiError::unavailable(format!("the model did not answer within {seconds} s"), 1))
        }
    }
}

/// What the work on one request needs.
struct Work {
    app: Arc<App>,
    entry: Arc<Entry>,
    accepted: Option<Coding>,
    /// The request's id, when it is kept in the request log.
    log_id: Option<String>,
    kept: Arc<Kept>,
}

/// Work that is done, and how long its parts took.
struct Done {
    response: Result<Response, ApiError>,
    infer: Duration,
    output: Duration,
}

impl Done {
    fn report(self, spent: &mut Spent) -> Result<Response, ApiError> {
        spent.infer = self.infer;
        spent.output = self.output;
        self.response
    }
}

impl Work {
    /// Runs the model here.
    fn run(&self, asked: &impl Asked, inputs: Vec<Tensor>) -> Done {
        let begun = Instant::now();
        let ran = self.entry.run(&inputs);
        let infer = begun.elapsed();
        self.finish(asked, inputs, ran, infer)
    }

    /// Runs the model on a thread that may block: with what else waits, or alone once a processor is free.
    async fn run_elsewhere<A: Asked>(
        self,
        asked: A,
        inputs: Vec<Tensor>,
        spent: &mut Spent,
    ) -> Result<Response, ApiError> {
        let entry = Arc::clone(&self.entry);
        let pending = Pending::new(&entry.metrics.pending);
        if entry.batcher.get().is_some_and(|batcher| batcher.takes(spent.n_rows)) {
            let copy = if self.log_id.is_some() { inputs.clone() } else { Vec::new() };
            let asking = Batcher::ask(&entry, inputs, spent.n_rows, Arc::clone(&self.kept));
            let stopping = || ApiError::unavailable("the server is stopping", 5);
            let (ran, queue, infer) = asking.await.ok_or_else(stopping)?;
            drop(pending);
            spent.queue += queue;
            let n_elements = ran.as_ref().map_or(0, |ran| ran.outputs.iter().map(|output| output.data.len()).sum());
            if n_elements <= WRITTEN_INLINE_ELEMENTS {
                return self.finish(&asked, copy, ran, infer).report(spent);
            }
            let finished = tokio::task::spawn_blocking(move || self.finish(&asked, copy, ran, infer));
            return finished.await.map_err(crashed)?.report(spent);
        }
        let queued = Instant::now();
        let processor = Arc::clone(&self.app.processors).acquire_owned().await;
        spent.queue += queued.elapsed();
        drop(pending);
        let ran = tokio::task::spawn_blocking(move || {
            let done = self.run(&asked, inputs);
            drop(processor);
            done
        });
        ran.await.map_err(crashed)?.report(spent)
    }

    /// Writes the answer, and keeps a record of it if asked to.
    fn finish(&self, asked: &impl Asked, inputs: Vec<Tensor>, ran: Result<Ran, String>, infer: Duration) -> Done {
        let begun = Instant::now();
        let (response, outputs) = match ran {
            Err(reason) => (Err(model_failed(reason)), Vec::new()),
            Ok(Ran { outputs, instead }) => {
                let by = if let Some(Instead::Version(other)) = &instead { other } else { &self.entry };
                let written = asked.write(by, &outputs);
                (written.map(|written| self.respond(written, instead.as_ref())), outputs)
            }
        };
        let output = begun.elapsed();
        if let (Some(id), Some(log)) = (&self.log_id, &self.app.request_log) {
            let status = response.as_ref().map_or_else(ApiError::status, Response::status).as_u16();
            let millis = (infer + output).as_secs_f64() * 1e3;
            let (id, entry) = (id.clone(), Arc::clone(&self.entry));
            let record = Record { time: clock::now(), id, entry, inputs, outputs, status, millis };
            log.keep(record, &self.app.metrics.unlogged);
        }
        Done { response, infer, output }
    }

    /// The answer as it is sent.
    fn respond(&self, written: Written, instead: Option<&Instead>) -> Response {
        let Written { body, json_length } = written;
        let (body, coding) = coding::pack(self.accepted, body);
        let mut response = Response::new(body.into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        if let Some(length) = json_length {
            headers.insert(HEADER_LENGTH, HeaderValue::from(length));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        }
        if let Some(coding) = coding {
            headers.insert(CONTENT_ENCODING, coding);
        }
        if let Some(instead) = instead {
            self.entry.metrics.fallback.inc();
            let said = match instead {
                Instead::Version(other) => format!("version {}", other.served.version),
                Instead::Constant => "constant".to_owned(),
            };
            headers.insert(FALLBACK, HeaderValue::from_str(&said).unwrap_or(HeaderValue::from_static("version")));
        }
        response
    }
}

/// Counts a request among those that wait, until dropped.
struct Pending<'a>(&'a IntGauge);

impl<'a> Pending<'a> {
    fn new(gauge: &'a IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// 500 for a model that failed on a request that fits its contract.
pub(super) fn model_failed(reason: String) -> ApiError {
    ApiError::internal(format!("the model failed: {reason}"), reason)
}

fn crashed(error: tokio::task::JoinError) -> ApiError {
    let reason = match error.try_into_panic() {
        Ok(panic) => panic_message(panic.as_ref()),
        Err(error) => error.to_string(),
    };
    ApiError::internal("the server failed on this request", reason)
}
