//! Branches and loops.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::{IntoTValue as _, TValue, Tensor, TractResult, bail, ensure, tensor0, tensor1};

use super::Program;
use super::value::{Value, nothing, part, position, stack};
use crate::engine::convert::datum_type;
use crate::engine::proto::{dtype, int, ints};

/// A graph inside a node, with the places of what it captures among the node's inputs.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) program: Program,
    /// Which of the node's inputs (those behind its own) are captured, in the program's order.
    pub(super) captured: Vec<usize>,
}

impl Body {
    fn captures(&self, inputs: &[Option<Value>]) -> TractResult<Vec<Value>> {
        let value = |idx: &usize| match inputs.get(*idx) {
            Some(Some(value)) => Ok(value.clone()),
            _ => bail!("a value of the outer graph is missing"),
        };
        self.captured.iter().map(value).collect()
    }

    /// `SequenceMap`: runs the body on each tensor of a sequence.
    pub(super) fn map(&self, mut inputs: Vec<Option<Value>>) -> TractResult<Vec<Value>> {
        let captures = self.captures(&inputs)?;
        inputs.truncate(self.program.inputs.len());
        let inputs: Vec<Value> = inputs.into_iter().flatten().collect();
        let Some(first) = inputs.first() else { bail!("a sequence is expected") };
        let n_rounds = first.sequence()?.len();
        let mut outputs: Vec<Vec<TValue>> = vec![Vec::with_capacity(n_rounds); self.program.outputs.len()];
        for round in 0..n_rounds {
            let given = inputs.iter().map(|input| match input {
                Value::Sequence(tensors) => match tensors.get(round) {
                    Some(tensor) => Ok(Value::Tensor(tensor.clone())),
                    None => bail!("a sequence is shorter than the first one"),
                },
                other => Ok(other.clone()),
            });
            let given = given.collect::<TractResult<Vec<_>>>()?;
            for (all, output) in outputs.iter_mut().zip(self.program.run(given, &captures)?) {
                all.push(output.into_tensor()?);
            }
        }
        Ok(outputs.into_iter().map(Value::Sequence).collect())
    }
}

/// `If`.
#[derive(Debug)]
pub(super) struct Branches {
    pub(super) then: Body,
    pub(super) otherwise: Body,
}

impl Branches {
    /// Runs the branch that the condition asks for.
    pub(super) fn run(&self, inputs: Vec<Option<Value>>) -> TractResult<Vec<Value>> {
        let Some(Some(condition)) = inputs.first() else { bail!("the condition is missing") };
        let branch = if condition.truth()? { &self.then } else { &self.otherwise };
        branch.program.run(Vec::new(), &branch.captures(&inputs)?)
    }
}

/// `Loop`.
#[derive(Debug)]
pub(super) struct Looped {
    pub(super) body: Body,
    /// The node's own inputs; behind them are the captured ones.
    pub(super) n_inputs: usize,
}

impl Looped {
    /// Runs the body until the count is reached or the condition is false.
    pub(super) fn run(&self, mut inputs: Vec<Option<Value>>) -> TractResult<Vec<Value>> {
        let captures = self.body.captures(&inputs)?;
        inputs.truncate(self.n_inputs);
        let program = &self.body.program;
        let n_carried = self.n_inputs.saturating_sub(2);
        ensure!(
            program.inputs.len() == n_carried + 2 && n_carried < program.outputs.len(),
            "the body takes {} values and gives {}, for {n_carried} that are carried on",
            program.inputs.len(),
            program.outputs.len()
        );
        let mut inputs = inputs.into_iter();
        let most = inputs.next().flatten().map(|count| count.integer()).transpose()?;
        let mut go_on = inputs.next().flatten().map_or(Ok(true), |condition| condition.truth())?;
        let mut carried = Vec::with_capacity(n_carried);
        for value in inputs {
            let Some(value) = value else { bail!("a value that is carried on is missing") };
            carried.push(value);
        }
        let one_axis = |idx: usize| {
            program.inputs[idx]
                .stated
                .as_ref()
                .and_then(|(_, shape)| shape.as_ref())
                .is_some_and(|shape| shape.len() == 1)
        };
        let (count_has_axis, condition_has_axis) = (one_axis(0), one_axis(1));
        let n_collected = program.outputs.len() - 1 - n_carried;
        let mut collected: Vec<Vec<TValue>> = vec![Vec::new(); n_collected];
        let mut round = 0_i64;
        while go_on && most.is_none_or(|most| round < most) {
            let count = if count_has_axis { tensor1(&[round]) } else { tensor0(round) };
            let condition = if condition_has_axis { tensor1(&[go_on]) } else { tensor0(go_on) };
            let mut given = Vec::with_capacity(n_carried + 2);
            given.push(count.into());
            given.push(condition.into());
            given.append(&mut carried);
            let mut outputs = program.run(given, &captures)?.into_iter();
            go_on = outputs.next().map_or(Ok(false), |condition| condition.truth())?;
            carried.extend(outputs.by_ref().take(n_carried));
            for (all, output) in collected.iter_mut().zip(outputs) {
                all.push(output.into_tensor()?);
            }
            round += 1;
        }
        let mut outputs = carried;
        for (idx, tensors) in collected.iter().enumerate() {
            outputs.push(self.collect(1 + n_carried + idx, tensors)?.into());
        }
        Ok(outputs)
    }

