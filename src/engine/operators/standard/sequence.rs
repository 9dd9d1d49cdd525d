//! `ReverseSequence`: the first elements of every sequence in a batch, back to front.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{each_position, index_of, int_values, offset, strides, typed};
use crate::engine::proto::int;

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator::new(ONNX, "ReverseSequence", |node, _| parse(node))];

fn parse(node: &NodeProto) -> TractResult<Parsed> {
    let batch_axis = int(node, "batch_axis").unwrap_or(1);
    let time_axis = int(node, "time_axis").unwrap_or(0);
    match (batch_axis, time_axis) {
        (0, 1) => Parsed::kernel(ReverseSequence { batch_axis: 0, time_axis: 1 }),
        (1, 0) => Parsed::kernel(ReverseSequence { batch_axis: 1, time_axis: 0 }),
        _ => reject(node, "one of the first two axes must be the batch and the other the time"),
    }
}

#[derive(Debug)]
struct ReverseSequence {
    batch_axis: usize,
    time_axis: usize,
}

impl Kernel for ReverseSequence {
    fn name(&self) -> &'static str {
        "ReverseSequence"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input, n_reversed] = inputs else { bail!("ReverseSequence takes two inputs") };
        ensure!(2 <= input.shape.len(), "ReverseSequence takes two axes or more");
        ensure!(
            n_reversed.shape.len() == 1 && n_reversed.shape[0] == input.shape[self.batch_axis],
            "there must be one length for every sequence"
        );
        Ok(tvec!(Fact::new(input.dtype, input.shape.iter().cloned())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let n_reversed = int_values(&inputs[1])?;
        let n_steps = inputs[0].shape()[self.time_axis];
        let n_reversed = n_reversed
            .iter()
            .map(|length| {
                ensure!((0..=n_steps as i64).contains(length), "a sequence of {length} in {n_steps} steps");
                Ok(*length as usize)
            })
            .collect::<TractResult<Vec<usize>>>()?;
        Ok(tvec!(typed!(inputs[0].datum_type(), reverse(&inputs[0], self, &n_reversed))?))
    }
}

fn reverse<T: Datum>(input: &Tensor, axes: &ReverseSequence, n_reversed: &[usize]) -> TractResult<Tensor> {
    let from = elements::<T>(input)?;
    let strides = strides(input.shape());
    let mut reversed = Vec::with_capacity(from.len());
    each_position(input.shape(), |position| {
        let mut source = position.to_vec();
        let length = n_reversed[position[axes.batch_axis]];
        if position[axes.time_axis] < length {
            source[axes.time_axis] = length - 1 - position[axes.time_axis];
        }
        reversed.push(from[offset(&source, &strides)].clone());
        Ok(())
    })?;
    tensor(input.shape(), reversed)
}

/// `CenterCropPad`: axes brought to a length by cutting or by filling with zeros at both ends.
pub(super) const CROPPING: &[Operator] = &[Operator::new(ONNX, "CenterCropPad", |node, _| {
    let axes = crate::engine::proto::attribute(node, "axes").map(|axes| axes.ints.clone());
    Parsed::kernel(CenterCropPad { axes })
})];

#[derive(Debug)]
struct CenterCropPad {
    axes: Option<Vec<i64>>,
}

impl CenterCropPad {
    fn shape(&self, input: &[usize], target: &[i64]) -> TractResult<Vec<usize>> {
        let all = (0..input.len() as i64).collect();
        let axes = self.axes.as_ref().unwrap_or(&all);
        ensure!(axes.len() == target.len(), "{} axes have {} lengths", axes.len(), target.len());
        let mut shape = input.to_vec();
        for (axis, length) in axes.iter().zip(target) {
            ensure!(0 <= *length, "the length {length} of an axis is negative");
            shape[index_of(*axis, input.len())?] = *length as usize;
        }
        Ok(shape)
    }
}

impl Kernel for CenterCropPad {
    fn name(&self) -> &'static str {
        "CenterCropPad"
    }

    fn shaping(&self) -> Vec<usize> {
        vec![1]
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input, target] = inputs else { bail!("CenterCropPad takes two inputs") };
        let target = super::common::known_ints(target, "the lengths of CenterCropPad are computed")?;
        let shape = self.shape(&super::common::lengths(input)?, &target)?;
        Ok(tvec!(super::common::fact(input.dtype, &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape = self.shape(inputs[0].shape(), &int_values(&inputs[1])?)?;
        Ok(tvec!(typed!(inputs[0].datum_type(), center(&inputs[0], &shape))?))
    }
}

fn center<T: Datum + Default>(input: &Tensor, shape: &[usize]) -> TractResult<Tensor> {
    let from = elements::<T>(input)?;
    let own = strides(input.shape());
    let mut centered = Vec::new();
    each_position(shape, |position| {
        let mut source = 0;
        for (axis, index) in position.iter().enumerate() {
            let (have, want) = (input.shape()[axis], shape[axis]);
            let index = if want <= have {
                index + (have - want) / 2
            } else {
                match index.checked_sub((want - have) / 2) {
                    Some(index) if index < have => index,
                    _ => {
                        centered.push(T::default());
                        return Ok(());
                    }
                }
            };
            source += index * own[axis];
        }
        centered.push(from[source].clone());
        Ok(())
    })?;
    tensor(shape, centered)
}
