//! Operators as older operator sets define them: parameters are attributes, or may be left out.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{around, axis_of, fact, lengths, numeric};
use crate::engine::proto::{attribute, int};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        domain: ONNX,
        name: "Dropout",
        takes: |node, versions| versions.onnx < 12 && node.output.get(1).is_some_and(|name| !name.is_empty()),
        parse: |node, _| reject(node, "what its mask holds outside of training is not defined alike everywhere"),
    },
    Operator {
        domain: ONNX,
        name: "Squeeze",
        takes: |node, versions| versions.onnx < 13 && attribute(node, "axes").is_none(),
        parse: |_, _| Parsed::kernel(Squeeze),
    },
    Operator { domain: ONNX, name: "TopK", takes: |_, versions| versions.onnx < 10, parse: |node, _| parse_top(node) },
];

/// Without all axes of one element.
#[derive(Debug)]
struct Squeeze;

impl Kernel for Squeeze {
    fn name(&self) -> &'static str {
        "Squeeze"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("Squeeze takes one input") };
        let shape: Vec<usize> = lengths(input)?.into_iter().filter(|length| *length != 1).collect();
        Ok(tvec!(fact(input.dtype, &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape: Vec<usize> = inputs[0].shape().iter().copied().filter(|length| *length != 1).collect();
        Ok(tvec!(inputs[0].clone().into_tensor().into_shape(&shape)?))
    }
}

fn parse_top(node: &NodeProto) -> TractResult<Parsed> {
    let n = int(node, "k").unwrap_or(0);
    ensure!(0 < n, "TopK of {n} elements");
    Parsed::kernel(TopK { n: n as usize, axis: int(node, "axis").unwrap_or(-1) })
}

#[derive(Debug)]
struct TopK {
    n: usize,
    axis: i64,
}

impl TopK {
    fn shape(&self, input: &[usize]) -> TractResult<Vec<usize>> {
        let axis = axis_of(self.axis, input.len())?;
        ensure!(self.n <= input[axis], "the largest {} of {}", self.n, input[axis]);
        let mut shape = input.to_vec();
        shape[axis] = self.n;
        Ok(shape)
    }
}

impl Kernel for TopK {
    fn name(&self) -> &'static str {
        "TopK"
    }

    fn n_outputs(&self) -> usize {
        2
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("TopK takes one input") };
        let shape = self.shape(&lengths(input)?)?;
        Ok(tvec!(fact(input.dtype, &shape), fact(i64::datum_type(), &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        numeric!(inputs[0].datum_type(), top(self, &inputs[0]))
    }
}

fn top<T: Datum + Copy + Default + PartialOrd>(operator: &TopK, input: &Tensor) -> TractResult<TVec<Tensor>> {
    let (values, shape) = (elements::<T>(input)?, operator.shape(input.shape())?);
    let (n_before, length, n_after) = around(input.shape(), axis_of(operator.axis, input.rank())?);
    let mut found = vec![0_i64; shape.iter().product()];
    let mut largest = vec![T::default(); found.len()];
    for before in 0..n_before {
        for after in 0..n_after {
            let at = |idx: usize| values[(before * length + idx) * n_after + after];
            let mut order: Vec<usize> = (0..length).collect();
            order.sort_by(|left, right| at(*right).partial_cmp(&at(*left)).unwrap_or(std::cmp::Ordering::Equal));
            for (rank, idx) in order.into_iter().take(operator.n).enumerate() {
                let to = (before * operator.n + rank) * n_after + after;
                found[to] = idx as i64;
                largest[to] = at(idx);
            }
        }
    }
    Ok(tvec!(tensor(&shape, largest)?, tensor(&shape, found)?))
}
