//! `Clip`, `IsInf`, `IsNaN` and `Equal` in the element types that tract has no code for.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, Versions};
use super::common::{
    Slots, broadcast, each_position, fact, float_values, lengths, numeric, offset, stretched_strides, typed,
};
use crate::engine::proto::{float, int};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "Clip", parse_clip),
    Operator::new(ONNX, "Equal", |_, _| {
        Parsed::by_type(Equal, |_, facts| facts.iter().any(|fact| !fact.dtype.is_number()))
    }),
    Operator::new(ONNX, "IsInf", |node, _| {
        let asked = |name| int(node, name).unwrap_or(1) != 0;
        let is = IsInf { positive: asked("detect_positive"), negative: asked("detect_negative") };
        Parsed::by_type(is, |_, facts| is_double(facts))
    }),
    Operator::new(ONNX, "IsNaN", |_, _| Parsed::by_type(IsNan, |_, facts| is_double(facts))),
];

fn is_double(facts: &[Fact]) -> bool {
    facts.first().is_some_and(|fact| fact.dtype == f64::datum_type())
}

fn parse_clip(node: &NodeProto, versions: Versions) -> TractResult<Parsed> {
    let fixed = (versions.onnx < 11).then(|| (float(node, "min"), float(node, "max")));
    let clip = Clip { fixed, slots: Slots::of(node) };
    Parsed::by_type(clip, |_, facts| {
        facts.first().is_some_and(|fact| fact.dtype.is_float() && fact.dtype != f32::datum_type())
    })
}

#[derive(Debug)]
struct Clip {
    /// The bounds, where they are attributes.
    fixed: Option<(Option<f32>, Option<f32>)>,
    slots: Slots,
}

impl Kernel for Clip {
    fn name(&self) -> &'static str {
        "Clip"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = inputs.first().ok_or_else(|| format_err!("Clip takes an input"))?;
        Ok(tvec!(fact(input.dtype, &lengths(input)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let dtype = inputs[0].datum_type();
        let bound = |position: usize| -> TractResult<Option<Tensor>> {
            let fixed = self.fixed.and_then(|(low, high)| if position == 1 { low } else { high });
            match (fixed, self.slots.get(inputs, position)) {
                (Some(fixed), _) => Ok(Some(tensor(&[], vec![fixed])?.cast_to_dt(dtype)?.into_owned())),
                (None, Some(given)) if self.fixed.is_none() => Ok(Some(given.cast_to_dt(dtype)?.into_owned())),
                _ => Ok(None),
            }
        };
        Ok(tvec!(numeric!(dtype, clipped(&inputs[0], bound(1)?.as_ref(), bound(2)?.as_ref()))?))
    }
}

fn clipped<T: Datum + Copy + PartialOrd>(
    input: &Tensor,
    low: Option<&Tensor>,
    high: Option<&Tensor>,
) -> TractResult<Tensor> {
    let first = |bound: Option<&Tensor>| -> TractResult<Option<T>> {
        Ok(bound.map(|bound| elements::<T>(bound)).transpose()?.and_then(|bound| bound.first().copied()))
    };
    let (low, high) = (first(low)?, first(high)?);
    let clip = |value: &T| {
        let raised = low.filter(|low| *value < *low).unwrap_or(*value);
        high.filter(|high| *high < raised).unwrap_or(raised)
    };
    tensor(input.shape(), elements::<T>(input)?.iter().map(clip).collect())
}

#[derive(Debug)]
struct IsInf {
    positive: bool,
    negative: bool,
}

impl Kernel for IsInf {
    fn name(&self) -> &'static str {
        "IsInf"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("IsInf takes one input") };
        Ok(tvec!(fact(bool::datum_type(), &lengths(input)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let is = |value: f64| value.is_infinite() && if 0.0 < value { self.positive } else { self.negative };
        Ok(tvec!(tensor(inputs[0].shape(), float_values(&inputs[0])?.into_iter().map(is).collect())?))
    }
}

#[derive(Debug)]
struct IsNan;

impl Kernel for IsNan {
    fn name(&self) -> &'static str {
        "IsNaN"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("IsNaN takes one input") };
        Ok(tvec!(fact(bool::datum_type(), &lengths(input)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        Ok(tvec!(tensor(inputs[0].shape(), float_values(&inputs[0])?.into_iter().map(f64::is_nan).collect())?))
    }
}

#[derive(Debug)]
struct Equal;

impl Kernel for Equal {
    fn name(&self) -> &'static str {
        "Equal"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [left, right] = inputs else { bail!("Equal takes two inputs") };
        ensure!(left.dtype == right.dtype, "Equal takes two of one type, not {:?} and {:?}", left.dtype, right.dtype);
        Ok(tvec!(fact(bool::datum_type(), &broadcast(&lengths(left)?, &lengths(right)?)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        Ok(tvec!(typed!(inputs[0].datum_type(), equal(&inputs[0], &inputs[1]))?))
    }
}

fn equal<T: Datum>(left: &Tensor, right: &Tensor) -> TractResult<Tensor> {
    let shape = broadcast(left.shape(), right.shape())?;
    let own = (stretched_strides(left.shape(), &shape), stretched_strides(right.shape(), &shape));
    let (left, right) = (elements::<T>(left)?, elements::<T>(right)?);
    let mut same = Vec::with_capacity(shape.iter().product());
    each_position(&shape, |at| {
        same.push(left[offset(at, &own.0)] == right[offset(at, &own.1)]);
        Ok(())
    })?;
    tensor(&shape, same)
}
