//! The profile: a worker of its own, the model loaded anew, then calls timed step by step.

use std::path::PathBuf;

use jiff::Timestamp;
use semver::Version;

use super::config::LARGEST_BATCH;
use super::machine::machine;
use super::rows::{RowSource, batches, rows};
use crate::command::ProfileOptions;
use crate::engine::tensor::{Tensor, TensorData};
use crate::engine::{EngineError, ProfileRequest, Worker, WorkerConfig};
use crate::features::Mapping;
use crate::jobs::{JobContext, JobError};
use crate::judge;
use crate::problem::Problem;
use crate::project::contract::{Dim, Dtype, ModelContract};
use crate::project::documents::Evidence;
use crate::project::reports::ProfileReport;

/// Calls of each kind when none are asked for.
const USUAL_CALLS: u64 = 500;
/// How long is measured, in milliseconds.
const BUDGET_MS: u64 = 3_000;
/// The same when the calls were asked for.
const LONG_BUDGET_MS: u64 = 120_000;
/// Lengths of a free axis that is not the row, the first that the model takes: a short text, a small picture.
const FREE_LENGTHS: [usize; 5] = [128, 32, 16, 8, 1];
/// The most elements of made-up inputs.
const MOST_ELEMENTS: usize = 1 << 28;

/// What is profiled.
#[derive(Clone, Debug)]
pub struct ProfilePlan {
    /// When it starts, for the report.
    pub time: Timestamp,
    /// The version.
    pub version: Version,
    /// The model file.
    pub model_path: PathBuf,
    /// SHA-256 the file must have; `None` for a file that is not registered.
    pub sha256: Option<String>,
    /// Where each feature goes; `None` for a model whose inputs are not rows of features, which gets made-up numbers.
    pub mapping: Option<Mapping>,
    /// Where the rows come from.
    pub source: RowSource,
    /// Batch and calls.
    pub options: ProfileOptions,
    /// The worker's executable and limits.
    pub worker: WorkerConfig,
    /// Hashes of what is measured.
    pub evidence: Evidence,
}

/// Profiles in a worker of its own.
pub fn profile(plan: &ProfilePlan, context: &JobContext) -> Result<ProfileReport, JobError> {
    let ProfileOptions { batch, calls, .. } = plan.options;
    let asked = batch.unwrap_or(1);
    if !(1..=LARGEST_BATCH).contains(&asked) {
        let what = format!("A batch of {} rows cannot be profiled", judge::thousands(asked));
        return Err(Problem::new(what, "", format!("Use 1 to {}.", judge::thousands(LARGEST_BATCH))).into());
    }
    if calls == Some(0) {
        return Err(Problem::new("A profile cannot be made of 0 calls", "", "Use 1 or more.").into());
    }
    let stopped = |error: EngineError| match context.check() {
        Err(cancelled) => cancelled,
        Ok(()) => error.into(),
    };
    let mut worker = Worker::start(&plan.worker).map_err(Problem::from)?;
    context.progress(None, "Preparing the model");
    let inspection = worker.load(&plan.model_path, context).map_err(stopped)?;
    if let Some(expected) = &plan.sha256
        && *expected != inspection.sha256
    {
        return Err(Problem::new(
            "The model file is not the one that was registered",
            plan.model_path.display().to_string(),
            "Restore it from version control, or add the changed file as a new version.",
        )
        .into());
    }
    let mut notes = Vec::new();
    context.progress(None, "Reading the rows");
    let (batch, batches, origin) = if let Some(mapping) = &plan.mapping {
        let batch = only_batch(asked, mapping.batch(), batch.is_some(), &mut notes)?;
        let rows = rows(&plan.source, mapping)?;
        (batch, batches(&rows.rows, batch, mapping).map_err(Problem::from)?, rows.origin)
    } else {
        let fixed = inspection.contract.inputs.first().and_then(|input| input.shape.first()).and_then(Dim::fixed);
        let batch = only_batch(asked, fixed, batch.is_some(), &mut notes)?;
        let first = taken(&inspection.contract, batch, &mut notes, |tensors| match worker.run(tensors, context) {
            Err(EngineError::Remote(problem)) => Ok(Some(problem)),
            Err(error) => Err(stopped(error)),
            Ok(_) => Ok(None),
        })?;
        (batch, vec![first], "made-up numbers".to_owned())
    };
    context.check()?;
    let told = |part: f32, n: u64| {
        let stage = if n == 0 { "Warming up".to_owned() } else { format!("{} calls", judge::thousands(n)) };
        context.progress(Some(part), stage);
    };
    told(0.0, 0);
    let request = ProfileRequest {
        n_batches: batches.len(),
        max_calls: calls.unwrap_or(USUAL_CALLS),
        budget_ms: if calls.is_some() { LONG_BUDGET_MS } else { BUDGET_MS },
    };
    let profile = worker.profile(batches, request, &told, context).map_err(stopped)?;
    Ok(ProfileReport {
        time: plan.time,
        version: plan.version.clone(),
        machine: machine(),
        rows: origin,
        notes,
        batch,
        // tract runs a plan on the caller's thread.
        threads: 1,
        profile,
        evidence: plan.evidence.clone(),
    })
}

