//! A run of nodes that tract computes as one model, prepared for the shapes that come.
//!
//! Every inner shape must be known once the shapes of the inputs are. Where that is not so, or tract cannot prepare or
//! run the whole, the segment falls into halves, down to single nodes. A single node whose output's shape depends on
//! values (`Reshape`, `Slice`, `Resize` …) is prepared with its small inputs as constants, once for each of their values.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tract_onnx::pb;
use tract_onnx::tract_hir::internal::{
    Arc, DatumType, DimLike as _, InferenceFact, InferenceModel, InferenceModelExt as _, IntoArcTensor as _,
    IntoTValue as _, OutletId, TValue, TVec, Tensor, TractResult, TypedModel, TypedRunnableModel, bail, ensure,
    format_err,
};
use tract_onnx::tract_hir::ops::konst::Const;

use super::super::whole::runnable;
use super::value::{nothing, plain};
use crate::engine::guard::{guarded, one_line};
use crate::engine::proto::{node_label, operator_label};
use crate::engine::{nonfinite, registry};

/// Plans of a segment of several nodes, which may hold packed weights.
const MOST_PLANS: usize = 8;
/// Plans of a single node.
const MOST_SINGLE_PLANS: usize = 256;
/// Elements of an input that may be taken as a constant.
const MOST_CONSTANT_ELEMENTS: usize = 64;

/// Operators whose output's shape depends on the values of a large input: never prepared for single values.
const SIZED_BY_VALUES: &[&str] = &["Compress", "NonMaxSuppression", "NonZero"];

/// Operators that give the right answer when an input has no elements, but the output has.
const RIGHT_WITHOUT_ELEMENTS: &[&str] = &[
    "Concat",
    "ConstantOfShape",
    "Expand",
    "Gemm",
    "MatMul",
    "Pad",
    "Range",
    "ReduceSum",
    "ScatterElements",
    "ScatterND",
    "Shape",
    "Size",
];

/// What a model says beside its graph.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// The versions of its operators.
    pub(super) opset_import: Vec<pb::OperatorSetIdProto>,
    /// The folder of its external data.
    pub(super) folder: String,
}

/// How a person finds the node.
pub(super) fn label(node: &pb::NodeProto) -> String {
    let operator = match node.op_type.strip_prefix(':') {
        Some(own) => own.to_owned(),
        None if node.op_type.contains(':') => node.op_type.clone(),
        None => operator_label(&node.domain, &node.op_type),
    };
    format!("{operator} {}", node_label(node))
}

/// A run of nodes.
pub(super) struct Segment {
    header: Arc<Header>,
    nodes: Vec<pb::NodeProto>,
    inputs: Vec<String>,
    constants: HashMap<String, Arc<Tensor>>,
    outputs: Vec<String>,
    template: OnceLock<Result<Template, String>>,
    /// The most recently used last.
    plans: Mutex<Vec<(Key, Ready)>>,
    halves: OnceLock<Box<(Self, Self)>>,
    split: AtomicBool,
}

/// Shapes and element types of the inputs; the values of those taken as constants.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    facts: Vec<(DatumType, TVec<usize>)>,
    values: Vec<Option<Arc<Tensor>>>,
}

#[derive(Clone)]
enum Ready {
    /// To be run.
    Plan(Arc<TypedRunnableModel>),
    /// Every output is without elements.
    Nothing(Vec<(DatumType, TVec<usize>)>),
    /// To be prepared with the small inputs as constants.
    ByValue,
}

