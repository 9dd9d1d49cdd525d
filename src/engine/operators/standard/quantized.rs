//! Products and convolutions of integers: `MatMulInteger`, `QLinearMatMul`, `ConvInteger` and `QLinearConv`.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed};
use super::common::{
    Slots, broadcast, each_position, fact, from_ints, int_values, lengths, offset, stretched_strides, strides,
};
use super::windows::Window;
use crate::engine::proto::{int, ints};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "ConvInteger", |node, _| Parsed::kernel(ConvInteger::of(node, false)?)),
    Operator::new(ONNX, "MatMulInteger", |node, _| {
        Parsed::kernel(MatMulInteger { slots: Slots::of(node), scaled: false })
    }),
    Operator::new(ONNX, "QLinearConv", |node, _| Parsed::kernel(ConvInteger::of(node, true)?)),
    Operator::new(ONNX, "QLinearMatMul", |node, _| {
        Parsed::kernel(MatMulInteger { slots: Slots::of(node), scaled: true })
    }),
];

/// The elements as 32-bit integers.
fn small(tensor: &Tensor) -> TractResult<Vec<i32>> {
    ensure!(
        matches!(tensor.datum_type(), DatumType::U8 | DatumType::I8),
        "a product of {:?} is not supported",
        tensor.datum_type()
    );
    Ok(elements::<i32>(&*tensor.cast_to::<i32>()?)?.to_vec())
}

fn scales(tensor: &Tensor) -> TractResult<Vec<f32>> {
    Ok(elements::<f32>(&*tensor.cast_to::<f32>()?)?.to_vec())
}

/// The product scaled to a type of eight bits.
fn requantized(sum: i32, scale: f32, zero: i64, dtype: DatumType) -> i64 {
    let (low, high) = if dtype == u8::datum_type() { (0.0, 255.0) } else { (-128.0, 127.0) };
    ((sum as f32 * scale).round_ties_even() + zero as f32).clamp(low, high) as i64
}

/// One value, or one for each of a number of places.
fn spread<T: Copy>(values: &[T], n_places: usize, what: &str) -> TractResult<Vec<T>> {
    match values {
        [one] => Ok(vec![*one; n_places]),
        many => {
            ensure!(many.len() == n_places, "{} {what} for {n_places} places", many.len());
            Ok(many.to_vec())
        }
    }
}

#[derive(Debug)]
struct MatMulInteger {
    slots: Slots,
    scaled: bool,
}

/// What is multiplied, as batches of matrices.
struct Layout {
    batch: Vec<usize>,
    n_rows: usize,
    n_inner: usize,
    n_columns: usize,
    shape: Vec<usize>,
}

fn layout(left: &[usize], right: &[usize]) -> TractResult<Layout> {
    let ([left_batch @ .., n_rows, n_inner], [right_batch @ .., inner, n_columns]) = (left, right) else {
        bail!("a product of integers takes matrices, not {left:?} and {right:?}")
    };
    ensure!(n_inner == inner, "the matrices {left:?} and {right:?} cannot be multiplied");
    let batch = broadcast(left_batch, right_batch)?;
    let shape = [&batch[..], &[*n_rows, *n_columns]].concat();
    Ok(Layout { batch, n_rows: *n_rows, n_inner: *n_inner, n_columns: *n_columns, shape })
}

impl MatMulInteger {
    /// Where the two factors are among the inputs.
    fn factors(&self) -> (usize, usize) {
        if self.scaled { (0, 3) } else { (0, 1) }
    }
}