/// The batch that is asked for, or the only one that the model takes.
fn only_batch(asked: u32, fixed: Option<u64>, by_name: bool, notes: &mut Vec<String>) -> Result<u32, Problem> {
    let Some(fixed) = fixed else { return Ok(asked) };
    let Some(only) = u32::try_from(fixed).ok().filter(|only| (1..=LARGEST_BATCH).contains(only)) else {
        let what = format!("The model takes only batches of {fixed} rows, which cannot be profiled");
        return Err(Problem::new(what, "", "Export it with a batch of any size."));
    };
    if by_name && only != asked {
        notes.push(format!("The model takes only batches of {only}, so that is what was profiled"));
    }
    Ok(only)
}

/// Made-up inputs that the model takes; `refused` says why it does not, if so.
fn taken(
    contract: &ModelContract,
    batch: u32,
    notes: &mut Vec<String>,
    mut refused: impl FnMut(Vec<Tensor>) -> Result<Option<Problem>, JobError>,
) -> Result<Vec<Tensor>, JobError> {
    let mut first = None;
    for length in FREE_LENGTHS {
        let (tensors, free) = made_up(contract, batch, length)?;
        let Some(problem) = refused(tensors.clone())? else {
            if !free.is_empty() {
                notes.push(format!("Free lengths were taken as {length}: {}", free.join(", ")));
            }
            return Ok(tensors);
        };
        first.get_or_insert(problem);
        if free.is_empty() {
            break;
        }
    }
    let mut problem = first.unwrap_or_else(|| Problem::new("The model takes no made-up numbers", "", ""));
    if problem.fix.is_empty() {
        "Its inputs were made up; profile it with rows of its own, `--rows FILE`.".clone_into(&mut problem.fix);
    }
    Err(problem.into())
}

/// Inputs for a model that does not take rows of features, and those of them with free lengths.
fn made_up(contract: &ModelContract, batch: u32, free_length: usize) -> Result<(Vec<Tensor>, Vec<String>), Problem> {
    let mut tensors = Vec::with_capacity(contract.inputs.len());
    let first = contract.inputs.first().and_then(|input| input.shape.first());
    let mut free = Vec::new();
    for input in &contract.inputs {
        let length = |(axis, dim): (usize, &Dim)| match dim {
            Dim::Fixed(length) => *length as usize,
            Dim::Symbol(name) if axis == 0 || (!name.is_empty() && Some(dim) == first) => batch as usize,
            Dim::Symbol(_) => free_length,
        };
        let shape: Vec<usize> = input.shape.iter().enumerate().map(length).collect();
        if input.shape.iter().skip(1).any(|dim| matches!(dim, Dim::Symbol(_)) && Some(dim) != first) {
            free.push(format!("`{}` {}", input.name, input.shape_text()));
        }
        let n = shape.iter().try_fold(1_usize, |n, length| n.checked_mul(*length)).filter(|n| *n <= MOST_ELEMENTS);
        let Some(n) = n else {
            let what = format!("The input `{}` of shape {shape:?} is too large to be made up", input.name);
            return Err(Problem::new(what, "", "Use a smaller batch."));
        };
        tensors.push(Tensor::new(&input.name, shape, elements(input.dtype, n)));
    }
    Ok((tensors, free))
}