struct Template {
    model: InferenceModel,
    inputs: Vec<Option<OutletId>>,
    constants: Vec<(OutletId, Arc<Tensor>)>,
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("n_nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

impl Segment {
    /// A run of nodes with the values it takes (in this order), those that never change, and the values asked of it.
    pub(super) fn new(
        header: Arc<Header>,
        nodes: Vec<pb::NodeProto>,
        inputs: Vec<String>,
        constants: HashMap<String, Arc<Tensor>>,
        outputs: Vec<String>,
    ) -> Self {
        Self {
            header,
            nodes,
            inputs,
            constants,
            outputs,
            template: OnceLock::new(),
            plans: Mutex::default(),
            halves: OnceLock::new(),
            split: AtomicBool::new(false),
        }
    }

    /// Its nodes.
    pub(super) fn nodes(&self) -> &[pb::NodeProto] {
        &self.nodes
    }

    /// Computes the outputs.
    pub(super) fn run(&self, inputs: &[TValue]) -> TractResult<Vec<TValue>> {
        if self.split.load(Ordering::Relaxed) {
            return self.run_halves(inputs);
        }
        let failure = match self.ready(inputs).and_then(|ready| self.run_ready(&ready, inputs)) {
            Ok(outputs) => return Ok(outputs),
            Err(failure) => failure,
        };
        if let [node] = self.nodes.as_slice() {
            return Err(format_err!("{}: {}", label(node), one_line(&failure)));
        }
        let outputs = self.run_halves(inputs)?;
        // Whatever tract could not do with the whole, it can do with the parts, also next time.
        if !self.split.swap(true, Ordering::Relaxed) {
            tracing::debug!(n_nodes = self.nodes.len(), reason = one_line(&failure), "a segment is run in two parts");
        }
        Ok(outputs)
    }

    fn run_ready(&self, ready: &Ready, inputs: &[TValue]) -> TractResult<Vec<TValue>> {
        match ready {
            Ready::Plan(plan) => {
                // Inputs that became constants are no inputs of the plan.
                let taken = plan.model().inputs.len();
                let values: TVec<TValue> = if taken == inputs.len() {
                    inputs.iter().cloned().collect()
                } else {
                    inputs.iter().filter(|input| !is_small(input)).cloned().collect()
                };
                ensure!(taken == values.len(), "{taken} inputs are expected, {} are given", values.len());
                let outputs =
                    guarded("running the model", || plan.run(values)).map_err(|error| format_err!("{error}"))??;
                outputs.into_iter().map(plain).collect()
            }
            Ready::Nothing(facts) => {
                facts.iter().map(|(dtype, shape)| Ok(nothing(*dtype, shape)?.into_tvalue())).collect()
            }
            Ready::ByValue => bail!("the values are needed"),
        }
    }

    fn ready(&self, inputs: &[TValue]) -> TractResult<Ready> {
        let facts = inputs.iter().map(|input| (input.datum_type(), input.shape().into())).collect();
        let mut key = Key { facts, values: Vec::new() };
        let ready = self.cached(&key, || self.prepare(inputs, false))?;
        if !matches!(ready, Ready::ByValue) {
            return Ok(ready);
        }
        let constant = |input: &TValue| is_small(input).then(|| input.clone().into_arc_tensor());
        key.values = inputs.iter().map(constant).collect();
        self.cached(&key, || self.prepare(inputs, true))
    }

    fn cached(&self, key: &Key, prepare: impl FnOnce() -> TractResult<Ready>) -> TractResult<Ready> {
        let lock = || self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut plans = lock();
            if let Some(at) = plans.iter().rposition(|(known, _)| known == key) {
                let found = plans.remove(at);
                let ready = found.1.clone();
                plans.push(found);
                return Ok(ready);
            }
        }
        let ready = guarded("preparing the model", prepare).map_err(|error| format_err!("{error}"))??;
        let mut plans = lock();
        let most = if self.nodes.len() == 1 { MOST_SINGLE_PLANS } else { MOST_PLANS };
        if most <= plans.len() {
            plans.remove(0);
        }
        plans.push((key.clone(), ready.clone()));
        Ok(ready)
    }

    fn prepare(&self, inputs: &[TValue], by_value: bool) -> TractResult<Ready> {
        let template = self.template.get_or_init(|| self.parse().map_err(|error| one_line(&error)));
        let template = template.as_ref().map_err(|reason| format_err!("{reason}"))?;
        let single = match self.nodes.as_slice() {
            [node] => Some(node.op_type.as_str()),
            _ => None,
        };
        let typed = match template.typed(inputs, by_value) {
            Ok(typed) => typed,
            Err(_) if single.is_some() && !by_value && inputs.iter().any(is_small) => return Ok(Ready::ByValue),
            Err(error) => return Err(error),
        };
        let Some(operator) = single else {
            let typed = if odd(&typed) { typed.into_decluttered()? } else { typed };
            ensure!(!odd(&typed), "some shapes depend on values, or have no elements");
            return Ok(Ready::Plan(optimised(typed)?));
        };
        let outputs: Option<Vec<(DatumType, TVec<usize>)>> =
            (0..typed.outputs.len()).map(|idx| known_fact(&typed, idx)).collect();
        match outputs {
            None if !by_value && !SIZED_BY_VALUES.contains(&operator) && inputs.iter().any(is_small) => {
                return Ok(Ready::ByValue);
            }
            Some(facts) if facts.iter().all(|(_, shape)| shape.contains(&0)) => return Ok(Ready::Nothing(facts)),
            _ => {}
        }
        let without_elements = inputs.iter().any(|input| input.len() == 0);
        ensure!(
            !without_elements || RIGHT_WITHOUT_ELEMENTS.contains(&operator) || SIZED_BY_VALUES.contains(&operator),
            "it is given a tensor without elements, which is not supported"
        );
        let plan = optimised(typed.clone())?;
        // tract's optimiser breaks some recurrent layers so that they fail when they run.
        if matches!(operator, "LSTM" | "GRU" | "RNN")
            && self.run_ready(&Ready::Plan(Arc::clone(&plan)), inputs).is_err()
        {
            return Ok(Ready::Plan(runnable(typed, false)?));
        }
        Ok(Ready::Plan(plan))
    }

    fn parse(&self) -> TractResult<Template> {
        let output = |name: &String| pb::ValueInfoProto { name: name.clone(), ..pb::ValueInfoProto::default() };
        let proto = pb::ModelProto {
            opset_import: self.header.opset_import.clone(),
            graph: Some(pb::GraphProto {
                node: self.nodes.clone(),
                output: self.outputs.iter().map(output).collect(),
                ..pb::GraphProto::default()
            }),
            ..pb::ModelProto::default()
        };
        let parsed = registry::framework().parse(&proto, Some(&self.header.folder))?;
        let outlet = |name: &String| parsed.outlets_by_name.get(name).copied();
        let inputs = self.inputs.iter().map(outlet).collect();
        let constants = self.constants.iter().filter_map(|(name, value)| Some((outlet(name)?, Arc::clone(value))));
        Ok(Template { constants: constants.collect(), inputs, model: parsed.model })
    }

    fn run_halves(&self, inputs: &[TValue]) -> TractResult<Vec<TValue>> {
        let (first, second) = &**self.halves.get_or_init(|| Box::new(self.halve()));
        let find = |name: &String| self.inputs.iter().position(|input| input == name).map(|idx| inputs[idx].clone());
        let source = |name: &String| format_err!("`{name}` has no source");
        let given = first.inputs.iter().map(|name| find(name).ok_or_else(|| source(name)));
        let between = first.run(&given.collect::<TractResult<Vec<_>>>()?)?;
        let find_between = |name: &String| first.outputs.iter().position(|output| output == name);
        let either = |name: &String| find_between(name).map(|idx| between[idx].clone()).or_else(|| find(name));
        let given = second.inputs.iter().map(|name| either(name).ok_or_else(|| source(name)));
        let last = second.run(&given.collect::<TractResult<Vec<_>>>()?)?;
        let all = self.outputs.iter().map(|name| match second.outputs.iter().position(|output| output == name) {
            Some(idx) => Ok(last[idx].clone()),
            None => either(name).ok_or_else(|| source(name)),
        });
        all.collect()
    }

    fn halve(&self) -> (Self, Self) {
        let (left, right) = self.nodes.split_at(self.nodes.len() / 2);
        let needed: HashSet<&String> =
            right.iter().flat_map(|node| &node.input).chain(&self.outputs).filter(|name| !name.is_empty()).collect();
        let made = |nodes: &[pb::NodeProto], wanted: &dyn Fn(&String) -> bool| -> Vec<String> {
            let outputs = nodes.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty());
            outputs.filter(|name| wanted(name)).cloned().collect()
        };
        let between = made(left, &|name| needed.contains(name));
        let last = made(right, &|name| self.outputs.contains(name));
        let part = |nodes: &[pb::NodeProto], outputs: Vec<String>| {
            let own: HashSet<&String> = nodes.iter().flat_map(|node| &node.output).collect();
            let mut inputs: Vec<String> = Vec::new();
            let mut constants = HashMap::new();
            for name in nodes.iter().flat_map(|node| &node.input).filter(|name| !name.is_empty() && !own.contains(name))
            {
                if let Some(value) = self.constants.get(name) {
                    constants.insert(name.clone(), Arc::clone(value));
                } else if !inputs.contains(name) {
                    inputs.push(name.clone());
                }
            }
            Self::new(Arc::clone(&self.header), nodes.to_vec(), inputs, constants, outputs)
        };
        (part(left, between), part(right, last))
    }
}

