//! The steps of a plan: what each reads, writes and holds, and how long it takes.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::matmul::optimized::{MatMulOperand, OptMatMul, ProtoFusedSpec};
use tract_onnx::tract_core::ops::scan::OptScan;
use tract_onnx::tract_core::plan::eval;
use tract_onnx::tract_hir::internal::{
    Arc, TValue, TVec, Tensor, TractResult, TypedModel, TypedNode, TypedRunnableModel,
};

use super::file_nodes::FileNodes;
use super::flops::{flops, own_work};
use super::memory::{Holding, live_bytes, tensor_bytes};
use super::run::{Runner, Times, spread};
use crate::engine::convert;
use crate::engine::kernels::{self, Held};
use crate::engine::nonfinite;
use crate::project::reports::StepCost;

/// Inputs or outputs that are described; the rest is counted.
const MOST_PORTS: usize = 6;
/// The longest name that is kept.
const LONGEST_NAME: usize = 200;

/// Views: the elements of their input under another shape.
const VIEWS: &[&str] = &["AddAxis", "Identity", "IntoShape", "Reshape", "RmAxis"];

/// What a run showed of a step.
#[derive(Debug, Default)]
pub(super) struct Seen {
    inputs: Vec<String>,
    outputs: Vec<String>,
    bytes_read: u64,
    bytes_written: u64,
}

/// Runs the plan once and looks at what goes in and out of each step, in the order they run.
pub(super) fn observe(plan: &Arc<TypedRunnableModel>, inputs: TVec<TValue>) -> TractResult<Vec<Seen>> {
    let mut seen = Vec::with_capacity(plan.order_without_consts().len());
    let model = plan.model();
    plan.spawn()?.run_plan_with_eval(inputs, |context, state, node, input| {
        let computed = |(idx, _): &(usize, &TValue)| {
            node.inputs.get(*idx).is_none_or(|outlet| !model.node(outlet.node).op_is::<Const>())
        };
        let computed: Vec<&Tensor> = input.iter().enumerate().filter(computed).map(|(_, value)| &**value).collect();
        let mut step = Seen {
            bytes_read: computed.iter().map(|tensor| tensor_bytes(tensor)).sum(),
            inputs: described(&computed),
            ..Seen::default()
        };
        drop(computed);
        let outputs = eval(context, state, node, input);
        if let Ok(outputs) = &outputs {
            let outputs: Vec<&Tensor> = outputs.iter().map(|value| &**value).collect();
            step.bytes_written = outputs.iter().map(|tensor| tensor_bytes(tensor)).sum();
            step.outputs = described(&outputs);
        }
        seen.push(step);
        outputs
    })?;
    Ok(seen)
}

pub(super) fn described(tensors: &[&Tensor]) -> Vec<String> {
    let mut words: Vec<String> = tensors.iter().take(MOST_PORTS).map(|tensor| describe(tensor)).collect();
    if MOST_PORTS < tensors.len() {
        words.push(format!("and {} more", tensors.len() - MOST_PORTS));
    }
    words
}

/// `float32[1, 12]`
fn describe(tensor: &Tensor) -> String {
    let dtype = convert::dtype(tensor.datum_type().unquantized());
    let dtype = dtype.map_or_else(|| format!("{:?}", tensor.datum_type()).to_lowercase(), |dtype| dtype.to_string());
    if tensor.is_exotic() {
        // Its shape is that of the packs, not of what is in them.
        return format!("packed {dtype}");
    }
    format!("{dtype}{:?}", tensor.shape())
}

/// A model of tract.
pub(super) struct Whole<'a>(pub(super) &'a Arc<TypedRunnableModel>);

