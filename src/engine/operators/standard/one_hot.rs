//! `OneHot`: an axis that is on where the index says; an index out of range is on nowhere.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed};
use super::common::{fact, float_values, known_ints, lengths, typed};
use crate::engine::proto::int;

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator::new(ONNX, "OneHot", |node, _| parse(node))];

fn parse(node: &NodeProto) -> TractResult<Parsed> {
    Parsed::kernel(OneHot { axis: int(node, "axis").unwrap_or(-1) })
}

#[derive(Debug)]
struct OneHot {
    axis: i64,
}

impl OneHot {
    fn axis(&self, rank: usize) -> TractResult<usize> {
        super::common::axis_of(self.axis, rank + 1)
    }

    fn shape(&self, indices: &[usize], depth: i64) -> TractResult<Vec<usize>> {
        ensure!((0..1 << 40).contains(&depth), "OneHot has a depth of {depth}");
        let mut shape = indices.to_vec();
        shape.insert(self.axis(indices.len())?, depth as usize);
        Ok(shape)
    }
}

fn depth(values: &[i64]) -> TractResult<i64> {
    values.first().copied().ok_or_else(|| format_err!("OneHot has no depth"))
}

impl Kernel for OneHot {
    fn name(&self) -> &'static str {
        "OneHot"
    }

    fn shaping(&self) -> Vec<usize> {
        vec![1]
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [indices, n_classes, values] = inputs else { bail!("OneHot takes three inputs") };
        let depth = depth(&known_ints(n_classes, "the depth of OneHot is computed")?)?;
        Ok(tvec!(fact(values.dtype, &self.shape(&lengths(indices)?, depth)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape = self.shape(inputs[0].shape(), depth(&super::common::int_values(&inputs[1])?)?)?;
        let axis = self.axis(inputs[0].rank())?;
        Ok(tvec!(typed!(inputs[2].datum_type(), one_hot(&inputs[0], &shape, axis, &inputs[2]))?))
    }
}

fn one_hot<T: Datum>(indices: &Tensor, shape: &[usize], axis: usize, values: &Tensor) -> TractResult<Tensor> {
    let [off, on] = elements::<T>(values)? else { bail!("OneHot takes the values of off and on") };
    let depth = shape[axis];
    let n_after: usize = shape[axis + 1..].iter().product();
    let mut hot = vec![off.clone(); shape.iter().product()];
    for (idx, index) in float_values(indices)?.into_iter().enumerate() {
        let index = index as i64;
        let index = if index < 0 { index + depth as i64 } else { index };
        if (0..depth as i64).contains(&index) {
            hot[(idx / n_after * depth + index as usize) * n_after + idx % n_after] = on.clone();
        }
    }
    tensor(shape, hot)
}
