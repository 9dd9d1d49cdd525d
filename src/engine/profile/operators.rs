//! Sums by operator of the file, and the whole.

use std::collections::BTreeMap;

use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_hir::internal::{TypedFact, TypedModel};

use super::file_nodes::FileNodes;
use super::flops::{flops, volume};
use super::run::{Times, spread};
use super::steps::Steps;
use crate::project::reports::{OperatorCost, Profile};

/// What an operator runs as, of very many different steps.
const MOST_RUNS_AS: usize = 12;

/// What a node of the file takes by its shapes alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// Arithmetic; `None` where it cannot be said.
    pub(super) flops: Option<u64>,
    /// Bytes of its inputs, its weights and its outputs.
    pub(super) bytes: u64,
}

impl Counted {
    const NOTHING: Self = Self { flops: Some(0), bytes: 0 };
    const UNKNOWN: Self = Self { flops: None, bytes: 0 };
}

/// Which nodes of the file are products or convolutions, as a whole or in part.
pub(super) fn products(typed: &TypedModel, nodes: &FileNodes) -> Vec<bool> {
    let mut products = vec![false; nodes.all().len()];
    for node in typed.nodes() {
        if let Some(idx) = nodes.origin(&node.name)
            && matches!(node.op.name().as_ref(), "EinSum" | "Conv" | "Deconv")
        {
            products[idx] = true;
        }
    }
    products
}

/// Counts what the file's nodes compute, before anything is fused; a node that is folded into a constant computes nothing.
pub(super) fn count(typed: &TypedModel, nodes: &FileNodes) -> Vec<Counted> {
    let mut sums = vec![Counted::NOTHING; nodes.all().len()];
    let Ok(order) = typed.eval_order() else { return vec![Counted::UNKNOWN; nodes.all().len()] };
    let bytes = |fact: &TypedFact| volume(fact).unwrap_or(0).saturating_mul(fact.datum_type.size_of() as u64);
    for id in order {
        let node = typed.node(id);
        if let Some(sum) = nodes.origin(&node.name).and_then(|idx| sums.get_mut(idx)) {
            sum.flops = sum.flops.zip(flops(typed, node)).map(|(sum, more)| sum.saturating_add(more));
            let read = typed.node_input_facts(id).unwrap_or_default();
            let ports = read.into_iter().chain(node.outputs.iter().map(|output| &output.fact));
            // A constant is counted where it is read.
            if !node.op_is::<Const>() {
                sum.bytes = ports.map(bytes).fold(sum.bytes, u64::saturating_add);
            }
        }
    }
    sums
}

