//! Requests that wait for a processor, run together.
//!
//! An idle model runs a request at once. Only what comes while it is busy waits, and what has waited is run as one.
//! A batch that fails is run again request by request, so that a bad one fails alone.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answer::Kept;
use super::config::BatchConfig;
use super::entry::{Entry, Ran};
use super::rows;
use crate::engine::tensor::{Tensor, TensorData};
use crate::project::contract::{Dim, TensorSpec};

/// The outcome of one request, and how long it waited and ran.
pub(super) type Outcome = (Result<Ran, String>, Duration, Duration);

/// The requests of one model that wait.
pub(super) struct Batcher {
    config: BatchConfig,
    n_workers_at_most: usize,
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    n_workers: usize,
}

struct Waiting {
    inputs: Vec<Tensor>,
    n_rows: usize,
    since: Instant,
    /// The request's place among those under way, and its memory.
    _kept: Arc<Kept>,
    reply: oneshot::Sender<Outcome>,
}

impl Batcher {
    /// A batcher for `entry`, or why its requests cannot be put together.
    pub(super) fn new(config: &BatchConfig, entry: &Entry, n_processors: usize) -> Result<Self, String> {
        let contract = entry.served.model.contract();
        let free = |specs: &[TensorSpec]| {
            specs.iter().all(|spec| {
                matches!(spec.shape.as_slice(), [Dim::Symbol(first), rest @ ..] if
                !rest.iter().any(|dim| matches!(dim, Dim::Symbol(other) if !other.is_empty() && other == first)))
            })
        };
        if !free(&contract.inputs) || !free(&contract.outputs) {
            return Err("not every input and output has a free first axis".to_owned());
        }
        let example = entry.example.get().ok_or("it could not be tried on two rows")?;
        rows_are_independent(entry, &example.inputs)?;
        Ok(Self {
            config: config.clone(),
            n_workers_at_most: n_processors,
            queue: Mutex::default(),
            arrived: Condvar::new(),
        })
    }

    /// Whether a request of so many rows may be put together with others.
    pub(super) fn takes(&self, n_rows: usize) -> bool {
        n_rows <= self.config.max_rows
    }

    /// A poisoned lock only means that another thread panicked while holding a plain queue.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for an answer; `None` when the server is shutting down.
    pub(super) async fn ask(
        entry: &Arc<Entry>,
        inputs: Vec<Tensor>,
        n_rows: usize,
        kept: Arc<Kept>,
    ) -> Option<Outcome> {
        let batcher = entry.batcher.get()?;
        let (reply, answer) = oneshot::channel();
        let starts = {
            let mut queue = batcher.lock();
            queue.waiting.push_back(Waiting { inputs, n_rows, since: Instant::now(), _kept: kept, reply });
            let starts = queue.n_workers < batcher.n_workers_at_most;
            queue.n_workers += usize::from(starts);
            starts
        };
        if starts {
            let entry = Arc::clone(entry);
            tokio::task::spawn_blocking(move || {
                if let Some(batcher) = entry.batcher.get() {
                    batcher.work(&entry);
                }
            });
        } else {
            batcher.arrived.notify_one();
        }
        answer.await.ok()
    }

    /// Runs batches until nobody waits.
    fn work(&self, entry: &Entry) {
        let mut ended = None;
        while let Some(batch) = self.next(ended) {
            ended = Some(run(entry, batch));
        }
    }

    /// The next batch; `None` when nobody waits, and then this worker counts no more.
    ///
    /// Only what came before the last run ended, while the model was busy, is let wait for others.
    fn next(&self, ended: Option<Instant>) -> Option<Vec<Waiting>> {
        let mut queue = self.lock();
        queue.waiting.retain(|waiting| !waiting.reply.is_closed());
        let Some(oldest) = queue.waiting.front() else {
            queue.n_workers -= 1;
            return None;
        };
        if ended.is_some_and(|ended| oldest.since < ended) && !self.config.max_delay.is_zero() {
            let until = oldest.since + self.config.max_delay;
            while queue.waiting.iter().map(|waiting| waiting.n_rows).sum::<usize>() < self.config.max_rows {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                let waited = self.arrived.wait_timeout(queue, left);
                queue = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(queue, _)| queue);
            }
        }
        let mut batch = Vec::new();
        let mut n_rows = 0;
        while let Some(next) = queue.waiting.front() {
            let fits = batch.is_empty() || (n_rows + next.n_rows <= self.config.max_rows && joins(&batch, next));
            if !fits {
                break;
            }
            n_rows += next.n_rows;
            batch.extend(queue.waiting.pop_front());
        }
        Some(batch)
    }
}

