//! `LSTM`, `GRU` and `RNN` in every variant that tract computes wrongly or not at all.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed, Versions, reject};
use super::activations::{Activation, activations};
use super::common::{Slots, fact, float_values, from_floats, int_values, lengths};
use crate::engine::proto::{float, int, text, texts};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator { domain: ONNX, name: "LSTM", takes: is_unusual, parse: |node, _| parse(node, Cell::Lstm) },
    Operator { domain: ONNX, name: "GRU", takes: is_unusual, parse: |node, _| parse(node, Cell::Gru) },
    Operator { domain: ONNX, name: "RNN", takes: is_unusual, parse: |node, _| parse(node, Cell::Rnn) },
];

/// Whether a layer is more than a plain forward or bidirectional one, which tract computes right.
fn is_unusual(node: &NodeProto, versions: Versions) -> bool {
    let given = |position: usize| node.input.get(position).is_some_and(|name| !name.is_empty());
    let direction = text(node, "direction");
    let reverse = direction.as_deref() == Some("reverse");
    reverse
        || int(node, "layout").unwrap_or(0) != 0
        || int(node, "input_forget").unwrap_or(0) != 0
        || float(node, "clip").is_some()
        || !usual_activations(node)
        || given(4)
        || given(7)
        // tract fails on narrow inputs then.
        || int(node, "linear_before_reset").unwrap_or(0) != 0
        || versions.onnx < 7
}

fn usual_activations(node: &NodeProto) -> bool {
    let cell = match node.op_type.as_str() {
        "LSTM" => Cell::Lstm,
        "GRU" => Cell::Gru,
        _ => Cell::Rnn,
    };
    let given = texts(node, "activations");
    given.iter().zip(cell.defaults().iter().cycle()).all(|(given, default)| given.eq_ignore_ascii_case(default))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Lstm,
    Gru,
    Rnn,
}

impl Cell {
    fn n_gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
            Self::Rnn => 1,
        }
    }

    fn defaults(self) -> &'static [&'static str] {
        match self {
            Self::Lstm => &["Sigmoid", "Tanh", "Tanh"],
            Self::Gru => &["Sigmoid", "Tanh"],
            Self::Rnn => &["Tanh"],
        }
    }
}

fn parse(node: &NodeProto, cell: Cell) -> TractResult<Parsed> {
    let directions = match text(node, "direction").as_deref() {
        None | Some("forward") => vec![false],
        Some("reverse") => vec![true],
        Some("bidirectional") => vec![false, true],
        Some(other) => return reject(node, &format!("the direction {other} is not supported")),
    };
    let activations = match activations(node, cell.defaults(), directions.len()) {
        Ok(activations) => activations,
        Err(reason) => return reject(node, &reason.to_string()),
    };
    Parsed::kernel(Recurrent {
        cell,
        directions,
        activations,
        clip: float(node, "clip").filter(|clip| 0.0 < *clip).map(f64::from),
        batch_first: int(node, "layout").unwrap_or(0) != 0,
        coupled: int(node, "input_forget").unwrap_or(0) != 0,
        linear_before_reset: int(node, "linear_before_reset").unwrap_or(0) != 0,
        slots: Slots::of(node),
        wanted: node.output.iter().map(|name| !name.is_empty()).collect(),
    })
}

#[derive(Debug)]
struct Recurrent {
    cell: Cell,
    /// Whether each direction runs backwards.
    directions: Vec<bool>,
    /// Of every direction.
    activations: Vec<Vec<Activation>>,
    clip: Option<f64>,
    batch_first: bool,
    coupled: bool,
    linear_before_reset: bool,
    slots: Slots,
    /// Which outputs have a name; tract leaves the others out.
    wanted: Vec<bool>,
}

/// The lengths that everything has.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "counts are called so")]
struct Sizes {
    n_steps: usize,
    n_rows: usize,
    n_inputs: usize,
    n_hidden: usize,
}

/// Everything of one direction.
struct Weights<'a> {
    input: &'a [f64],
    hidden: &'a [f64],
    bias: Option<&'a [f64]>,
    peepholes: Option<&'a [f64]>,
    activations: &'a [Activation],
}

impl Recurrent {
    fn sizes(&self, input: &[usize], weights: &[usize], hidden: &[usize]) -> TractResult<Sizes> {
        let [first, second, n_inputs] = *input else { bail!("a recurrent layer takes three axes, not {input:?}") };
        let (n_steps, n_rows) = if self.batch_first { (second, first) } else { (first, second) };
        let [_, _, n_hidden] = *hidden else { bail!("recurrence weights of the shape {hidden:?}") };
        let n_gates = self.cell.n_gates();
        ensure!(
            weights == [self.directions.len(), n_gates * n_hidden, n_inputs]
                && hidden == [self.directions.len(), n_gates * n_hidden, n_hidden],
            "weights {weights:?} and {hidden:?} for {n_inputs} inputs"
        );
        Ok(Sizes { n_steps, n_rows, n_inputs, n_hidden })
    }