impl Kernel for MatMulInteger {
    fn name(&self) -> &'static str {
        if self.scaled { "QLinearMatMul" } else { "MatMulInteger" }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let (left, right) = self.factors();
        let (left, right) = (self.slots.need(inputs, left)?, self.slots.need(inputs, right)?);
        let dtype = if self.scaled { self.slots.need(inputs, 7)?.dtype } else { i32::datum_type() };
        Ok(tvec!(fact(dtype, &layout(&lengths(left)?, &lengths(right)?)?.shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (left, right) = self.factors();
        let (left, right) = (self.slots.need(inputs, left)?, self.slots.need(inputs, right)?);
        let Layout { batch, n_rows, n_inner, n_columns, shape } = layout(left.shape(), right.shape())?;
        let zeros = if self.scaled { (2, 5) } else { (2, 3) };
        let zero = |position: usize, n_places: usize| match self.slots.get(inputs, position) {
            Some(zeros) => spread(&small(zeros)?, n_places, "zero points"),
            None => Ok(vec![0; n_places]),
        };
        let (row_zeros, column_zeros) = (zero(zeros.0, n_rows)?, zero(zeros.1, n_columns)?);
        let (from_left, from_right) = (small(left)?, small(right)?);
        let n_batch = |shape: &[usize]| shape[..shape.len() - 2].to_vec();
        let batch_strides =
            (stretched_strides(&n_batch(left.shape()), &batch), stretched_strides(&n_batch(right.shape()), &batch));
        let mut sums: Vec<i32> = Vec::with_capacity(shape.iter().product());
        each_position(&batch, |at| {
            let left = &from_left[offset(at, &batch_strides.0) * n_rows * n_inner..][..n_rows * n_inner];
            let right = &from_right[offset(at, &batch_strides.1) * n_inner * n_columns..][..n_inner * n_columns];
            for row in 0..n_rows {
                let mut sum = vec![0_i32; n_columns];
                for inner in 0..n_inner {
                    let factor = left[row * n_inner + inner].wrapping_sub(row_zeros[row]);
                    let others = &right[inner * n_columns..][..n_columns];
                    for ((sum, other), zero) in sum.iter_mut().zip(others).zip(&column_zeros) {
                        *sum = sum.wrapping_add(factor.wrapping_mul(other.wrapping_sub(*zero)));
                    }
                }
                sums.extend(sum);
            }
            Ok(())
        })?;
        if !self.scaled {
            return Ok(tvec!(tensor(&shape, sums)?));
        }
        let scale =
            |position: usize, n_places: usize| spread(&scales(self.slots.need(inputs, position)?)?, n_places, "scales");
        let (row_scales, column_scales) = (scale(1, n_rows)?, scale(4, n_columns)?);
        let to = scale(6, 1)?[0];
        let zero_point = self.slots.need(inputs, 7)?;
        let zero = int_values(zero_point)?.first().copied().unwrap_or(0);
        let dtype = zero_point.datum_type();
        ensure!(
            matches!(dtype, DatumType::U8 | DatumType::I8) && zero_point.len() == 1,
            "a zero point of another kind"
        );
        let values = sums.iter().enumerate().map(|(idx, sum)| {
            let (row, column) = (idx / n_columns % n_rows, idx % n_columns);
            requantized(*sum, row_scales[row] * column_scales[column] / to, zero, dtype)
        });
        Ok(tvec!(from_ints(dtype, &shape, values.collect())?))
    }
}

#[derive(Debug)]
struct ConvInteger {
    node: NodeProto,
    slots: Slots,
    n_groups: usize,
    scaled: bool,
}

impl ConvInteger {
    fn of(node: &NodeProto, scaled: bool) -> TractResult<Self> {
        let n_groups = int(node, "group").unwrap_or(1);
        ensure!(0 < n_groups, "a convolution in {n_groups} groups");
        Ok(Self { node: node.clone(), slots: Slots::of(node), n_groups: n_groups as usize, scaled })
    }

    fn weights_at(&self) -> usize {
        if self.scaled { 3 } else { 1 }
    }

    fn shape(&self, image: &[usize], weights: &[usize]) -> TractResult<(Vec<usize>, Window)> {
        ensure!(2 < image.len() && image.len() == weights.len(), "a convolution of {image:?} by {weights:?}");
        let stated = ints(&self.node, "kernel_shape");
        let same = stated.iter().map(|length| *length as usize).eq(weights[2..].iter().copied());
        ensure!(stated.is_empty() || same, "the kernel_shape {stated:?} is not that of the weights");
        ensure!(
            weights[1] * self.n_groups == image[1] && weights[0].is_multiple_of(self.n_groups),
            "weights {weights:?} for {} channels in {} groups",
            image[1],
            self.n_groups
        );
        let window = Window::of(&self.node, weights[2..].to_vec())?;
        let along = window.along(&image[2..])?;
        Ok((
            image[..1].iter().chain(&weights[..1]).copied().chain(along.iter().map(|along| along.n_out)).collect(),
            window,
        ))
    }
}

impl Kernel for ConvInteger {
    fn name(&self) -> &'static str {
        if self.scaled { "QLinearConv" } else { "ConvInteger" }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let (image, weights) = (self.slots.need(inputs, 0)?, self.slots.need(inputs, self.weights_at())?);
        let dtype = if self.scaled { self.slots.need(inputs, 7)?.dtype } else { i32::datum_type() };
        Ok(tvec!(fact(dtype, &self.shape(&lengths(image)?, &lengths(weights)?)?.0)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (image, weights) = (self.slots.need(inputs, 0)?, self.slots.need(inputs, self.weights_at())?);
        let (shape, window) = self.shape(image.shape(), weights.shape())?;
        let along = window.along(&image.shape()[2..])?;
        let n_out = shape[1];
        let zeros = if self.scaled { (2, 5) } else { (2, 3) };
        let zero = |position: usize, n_places: usize| match self.slots.get(inputs, position) {
            Some(zeros) => spread(&small(zeros)?, n_places, "zero points"),
            None => Ok(vec![0; n_places]),
        };
        let (image_zero, weight_zeros) = (zero(zeros.0, 1)?[0], zero(zeros.1, n_out)?);
        let pixels: Vec<i32> = small(image)?.into_iter().map(|pixel| pixel - image_zero).collect();
        let own = strides(&image.shape()[2..]);
        let (n_pixels, n_places) = (image.shape()[2..].iter().product::<usize>(), shape[2..].iter().product::<usize>());
        // For every tap of the kernel, which pixels it reads for which places; beyond the borders there are zeros.
        let mut taps: Vec<Vec<(usize, usize)>> = Vec::new();
        each_position(&window.kernel, |tap| {
            let mut read = Vec::new();
            let mut place = 0;
            each_position(&shape[2..], |at| {
                let pixel: Option<usize> = (0..at.len())
                    .map(|axis| {
                        let index = at[axis] * window.strides[axis] + tap[axis] * window.dilations[axis];
                        let index = index.checked_sub(along[axis].before)?;
                        (index < image.shape()[axis + 2]).then_some(index * own[axis])
                    })
                    .sum();
                read.extend(pixel.map(|pixel| (place, pixel)));
                place += 1;
                Ok(())
            })?;
            taps.push(read);
            Ok(())
        })?;
        let factors = small(weights)?;
        let (per_group, out_per_group) = (weights.shape()[1], n_out / self.n_groups);
        let mut sums = vec![0_i32; shape.iter().product()];
        for batch in 0..shape[0] {
            for out in 0..n_out {
                let sums = &mut sums[(batch * n_out + out) * n_places..][..n_places];
                for channel in 0..per_group {
                    let plane = batch * image.shape()[1] + out / out_per_group * per_group + channel;
                    let plane = &pixels[plane * n_pixels..][..n_pixels];
                    for (tap, read) in taps.iter().enumerate() {
                        let factor = factors[(out * per_group + channel) * taps.len() + tap] - weight_zeros[out];
                        for (place, pixel) in read {
                            sums[*place] = sums[*place].wrapping_add(factor.wrapping_mul(plane[*pixel]));
                        }
                    }
                }
            }
        }
        if !self.scaled {
            return Ok(tvec!(tensor(&shape, sums)?));
        }
        let scale =
            |position: usize, n_places: usize| spread(&scales(self.slots.need(inputs, position)?)?, n_places, "scales");
        let (from, of_weights, to) = (scale(1, 1)?[0], scale(4, n_out)?, scale(6, 1)?[0]);
        let zero_point = self.slots.need(inputs, 7)?;
        let dtype = zero_point.datum_type();
        ensure!(
            matches!(dtype, DatumType::U8 | DatumType::I8) && zero_point.len() == 1,
            "a zero point of another kind"
        );
        let zero = int_values(zero_point)?[0];
        let bias = self.slots.get(inputs, 8).map(|bias| int_values(bias)).transpose()?;
        let values = sums.iter().enumerate().map(|(idx, sum)| {
            let out = idx / n_places % n_out;
            let sum = sum.wrapping_add(bias.as_ref().map_or(0, |bias| bias[out] as i32));
            requantized(sum, from * of_weights[out] / to, zero, dtype)
        });
        Ok(tvec!(from_ints(dtype, &shape, values.collect())?))
    }
}