fn joins(batch: &[Waiting], next: &Waiting) -> bool {
    batch
        .first()
        .is_none_or(|first| first.inputs.iter().zip(&next.inputs).all(|(a, b)| a.shape.get(1..) == b.shape.get(1..)))
}

/// Runs a batch and answers each of its requests; when the model was done with the last.
fn run(entry: &Entry, batch: Vec<Waiting>) -> Instant {
    let begun = Instant::now();
    if 1 < batch.len()
        && let Some(parts) = run_joined(entry, &batch)
    {
        let ended = Instant::now();
        for (waiting, ran) in batch.into_iter().zip(parts) {
            // Whoever asked may have gone.
            drop(waiting.reply.send((Ok(ran), begun - waiting.since, ended - begun)));
        }
        return ended;
    }
    let mut ended = begun;
    for waiting in batch {
        let begun = Instant::now();
        let ran = entry.run(&waiting.inputs);
        ended = Instant::now();
        drop(waiting.reply.send((ran, begun - waiting.since, ended - begun)));
    }
    ended
}

/// The answers of a batch run as one; `None` when that does not work.
fn run_joined(entry: &Entry, batch: &[Waiting]) -> Option<Vec<Ran>> {
    let requests: Vec<&[Tensor]> = batch.iter().map(|waiting| waiting.inputs.as_slice()).collect();
    let joined = rows::joined(&requests)?;
    let n_rows: usize = batch.iter().map(|waiting| waiting.n_rows).sum();
    let ran = entry.run(&joined).ok()?;
    if ran.outputs.iter().any(|output| output.shape.first() != Some(&n_rows)) {
        return None;
    }
    let mut start = 0;
    let parts = batch.iter().map(|waiting| {
        let range = start..start + waiting.n_rows;
        start = range.end;
        let outputs = ran.outputs.iter().map(|output| rows::rows(output, range.clone())).collect();
        Ran { outputs, instead: ran.instead.clone() }
    });
    Some(parts.collect())
}

/// Whether a row's answer is the same beside another row; what is asked together must not change answers.
fn rows_are_independent(entry: &Entry, row: &[Tensor]) -> Result<(), String> {
    let alone = entry.served.model.run(row)?;
    let other: Vec<Tensor> = row.iter().map(shifted).collect();
    let other_alone = entry.served.model.run(&other)?;
    let two = rows::joined(&[row, &other]).ok_or("its plain row cannot be doubled")?;
    let together = entry.served.model.run(&two)?;
    let n_rows = row.first().map_or(1, Tensor::n_rows);
    for ((alone, other), together) in alone.iter().zip(&other_alone).zip(&together) {
        let fits = together.shape.first() == Some(&(2 * n_rows))
            && near(alone, &rows::rows(together, 0..n_rows))
            && near(other, &rows::rows(together, n_rows..2 * n_rows));
        if !fits {
            return Err(format!("its output {} is another when two rows are asked together", alone.name));
        }
    }
    Ok(())
}

/// Another row: real numbers are one larger, the rest is the same.
fn shifted(tensor: &Tensor) -> Tensor {
    let mut other = tensor.clone();
    match &mut other.data {
        TensorData::F32(values) => values.iter_mut().for_each(|value| *value += 1.0),
        TensorData::F64(values) => values.iter_mut().for_each(|value| *value += 1.0),
        _ => {}
    }
    other
}

/// Equal, apart from the last digits that another order of additions changes.
fn near(a: &Tensor, b: &Tensor) -> bool {
    use TensorData::{F32, F64};
    let close = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 + 1e-4 * a.abs();
    match (&a.data, &b.data) {
        (F32(a), F32(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(f64::from(*a), f64::from(*b))),
        (F64(a), F64(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(*a, *b)),
        (a, b) => a == b,
    }
}
