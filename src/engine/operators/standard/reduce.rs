//! The `Reduce…` operators and `ArgMax`/`ArgMin`, wherever tract's own would lose something: it adds integers in 32
//! bits, takes the exponential before the largest is known, and starts the largest from the smallest finite number.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, Versions};
use super::common::{
    Slots, around, axis_of, depends_on_data, each_position, fact, float_values, from_floats, int_values, lengths,
    numeric, offset, strides, wide_values,
};
use crate::engine::proto::{attribute, int};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "ArgMax", |node, _| parse_arg(node, true)),
    Operator::new(ONNX, "ArgMin", |node, _| parse_arg(node, false)),
    Operator::new(ONNX, "ReduceL1", |node, versions| parse(node, versions, Reduction::L1)),
    Operator::new(ONNX, "ReduceL2", |node, versions| parse(node, versions, Reduction::L2)),
    Operator::new(ONNX, "ReduceLogSum", |node, versions| parse(node, versions, Reduction::LogSum)),
    Operator::new(ONNX, "ReduceLogSumExp", |node, versions| parse(node, versions, Reduction::LogSumExp)),
    Operator::new(ONNX, "ReduceMax", |node, versions| parse(node, versions, Reduction::Max)),
    Operator::new(ONNX, "ReduceMean", |node, versions| parse(node, versions, Reduction::Mean)),
    Operator::new(ONNX, "ReduceMin", |node, versions| parse(node, versions, Reduction::Min)),
    Operator::new(ONNX, "ReduceProd", |node, versions| parse(node, versions, Reduction::Prod)),
    Operator::new(ONNX, "ReduceSum", |node, versions| parse(node, versions, Reduction::Sum)),
    Operator::new(ONNX, "ReduceSumSquare", |node, versions| parse(node, versions, Reduction::SumSquare)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reduction {
    L1,
    L2,
    LogSum,
    LogSumExp,
    Max,
    Mean,
    Min,
    Prod,
    Sum,
    SumSquare,
}

impl Reduction {
    fn name(self) -> &'static str {
        match self {
            Self::L1 => "ReduceL1",
            Self::L2 => "ReduceL2",
            Self::LogSum => "ReduceLogSum",
            Self::LogSumExp => "ReduceLogSumExp",
            Self::Max => "ReduceMax",
            Self::Mean => "ReduceMean",
            Self::Min => "ReduceMin",
            Self::Prod => "ReduceProd",
            Self::Sum => "ReduceSum",
            Self::SumSquare => "ReduceSumSquare",
        }
    }
}

/// tract's sums of half and single precision are right, and fast.
fn by_us(name: &str, facts: &[Fact]) -> bool {
    let float = matches!(facts.first().map(|fact| fact.dtype), Some(DatumType::F32 | DatumType::F16 | DatumType::TDim));
    !(float && matches!(name, "ReduceMean" | "ReduceSum"))
}

fn parse(node: &NodeProto, versions: Versions, reduction: Reduction) -> TractResult<Parsed> {
    let by_input = if reduction == Reduction::Sum { 13 } else { 18 } <= versions.onnx;
    let reduce = Reduce {
        reduction,
        axes: (!by_input).then(|| attribute(node, "axes").map(|axes| axes.ints.clone()).unwrap_or_default()),
        keep: int(node, "keepdims").unwrap_or(1) != 0,
        none_when_empty: by_input && int(node, "noop_with_empty_axes").unwrap_or(0) != 0,
        slots: Slots::of(node),
    };
    Parsed::by_type(reduce, by_us)
}

#[derive(Debug)]
struct Reduce {
    reduction: Reduction,
    /// Of the attribute; `None` where they are an input.
    axes: Option<Vec<i64>>,
    keep: bool,
    none_when_empty: bool,
    slots: Slots,
}

impl Reduce {
    /// Whether each axis is reduced.
    fn reduced(&self, given: &[i64], rank: usize) -> TractResult<Vec<bool>> {
        let mut reduced = vec![given.is_empty() && !self.none_when_empty; rank];
        for axis in given {
            reduced[axis_of(*axis, rank)?] = true;
        }
        Ok(reduced)
    }

    fn shape(&self, input: &[usize], reduced: &[bool]) -> Vec<usize> {
        let lengths = input.iter().zip(reduced).filter(|(_, reduced)| self.keep || !**reduced);
        lengths.map(|(length, reduced)| if *reduced { 1 } else { *length }).collect()
    }

