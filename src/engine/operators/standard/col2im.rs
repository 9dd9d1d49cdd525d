//! `Col2Im`: columns of blocks laid back onto an image, overlaps added.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed};
use super::common::{each_position, fact, float_values, from_floats, int_values, known_ints, lengths, offset, strides};
use super::windows::Window;

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator::new(ONNX, "Col2Im", |node, _| parse(node))];

fn parse(node: &NodeProto) -> TractResult<Parsed> {
    Parsed::kernel(Col2Im { node: node.clone() })
}

#[derive(Debug)]
struct Col2Im {
    node: NodeProto,
}

fn sizes(values: &[i64]) -> TractResult<Vec<usize>> {
    values
        .iter()
        .map(|value| {
            ensure!(0 < *value, "the length {value} of an axis is not positive");
            Ok(*value as usize)
        })
        .collect()
}

impl Col2Im {
    fn shape(columns: &[usize], image: &[usize], block: &[usize]) -> TractResult<Vec<usize>> {
        let [n_images, n_rows, _] = columns else { bail!("Col2Im takes three axes") };
        let n_block: usize = block.iter().product();
        ensure!(n_rows % n_block == 0, "{n_rows} rows do not hold blocks of {n_block}");
        Ok([&[*n_images, n_rows / n_block][..], image].concat())
    }
}

impl Kernel for Col2Im {
    fn name(&self) -> &'static str {
        "Col2Im"
    }

    fn shaping(&self) -> Vec<usize> {
        vec![1, 2]
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [columns, image, block] = inputs else { bail!("Col2Im takes three inputs") };
        let image = sizes(&known_ints(image, "the image's size is computed")?)?;
        let block = sizes(&known_ints(block, "the block's size is computed")?)?;
        Ok(tvec!(fact(columns.dtype, &Self::shape(&lengths(columns)?, &image, &block)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let image = sizes(&int_values(&inputs[1])?)?;
        let block = sizes(&int_values(&inputs[2])?)?;
        let shape = Self::shape(inputs[0].shape(), &image, &block)?;
        let window = Window::of(&self.node, block.clone())?;
        let along = window.along(&image)?;
        let standing: Vec<usize> = along.iter().map(|along| along.n_out).collect();
        let n_standing: usize = standing.iter().product();
        ensure!(
            inputs[0].shape()[2] == n_standing,
            "{} columns for {n_standing} blocks in the image",
            inputs[0].shape()[2]
        );
        let from = float_values(&inputs[0])?;
        let mut onto = vec![0.0; shape.iter().product()];
        let image_strides = strides(&image);
        let (n_planes, n_block, n_pixels) =
            (shape[0] * shape[1], block.iter().product::<usize>(), image.iter().product::<usize>());
        let mut element = 0;
        each_position(&block, |within| {
            let mut column = 0;
            each_position(&standing, |at| {
                let pixel: Option<Vec<usize>> = (0..image.len())
                    .map(|axis| {
                        let index = at[axis] * window.strides[axis] + within[axis] * window.dilations[axis];
                        index.checked_sub(along[axis].before).filter(|index| *index < image[axis])
                    })
                    .collect();
                if let Some(pixel) = pixel {
                    let pixel = offset(&pixel, &image_strides);
                    for plane in 0..n_planes {
                        onto[plane * n_pixels + pixel] += from[(plane * n_block + element) * n_standing + column];
                    }
                }
                column += 1;
                Ok(())
            })?;
            element += 1;
            Ok(())
        })?;
        Ok(tvec!(from_floats(inputs[0].datum_type(), &shape, onto)?))
    }
}
