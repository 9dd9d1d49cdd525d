//! One worker that keeps a model loaded between questions.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::{Worker, WorkerConfig};
use crate::features::{Mapping, Prediction, output_for, predictions};
use crate::jobs::{JobContext, JobError};
use crate::problem::Problem;
use crate::project::brief::OutputSpec;
use crate::project::contract::Inspection;
use crate::project::documents::{FeatureContract, Value};

/// Rows sent to the worker at once.
const BATCH: usize = 1_024;

/// A worker with a loaded model.
pub struct Session {
    path: PathBuf,
    worker: Worker,
    inspection: Inspection,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The session that jobs take turns with; empty until a model is asked, and after a worker died.
pub type SharedSession = Arc<Mutex<Option<Session>>>;

/// What is asked of which model.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The worker's executable and limits.
    pub worker: WorkerConfig,
    /// The model file.
    pub path: PathBuf,
    /// SHA-256 the file must have; `None` for a file that is not registered.
    pub sha256: Option<String>,
    /// Where each feature goes.
    pub features: FeatureContract,
    /// How the output is read; `None` takes what the model's own outputs suggest, as the server does.
    pub output: Option<OutputSpec>,
}

/// A session's model, opened or reused.
fn open<'a>(place: &'a mut Option<Session>, asked: &Asked, context: &JobContext) -> Result<&'a mut Session, JobError> {
    let reusable = place.as_ref().is_some_and(|session| {
        session.path == asked.path && asked.sha256.as_ref().is_some_and(|sha256| *sha256 == session.inspection.sha256)
    });
    if !reusable {
        *place = None;
        context.progress(None, "Loading the model");
        let mut worker = Worker::start(&asked.worker).map_err(Problem::from)?;
        let inspection = worker.load(&asked.path, context).map_err(|error| stopped(error, context))?;
        *place = Some(Session { path: asked.path.clone(), worker, inspection });
    }
    let session = place.as_mut().ok_or(JobError::Cancelled)?;
    if let Some(refusal) = session.inspection.refusals().next() {
        return Err(Problem::new(&refusal.what, asked.path.display().to_string(), &refusal.fix).into());
    }
    if let Some(expected) = &asked.sha256
        && *expected != session.inspection.sha256
    {
        return Err(Problem::new(
            "The model file is not the one that was registered",
            asked.path.display().to_string(),
            "Restore it from version control, or add the changed file as a new version.",
        )
        .into());
    }
    Ok(session)
}

/// A worker's error, or the cancellation that caused it.
fn stopped(error: crate::engine::EngineError, context: &JobContext) -> JobError {
    if context.cancelled() { JobError::Cancelled } else { JobError::Failed(error.into()) }
}

/// Asks the model `rows` in feature order; returns the answers and the time inside the model, in microseconds.
pub fn ask(
    shared: &SharedSession,
    asked: &Asked,
    rows: &[Vec<Value>],
    context: &JobContext,
) -> Result<(Vec<Prediction>, f64), JobError> {
    let mut answers = Vec::with_capacity(rows.len());
    let micros = ask_each(shared, asked, rows, context, |batch| {
        answers.extend(batch);
        Ok(())
    })?;
    Ok((answers, micros))
}

/// Asks the model `rows` in feature order; returns the time inside the model, in microseconds.
///
/// The answers are handed on as they come, in the order of the rows, so that many rows need no room for all of them.
pub fn ask_each(
    shared: &SharedSession,
    asked: &Asked,
    rows: &[Vec<Value>],
    context: &JobContext,
    mut take: impl FnMut(Vec<Prediction>) -> Result<(), JobError>,
) -> Result<f64, JobError> {
    let mut place = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let result = ask_in(&mut place, asked, rows, context, &mut take);
    if result.is_err() {
        // A worker that failed may be dead or in an unknown state; the next question starts a fresh one.
        *place = None;
    }
    result
}

fn ask_in(
    place: &mut Option<Session>,
    asked: &Asked,
    rows: &[Vec<Value>],
    context: &JobContext,
    take: &mut impl FnMut(Vec<Prediction>) -> Result<(), JobError>,
) -> Result<f64, JobError> {
    let session = open(place, asked, context)?;
    let contract = session.inspection.contract.clone();
    let mapping = Mapping::new(&asked.features, &contract).map_err(Problem::from)?;
    let output = output_for(&contract, asked.output.as_ref());
    let (mut n_answers, mut micros) = (0, 0.0);
    for batch in rows.chunks(BATCH) {
        context.check()?;
        let tensors = mapping.encode(batch).map_err(Problem::from)?;
        let run = session.worker.run(tensors, context).map_err(|error| stopped(error, context))?;
        micros += run.micros;
        let answers = predictions(&contract, &output, &run.outputs).map_err(Problem::from)?;
        if answers.len() != batch.len() {
            return Err(Problem::new(
                format!("The model gave {} answers to {} rows", answers.len(), batch.len()),
                asked.path.display().to_string(),
                "Export it with the batch as the first axis of every input and output.",
            )
            .into());
        }
        n_answers += answers.len();
        take(answers)?;
        context.progress(Some(n_answers as f32 / rows.len() as f32), "Asking the model");
    }
    Ok(micros)
}
