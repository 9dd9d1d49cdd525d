//! `NegativeLogLikelihoodLoss` and `SoftmaxCrossEntropyLoss`.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{around, axis_of, fact, float_values, from_floats, index_of, int_values, lengths};
use crate::engine::proto::{attribute, int, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "NegativeLogLikelihoodLoss", |node, _| parse(node, false)),
    Operator::new(ONNX, "SoftmaxCrossEntropyLoss", |node, _| parse(node, true)),
    // tract takes the logarithm of the softmax, which is infinite for all but the largest.
    Operator::new(ONNX, "LogSoftmax", |node, versions| {
        let flat = versions.onnx < 13;
        Parsed::kernel(LogSoftmax { axis: int(node, "axis").unwrap_or(if flat { 1 } else { -1 }), flat })
    }),
];

#[derive(Debug)]
struct LogSoftmax {
    axis: i64,
    /// Whether everything from the axis on is one row, as before operator set 13.
    flat: bool,
}

impl Kernel for LogSoftmax {
    fn name(&self) -> &'static str {
        "LogSoftmax"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("LogSoftmax takes one input") };
        axis_of(self.axis, input.shape.len())?;
        Ok(tvec!(Fact::new(input.dtype, input.shape.iter().cloned())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape = inputs[0].shape();
        let axis = axis_of(self.axis, shape.len())?;
        let (n_rows, n_classes, n_places) = if self.flat {
            (shape[..axis].iter().product(), shape[axis..].iter().product(), 1)
        } else {
            around(shape, axis)
        };
        let mut scores = float_values(&inputs[0])?;
        log_softmax(&mut scores, n_rows, n_classes, n_places);
        Ok(tvec!(from_floats(inputs[0].datum_type(), shape, scores)?))
    }
}

/// From scores to the logarithms of probabilities.
fn log_softmax(scores: &mut [f64], n_rows: usize, n_classes: usize, n_places: usize) {
    for row in 0..n_rows {
        for place in 0..n_places {
            let at = |class: usize| (row * n_classes + class) * n_places + place;
            let largest = (0..n_classes).map(|class| scores[at(class)]).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = (0..n_classes).map(|class| (scores[at(class)] - largest).exp()).sum();
            for class in 0..n_classes {
                scores[at(class)] -= largest + sum.ln();
            }
        }
    }
}

fn parse(node: &NodeProto, softmax: bool) -> TractResult<Parsed> {
    let reduction = match text(node, "reduction").as_deref() {
        None | Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        Some(other) => return reject(node, &format!("the reduction {other} is not supported")),
    };
    let ignored = attribute(node, "ignore_index").map(|ignored| ignored.i);
    Parsed::kernel(Loss { softmax, reduction, ignored, with_log: softmax && 1 < node.output.len() })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reduction {
    Mean,
    Sum,
    None,
}

#[derive(Debug)]
struct Loss {
    softmax: bool,
    reduction: Reduction,
    ignored: Option<i64>,
    with_log: bool,
}

impl Kernel for Loss {
    fn name(&self) -> &'static str {
        if self.softmax { "SoftmaxCrossEntropyLoss" } else { "NegativeLogLikelihoodLoss" }
    }

    fn n_outputs(&self) -> usize {
        1 + usize::from(self.with_log)
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        ensure!((2..=3).contains(&inputs.len()), "a loss takes two inputs or three");
        let (scores, target) = (lengths(&inputs[0])?, lengths(&inputs[1])?);
        ensure!(2 <= scores.len(), "a loss takes scores of two axes or more");
        let fits = target.first() == scores.first() && target.get(1..) == scores.get(2..);
        ensure!(fits, "targets {target:?} for scores {scores:?}");
        let shape = if self.reduction == Reduction::None { target } else { vec![] };
        let mut outputs = tvec!(fact(inputs[0].dtype, &shape));
        if self.with_log {
            outputs.push(fact(inputs[0].dtype, &scores));
        }
        Ok(outputs)
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (dtype, shape) = (inputs[0].datum_type(), inputs[0].shape());
        let (n_rows, n_classes, n_places) = around(shape, 1);
        let mut scores = float_values(&inputs[0])?;
        if self.softmax {
            log_softmax(&mut scores, n_rows, n_classes, n_places);
        }
        let weights = inputs.get(2).map(|weights| float_values(weights)).transpose()?;
        let (mut losses, mut total) = (Vec::new(), 0.0);
        for (idx, target) in int_values(&inputs[1])?.into_iter().enumerate() {
            if self.ignored == Some(target) {
                losses.push(0.0);
                continue;
            }
            let class = index_of(target, n_classes)?;
            let weight = match &weights {
                Some(weights) => *weights.get(class).ok_or_else(|| format_err!("class {class} has no weight"))?,
                None => 1.0,
            };
            total += weight;
            losses.push(-weight * scores[(idx / n_places * n_classes + class) * n_places + idx % n_places]);
        }
        let loss = match self.reduction {
            Reduction::None => from_floats(dtype, inputs[1].shape(), losses)?,
            Reduction::Sum => from_floats(dtype, &[], vec![losses.iter().sum()])?,
            Reduction::Mean => from_floats(dtype, &[], vec![losses.iter().sum::<f64>() / total])?,
        };
        let mut outputs = tvec!(loss);
        if self.with_log {
            outputs.push(from_floats(dtype, shape, scores)?);
        }
        Ok(outputs)
    }
}
