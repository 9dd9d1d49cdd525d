//! Scores tables of any size: rows are read, asked and written a batch at a time, in bounded memory.
//!
//! Every row of the input is one row of the output, in the same order. A row that cannot be scored keeps its cells
//! and gets the reason in the column `error`. What is written is committed every few seconds, and the same command
//! goes on from there after it was ended, however it was ended.

mod batch;
mod isolate;
mod pipeline;
mod resume;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{Worker, WorkerConfig};
use crate::features::{self, FieldError, Mapping, Prediction, Reading, output_for};
use crate::jobs::{JobContext, JobError};
use crate::problem::Problem;
use crate::project::brief::OutputSpec;
use crate::project::contract::{Inspection, ModelContract};
use crate::project::documents::FeatureContract;
use crate::table::rows::{RowReader, Source};
use crate::table::sink::{CellKind, Form, Kept, Layout};
use crate::table::{Cells, ReadConfig};

use batch::Columns;
use isolate::Asker;

/// Rows a batch without another wish.
pub const DEFAULT_BATCH: usize = 4_096;

/// The column that says why a row could not be scored.
pub const ERROR_COLUMN: &str = "error";

/// Reasons kept for the summary.
const MOST_EXAMPLES: usize = 5;

/// Numbers of one batch, so that wide rows make small batches.
const BATCH_CELLS: usize = 4_000_000;

/// Where scored rows go.
pub enum Target {
    /// A file, written beside its place and moved there at the end.
    File(PathBuf),
    /// A stream, such as standard output.
    Stream(Form, Box<dyn Write + Send>),
    /// Memory, for at most so many rows.
    Memory(usize),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Stream(form, _) => f.debug_tuple("Stream").field(form).finish_non_exhaustive(),
            Self::Memory(n) => f.debug_tuple("Memory").field(n).finish(),
        }
    }
}

/// What is scored, with what, and how.
#[derive(Debug)]
pub struct ScoringConfig {
    /// The worker's executable and limits.
    pub worker: WorkerConfig,
    /// The model file.
    pub model: PathBuf,
    /// SHA-256 the file must have; `None` for a file that is not registered.
    pub sha256: Option<String>,
    /// Where each feature goes; `None` learns it from the model and the first rows.
    pub features: Option<FeatureContract>,
    /// How the output is read; `None` takes what the model's own outputs suggest.
    pub output: Option<OutputSpec>,
    /// Where rows come from.
    pub source: Source,
    /// Columns of the input that are kept; all when `None`.
    pub keep: Option<Vec<String>>,
    /// Rows asked at a time.
    pub batch: usize,
    /// Start anew where an earlier run was ended.
    pub restart: bool,
    /// Time between commits.
    pub commit_every: Duration,
    /// Stop for good after so many batches were written, as a machine that hangs; for tests.
    pub hang_after: Option<u64>,
}

/// A row that could not be scored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    /// The row, counted from 1 without the header.
    pub row: u64,
    /// Why.
    pub error: String,
}

/// What scoring came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows read, which are those written.
    pub rows: u64,
    /// Rows that could not be scored.
    pub failed: u64,
    /// The first of these.
    pub errors: Vec<RowError>,
    /// Time inside the model, in microseconds.
    pub micros: f64,
    /// Rows that were there from an earlier run.
    pub resumed_from: u64,
    /// Sentences without a full stop that a person should know.
    pub findings: Vec<String>,
    /// The answers, when they were asked for in memory.
    #[serde(skip)]
    pub answers: Vec<Result<Prediction, String>>,
}

/// Scores all rows of the source.
///
/// `told` hears of findings before the first row is scored.
pub fn score(
    config: ScoringConfig,
    target: Target,
    told: &mut dyn FnMut(&str),
    context: &JobContext,
) -> Result<Summary, JobError> {
    context.progress(None, "Loading the model");
    let mut asker = Asker::open(&config, context)?;
    let text_columns = config.features.as_ref().map(text_columns).unwrap_or_default();
    let read = ReadConfig { max_rows: None, text_columns };
    let mut reader = RowReader::open(&config.source, &read).map_err(Problem::from)?;
    let contract = asker.inspection.contract.clone();
    let features = config
        .features
        .clone()
        .unwrap_or_else(|| features::learn(&features::contract_from_model(&contract), &reader.sample().table));
    let mapping = Mapping::new(&features, &contract).map_err(Problem::from)?;
    let columns = Columns::new(&mapping, &reader).map_err(Problem::from)?;
    let mut findings = reader.sample().findings.clone();
    if config.features.is_none() {
        findings.push("The model has no feature contract: columns and their types are told from the first rows".into());
    }
    for finding in &findings {
        told(finding);
    }

    let wide = mapping.features().len().max(1);
    let batch = config.batch.min(BATCH_CELLS / wide).max(1);
    let batch = mapping.batch().map_or(batch, |fixed| fixed as usize);
    let mut plan = Plan { mapping, columns, contract, batch, output: None, layout: Layout::default() };
    let settings = resume::Settings::of(&config, &features, &asker.inspection, &plan, &target);
    let resumed = resume::find(&config, &target, &settings)?;
    let mut ready = std::collections::VecDeque::new();
    let mut summary = Summary::default();
    let reading = match &resumed {
        Some(state) => {
            reader.go_to(state.position, &state.names).map_err(Problem::from)?;
            summary = Summary { resumed_from: state.summary.rows, ..state.summary.clone() };
            asker.most_rows = state.most_rows;
            told(&format!("Going on after row {}, where an earlier run was ended", state.summary.rows));
            state.reading.clone()
        }
        None => settle(&mut reader, &plan, &mut asker, &mut ready, config.output.as_ref(), context)?,
    };
    plan.layout = layout(&reader, &reading, config.keep.as_deref(), &target)?;
    summary.findings = findings;
    plan.output = Some(reading);
    pipeline::run(&config, &plan, reader, ready, asker, target, settings, resumed, summary, context)
}