    fn floats(&self, values: &[f64], groups: &[usize], n_groups: usize) -> Vec<f64> {
        let mut counts = vec![0_usize; n_groups];
        let largest = || {
            let mut largest = vec![f64::NEG_INFINITY; n_groups];
            for (value, group) in values.iter().zip(groups) {
                if largest[*group] < *value || value.is_nan() {
                    largest[*group] = *value;
                }
            }
            largest
        };
        if self.reduction == Reduction::Max {
            return largest();
        }
        if self.reduction == Reduction::Min {
            let mut smallest = vec![f64::INFINITY; n_groups];
            for (value, group) in values.iter().zip(groups) {
                if *value < smallest[*group] || value.is_nan() {
                    smallest[*group] = *value;
                }
            }
            return smallest;
        }
        let shift: Vec<f64> = if self.reduction == Reduction::LogSumExp {
            largest().into_iter().map(|value| if value.is_finite() { value } else { 0.0 }).collect()
        } else {
            vec![0.0; n_groups]
        };
        let first = if self.reduction == Reduction::Prod { 1.0 } else { 0.0 };
        let mut sums = vec![first; n_groups];
        for (value, group) in values.iter().zip(groups) {
            counts[*group] += 1;
            match self.reduction {
                Reduction::L1 => sums[*group] += value.abs(),
                Reduction::L2 | Reduction::SumSquare => sums[*group] += value * value,
                Reduction::LogSumExp => sums[*group] += (value - shift[*group]).exp(),
                Reduction::Prod => sums[*group] *= value,
                _ => sums[*group] += value,
            }
        }
        let finish = |(idx, sum): (usize, f64)| match self.reduction {
            Reduction::L2 => sum.sqrt(),
            Reduction::LogSum => sum.ln(),
            Reduction::LogSumExp => sum.ln() + shift[idx],
            Reduction::Mean => sum / counts[idx] as f64,
            _ => sum,
        };
        sums.into_iter().enumerate().map(finish).collect()
    }

    fn integers(
        &self,
        values: &[i128],
        groups: &[usize],
        n_groups: usize,
        range: (i128, i128),
    ) -> TractResult<Vec<i128>> {
        let first = match self.reduction {
            Reduction::Max => range.0,
            Reduction::Min => range.1,
            Reduction::Prod => 1,
            _ => 0,
        };
        let mut sums = vec![first; n_groups];
        let mut counts = vec![0_i128; n_groups];
        for (value, group) in values.iter().zip(groups) {
            counts[*group] += 1;
            let sum = &mut sums[*group];
            *sum = match self.reduction {
                Reduction::L1 => sum.wrapping_add(value.abs()),
                Reduction::SumSquare => sum.wrapping_add(value.wrapping_mul(*value)),
                Reduction::Max => *value.max(sum),
                Reduction::Min => *value.min(sum),
                Reduction::Prod => sum.wrapping_mul(*value),
                Reduction::Sum | Reduction::Mean => sum.wrapping_add(*value),
                Reduction::L2 | Reduction::LogSum | Reduction::LogSumExp => bail!("{} of integers", self.name()),
            };
        }
        if self.reduction == Reduction::Mean {
            for (sum, count) in sums.iter_mut().zip(&counts) {
                ensure!(0 < *count, "the mean of nothing");
                *sum /= count;
            }
        }
        Ok(sums)
    }
}

