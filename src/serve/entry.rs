//! One version of a model that is served: what is prepared for it once, and how it is asked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Bytes;

use super::ServedModel;
use super::batch::Batcher;
use super::example::{self, Example};
use super::fallback::Fallback;
use super::metrics::{Metrics, ModelMetrics};
use super::v2::{self, MissingTexts};
use crate::engine::tensor::Tensor;
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

/// One model, and what is prepared for it once.
pub(super) struct Entry {
    pub(super) served: ServedModel,
    /// The answer to a request for its metadata.
    pub(super) metadata: Bytes,
    pub(super) missing: MissingTexts,
    pub(super) example: OnceLock<Example>,
    pub(super) metrics: ModelMetrics,
    /// What answers in place of it.
    pub(super) fallback: OnceLock<Fallback>,
    /// Runs waiting requests together; absent unless asked for and possible.
    pub(super) batcher: OnceLock<Batcher>,
    /// Bits of the `f32` microseconds one row takes; infinite while that is not known.
    micros_per_row: AtomicU32,
    started: Instant,
}

/// What came of asking a model.
pub(super) struct Ran {
    /// Its outputs, in graph order.
    pub(super) outputs: Vec<Tensor>,
    /// What answered in its place, if something did.
    pub(super) instead: Option<Instead>,
}

/// What answered in place of a model.
#[derive(Clone)]
pub(super) enum Instead {
    /// Another version.
    Version(Arc<Entry>),
    /// The configured answer.
    Constant,
}

impl Entry {
    pub(super) fn new(served: ServedModel, versions: &[&str], metrics: &Metrics) -> Self {
        Self {
            metadata: v2::metadata(&served, versions),
            missing: v2::missing_texts(&served),
            example: OnceLock::new(),
            metrics: metrics.model(&served.name, &served.version),
            fallback: OnceLock::new(),
            batcher: OnceLock::new(),
            micros_per_row: AtomicU32::new(f32::INFINITY.to_bits()),
            started: Instant::now(),
            served,
        }
    }

    /// Whether a request means this version: by its number or by an alias.
    pub(super) fn is_called(&self, version: &str) -> bool {
        self.served.version == version || self.served.aliases.iter().any(|alias| alias == version)
    }

    /// Whether `n_rows` may be computed without leaving the thread.
    pub(super) fn is_cheap(&self, n_rows: usize) -> bool {
        f32::from_bits(self.micros_per_row.load(Ordering::Relaxed)) * n_rows as f32 <= INLINE_BUDGET_MICROS
    }

    /// Asks the model, or what stands in for it while it fails.
    pub(super) fn run(&self, inputs: &[Tensor]) -> Result<Ran, String> {
        let Some(fallback) = self.fallback.get() else {
            return Ok(Ran { outputs: self.run_itself(inputs)?, instead: None });
        };
        let now = || self.started.elapsed();
        if fallback.breaker.asks(now()) {
            match self.run_itself(inputs) {
                Ok(outputs) => {
                    if fallback.breaker.succeeded() {
                        self.metrics.degraded.set(0.0);
                        self.tell("the model answers again");
                    }
                    return Ok(Ran { outputs, instead: None });
                }
                Err(reason) => {
                    if !fallback.breaker.failed(now()) {
                        return Err(reason);
                    }
                    self.metrics.degraded.set(1.0);
                    self.tell(&format!("the model fails again and again, {} answers: {reason}", fallback.name));
                }
            }
        }
        let outputs = fallback.answer(inputs)?;
        Ok(Ran { outputs, instead: Some(fallback.instead()) })
    }

    /// An answer that comes too late is a failure, too.
    pub(super) fn timed_out(&self) {
        if let Some(fallback) = self.fallback.get()
            && fallback.breaker.failed(self.started.elapsed())
        {
            self.metrics.degraded.set(1.0);
            self.tell(&format!("the model is too slow again and again, {} answers", fallback.name));
        }
    }

    fn tell(&self, what: &str) {
        tracing::warn!(model = self.served.name, version = self.served.version, "{what}");
    }

    /// Asks the model; a panic is an error like others.
    pub(super) fn run_itself(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        let n_rows = inputs.iter().map(Tensor::n_rows).max().unwrap_or(1);
        let begun = Instant::now();
        let ran = catch_unwind(AssertUnwindSafe(|| self.served.model.run(inputs)))
            .unwrap_or_else(|panic| Err(format!("it stopped unexpectedly: {}", panic_message(panic.as_ref()))));
        self.metrics.ran(n_rows, begun.elapsed());
        ran
    }

    /// Runs the model on one plain row, so that the first client does not wait for what is made once.
    pub(super) fn warm_up(&self) {
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
