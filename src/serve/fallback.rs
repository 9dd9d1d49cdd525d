//! What answers in place of a model that fails again and again: another version, or a constant.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::breaker::Breaker;
use super::config::{FallbackAnswer, FallbackConfig};
use super::entry::{Entry, Instead};
use super::{ServeError, rows, v2};
use crate::engine::tensor::Tensor;
use crate::project::contract::{Dim, TensorSpec};

/// What stands in for one model.
pub(super) struct Fallback {
    pub(super) breaker: Breaker,
    /// For the header and the log.
    pub(super) name: String,
    stand_in: StandIn,
}

enum StandIn {
    Version(Arc<Entry>),
    /// One row of each output.
    Constant(Vec<Tensor>),
}

impl Fallback {
    /// The stand-in for `entry`; `None` when it is the stand-in itself.
    pub(super) fn new(
        config: &FallbackConfig,
        entry: &Entry,
        entries: &[Arc<Entry>],
    ) -> Result<Option<Self>, ServeError> {
        let stand_in = match &config.answer {
            FallbackAnswer::Version(version) => {
                if entry.is_called(version) {
                    return Ok(None);
                }
                StandIn::Version(Arc::clone(other_version(entry, version, entries)?))
            }
            FallbackAnswer::Constant(outputs) => {
                StandIn::Constant(constant(&entry.served.model.contract().outputs, outputs)?)
            }
        };
        let breaker = Breaker::new(config.after_failures, config.retry);
        Ok(Some(Self { breaker, name: config.answer.to_string(), stand_in }))
    }

    /// What is said to answer.
    pub(super) fn instead(&self) -> Instead {
        match &self.stand_in {
            StandIn::Version(entry) => Instead::Version(Arc::clone(entry)),
            StandIn::Constant(_) => Instead::Constant,
        }
    }

    /// The outputs in place of the model's.
    pub(super) fn answer(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        match &self.stand_in {
            StandIn::Version(entry) => entry.run_itself(inputs),
            StandIn::Constant(outputs) => {
                let n_rows = inputs.iter().map(Tensor::n_rows).max().unwrap_or(1);
                Ok(outputs.iter().map(|output| repeated(output, n_rows)).collect())
            }
        }
    }
}

fn unfit(reason: String) -> ServeError {
    ServeError::Fallback { reason }
}

fn other_version<'a>(entry: &Entry, version: &str, entries: &'a [Arc<Entry>]) -> Result<&'a Arc<Entry>, ServeError> {
    let other = entries.iter().find(|other| other.served.name == entry.served.name && other.is_called(version));
    let other = other.ok_or_else(|| unfit(format!("version {version} is not served")))?;
    let signature = |specs: &[TensorSpec]| -> Vec<_> {
        specs.iter().map(|spec| (spec.name.clone(), spec.dtype, spec.shape.len())).collect()
    };
    let (mine, others) = (entry.served.model.contract(), other.served.model.contract());
    if signature(&mine.inputs) != signature(&others.inputs) || signature(&mine.outputs) != signature(&others.outputs) {
        let this = &entry.served.version;
        return Err(unfit(format!("version {version} does not take and give the same tensors as version {this}")));
    }
    Ok(other)
}

/// One row of each output, as the model would give it.
fn constant(specs: &[TensorSpec], given: &BTreeMap<String, Json>) -> Result<Vec<Tensor>, ServeError> {
    if let Some(unknown) = given.keys().find(|name| !specs.iter().any(|spec| spec.name == **name)) {
        return Err(unfit(format!("the model has no output {unknown}")));
    }
    let one_row = |spec: &TensorSpec| {
        let data = given.get(&spec.name).ok_or_else(|| unfit(format!("the output {} has no answer", spec.name)))?;
        let shape: Option<Vec<usize>> =
            spec.shape.iter().enumerate().map(|(axis, dim)| row_length(axis, dim)).collect();
        let mut tensor =
            v2::tensor_from_json(spec, data).map_err(|reason| unfit(format!("{}: {reason}", spec.name)))?;
        // What is free apart from the rows is as long as the answer says.
        let shape = shape.unwrap_or_else(|| vec![1, tensor.data.len()]);
        if shape.iter().product::<usize>() != tensor.data.len() {
            let n = tensor.data.len();
            return Err(unfit(format!(
                "the output {} has the shape {}, given were {n} elements",
                spec.name,
                spec.shape_text()
            )));
        }
        tensor.shape = shape;
        Ok(tensor)
    };
    specs.iter().map(one_row).collect()
}

fn row_length(axis: usize, dim: &Dim) -> Option<usize> {
    match dim {
        Dim::Fixed(length) => usize::try_from(*length).ok(),
        Dim::Symbol(_) => (axis == 0).then_some(1),
    }
}

/// The row once for each that was asked about.
fn repeated(row: &Tensor, n_rows: usize) -> Tensor {
    let mut shape = row.shape.clone();
    match shape.first_mut() {
        Some(first) => *first = n_rows,
        None => return row.clone(),
    }
    Tensor::new(row.name.as_str(), shape, rows::repeated(&row.data, n_rows))
}