/// What holds for all batches.
struct Plan {
    mapping: Mapping,
    columns: Columns,
    contract: ModelContract,
    batch: usize,
    output: Option<Reading>,
    layout: Layout,
}

fn text_columns(features: &FeatureContract) -> BTreeSet<String> {
    let texts = features.features.iter().filter(|feature| feature.kind == crate::project::documents::FeatureType::Text);
    texts.map(|feature| feature.name.clone()).collect()
}

/// Batches read at most until one has a row that the model answers.
const MOST_WAITING: usize = 64;

/// Rows that the reading is settled by.
const SETTLING_ROWS: usize = 64;

/// Settles how outputs are read, by the answers to the first rows that have any.
fn settle(
    reader: &mut RowReader,
    plan: &Plan,
    asker: &mut Asker<'_>,
    ready: &mut std::collections::VecDeque<batch::Batch>,
    stated: Option<&OutputSpec>,
    context: &JobContext,
) -> Result<Reading, JobError> {
    let output = output_for(&plan.contract, stated);
    let mut reason = None;
    while ready.len() < MOST_WAITING {
        let Some(batch) = batch::read(reader, plan)? else { break };
        let rows = &batch.rows[..batch.rows.len().min(SETTLING_ROWS)];
        let asked = asker.ask(&plan.mapping, rows, plan.batch, context)?;
        ready.push_back(batch);
        if let Some(piece) = asked.pieces.first() {
            return Ok(Reading::settle(&plan.contract, &output, &piece.outputs).map_err(Problem::from)?);
        }
        reason = asked.failures.into_iter().next().map(|failure| failure.1).or(reason);
    }
    // No row can be answered; a made-up one still tells which columns there would be.
    let row = plan.mapping.features().iter().map(features::plain_value).collect::<Vec<_>>();
    let asked = asker.ask(&plan.mapping, &[row], plan.batch, context)?;
    match (asked.pieces.first(), asked.failures.into_iter().next()) {
        (Some(piece), _) => Ok(Reading::settle(&plan.contract, &output, &piece.outputs).map_err(Problem::from)?),
        (None, failure) => {
            let reason = reason.or(failure.map(|failure| failure.1)).unwrap_or_else(|| "it gave no answer".to_owned());
            Err(Problem::new(format!("The model answers none of the first rows: {reason}"), "", "").into())
        }
    }
}

/// The columns of the output; those of the input that are named like ours get another name.
fn layout(reader: &RowReader, reading: &Reading, keep: Option<&[String]>, target: &Target) -> Result<Layout, JobError> {
    // What has no types gets none: a later cell may not be like the first ones.
    let untyped =
        !reader.is_typed() && matches!(target, Target::File(path) if matches!(Form::of(path), Ok(Form::Parquet)));
    let mut added: Vec<(String, CellKind)> = reading
        .table(&[])
        .columns
        .into_iter()
        .map(|column| {
            let kind = match column.cells {
                Cells::Number(_) => CellKind::Number,
                Cells::Integer(_) => CellKind::Integer,
                Cells::Bool(_) => CellKind::Bool,
                Cells::Text(_) => CellKind::Text,
            };
            (column.name, kind)
        })
        .collect();
    added.push((ERROR_COLUMN.to_owned(), CellKind::Text));
    let names = reader.names();
    if let Some(absent) = keep.into_iter().flatten().find(|name| !names.contains(name)) {
        let known = names.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(Problem::new(format!("The input has no column {absent}; it has {known}"), "", "").into());
    }
    let mut taken: BTreeSet<String> = added.iter().map(|added| added.0.clone()).collect();
    let mut kept = Vec::new();
    for (column, name) in names.iter().enumerate() {
        if keep.is_some_and(|keep| !keep.contains(name)) {
            continue;
        }
        let mut own = name.clone();
        while taken.contains(&own) || (own != *name && names.contains(&own)) {
            own = format!("input_{own}");
        }
        taken.insert(own.clone());
        let kind = if untyped { CellKind::Text } else { reader.kind(column) };
        kept.push(Kept { column, name: own, kind });
    }
    Ok(Layout { kept, keeps_all: keep.is_none(), added })
}

/// Why a value cannot be given to the model.
fn reason(error: &FieldError) -> String {
    error.to_string()
}

fn refused(inspection: &Inspection, model: &Path, sha256: Option<&String>) -> Result<(), Problem> {
    if let Some(refusal) = inspection.refusals().next() {
        return Err(Problem::new(&refusal.what, model.display().to_string(), &refusal.fix));
    }
    if sha256.is_some_and(|expected| *expected != inspection.sha256) {
        return Err(Problem::new(
            "The model file is not the one that was registered",
            model.display().to_string(),
            "Restore it from version control, or add the changed file as a new version.",
        ));
    }
    Ok(())
}

/// A worker with the model loaded.
fn loaded(config: &ScoringConfig, context: &JobContext) -> Result<(Worker, Inspection), JobError> {
    let mut worker = Worker::start(&config.worker)?;
    let inspection = worker.load(&config.model, context)?;
    refused(&inspection, &config.model, config.sha256.as_ref())?;
    Ok((worker, inspection))
}