    fn shapes(&self, sizes: Sizes) -> [Vec<usize>; 3] {
        let Sizes { n_steps, n_rows, n_hidden, .. } = sizes;
        let n_directions = self.directions.len();
        let last =
            if self.batch_first { vec![n_rows, n_directions, n_hidden] } else { vec![n_directions, n_rows, n_hidden] };
        let whole = if self.batch_first {
            vec![n_rows, n_steps, n_directions, n_hidden]
        } else {
            vec![n_steps, n_directions, n_rows, n_hidden]
        };
        [whole, last.clone(), last]
    }

    fn n_possible(&self) -> usize {
        if self.cell == Cell::Lstm { 3 } else { 2 }
    }

    /// Where the states of a direction and row begin.
    fn state_at(&self, direction: usize, row: usize, sizes: Sizes) -> usize {
        let at =
            if self.batch_first { row * self.directions.len() + direction } else { direction * sizes.n_rows + row };
        at * sizes.n_hidden
    }

    fn clipped(&self, value: f64) -> f64 {
        self.clip.map_or(value, |clip| value.clamp(-clip, clip))
    }

    /// One step of one row: the new hidden and cell state.
    #[expect(clippy::needless_range_loop, reason = "gates are read at the same unit of several lists")]
    fn step(&self, weights: &Weights<'_>, sizes: Sizes, input: &[f64], hidden: &mut Vec<f64>, cell: &mut Vec<f64>) {
        let n = sizes.n_hidden;
        let n_gates = self.cell.n_gates();
        let from_input = |unit: usize| {
            let bias = weights.bias.map_or(0.0, |bias| bias[unit]);
            bias + dot(&weights.input[unit * sizes.n_inputs..][..sizes.n_inputs], input)
        };
        let recurrent_bias = |unit: usize| weights.bias.map_or(0.0, |bias| bias[n_gates * n + unit]);
        let from_hidden = |unit: usize, hidden: &[f64]| dot(&weights.hidden[unit * n..][..n], hidden);
        let both = |unit: usize| from_input(unit) + recurrent_bias(unit) + from_hidden(unit, hidden);
        let peephole = |gate: usize, unit: usize| weights.peepholes.map_or(0.0, |peepholes| peepholes[gate * n + unit]);
        let f = weights.activations;
        match self.cell {
            Cell::Rnn => {
                *hidden = (0..n).map(|unit| f[0].apply(self.clipped(both(unit)))).collect();
            }
            Cell::Gru => {
                let update: Vec<f64> = (0..n).map(|unit| f[0].apply(self.clipped(both(unit)))).collect();
                let reset: Vec<f64> = (n..2 * n).map(|unit| f[0].apply(self.clipped(both(unit)))).collect();
                let after_reset: Vec<f64> = hidden.iter().zip(&reset).map(|(hidden, reset)| hidden * reset).collect();
                let candidate: Vec<f64> = (0..n)
                    .map(|unit| {
                        let gate = 2 * n + unit;
                        let carried = if self.linear_before_reset {
                            reset[unit] * (from_hidden(gate, hidden) + recurrent_bias(gate))
                        } else {
                            from_hidden(gate, &after_reset) + recurrent_bias(gate)
                        };
                        f[1].apply(self.clipped(from_input(gate) + carried))
                    })
                    .collect();
                for (unit, hidden) in hidden.iter_mut().enumerate() {
                    *hidden = (1.0 - update[unit]) * candidate[unit] + update[unit] * *hidden;
                }
            }
            Cell::Lstm => {
                // The gates stand in the order input, output, forget, cell.
                let mut next = Vec::with_capacity(n);
                let mut new_cell = Vec::with_capacity(n);
                for unit in 0..n {
                    let input_gate = f[0].apply(self.clipped(both(unit) + peephole(0, unit) * cell[unit]));
                    let forget_gate = if self.coupled {
                        1.0 - input_gate
                    } else {
                        f[0].apply(self.clipped(both(2 * n + unit) + peephole(2, unit) * cell[unit]))
                    };
                    let candidate = f[1].apply(self.clipped(both(3 * n + unit)));
                    let state = forget_gate * cell[unit] + input_gate * candidate;
                    let output_gate = f[0].apply(self.clipped(both(n + unit) + peephole(1, unit) * state));
                    new_cell.push(state);
                    next.push(output_gate * f[2].apply(state));
                }
                *hidden = next;
                *cell = new_cell;
            }
        }
    }
}

/// In eight sums, so that the processor need not wait for each.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (left, right) in left.iter().zip(right) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f64>() + rest
}

