//! Asks the model batches, and finds the rows that it fails on.

use std::ops::Range;

use super::{ScoringConfig, loaded};
use crate::engine::tensor::Tensor;
use crate::engine::{EngineError, Worker};
use crate::features::Mapping;
use crate::jobs::{JobContext, JobError};
use crate::problem::Problem;
use crate::project::contract::Inspection;
use crate::project::documents::Value;

/// Ends of the model's process in a row after which scoring stops: more than finding one row in a batch takes.
const MOST_ENDS: u32 = 40;

/// Answers to some of the rows of a batch.
pub(super) struct Piece {
    /// The rows.
    pub(super) rows: Range<usize>,
    /// The outputs; rows beyond those asked for are padding.
    pub(super) outputs: Vec<Tensor>,
}

/// What a batch came to.
#[derive(Default)]
pub(super) struct Asked {
    /// Answers, in the order of the rows.
    pub(super) pieces: Vec<Piece>,
    /// Rows that the model fails on, and why.
    pub(super) failures: Vec<(usize, String)>,
    /// Time inside the model.
    pub(super) micros: f64,
}

/// The model's process, started again whenever it has ended.
pub(super) struct Asker<'a> {
    config: &'a ScoringConfig,
    pub(super) inspection: Inspection,
    worker: Option<Worker>,
    /// Ends of the process since the last answer.
    n_ends: u32,
    /// Rows asked at most: fewer than a batch once that was too much for the process.
    pub(super) most_rows: Option<usize>,
}

impl<'a> Asker<'a> {
    pub(super) fn open(config: &'a ScoringConfig, context: &JobContext) -> Result<Self, JobError> {
        let (worker, inspection) = loaded(config, context)?;
        Ok(Self { config, inspection, worker: Some(worker), n_ends: 0, most_rows: None })
    }

    /// Asks all rows; those that the model fails on are found by halves.
    ///
    /// Fewer rows than `full` are filled up by repetition, where that saves preparing the model for another number.
    pub(super) fn ask(
        &mut self,
        mapping: &Mapping,
        rows: &[Vec<Value>],
        full: usize,
        context: &JobContext,
    ) -> Result<Asked, JobError> {
        let mut asked = Asked::default();
        let step = self.most_rows.unwrap_or(full).max(1);
        let mut start = 0;
        while start < rows.len() {
            let end = (start + step).min(rows.len());
            let before = asked.failures.len();
            let too_much = self.halves(mapping, rows, start..end, full, &mut asked, context)?;
            // The rows are well by themselves, and too many together.
            if too_much && asked.failures.len() == before && 1 < end - start {
                self.most_rows = Some(((end - start) / 2).max(1));
                return self.rest(mapping, rows, end, full, asked, context);
            }
            start = end;
        }
        Ok(asked)
    }

    /// Goes on with the smaller number of rows.
    fn rest(
        &mut self,
        mapping: &Mapping,
        rows: &[Vec<Value>],
        start: usize,
        full: usize,
        mut asked: Asked,
        context: &JobContext,
    ) -> Result<Asked, JobError> {
        let more = self.ask(mapping, rows.get(start..).unwrap_or_default(), full, context)?;
        let shift = |rows: Range<usize>| rows.start + start..rows.end + start;
        asked.pieces.extend(more.pieces.into_iter().map(|piece| Piece { rows: shift(piece.rows), ..piece }));
        asked.failures.extend(more.failures.into_iter().map(|(row, reason)| (row + start, reason)));
        asked.micros += more.micros;
        Ok(asked)
    }

    /// Asks a range, and its halves when it fails; tells whether it was too much for the process or its memory.
    fn halves(
        &mut self,
        mapping: &Mapping,
        rows: &[Vec<Value>],
        range: Range<usize>,
        full: usize,
        asked: &mut Asked,
        context: &JobContext,
    ) -> Result<bool, JobError> {
        let part = rows.get(range.clone()).unwrap_or_default();
        let error = match self.once(mapping, part, full, context) {
            Ok((outputs, micros)) => {
                asked.micros += micros;
                asked.pieces.push(Piece { rows: range, outputs });
                return Ok(false);
            }
            Err(error) => error,
        };
        let too_much = match &error {
            EngineError::Cancelled => return Err(JobError::Cancelled),
            EngineError::WorkerCrashed { .. } | EngineError::WorkerStuck { .. } | EngineError::Protocol { .. } => {
                self.worker = None;
                self.n_ends += 1;
                true
            }
            EngineError::Remote(problem) => problem.what.contains("memory"),
            _ => false,
        };
        if MOST_ENDS <= self.n_ends {
            let problem = Problem::from(error);
            return Err(Problem {
                what: format!("The model's process ended {} times in a row: {}", self.n_ends, problem.what),
                ..problem
            }
            .into());
        }
        if range.len() <= 1 {
            asked.failures.push((range.start, format!("The model fails on this row: {}", Problem::from(error).what)));
            return Ok(too_much);
        }
        let middle = range.start + range.len() / 2;
        self.halves(mapping, rows, range.start..middle, full, asked, context)?;
        self.halves(mapping, rows, middle..range.end, full, asked, context)?;
        Ok(too_much)
    }

    fn once(
        &mut self,
        mapping: &Mapping,
        rows: &[Vec<Value>],
        full: usize,
        context: &JobContext,
    ) -> Result<(Vec<Tensor>, f64), EngineError> {
        if self.worker.is_none() {
            let mut worker = Worker::start(&self.config.worker)?;
            worker.load(&self.config.model, context)?;
            self.worker = Some(worker);
        }
        let Some(worker) = &mut self.worker else { return Err(EngineError::Cancelled) };
        // A few rows that do not fit should not make another number of rows; the end of the table may.
        let fixed = mapping.batch().map(|fixed| fixed as usize);
        let padded = fixed.or_else(|| (full / 2 < rows.len()).then_some(full)).unwrap_or(rows.len());
        let failed = |error: crate::features::FeatureError| EngineError::Run { reason: error.to_string() };
        let tensors = match rows.last() {
            Some(last) if rows.len() < padded => {
                let mut filled = rows.to_vec();
                filled.resize(padded, last.clone());
                mapping.encode(&filled)
            }
            _ => mapping.encode(rows),
        };
        let run = worker.run(tensors.map_err(failed)?, context)?;
        self.n_ends = 0;
        Ok((run.outputs, run.micros))
    }
}
