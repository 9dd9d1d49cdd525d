//! From a file to everything a registration needs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use semver::Version;

use super::bump::{Proposal, propose};
use super::golden::made_golden;
use crate::command::Bump;
use crate::engine::{Worker, WorkerConfig};
use crate::features::{self, Mapping};
use crate::foreign::{self, Foreign};
use crate::jobs::{JobContext, JobError};
use crate::problem::Problem;
use crate::project::brief::OutputSpec;
use crate::project::contract::{Inspection, ModelContract};
use crate::project::documents::{FeatureContract, GoldenRows, Value};
use crate::session::{Asked, SharedSession, ask};
use crate::table::{self, Table};

/// Rows of the reference data that features are learned from.
const LEARNING_ROWS: usize = 100_000;

/// Golden rows made when there is reference data.
const GOLDEN_ROWS: usize = 32;

/// The reference data and which of its columns are not features.
#[derive(Clone, Debug)]
pub struct ReferenceData {
    /// The file.
    pub path: PathBuf,
    /// Columns for target, prediction, time and id.
    pub not_features: Vec<String>,
}

/// The version a new file is compared with.
#[derive(Clone, Debug)]
pub struct Previous {
    /// Its number.
    pub version: Version,
    /// Its contract.
    pub contract: ModelContract,
    /// Its file.
    pub path: PathBuf,
}

/// What an examination starts from.
#[derive(Clone, Debug)]
pub struct ExamineRequest {
    /// The file.
    pub source: PathBuf,
    /// The worker's executable and limits.
    pub worker: WorkerConfig,
    /// The project's feature contract; may be empty.
    pub features: FeatureContract,
    /// How the output is read, where the brief says so.
    pub output: Option<OutputSpec>,
    /// The reference data, when there is some.
    pub reference: Option<ReferenceData>,
    /// The highest registered version.
    pub previous: Option<Previous>,
    /// The part of the version to raise; `None` takes the proposal.
    pub bump: Option<Bump>,
}

/// What an examination found.
#[derive(Clone, Debug, PartialEq)]
pub struct Examination {
    /// The file.
    pub source: PathBuf,
    /// What was read from it.
    pub inspection: Inspection,
    /// What it becomes; `None` when it is refused.
    pub accepted: Option<Accepted>,
    /// What it is instead, when it is a model of another framework; `inspection` is empty then.
    pub foreign: Option<Foreign>,
}

/// An accepted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The feature contract that fits it.
    pub features: FeatureContract,
    /// Rows with this model's own answers.
    pub golden: GoldenRows,
    /// Its version.
    pub proposal: Proposal,
}

/// Reads the reference data without the columns that are not features.
pub fn reference_table(reference: &ReferenceData) -> Result<Table, Problem> {
    let mut table = table::read(&reference.path, Some(LEARNING_ROWS))?;
    table.columns.retain(|column| !reference.not_features.contains(&column.name));
    Ok(table)
}

/// Inspects, loads and asks a model in the worker; proposes its version.
///
/// A model that is refused is a result, not an error: its inspection says why.
pub fn examine(request: &ExamineRequest, context: &JobContext) -> Result<Examination, JobError> {
    context.progress(None, "Inspecting the file");
    if let Some(foreign) = foreign::examine(&request.source)? {
        let (source, inspection) = (request.source.clone(), Inspection::default());
        return Ok(Examination { source, inspection, accepted: None, foreign: Some(foreign) });
    }
    let mut worker = Worker::start(&request.worker).map_err(Problem::from)?;
    let failed = |error: crate::engine::EngineError, context: &JobContext| {
        if context.cancelled() { JobError::Cancelled } else { JobError::Failed(error.into()) }
    };
    let inspection = worker.inspect(&request.source, context).map_err(|error| failed(error, context))?;
    let source = request.source.clone();
    if inspection.refusals().next().is_some() {
        return Ok(Examination { source, inspection, accepted: None, foreign: None });
    }
    context.progress(None, "Comparing with the registered version");
    let difference = match &request.previous {
        Some(previous) => worker.compare(&previous.path, &request.source, context).ok(),
        None => None,
    };
    context.check()?;
    drop(worker);

    context.progress(None, "Loading the model");
    let session: SharedSession = Arc::new(Mutex::new(None));
    let reference = request.reference.as_ref().map(reference_table).transpose()?;
    let features = fitting_features(&request.features, &inspection.contract, reference.as_ref())?;
    let asked = Asked {
        worker: request.worker.clone(),
        path: request.source.clone(),
        sha256: Some(inspection.sha256.clone()),
        features: features.clone(),
        output: request.output.clone(),
    };
    let mapping = Mapping::new(&features, &inspection.contract).map_err(Problem::from)?;
    let (rows, origin) = example_rows(&mapping, reference.as_ref());
    let (answers, _) = ask(&session, &asked, &rows, context)?;
    let golden = made_golden(&mapping, rows, &answers, origin);
    let previous = request.previous.as_ref().map(|previous| (&previous.version, &previous.contract));
    let proposal = propose(previous, &inspection.contract, difference.as_ref(), request.bump);
    let accepted = Some(Accepted { features, golden, proposal });
    Ok(Examination { source, inspection, accepted, foreign: None })
}

/// The project's features where they still fit the model, else features made from the model and the data.
fn fitting_features(
    known: &FeatureContract,
    model: &ModelContract,
    reference: Option<&Table>,
) -> Result<FeatureContract, Problem> {
    if !known.features.is_empty() && Mapping::new(known, model).is_ok() {
        return Ok(known.clone());
    }
    let made = features::contract_from_model(model);
    let learned = reference.map_or_else(|| made.clone(), |reference| features::learn(&made, reference));
    Mapping::new(&learned, model)?;
    Ok(learned)
}

/// Evenly spaced rows of the reference data; without data, one row of plain values.
fn example_rows(mapping: &Mapping, reference: Option<&Table>) -> (Vec<Vec<Value>>, &'static str) {
    let plain = || {
        let row = mapping.features().iter().map(features::plain_value).collect();
        (vec![row], "one made-up row, asked of this model (the project has no reference data)")
    };
    let Some(reference) = reference.filter(|reference| 0 < reference.n_rows()) else { return plain() };
    let Ok(all) = mapping.rows_from_table(reference) else {
        // A model with other features is a new major version; its reference data comes after it.
        let (rows, _) = plain();
        return (rows, "one made-up row, asked of this model (the reference data lacks its features)");
    };
    let n = all.len();
    let wanted = GOLDEN_ROWS.min(n);
    let rows = (0..wanted).map(|k| all[k * n / wanted].clone()).collect();
    (rows, "rows of the reference data, asked of this model")
}