impl Template {
    /// The nodes as a typed model for these inputs.
    fn typed(&self, inputs: &[TValue], by_value: bool) -> TractResult<TypedModel> {
        let mut model = self.model.clone();
        let mut sources = Vec::with_capacity(inputs.len());
        for (outlet, value) in &self.constants {
            fix(&mut model, *outlet, Arc::clone(value))?;
        }
        for (outlet, input) in self.inputs.iter().zip(inputs) {
            let Some(outlet) = *outlet else { bail!("an input is not used") };
            if by_value && is_small(input) {
                fix(&mut model, outlet, input.clone().into_arc_tensor())?;
            } else {
                model.set_outlet_fact(outlet, InferenceFact::dt_shape(input.datum_type(), input.shape()))?;
                sources.push(outlet);
            }
        }
        model.set_input_outlets(&sources)?;
        nonfinite::hide(model.into_typed()?)
    }
}

/// Makes a source a constant.
fn fix(model: &mut InferenceModel, outlet: OutletId, value: Arc<Tensor>) -> TractResult<()> {
    model.set_outlet_fact(outlet, InferenceFact::try_from(&value)?)?;
    model.node_mut(outlet.node).op = Box::new(Const::new(value)?);
    Ok(())
}

/// Whether an input may be taken as a constant.
fn is_small(input: &TValue) -> bool {
    input.len() <= MOST_CONSTANT_ELEMENTS
}

fn optimised(typed: TypedModel) -> TractResult<Arc<TypedRunnableModel>> {
    match guarded("preparing the model", || runnable(typed.clone(), true)) {
        Ok(Ok(plan)) => Ok(plan),
        _ => runnable(typed, false),
    }
}

/// Whether some shape between nodes is not known, or has no elements; constants are left aside.
pub(crate) fn odd(model: &TypedModel) -> bool {
    let facts = model.nodes().iter().flat_map(|node| &node.outputs).map(|outlet| &outlet.fact);
    let mut computed = facts.filter(|fact| fact.konst.is_none());
    computed.any(|fact| fact.shape.as_concrete().is_none_or(|shape| shape.contains(&0)))
}

fn known_fact(model: &TypedModel, idx: usize) -> Option<(DatumType, TVec<usize>)> {
    let fact = model.output_fact(idx).ok()?;
    let dtype = if fact.datum_type == DatumType::TDim { DatumType::I64 } else { fact.datum_type };
    let shape: Option<TVec<usize>> = fact.shape.iter().map(|dim| dim.to_usize().ok()).collect();
    Some((dtype, shape?))
}