impl Runner for Whole<'_> {
    fn n_steps(&self) -> usize {
        self.0.order_without_consts().len()
    }

    fn plain(&self, inputs: TVec<TValue>) -> TractResult<()> {
        self.0.run(inputs).map(drop)
    }

    fn timed(&self, inputs: TVec<TValue>, times: &mut Vec<f32>) -> TractResult<()> {
        let mut state = self.0.spawn()?;
        let run = state.run_plan_with_eval(inputs, |context, op_state, node, input| {
            let started = Instant::now();
            let outputs = eval(context, op_state, node, input);
            times.push(started.elapsed().as_nanos() as f32);
            outputs
        });
        run.map(drop)
    }
}

/// A plan's steps, with what the file calls them.
pub(super) struct Steps {
    pub(super) costs: Vec<StepCost>,
    /// The file's node of each.
    pub(super) origins: Vec<Option<usize>>,
    /// Nodes of the file that were fused into another one's product, and that other one.
    pub(super) fused: Vec<(usize, usize)>,
    /// Bytes of all weights, those that several steps read counted once.
    pub(super) weight_bytes: u64,
}

/// Every step of the plan, in the order they run.
pub(super) fn steps(
    plan: &Arc<TypedRunnableModel>,
    nodes: &FileNodes,
    products: &[bool],
    seen: &[Seen],
    times: &Times,
) -> Steps {
    let model = plan.model();
    let order = plan.order_without_consts();
    let live = live_bytes(&holdings(model, order, seen));
    let mut steps =
        Steps { costs: Vec::with_capacity(order.len()), origins: Vec::new(), fused: Vec::new(), weight_bytes: 0 };
    let mut known = HashSet::new();
    let is_product = |idx: usize| products.get(idx) == Some(&true);
    let names = order.iter().filter(|id| product_of(model.node(**id)).is_some());
    let mut computed: HashSet<usize> =
        names.filter_map(|id| nodes.origin(&model.node(*id).name)).filter(|idx| is_product(*idx)).collect();
    for (idx, (id, seen)) in order.iter().zip(seen).enumerate() {
        let node = model.node(*id);
        let mut origin = nodes.origin(&node.name);
        let mut fused = Vec::new();
        // A product that others were fused into is named after the last of them; it is still the product's.
        if let Some(last) = origin.filter(|idx| product_of(node).is_some() && !is_product(*idx))
            && let Some((product, way)) = nodes.upwards(last, |idx| is_product(idx) && !computed.contains(&idx))
        {
            computed.insert(product);
            steps.fused.extend(way.iter().map(|idx| (*idx, product)));
            fused = way.iter().rev().map(|idx| short(&nodes.all()[*idx].name)).collect();
            origin = Some(product);
        }
        let file_node = origin.map(|idx| &nodes.all()[idx]);
        let mut runs: Vec<f64> =
            times.steps.iter().skip(idx).step_by(order.len()).map(|nanos| f64::from(*nanos)).collect();
        let work = own_work(model, node).unwrap_or_default();
        let own_kernel = kernels::held(nonfinite::inside(node.op.as_ref()));
        let held = work.held_bytes + baked_bytes(node) + own_kernel.as_ref().map_or(0, |kernel| kernel.bytes);
        let constants: Vec<(usize, u64)> = constants(model, node);
        steps.weight_bytes += held;
        for (constant, bytes) in &constants {
            if known.insert(*constant) {
                steps.weight_bytes += bytes;
            }
        }
        steps.costs.push(StepCost {
            idx: idx as u64,
            node: file_node.map(|node| short(&node.name)).unwrap_or_default(),
            node_operator: file_node.map(|node| node.operator.clone()).unwrap_or_default(),
            fused,
            name: short(&node.name),
            operator: short(&node.op.name()),
            detail: short(&detail(node, own_kernel.as_ref(), work.holds)),
            inputs: seen.inputs.clone(),
            outputs: seen.outputs.clone(),
            n_calls: runs.len() as u64,
            time: spread(&mut runs),
            flops: flops(model, node),
            bytes_read: seen.bytes_read,
            weight_bytes: held + constants.iter().map(|(_, bytes)| bytes).sum::<u64>(),
            bytes_written: seen.bytes_written,
            live_bytes: live.get(idx).copied().unwrap_or(0),
        });
        steps.origins.push(origin);
    }
    steps
}

