//! What each node of a model costs: arithmetic and bytes by looking at what runs, time by running it.
//!
//! The optimised plan is what runs, so it is what is timed. Its steps are traced back to the file by their names, as
//! far as tract keeps them; the arithmetic of the file's own nodes is counted before anything is fused.

mod file_nodes;
mod flops;
mod interpreted;
mod memory;
mod operators;
mod run;
mod steps;

use serde::{Deserialize, Serialize};
use tract_onnx::tract_hir::internal::{Arc, TValue, TVec, TractResult, TypedModel, TypedRunnableModel};

pub(crate) use file_nodes::FileNodes;

use super::Model;
use super::error::EngineError;
use super::guard::{guarded, one_line};
use super::plan::{Plan, Shapes};
use super::tensor::Tensor;
use crate::project::contract::Dim;
use crate::project::reports::Profile;

/// The most steps that are given back; of more, the costliest.
const MOST_STEPS: usize = 2_000;
/// The longest that is measured in one request.
const LONGEST_MS: u64 = 600_000;

/// What is profiled. The request's tensors are the batches, one after the other, each with all of the model's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRequest {
    /// Different batches, used in turn.
    pub n_batches: usize,
    /// Calls of each kind after which measuring ends early.
    pub max_calls: u64,
    /// How long is measured, in milliseconds; three calls of each kind at least.
    pub budget_ms: u64,
}

/// Times the loaded model step by step and counts what each step takes.
///
/// `tell` is given how much is done, outside of the timed part.
pub(crate) fn profile(
    model: &Model,
    tensors: Vec<Tensor>,
    request: ProfileRequest,
    tell: &mut dyn FnMut(serde_json::Value),
) -> Result<Profile, EngineError> {
    let failed = |reason: String| EngineError::Run { reason };
    let request = ProfileRequest { budget_ms: request.budget_ms.min(LONGEST_MS), ..request };
    let batches = split(tensors, request.n_batches).ok_or_else(|| failed("the batches are not complete".to_owned()))?;
    let (mut plan, mut inputs) = (None, Vec::with_capacity(batches.len()));
    for batch in &batches {
        let (prepared, values) = model.opened(batch)?;
        plan.get_or_insert(prepared);
        inputs.push(values);
    }
    let (Some(plan), Some(first)) = (plan, inputs.first()) else { return Err(failed("there is no batch".to_owned())) };
    let run = guarded("profiling the model", || match &plan {
        Plan::Whole(plan) => whole(model, plan, &inputs, first, request, tell),
        Plan::Steps(program) => interpreted::profile(model.file_nodes(), program, &inputs, first, request, tell),
    })?;
    run.map(keep_costliest).map_err(|error| failed(one_line(&error)))
}

/// A graph that tract takes whole.
fn whole(
    model: &Model,
    plan: &Arc<TypedRunnableModel>,
    inputs: &[TVec<TValue>],
    first: &TVec<TValue>,
    request: ProfileRequest,
    tell: &mut dyn FnMut(serde_json::Value),
) -> TractResult<Profile> {
    let nodes = model.file_nodes();
    let shapes: Shapes = first.iter().map(|value| value.shape().to_vec()).collect();
    let as_asked = model.typed(&shapes);
    let one_row = one_row(model, &shapes).and_then(|shapes| model.typed(&shapes));
    let products = as_asked.as_ref().map(|typed| operators::products(typed, nodes)).unwrap_or_default();
    let seen = steps::observe(plan, first.clone())?;
    let times = run::measure(&steps::Whole(plan), inputs, request, tell)?;
    let steps = steps::steps(plan, nodes, &products, &seen, &times);
    let counted = |typed: Option<&TypedModel>| typed.map(|typed| operators::count(typed, nodes));
    Ok(operators::summary(nodes, steps, counted(as_asked.as_ref()), counted(one_row.as_ref()), times))
}

/// The shapes with a single row, if the model takes one.
fn one_row(model: &Model, shapes: &Shapes) -> Option<Shapes> {
    let specs = &model.inspection().contract.inputs;
    let shapes = specs.iter().zip(shapes).map(|(spec, shape)| {
        let mut shape = shape.clone();
        match (spec.shape.first(), shape.first_mut()) {
            (Some(Dim::Symbol(_)) | None, Some(rows)) => *rows = 1,
            (Some(Dim::Fixed(1)), _) => {}
            _ => return None,
        }
        Some(shape)
    });
    shapes.collect()
}

/// Leaves out the cheapest steps of a plan with very many.
fn keep_costliest(mut profile: Profile) -> Profile {
    if profile.steps.len() <= MOST_STEPS {
        return profile;
    }
    profile.steps.sort_by(|left, right| right.time.median.total_cmp(&left.time.median));
    let left_out = profile.steps.split_off(MOST_STEPS);
    profile.left_out_ns = left_out.iter().map(|step| step.time.median).sum();
    profile.steps.sort_by_key(|step| step.idx);
    profile
}

/// As many lists of equal length; `None` when the tensors cannot be shared out so.
pub(super) fn split(tensors: Vec<Tensor>, n_batches: usize) -> Option<Vec<Vec<Tensor>>> {
    if n_batches == 0 || tensors.is_empty() || !tensors.len().is_multiple_of(n_batches) {
        return None;
    }
    let n_inputs = tensors.len() / n_batches;
    let mut tensors = tensors.into_iter();
    Some((0..n_batches).map(|_| tensors.by_ref().take(n_inputs).collect()).collect())
}

#[cfg(test)]
mod tests;
