//! Operators as older operator sets define them: parameters are attributes, or may be left out.

use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{fact, lengths};
use crate::engine::proto::attribute;

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