    /// All rounds' values of an output, stacked; without a round, what the body states of it.
    fn collect(&self, output: usize, tensors: &[TValue]) -> TractResult<Tensor> {
        if !tensors.is_empty() {
            return stack(0, tensors);
        }
        let port = &self.body.program.outputs[output];
        let Some((element, shape)) = &port.stated else {
            bail!("there was no round, and the body does not say what `{}` is", port.name)
        };
        let Some(element) = dtype(*element) else { bail!("the element type of `{}` is not supported", port.name) };
        let shape: Vec<usize> = std::iter::once(0).chain(shape.iter().flatten().copied()).collect();
        nothing(datum_type(element), &shape)
    }
}

/// `Scan`.
#[derive(Debug)]
pub(super) struct Scanned {
    body: Body,
    n_sliced: usize,
    n_states: usize,
    input_axes: Vec<i64>,
    output_axes: Vec<i64>,
    backwards_in: Vec<bool>,
    backwards_out: Vec<bool>,
}

impl Scanned {
    /// Reads the attributes.
    pub(super) fn new(node: &NodeProto, body: Body) -> TractResult<Self> {
        let n_sliced = int(node, "num_scan_inputs").and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        ensure!(0 < n_sliced && n_sliced <= node.input.len(), "it scans {n_sliced} of {} inputs", node.input.len());
        let n_states = node.input.len() - n_sliced;
        let program = &body.program;
        ensure!(
            program.inputs.len() == node.input.len() && n_states <= program.outputs.len(),
            "the body takes {} values and gives {}, for {} inputs",
            program.inputs.len(),
            program.outputs.len(),
            node.input.len()
        );
        let n_collected = program.outputs.len() - n_states;
        let backwards = |name| ints(node, name).iter().map(|direction| *direction != 0).collect::<Vec<_>>();
        let padded = |given: &[i64], length| {
            let mut axes = given.to_vec();
            axes.resize(length, 0);
            axes
        };
        let (mut backwards_in, mut backwards_out) =
            (backwards("scan_input_directions"), backwards("scan_output_directions"));
        backwards_in.resize(n_sliced, false);
        backwards_out.resize(n_collected, false);
        Ok(Self {
            n_sliced,
            n_states,
            input_axes: padded(ints(node, "scan_input_axes"), n_sliced),
            output_axes: padded(ints(node, "scan_output_axes"), n_collected),
            backwards_in,
            backwards_out,
            body,
        })
    }

    /// Runs the body on each slice.
    pub(super) fn run(&self, mut inputs: Vec<Option<Value>>) -> TractResult<Vec<Value>> {
        let captures = self.body.captures(&inputs)?;
        inputs.truncate(self.n_states + self.n_sliced);
        let mut inputs = inputs.into_iter();
        let mut states = Vec::with_capacity(self.n_states);
        for state in inputs.by_ref().take(self.n_states) {
            let Some(state) = state else { bail!("an initial state is missing") };
            states.push(state);
        }
        let mut scanned: Vec<(TValue, usize)> = Vec::with_capacity(self.n_sliced);
        for (input, axis) in inputs.zip(&self.input_axes) {
            let Some(input) = input else { bail!("an input to scan is missing") };
            let tensor = input.into_tensor()?;
            let axis = position(*axis, tensor.rank(), "the axis")?;
            scanned.push((tensor, axis));
        }
        let n_rounds = scanned.first().map_or(0, |(tensor, axis)| tensor.shape()[*axis]);
        for (tensor, axis) in &scanned {
            ensure!(tensor.shape()[*axis] == n_rounds, "the inputs to scan have different lengths");
        }
        ensure!(0 < n_rounds, "there is nothing to scan");
        let mut collected: Vec<Vec<TValue>> = vec![Vec::with_capacity(n_rounds); self.output_axes.len()];
        for round in 0..n_rounds {
            let mut given = std::mem::take(&mut states);
            for ((tensor, axis), backwards) in scanned.iter().zip(&self.backwards_in) {
                let at = if *backwards { n_rounds - 1 - round } else { round };
                let mut shape = tensor.shape().to_vec();
                shape.remove(*axis);
                given.push(part(tensor, *axis, at, at + 1)?.into_shape(&shape)?.into());
            }
            let mut outputs = self.body.program.run(given, &captures)?.into_iter();
            states.extend(outputs.by_ref().take(self.n_states));
            for (all, output) in collected.iter_mut().zip(outputs) {
                all.push(output.into_tensor()?);
            }
        }
        let mut outputs = states;
        for ((mut tensors, axis), backwards) in collected.into_iter().zip(&self.output_axes).zip(&self.backwards_out) {
            if *backwards {
                tensors.reverse();
            }
            let rank = tensors.first().map_or(0, |tensor| tensor.rank());
            outputs.push(stack(position(*axis, rank + 1, "the axis")?, &tensors)?.into_tvalue().into());
        }
        Ok(outputs)
    }
}