impl Kernel for Recurrent {
    fn name(&self) -> &'static str {
        match self.cell {
            Cell::Lstm => "LSTM",
            Cell::Gru => "GRU",
            Cell::Rnn => "RNN",
        }
    }

    fn n_outputs(&self) -> usize {
        self.wanted.iter().take(self.n_possible()).filter(|wanted| **wanted).count()
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        ensure!(3 <= inputs.len(), "a recurrent layer takes three inputs or more");
        let sizes = self.sizes(&lengths(&inputs[0])?, &lengths(&inputs[1])?, &lengths(&inputs[2])?)?;
        let n_directions = self.directions.len();
        for position in [5, 6] {
            if let Some(state) = self.slots.get(inputs, position) {
                ensure!(lengths(state)? == self.shapes(sizes)[1], "a first state of another shape");
            }
        }
        if let Some(bias) = self.slots.get(inputs, 3) {
            let expected = [n_directions, 2 * self.cell.n_gates() * sizes.n_hidden];
            ensure!(lengths(bias)? == expected, "a bias of another shape than {expected:?}");
        }
        if let Some(peepholes) = self.slots.get(inputs, 7) {
            let expected = [n_directions, 3 * sizes.n_hidden];
            ensure!(lengths(peepholes)? == expected, "peepholes of another shape than {expected:?}");
        }
        let shapes = self.shapes(sizes).into_iter().zip(&self.wanted).filter(|(_, wanted)| **wanted);
        Ok(shapes.map(|(shape, _)| fact(inputs[0].dtype, &shape)).take(self.n_outputs()).collect())
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let sizes = self.sizes(inputs[0].shape(), inputs[1].shape(), inputs[2].shape())?;
        let Sizes { n_steps, n_rows, n_inputs, n_hidden } = sizes;
        let n_units = self.cell.n_gates() * n_hidden;
        let optional =
            |position: usize| self.slots.get(inputs, position).map(|tensor| float_values(tensor)).transpose();
        let (input, weights, recurrence) =
            (float_values(&inputs[0])?, float_values(&inputs[1])?, float_values(&inputs[2])?);
        let (bias, first_hidden, first_cell, peepholes) = (optional(3)?, optional(5)?, optional(6)?, optional(7)?);
        let row_lengths = match self.slots.get(inputs, 4) {
            Some(lengths) => int_values(lengths)?,
            None => vec![n_steps as i64; n_rows],
        };
        ensure!(
            row_lengths.len() == n_rows && row_lengths.iter().all(|length| (0..=n_steps as i64).contains(length)),
            "sequences of {row_lengths:?} steps in {n_steps}"
        );
        let shapes = self.shapes(sizes);
        let mut whole = vec![0.0; shapes[0].iter().product()];
        let mut last_hidden = vec![0.0; shapes[1].iter().product()];
        let mut last_cell = last_hidden.clone();
        let n_directions = self.directions.len();
        for (direction, backwards) in self.directions.iter().enumerate() {
            let of = |values: Option<&Vec<f64>>, length: usize| {
                values.map(|values| values[direction * length..][..length].to_vec())
            };
            let (bias, peepholes) = (of(bias.as_ref(), 2 * n_units), of(peepholes.as_ref(), 3 * n_hidden));
            let weights = Weights {
                input: &weights[direction * n_units * n_inputs..][..n_units * n_inputs],
                hidden: &recurrence[direction * n_units * n_hidden..][..n_units * n_hidden],
                bias: bias.as_deref(),
                peepholes: peepholes.as_deref(),
                activations: &self.activations[direction],
            };
            for (row, length) in row_lengths.iter().enumerate().take(n_rows) {
                let at = self.state_at(direction, row, sizes);
                let first = |state: Option<&Vec<f64>>| match state {
                    Some(state) => state[at..][..n_hidden].to_vec(),
                    None => vec![0.0; n_hidden],
                };
                let (mut hidden, mut cell) = (first(first_hidden.as_ref()), first(first_cell.as_ref()));
                let length = *length as usize;
                for step in 0..length {
                    let step = if *backwards { length - 1 - step } else { step };
                    let from = if self.batch_first { row * n_steps + step } else { step * n_rows + row };
                    self.step(&weights, sizes, &input[from * n_inputs..][..n_inputs], &mut hidden, &mut cell);
                    let to = if self.batch_first {
                        (row * n_steps + step) * n_directions + direction
                    } else {
                        (step * n_directions + direction) * n_rows + row
                    };
                    whole[to * n_hidden..][..n_hidden].copy_from_slice(&hidden);
                }
                last_hidden[at..][..n_hidden].copy_from_slice(&hidden);
                last_cell[at..][..n_hidden].copy_from_slice(&cell);
            }
        }
        let all = [whole, last_hidden, last_cell].into_iter().zip(&shapes).zip(&self.wanted);
        all.filter(|(_, wanted)| **wanted)
            .take(self.n_outputs())
            .map(|((values, shape), _)| from_floats(inputs[0].datum_type(), shape, values))
            .collect()
    }
}