/// Numbers that no model chokes on: spread over 0 to 1 where they may be fractions, else 1.
fn elements(dtype: Dtype, n: usize) -> TensorData {
    let fractions = || (0..n).map(|idx| (idx * 7_919 % 1_000) as f32 / 1_000.0);
    match dtype {
        Dtype::Bool => TensorData::Bool(vec![true; n]),
        Dtype::U8 => TensorData::U8(vec![1; n]),
        Dtype::U16 => TensorData::U16(vec![1; n]),
        Dtype::U32 => TensorData::U32(vec![1; n]),
        Dtype::U64 => TensorData::U64(vec![1; n]),
        Dtype::I8 => TensorData::I8(vec![1; n]),
        Dtype::I16 => TensorData::I16(vec![1; n]),
        Dtype::I32 => TensorData::I32(vec![1; n]),
        Dtype::I64 => TensorData::I64(vec![1; n]),
        // The bits of 1.
        Dtype::F16 => TensorData::F16(vec![0x3c00; n]),
        Dtype::F32 => TensorData::F32(fractions().collect()),
        Dtype::F64 => TensorData::F64(fractions().map(f64::from).collect()),
        Dtype::Text => TensorData::Text(vec!["a".to_owned(); n]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::contract::TensorSpec;

    fn spec(name: &str, dtype: Dtype, shape: &[Dim]) -> TensorSpec {
        TensorSpec { name: name.to_owned(), dtype, shape: shape.to_vec(), classes: Vec::new() }
    }

    fn symbol(name: &str) -> Dim {
        Dim::Symbol(name.to_owned())
    }

    #[test]
    fn made_up_inputs_fit_the_contract_and_free_lengths_are_said() {
        let contract = ModelContract {
            inputs: vec![
                spec("picture", Dtype::F32, &[symbol("N"), Dim::Fixed(3), Dim::Fixed(8), Dim::Fixed(8)]),
                spec("tokens", Dtype::I64, &[symbol("N"), symbol("length")]),
                spec("square", Dtype::Text, &[symbol("N"), symbol("N")]),
            ],
            outputs: Vec::new(),
        };
        let (tensors, free) = made_up(&contract, 2, 128).unwrap();
        let shapes: Vec<&[usize]> = tensors.iter().map(|tensor| tensor.shape.as_slice()).collect();
        assert_eq!(shapes, [&[2, 3, 8, 8][..], &[2, 128], &[2, 2]]);
        assert!(tensors.iter().all(Tensor::is_consistent));
        assert_eq!(free, ["`tokens` [N, length]"]);
        let mut notes = Vec::new();
        let refuse_long = |tensors: Vec<Tensor>| {
            let too_long = Problem::new("The text is too long", "", "");
            Ok((16 < tensors[1].shape[1]).then_some(too_long))
        };
        let taken_ones = taken(&contract, 2, &mut notes, refuse_long).unwrap();
        assert_eq!(taken_ones[1].shape, [2, 16]);
        assert_eq!(notes, ["Free lengths were taken as 16: `tokens` [N, length]"]);
        let refuse_all = |_: Vec<Tensor>| Ok(Some(Problem::new("It takes nothing", "", "")));
        let refused = taken(&contract, 2, &mut notes, refuse_all).unwrap_err().to_problem();
        assert_eq!(refused.what, "It takes nothing");
        assert!(refused.fix.contains("--rows"), "{}", refused.fix);
        let huge = ModelContract { inputs: vec![spec("x", Dtype::F32, &[Dim::Fixed(1 << 40)])], outputs: Vec::new() };
        assert!(made_up(&huge, 1, 1).is_err());
    }

    #[test]
    fn the_only_batch_is_taken_and_said_when_another_was_named() {
        let mut notes = Vec::new();
        assert_eq!(only_batch(5, None, true, &mut notes).unwrap(), 5);
        assert_eq!(only_batch(1, Some(4), false, &mut notes).unwrap(), 4);
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(only_batch(5, Some(4), true, &mut notes).unwrap(), 4);
        assert_eq!(notes, ["The model takes only batches of 4, so that is what was profiled"]);
        assert!(only_batch(1, Some(1 << 40), false, &mut notes).is_err());
    }
}