impl Kernel for Reduce {
    fn name(&self) -> &'static str {
        self.reduction.name()
    }

    fn shaping(&self) -> Vec<usize> {
        if self.axes.is_some() { vec![] } else { self.slots.places(&[1]) }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = inputs.first().ok_or_else(|| format_err!("{} takes an input", self.name()))?;
        let open = self.reduction == Reduction::LogSumExp && input.dtype.is_integer();
        ensure!(!open, "ReduceLogSumExp of integers is not defined alike everywhere");
        let axes = match (&self.axes, self.slots.get(inputs, 1)) {
            (Some(axes), _) => axes.clone(),
            (None, None) => vec![],
            (None, Some(axes)) => match &axes.value {
                Some(axes) => int_values(axes)?,
                None => return depends_on_data("the axes of a reduction are computed"),
            },
        };
        let shape = lengths(input)?;
        Ok(tvec!(fact(input.dtype, &self.shape(&shape, &self.reduced(&axes, shape.len())?))))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = &inputs[0];
        let axes = match (&self.axes, self.slots.get(inputs, 1)) {
            (Some(axes), _) => axes.clone(),
            (None, axes) => axes.map(|axes| int_values(axes)).transpose()?.unwrap_or_default(),
        };
        let reduced = self.reduced(&axes, input.rank())?;
        let kept: Vec<usize> =
            input.shape().iter().zip(&reduced).map(|(length, reduced)| if *reduced { 1 } else { *length }).collect();
        let mut own = strides(&kept);
        for (stride, reduced) in own.iter_mut().zip(&reduced) {
            if *reduced {
                *stride = 0;
            }
        }
        let mut groups = Vec::with_capacity(input.len());
        each_position(input.shape(), |position| {
            groups.push(offset(position, &own));
            Ok(())
        })?;
        let (shape, n_groups) = (self.shape(input.shape(), &reduced), kept.iter().product());
        let dtype = input.datum_type();
        let exact = !matches!(self.reduction, Reduction::L2 | Reduction::LogSum | Reduction::LogSumExp);
        let output = if dtype == bool::datum_type() {
            let values: Vec<i128> = elements::<bool>(input)?.iter().map(|value| i128::from(*value)).collect();
            ensure!(matches!(self.reduction, Reduction::Max | Reduction::Min), "{} of truth values", self.name());
            let values = self.integers(&values, &groups, n_groups, (0, 1))?;
            tensor(&shape, values.into_iter().map(|value| value != 0).collect())?
        } else if dtype.is_integer() && exact {
            let bits = 8 * dtype.size_of() as u32;
            let range = if dtype.is_unsigned() {
                (0, (1 << bits) - 1)
            } else {
                (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
            };
            let values = self.integers(&wide_values(input)?, &groups, n_groups, range)?;
            super::common::from_ints(dtype, &shape, values.into_iter().map(|value| value as i64).collect())?
        } else {
            from_floats(dtype, &shape, self.floats(&float_values(input)?, &groups, n_groups))?
        };
        Ok(tvec!(output))
    }
}

fn parse_arg(node: &NodeProto, largest: bool) -> TractResult<Parsed> {
    Parsed::kernel(Arg {
        largest,
        axis: int(node, "axis").unwrap_or(0),
        keep: int(node, "keepdims").unwrap_or(1) != 0,
        last: int(node, "select_last_index").unwrap_or(0) != 0,
    })
}

/// Where along an axis the largest or the smallest element is.
#[derive(Debug)]
struct Arg {
    largest: bool,
    axis: i64,
    keep: bool,
    last: bool,
}

impl Arg {
    fn shape<T: Clone>(&self, input: &[T], one: T) -> TractResult<Vec<T>> {
        let axis = axis_of(self.axis, input.len())?;
        let mut shape = input.to_vec();
        if self.keep {
            shape[axis] = one;
        } else {
            shape.remove(axis);
        }
        Ok(shape)
    }
}

impl Kernel for Arg {
    fn name(&self) -> &'static str {
        if self.largest { "ArgMax" } else { "ArgMin" }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("{} takes one input", self.name()) };
        Ok(tvec!(Fact::new(i64::datum_type(), self.shape(&input.shape, 1.to_dim())?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        Ok(tvec!(numeric!(inputs[0].datum_type(), arg(self, &inputs[0]))?))
    }
}

fn arg<T: Datum + PartialOrd + Copy>(operator: &Arg, input: &Tensor) -> TractResult<Tensor> {
    let values = elements::<T>(input)?;
    let (n_before, length, n_after) = around(input.shape(), axis_of(operator.axis, input.rank())?);
    ensure!(0 < length, "there is nothing along the axis {}", operator.axis);
    let mut found = Vec::with_capacity(n_before * n_after);
    for before in 0..n_before {
        for after in 0..n_after {
            let at = |idx: usize| values[(before * length + idx) * n_after + after];
            let mut best = 0;
            for idx in 1..length {
                let (new, old) = (at(idx), at(best));
                let better = if operator.largest { old < new } else { new < old };
                if better || operator.last && new == old {
                    best = idx;
                }
            }
            found.push(best as i64);
        }
    }
    tensor(&operator.shape(input.shape(), 1)?, found)
}
