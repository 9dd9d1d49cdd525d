//! `LayerNormalization`, in two passes over each row; tract takes a pass for every step of the definition.

#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the instructions found at run time")]

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{Fact, Kernel, Work, elements};
use super::{ONNX, Operator, Parsed, reject};
use crate::engine::proto::{float, int};

/// What is computed here: the usual form, with single precision inside and one output.
pub(super) const OPERATORS: &[Operator] = &[Operator {
    domain: ONNX,
    name: "LayerNormalization",
    takes: |node, _| {
        let one_output = node.output.iter().skip(1).all(String::is_empty);
        one_output && node.input.len() <= 3 && int(node, "stash_type").unwrap_or(1) == 1
    },
    parse: |node, _| Parsed::kernel(LayerNormalization::parse(node)?),
}];

/// Lanes of a sum.
const LANES: usize = 16;

#[derive(Debug)]
struct LayerNormalization {
    axis: i64,
    epsilon: f32,
}

impl LayerNormalization {
    fn parse(node: &NodeProto) -> TractResult<Self> {
        if !(2..=3).contains(&node.input.len()) {
            return reject(node, "it takes two or three inputs");
        }
        Ok(Self { axis: int(node, "axis").unwrap_or(-1), epsilon: float(node, "epsilon").unwrap_or(1e-5) })
    }

    /// The first axis that belongs to a row.
    fn first_axis(&self, rank: usize) -> TractResult<usize> {
        let axis = if self.axis < 0 { self.axis + rank as i64 } else { self.axis };
        match usize::try_from(axis) {
            Ok(axis) if axis < rank => Ok(axis),
            _ => bail!("LayerNormalization has no axis {} in {rank} axes", self.axis),
        }
    }
}

impl Kernel for LayerNormalization {
    fn name(&self) -> &'static str {
        "LayerNormalization"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input, factors @ ..] = inputs else { bail!("LayerNormalization takes an input") };
        let axis = self.first_axis(input.shape.len())?;
        let floats = [f32::datum_type(), f64::datum_type(), f16::datum_type()];
        ensure!(floats.contains(&input.dtype), "LayerNormalization does not take {:?}", input.dtype);
        let row: TDim = input.shape[axis..].iter().product();
        for factor in factors {
            let length: TDim = factor.shape.iter().product();
            ensure!(
                factor.dtype == input.dtype && length == row,
                "LayerNormalization takes as many factors of the input's type as a row has values"
            );
        }
        Ok(tvec!(Fact::new(input.dtype, input.shape.iter().cloned())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = &inputs[0];
        let dtype = input.datum_type();
        let row = input.shape()[self.first_axis(input.rank())?..].iter().product::<usize>();
        let single: TVec<_> = inputs.iter().map(|input| input.cast_to::<f32>()).collect::<TractResult<_>>()?;
        let values = elements::<f32>(&single[0])?;
        let scale = elements::<f32>(&single[1])?;
        let bias = single.get(2).map(|bias| elements::<f32>(bias)).transpose()?;
        let mut output = values.to_vec();
        pulp::Arch::new().dispatch(|| {
            for row in output.chunks_exact_mut(row.max(1)) {
                normalize(row, self.epsilon, scale, bias);
            }
        });
        let output = super::kernel::tensor(input.shape(), output)?;
        Ok(tvec!(if dtype == f32::datum_type() { output } else { output.cast_to_dt(dtype)?.into_owned() }))
    }

    fn work(&self, inputs: &[Fact]) -> Work {
        // The sum; a difference and a multiply-add for the variance; a difference, two factors and perhaps a bias.
        Work::per_element(inputs, if inputs.len() == 3 { 8 } else { 7 }, 0)
    }
}

#[inline(always)]
fn normalize(row: &mut [f32], epsilon: f32, scale: &[f32], bias: Option<&[f32]>) {
    let n = row.len() as f32;
    let mean = sum(row, |value| value) / n;
    let variance = sum(row, |value| (value - mean) * (value - mean)) / n;
    let factor = 1.0 / (variance + epsilon).sqrt();
    match bias {
        Some(bias) => {
            for ((value, scale), bias) in row.iter_mut().zip(scale).zip(bias) {
                *value = (*value - mean) * factor * scale + bias;
            }
        }
        None => {
            for (value, scale) in row.iter_mut().zip(scale) {
                *value = (*value - mean) * factor * scale;
            }
        }
    }
}

/// In lanes, so that the compiler can use vector instructions.
#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += of(*value);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| of(*value)).sum::<f32>()
}