/// The whole profile.
pub(super) fn summary(
    nodes: &FileNodes,
    steps: Steps,
    as_asked: Option<Vec<Counted>>,
    one_row: Option<Vec<Counted>>,
    mut times: Times,
) -> Profile {
    let Steps { costs, origins, fused, weight_bytes } = steps;
    let n_nodes = nodes.all().len();
    let as_asked = as_asked.unwrap_or_else(|| vec![Counted::UNKNOWN; n_nodes]);
    let mut groups: BTreeMap<(bool, String, String), OperatorCost> = BTreeMap::new();
    let mut own_steps = vec![0_u64; n_nodes];
    for idx in origins.iter().flatten() {
        own_steps[*idx] += 1;
    }
    for (idx, node) in nodes.all().iter().enumerate() {
        let group = groups.entry((false, node.domain.clone(), node.operator.clone())).or_insert_with(|| OperatorCost {
            domain: node.domain.clone(),
            operator: node.operator.clone(),
            flops_one_row: one_row.is_some().then_some(0),
            bytes_one_row: one_row.is_some().then_some(0),
            ..OperatorCost::default()
        });
        group.n_nodes += 1;
        group.n_without_step += u64::from(own_steps[idx] == 0);
        group.n_parameters = group.n_parameters.saturating_add(node.n_parameters);
        group.parameter_bytes = group.parameter_bytes.saturating_add(node.parameter_bytes);
        match as_asked[idx].flops {
            Some(more) => group.flops = Some(group.flops.unwrap_or(0).saturating_add(more)),
            None => group.n_flops_unknown += 1,
        }
        // One that cannot be said leaves the sum a lower bound, as it does above.
        let more = one_row.as_ref().map_or(Counted::NOTHING, |one_row| one_row[idx]);
        group.flops_one_row = group.flops_one_row.map(|sum| sum.saturating_add(more.flops.unwrap_or(0)));
        group.bytes_one_row = group.bytes_one_row.map(|sum| sum.saturating_add(more.bytes));
    }
    for (step, origin) in costs.iter().zip(&origins) {
        let key = origin.map_or_else(
            || (true, String::new(), step.operator.clone()),
            |idx| (false, nodes.all()[idx].domain.clone(), nodes.all()[idx].operator.clone()),
        );
        let group = groups
            .entry(key)
            .or_insert_with(|| OperatorCost { operator: step.operator.clone(), ..OperatorCost::default() });
        if origin.is_none() {
            group.flops =
                group.flops.or((group.n_steps == 0).then_some(0)).zip(step.flops).map(|(sum, more)| sum + more);
        }
        group.n_steps += 1;
        group.time_ns += step.time.median;
        group.bytes_read = group.bytes_read.saturating_add(step.bytes_read).saturating_add(step.weight_bytes);
        group.bytes_written = group.bytes_written.saturating_add(step.bytes_written);
        if !group.runs_as.contains(&step.operator) && group.runs_as.len() < MOST_RUNS_AS {
            group.runs_as.push(step.operator.clone());
        }
    }
    for (idx, into) in fused.into_iter().filter(|(idx, _)| own_steps[*idx] == 0) {
        let node = &nodes.all()[idx];
        let into = format!("within {}", nodes.all()[into].operator);
        if let Some(group) = groups.get_mut(&(false, node.domain.clone(), node.operator.clone()))
            && !group.runs_as.contains(&into)
            && group.runs_as.len() < MOST_RUNS_AS
        {
            group.runs_as.push(into);
        }
    }
    let mut operators: Vec<OperatorCost> = groups.into_values().collect();
    for group in operators.iter_mut().filter(|group| group.flops.is_none()) {
        group.flops_one_row = None;
    }
    operators.sort_by(|left, right| right.time_ns.total_cmp(&left.time_ns));
    let peak = costs.iter().max_by_key(|step| (step.live_bytes, std::cmp::Reverse(step.idx)));
    let sum = |of: fn(&OperatorCost) -> u64| operators.iter().map(of).fold(0, u64::saturating_add);
    Profile {
        n_calls: times.plain.len() as u64,
        n_warm_up: times.n_warm_up,
        plain: spread(&mut times.plain),
        timed: spread(&mut times.timed),
        clock_ns: times.clock_ns,
        steps_ns: costs.iter().map(|step| step.time.median).sum(),
        // What the engine adds of its own is no work of the model's.
        flops: sum(|operator| if operator.is_engines_own() { 0 } else { operator.flops.unwrap_or(0) }),
        n_flops_unknown: sum(|operator| operator.n_flops_unknown),
        flops_one_row: one_row.map(|nodes| nodes.iter().filter_map(|node| node.flops).fold(0, u64::saturating_add)),
        n_parameters: sum(|operator| operator.n_parameters),
        weight_bytes,
        peak_activation_bytes: peak.map_or(0, |step| step.live_bytes),
        peak_step: peak
            .map(|step| if step.node.is_empty() { step.name.clone() } else { step.node.clone() })
            .unwrap_or_default(),
        n_nodes: n_nodes as u64,
        n_nodes_without_step: own_steps.iter().filter(|n| **n == 0).count() as u64,
        n_steps: costs.len() as u64,
        left_out_ns: 0.0,
        operators,
        steps: costs,
    }
}
