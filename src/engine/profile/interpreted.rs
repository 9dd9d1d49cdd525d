//! Graphs that run step by step, because tract does not take them whole: time and bytes of each step.
//!
//! What a step computes is known to nobody before it runs, so their arithmetic is not said.

use tract_onnx::tract_hir::internal::{TValue, TVec, Tensor, TractResult};

use super::ProfileRequest;
use super::file_nodes::FileNodes;
use super::memory::{Holding, live_bytes, tensor_bytes};
use super::operators::summary;
use super::run::{Runner, measure, spread};
use super::steps::{Steps, described, short};
use crate::engine::plan::{Program, Source};
use crate::project::reports::{Profile, StepCost};

impl Runner for Program {
    fn n_steps(&self) -> usize {
        self.facts().len()
    }

    fn plain(&self, inputs: TVec<TValue>) -> TractResult<()> {
        self.run_tensors(inputs).map(drop)
    }

    fn timed(&self, inputs: TVec<TValue>, times: &mut Vec<f32>) -> TractResult<()> {
        self.run_watched(inputs, false, &mut |step| times.push(step.took.as_nanos() as f32))
    }
}

/// The profile of a graph that runs step by step.
pub(super) fn profile(
    nodes: &FileNodes,
    program: &Program,
    inputs: &[TVec<TValue>],
    first: &TVec<TValue>,
    request: ProfileRequest,
    tell: &mut dyn FnMut(serde_json::Value),
) -> TractResult<Profile> {
    let facts = program.facts();
    let mut costs: Vec<StepCost> = Vec::with_capacity(facts.len());
    program.run_watched(first.clone(), true, &mut |step| {
        let (taken, given) = (tensors(&step.inputs), tensors(&step.outputs));
        costs.push(StepCost {
            idx: step.idx as u64,
            inputs: described(&taken),
            outputs: described(&given),
            bytes_read: taken.iter().map(|tensor| tensor_bytes(tensor)).sum(),
            bytes_written: given.iter().map(|tensor| tensor_bytes(tensor)).sum(),
            ..StepCost::default()
        });
    })?;
    let mut times = measure(program, inputs, request, tell)?;
    let sources =
        first.iter().map(|input| Holding { bytes: tensor_bytes(input), is_input: true, ..Holding::default() });
    let position = |source: &Source| match source {
        Source::Input(idx) => *idx,
        Source::Step(idx) => first.len() + idx,
    };
    let steps = facts.iter().zip(&costs).map(|(fact, cost)| Holding {
        bytes: cost.bytes_written,
        reads: fact.reads.iter().map(position).collect(),
        is_output: fact.is_output,
        ..Holding::default()
    });
    let live = live_bytes(&sources.chain(steps).collect::<Vec<_>>());
    let mut origins = Vec::with_capacity(facts.len());
    for (idx, (fact, cost)) in facts.iter().zip(&mut costs).enumerate() {
        let mut runs: Vec<f64> =
            times.steps.iter().skip(idx).step_by(facts.len()).map(|nanos| f64::from(*nanos)).collect();
        cost.n_calls = runs.len() as u64;
        cost.time = spread(&mut runs);
        cost.live_bytes = live.get(first.len() + idx).copied().unwrap_or(0);
        cost.operator.clone_from(&fact.operator);
        cost.name = short(fact.nodes.first().map_or("", String::as_str));
        // Of several nodes at once nobody knows which took the time.
        let origin = if fact.nodes.len() == 1 { nodes.origin(&fact.nodes[0]) } else { None };
        match origin.map(|origin| &nodes.all()[origin]) {
            Some(node) => {
                cost.node = short(&node.name);
                cost.node_operator.clone_from(&node.operator);
            }
            None => cost.fused = fact.nodes.iter().take(MOST_NAMED).map(|name| short(name)).collect(),
        }
        origins.push(origin);
    }
    times.steps.clear();
    let weight_bytes = program.constants().map(tensor_bytes).sum();
    let steps = Steps { costs, origins, fused: Vec::new(), weight_bytes };
    Ok(summary(nodes, steps, None, None, times))
}

/// Nodes that are named of a step that computes many at once.
const MOST_NAMED: usize = 20;

fn tensors(values: &[TValue]) -> Vec<&Tensor> {
    values.iter().map(|value| &**value).collect()
}
