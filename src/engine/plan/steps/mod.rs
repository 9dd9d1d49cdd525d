//! The graph step by step on real values: for graphs that are more than one model of tract can be.
//!
//! Loops, branches and sequences are computed here, our own operators directly, and whatever stands between them by
//! tract in [`segment`]s, each prepared for the shapes that come.

mod compile;
mod control;
mod segment;
mod sequence;
mod value;
mod watch;

use std::sync::Arc;

use control::{Body, Branches, Looped, Scanned};
use segment::Segment;
pub(super) use segment::odd;
use sequence::SequenceOperator;
use tract_onnx::pb;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::tract_hir::internal::{
    IntoArcTensor as _, IntoTValue as _, TValue, TVec, Tensor, TractResult, bail, ensure, format_err,
};
use value::{Value, plain};
pub(crate) use watch::Source;

use crate::engine::guard::guarded;
use crate::engine::operators::{Fact, Kernel, depends_on_data};

/// Whether an operator of ONNX's own domain is computed step by step only.
pub(crate) fn computes(operator: &str) -> bool {
    matches!(operator, "Loop" | "SequenceMap") || sequence::NAMES.contains(&operator)
}

/// A graph as a list of steps.
#[derive(Debug)]
pub(crate) struct Program {
    /// What is known of each place for a value; the others are filled while it runs.
    constants: Vec<Option<Arc<Tensor>>>,
    inputs: Vec<Port>,
    /// Where values of the graph around it are put.
    captures: Vec<usize>,
    steps: Vec<Step>,
    outputs: Vec<Port>,
}

/// An input or an output of a graph.
#[derive(Debug)]
struct Port {
    place: usize,
    name: String,
    /// Element type and shape as the graph states them; an axis that is not fixed is 0.
    stated: Option<(i32, Option<Vec<usize>>)>,
}

impl Port {
    fn new(place: usize, value: &pb::ValueInfoProto) -> Self {
        use pb::tensor_shape_proto::dimension::Value::DimValue;
        let length = |dim: &pb::tensor_shape_proto::Dimension| match dim.value {
            Some(DimValue(length)) => usize::try_from(length).unwrap_or(0),
            _ => 0,
        };
        let stated = value.r#type.as_ref().and_then(|kind| kind.value.as_ref()).map(|kind| match kind {
            Type::TensorType(tensor) => {
                (tensor.elem_type, tensor.shape.as_ref().map(|shape| shape.dim.iter().map(length).collect()))
            }
        });
        Self { place, name: value.name.clone(), stated }
    }
}

#[derive(Debug)]
struct Step {
    action: Action,
    /// Where its inputs are; `None` is an optional one that is not given.
    inputs: Vec<Option<usize>>,
    outputs: Vec<Option<usize>>,
    /// Values that nobody needs after it.
    last_uses: Vec<usize>,
    /// How a person finds it.
    label: String,
}

/// Runs the step of that position on the values there are, and gives its outputs.
type RunStep<'a> = dyn FnMut(usize, &Step, &mut [Option<Value>]) -> TractResult<Vec<Value>> + 'a;

#[derive(Debug)]
enum Action {
    Segment(Segment),
    Kernel(Arc<dyn Kernel>),
    Sequence(SequenceOperator),
    If(Branches),
    Loop(Looped),
    Scan(Scanned),
    SequenceMap(Body),
}

impl Program {
    /// Names of the inputs and the number of outputs.
    pub(crate) fn ports(&self) -> (Vec<&str>, usize) {
        (self.inputs.iter().map(|port| port.name.as_str()).collect(), self.outputs.len())
    }

    /// Runs the model on tensors.
    pub(crate) fn run_tensors(&self, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let outputs = self.run(inputs.into_iter().map(Value::from).collect(), &[])?;
        let tensors = outputs.into_iter().zip(&self.outputs).map(|(value, port)| {
            value.into_tensor().map_err(|_not_one| format_err!("the output `{}` is not a tensor", port.name))
        });
        tensors.collect()
    }

    /// Runs the graph on its inputs, and on what it captures from the graph around it.
    fn run(&self, inputs: Vec<Value>, captured: &[Value]) -> TractResult<Vec<Value>> {
        self.run_by(inputs, captured, &mut |_, step, values| self.run_step(step, values))
    }

