//! `QuantizeLinear` and `DequantizeLinear` for one scale, one for each slice of an axis, or one for each block of it.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{around, axis_of, fact, from_ints, int_values, lengths};
use crate::engine::convert::datum_type;
use crate::engine::proto::{dtype, int};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "QuantizeLinear", |node, _| parse_quantize(node)),
    Operator::new(ONNX, "DequantizeLinear", |node, _| Parsed::kernel(Dequantize(Scales::of(node)?))),
    Operator::new(ONNX, "DynamicQuantizeLinear", |_, _| Parsed::kernel(DynamicQuantize)),
];

fn parse_quantize(node: &NodeProto) -> TractResult<Parsed> {
    let stated = int(node, "output_dtype").filter(|stated| *stated != 0);
    let stated = match stated.map(|stated| dtype(i32::try_from(stated).unwrap_or(0))) {
        None => None,
        Some(Some(stated)) => Some(datum_type(stated)),
        Some(None) => return reject(node, "the output_dtype is not supported"),
    };
    Parsed::kernel(Quantize { scales: Scales::of(node)?, stated })
}

/// How scales belong to elements.
#[derive(Clone, Copy, Debug)]
struct Scales {
    axis: i64,
    block: usize,
}

impl Scales {
    fn of(node: &NodeProto) -> TractResult<Self> {
        let block = int(node, "block_size").unwrap_or(0);
        ensure!(0 <= block, "a block of {block}");
        Ok(Self { axis: int(node, "axis").unwrap_or(1), block: block as usize })
    }

    /// For every element, the position of its scale.
    fn places(self, shape: &[usize], scales: &[usize]) -> TractResult<Vec<usize>> {
        let n_elements = shape.iter().product();
        if self.block == 0 && scales.iter().product::<usize>() == 1 {
            return Ok(vec![0; n_elements]);
        }
        let axis = axis_of(self.axis, shape.len())?;
        let (_, length, n_after) = around(shape, axis);
        if self.block == 0 {
            ensure!(*scales == [length], "scales of the shape {scales:?} for an axis of {length}");
            return Ok((0..n_elements).map(|idx| idx / n_after % length).collect());
        }
        let mut expected = shape.to_vec();
        expected[axis] = length.div_ceil(self.block);
        ensure!(*scales == expected, "scales of the shape {scales:?} in place of {expected:?}");
        let n_blocks = expected[axis];
        let place = |idx: usize| {
            let (before, at, after) = (idx / n_after / length, idx / n_after % length, idx % n_after);
            (before * n_blocks + at / self.block) * n_after + after
        };
        Ok((0..n_elements).map(place).collect())
    }
}

/// The smallest and the largest integer of a type.
fn range(dtype: DatumType) -> TractResult<(f32, f32)> {
    Ok(match dtype {
        DatumType::U8 => (0.0, 255.0),
        DatumType::I8 => (-128.0, 127.0),
        DatumType::U16 => (0.0, 65535.0),
        DatumType::I16 => (-32768.0, 32767.0),
        other => bail!("quantizing to {other:?} is not supported"),
    })
}

#[derive(Debug)]
struct Quantize {
    scales: Scales,
    stated: Option<DatumType>,
}

impl Kernel for Quantize {
    fn name(&self) -> &'static str {
        "QuantizeLinear"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        ensure!((2..=3).contains(&inputs.len()), "QuantizeLinear takes two inputs or three");
        let dtype = inputs.get(2).map(|zero| zero.dtype).or(self.stated).unwrap_or(u8::datum_type());
        range(dtype)?;
        Ok(tvec!(fact(dtype, &lengths(&inputs[0])?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let dtype = inputs.get(2).map(|zero| zero.datum_type()).or(self.stated).unwrap_or(u8::datum_type());
        let (low, high) = range(dtype)?;
        let places = self.scales.places(inputs[0].shape(), inputs[1].shape())?;
        let (values, scales) = (inputs[0].cast_to::<f32>()?, inputs[1].cast_to::<f32>()?);
        let (values, scales) = (elements::<f32>(&values)?, elements::<f32>(&scales)?);
        let zeros = inputs.get(2).map(|zeros| int_values(zeros)).transpose()?;
        ensure!(zeros.as_ref().is_none_or(|zeros| zeros.len() == scales.len()), "there is not one zero point a scale");
        let quantized = values.iter().zip(&places).map(|(value, place)| {
            let zero = zeros.as_ref().map_or(0.0, |zeros| zeros[*place] as f32);
            ((value / scales[*place]).round_ties_even() + zero).clamp(low, high) as i64
        });
        Ok(tvec!(from_ints(dtype, inputs[0].shape(), quantized.collect())?))
    }
}

#[derive(Debug)]
struct Dequantize(Scales);

impl Kernel for Dequantize {
    fn name(&self) -> &'static str {
        "DequantizeLinear"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        ensure!((2..=3).contains(&inputs.len()), "DequantizeLinear takes two inputs or three");
        ensure!(inputs[0].dtype.is_integer(), "DequantizeLinear takes integers, not {:?}", inputs[0].dtype);
        Ok(tvec!(fact(inputs[1].dtype, &lengths(&inputs[0])?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let places = self.0.places(inputs[0].shape(), inputs[1].shape())?;
        let scales = inputs[1].cast_to::<f32>()?;
        let scales = elements::<f32>(&scales)?;
        let zeros = inputs.get(2).map(|zeros| int_values(zeros)).transpose()?;
        ensure!(zeros.as_ref().is_none_or(|zeros| zeros.len() == scales.len()), "there is not one zero point a scale");
        let values = int_values(&inputs[0])?;
        let restored = values.iter().zip(&places).map(|(value, place)| {
            let zero = zeros.as_ref().map_or(0, |zeros| zeros[*place]);
            (value - zero) as f32 * scales[*place]
        });
        let restored = tensor(inputs[0].shape(), restored.collect::<Vec<f32>>())?;
        Ok(tvec!(restored.cast_to_dt(inputs[1].datum_type())?.into_owned()))
    }
}

#[derive(Debug)]
struct DynamicQuantize;

impl Kernel for DynamicQuantize {
    fn name(&self) -> &'static str {
        "DynamicQuantizeLinear"
    }

    fn n_outputs(&self) -> usize {
        3
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("DynamicQuantizeLinear takes one input") };
        ensure!(input.dtype == f32::datum_type(), "DynamicQuantizeLinear takes float32, not {:?}", input.dtype);
        let shape = lengths(input)?;
        Ok(tvec!(fact(u8::datum_type(), &shape), fact(f32::datum_type(), &[]), fact(u8::datum_type(), &[])))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let values = elements::<f32>(&inputs[0])?;
        let low = values.iter().copied().fold(0.0, f32::min);
        let high = values.iter().copied().fold(0.0, f32::max);
        let scale = if high > low { (high - low) / 255.0 } else { 1.0 };
        let zero = (-low / scale).clamp(0.0, 255.0).round_ties_even();
        let quantize = |value: &f32| ((value / scale).round_ties_even() + zero).clamp(0.0, 255.0) as u8;
        Ok(tvec!(
            tensor(inputs[0].shape(), values.iter().map(quantize).collect())?,
            tensor(&[], vec![scale])?,
            tensor(&[], vec![zero as u8])?
        ))
    }
}
