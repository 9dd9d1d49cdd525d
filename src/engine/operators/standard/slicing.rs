//! `Slice`, with attributes or inputs, forwards or backwards; and `Transpose` where it names axes that are not there.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, Versions, reject};
use super::common::{
    Slots, axis_of, depends_on_data, each_position, fact, int_values, lengths, offset, strides, typed,
};
use crate::engine::proto::{attribute, ints};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator { domain: ONNX, name: "Slice", takes: |_, versions| versions.onnx < 10, parse },
    Operator {
        domain: ONNX,
        name: "Transpose",
        takes: |node, _| !is_permutation(ints(node, "perm")),
        parse: |node, _| reject(node, &format!("{:?} is no order of axes", ints(node, "perm"))),
    },
];

fn is_permutation(order: &[i64]) -> bool {
    (0..order.len() as i64).all(|axis| order.contains(&axis))
}

fn parse(node: &NodeProto, versions: Versions) -> TractResult<Parsed> {
    let fixed = (versions.onnx < 10).then(|| Bounds {
        starts: ints(node, "starts").to_vec(),
        ends: ints(node, "ends").to_vec(),
        axes: attribute(node, "axes").map(|axes| axes.ints.clone()),
        steps: None,
    });
    Parsed::kernel(Slice { fixed, slots: Slots::of(node) })
}

#[derive(Clone, Debug)]
struct Bounds {
    starts: Vec<i64>,
    ends: Vec<i64>,
    axes: Option<Vec<i64>>,
    steps: Option<Vec<i64>>,
}

/// Start, step and number of elements of every axis.
type Parts = Vec<(i64, i64, usize)>;

impl Bounds {
    fn parts(&self, shape: &[usize]) -> TractResult<Parts> {
        let n = self.starts.len();
        let axes = self.axes.clone().unwrap_or_else(|| (0..n as i64).collect());
        let steps = self.steps.clone().unwrap_or_else(|| vec![1; n]);
        ensure!(
            self.ends.len() == n && axes.len() == n && steps.len() == n,
            "Slice has bounds for {n} axes and others"
        );
        let mut parts: Parts = shape.iter().map(|length| (0, 1, *length)).collect();
        for idx in 0..n {
            let axis = axis_of(axes[idx], shape.len())?;
            let (length, step) = (shape[axis] as i64, steps[idx]);
            ensure!(step != 0, "Slice has a step of 0");
            let counted = |bound: i64| if bound < 0 { bound.saturating_add(length) } else { bound };
            let (low, high) = if step < 0 { (-1, length - 1) } else { (0, length) };
            let (start, end) =
                (counted(self.starts[idx]).clamp(low.max(0), high.max(0)), counted(self.ends[idx]).clamp(low, high));
            let room = if step < 0 { start - end } else { end - start };
            let n_taken = if length == 0 || room <= 0 { 0 } else { (room - 1) / step.saturating_abs() + 1 };
            parts[axis] = (start, step, n_taken as usize);
        }
        Ok(parts)
    }
}

#[derive(Debug)]
struct Slice {
    fixed: Option<Bounds>,
    slots: Slots,
}

fn shape(parts: &Parts) -> Vec<usize> {
    parts.iter().map(|(_, _, n_taken)| *n_taken).collect()
}

impl Kernel for Slice {
    fn name(&self) -> &'static str {
        "Slice"
    }

    fn shaping(&self) -> Vec<usize> {
        if self.fixed.is_some() { vec![] } else { self.slots.places(&[1, 2, 3, 4]) }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = inputs.first().ok_or_else(|| format_err!("Slice takes an input"))?;
        let known = |position: usize| match self.slots.get(inputs, position) {
            Some(fact) => match &fact.value {
                Some(value) => Ok(Some(int_values(value)?)),
                None => depends_on_data("the bounds of a slice are computed"),
            },
            None => Ok(None),
        };
        let bounds = match &self.fixed {
            Some(bounds) => bounds.clone(),
            None => Bounds {
                starts: known(1)?.unwrap_or_default(),
                ends: known(2)?.unwrap_or_default(),
                axes: known(3)?,
                steps: known(4)?,
            },
        };
        Ok(tvec!(fact(input.dtype, &shape(&bounds.parts(&lengths(input)?)?))))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let given = |position: usize| self.slots.get(inputs, position).map(|bounds| int_values(bounds)).transpose();
        let bounds = match &self.fixed {
            Some(bounds) => bounds.clone(),
            None => Bounds {
                starts: given(1)?.unwrap_or_default(),
                ends: given(2)?.unwrap_or_default(),
                axes: given(3)?,
                steps: given(4)?,
            },
        };
        let parts = bounds.parts(inputs[0].shape())?;
        Ok(tvec!(typed!(inputs[0].datum_type(), sliced(&inputs[0], &parts))?))
    }
}

fn sliced<T: Datum>(input: &Tensor, parts: &Parts) -> TractResult<Tensor> {
    let (from, own, shape) = (elements::<T>(input)?, strides(input.shape()), shape(parts));
    let mut taken = Vec::with_capacity(shape.iter().product());
    each_position(&shape, |position| {
        let source: Vec<usize> =
            position.iter().zip(parts).map(|(at, (start, step, _))| (start + *at as i64 * step) as usize).collect();
        taken.push(from[offset(&source, &own)].clone());
        Ok(())
    })?;
    tensor(&shape, taken)
}