    /// The same, each step run by `run_step`, which is given its position too.
    fn run_by(&self, inputs: Vec<Value>, captured: &[Value], run_step: &mut RunStep<'_>) -> TractResult<Vec<Value>> {
        ensure!(
            inputs.len() == self.inputs.len(),
            "the graph takes {} inputs, {} are given",
            self.inputs.len(),
            inputs.len()
        );
        let mut values: Vec<Option<Value>> = vec![None; self.constants.len()];
        for (port, input) in self.inputs.iter().zip(inputs) {
            values[port.place] = Some(input);
        }
        for (place, value) in self.captures.iter().zip(captured) {
            values[*place] = Some(value.clone());
        }
        for (idx, step) in self.steps.iter().enumerate() {
            let outputs = run_step(idx, step, &mut values)?;
            ensure!(
                step.outputs.len() <= outputs.len(),
                "{} gives {} outputs in place of {}",
                step.label,
                outputs.len(),
                step.outputs.len()
            );
            for (place, output) in step.outputs.iter().zip(outputs) {
                if let Some(place) = place {
                    values[*place] = Some(output);
                }
            }
        }
        self.outputs.iter().map(|port| self.value(port.place, &mut values, false)).collect()
    }

    fn value(&self, place: usize, values: &mut [Option<Value>], last: bool) -> TractResult<Value> {
        let found = if last { values[place].take() } else { values[place].clone() };
        match found.or_else(|| Some(Value::Tensor(Arc::clone(self.constants[place].as_ref()?).into_tvalue()))) {
            Some(value) => Ok(value),
            None => bail!("a value is used before it is there"),
        }
    }

    fn run_step(&self, step: &Step, values: &mut [Option<Value>]) -> TractResult<Vec<Value>> {
        let mut inputs = Vec::with_capacity(step.inputs.len());
        for (idx, place) in step.inputs.iter().enumerate() {
            inputs.push(match place {
                Some(place) => {
                    let again = step.inputs[idx + 1..].contains(&Some(*place));
                    Some(self.value(*place, values, !again && step.last_uses.contains(place))?)
                }
                None => None,
            });
        }
        let run = |label: &str, result: TractResult<Vec<Value>>| {
            // Errors from inside say which node they are of.
            if label.is_empty() { result } else { result.map_err(|error| format_err!("{label}: {error:#}")) }
        };
        let outputs = match &step.action {
            Action::Segment(segment) => {
                let tensors = inputs.into_iter().flatten().map(Value::into_tensor).collect::<TractResult<Vec<_>>>()?;
                segment.run(&tensors).map(|outputs| outputs.into_iter().map(Value::from).collect())
            }
            Action::Kernel(kernel) => run(&step.label, run_kernel(kernel.as_ref(), inputs)),
            Action::Sequence(operator) => run(&step.label, operator.run(inputs).map(|output| vec![output])),
            Action::If(branches) => run(&step.label, branches.run(inputs)),
            Action::Loop(looped) => run(&step.label, looped.run(inputs)),
            Action::Scan(scanned) => run(&step.label, scanned.run(inputs)),
            Action::SequenceMap(body) => run(&step.label, body.map(inputs)),
        }?;
        for place in &step.last_uses {
            values[*place] = None;
        }
        Ok(outputs)
    }
}

fn run_kernel(kernel: &dyn Kernel, inputs: Vec<Option<Value>>) -> TractResult<Vec<Value>> {
    let tensors = inputs.into_iter().flatten().map(|value| plain(value.into_tensor()?));
    let tensors: Vec<TValue> = tensors.collect::<TractResult<_>>()?;
    let shaping = kernel.shaping();
    let fact = |(idx, tensor): (usize, &TValue)| {
        let value = shaping.contains(&idx).then(|| tensor.clone().into_arc_tensor());
        Fact::new(tensor.datum_type(), tensor.shape().iter().map(tract_onnx::prelude::ToDim::to_dim)).with_value(value)
    };
    let outputs = guarded("running the model", || {
        // It checks there what it is given; the shapes that it cannot tell come out below.
        match kernel.outputs(&tensors.iter().enumerate().map(fact).collect::<Vec<_>>()) {
            Err(error) if !depends_on_data(&error) => return Err(error),
            Ok(_) | Err(_) => {}
        }
        kernel.run(&tensors)
    });
    let outputs = outputs.map_err(|error| format_err!("{error}"))??;
    Ok(outputs.into_iter().map(Value::from).collect())
}