pub(super) fn short(name: &str) -> String {
    name.char_indices().nth(LONGEST_NAME).map_or_else(|| name.to_owned(), |(cut, _)| format!("{}…", &name[..cut]))
}

/// The constants that a node reads: their nodes and bytes.
fn constants(model: &TypedModel, node: &TypedNode) -> Vec<(usize, u64)> {
    let constants = node.inputs.iter().filter_map(|outlet| {
        let constant = model.node(outlet.node).op_as::<Const>()?;
        Some((outlet.node, tensor_bytes(constant.val())))
    });
    constants.collect()
}

/// tract's product, if the node is one; it may be wrapped.
fn product_of(node: &TypedNode) -> Option<&OptMatMul> {
    nonfinite::inside(node.op.as_ref()).downcast_ref::<OptMatMul>()
}

/// Bytes of the weights that the optimiser put into a product itself.
fn baked_bytes(node: &TypedNode) -> u64 {
    let Some(product) = product_of(node) else { return 0 };
    let mut sum = 0;
    for op in &product.micro_ops {
        let ProtoFusedSpec::AddMatMul { a, b, .. } = op else { continue };
        for operand in [a, b] {
            if let MatMulOperand::Const(packed) = operand {
                sum += packed.exotic_fact().mem_size().to_i64().ok().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            }
        }
    }
    sum
}

/// What is fused into a step, or what it holds.
fn detail(node: &TypedNode, kernel: Option<&Held>, holds: String) -> String {
    if let Some(kernel) = kernel.filter(|kernel| !kernel.finish.is_empty()) {
        return format!("product + {}", kernel.finish.join(" + "));
    }
    if let Some(product) = product_of(node) {
        let parts: Vec<String> = product.micro_ops.iter().filter_map(part).collect();
        return if parts.len() < 2 { String::new() } else { parts.join(" + ") };
    }
    if let Some(scan) = node.op_as::<OptScan>() {
        return format!("a loop of {} steps", scan.plan.order_without_consts().len());
    }
    holds
}

/// One of the operations that run within a product.
fn part(op: &ProtoFusedSpec) -> Option<String> {
    Some(match op {
        ProtoFusedSpec::AddMatMul { .. } => "product".to_owned(),
        ProtoFusedSpec::BinScalar(_, op)
        | ProtoFusedSpec::BinPerRow(_, op, _)
        | ProtoFusedSpec::BinPerCol(_, op, _) => format!("{op:?}").to_lowercase(),
        ProtoFusedSpec::LeakyRelu(_) => "leaky relu".to_owned(),
        ProtoFusedSpec::AddRowColProducts(..) | ProtoFusedSpec::AddUnicast(..) => "add".to_owned(),
        ProtoFusedSpec::Scaler(_) => "scale".to_owned(),
        ProtoFusedSpec::Store(_) => return None,
    })
}

fn holdings(model: &TypedModel, order: &[usize], seen: &[Seen]) -> Vec<Holding> {
    let position: HashMap<usize, usize> = order.iter().enumerate().map(|(idx, id)| (*id, idx)).collect();
    let holding = |(id, seen): (&usize, &Seen)| {
        let node = model.node(*id);
        let mut reads: Vec<usize> =
            node.inputs.iter().filter_map(|outlet| position.get(&outlet.node).copied()).collect();
        reads.sort_unstable();
        reads.dedup();
        let name = node.op.name();
        // It names places in its input and copies nothing; the input is held through it.
        let is_lazy = name == "LazyIm2col";
        Holding {
            bytes: seen.bytes_written,
            is_view: (is_lazy || VIEWS.contains(&name.as_ref())) && reads.len() == 1,
            reads,
            is_input: model.inputs.iter().any(|outlet| outlet.node == *id),
            is_output: model.outputs.iter().any(|outlet| outlet.node == *id),
        }
    };
    order.iter().zip(seen).map(holding).collect()
}
