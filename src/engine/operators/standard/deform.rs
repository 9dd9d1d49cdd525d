//! `DeformConv`: a convolution whose kernel reads at shifted places.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed};
use super::common::{Slots, fact, float_values, from_floats, lengths};
use super::windows::{Along, Window};
use crate::engine::proto::{int, ints};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator::new(ONNX, "DeformConv", |node, _| parse(node))];

fn parse(node: &NodeProto) -> TractResult<Parsed> {
    let positive = |name: &str| {
        let value = int(node, name).unwrap_or(1);
        ensure!(0 < value, "{name} is {value}");
        Ok(value as usize)
    };
    Parsed::kernel(DeformConv {
        node: node.clone(),
        slots: Slots::of(node),
        n_groups: positive("group")?,
        n_offset_groups: positive("offset_group")?,
    })
}

#[derive(Debug)]
struct DeformConv {
    node: NodeProto,
    slots: Slots,
    n_groups: usize,
    n_offset_groups: usize,
}

impl DeformConv {
    fn layout(&self, image: &[usize], weights: &[usize]) -> TractResult<(Vec<usize>, Window, Vec<Along>)> {
        ensure!(image.len() == 4 && weights.len() == 4, "DeformConv takes images of two axes, not {image:?}");
        let stated = ints(&self.node, "kernel_shape");
        ensure!(
            stated.is_empty() || stated.iter().map(|length| *length as usize).eq(weights[2..].iter().copied()),
            "the kernel_shape {stated:?} is not that of the weights"
        );
        ensure!(
            weights[1] * self.n_groups == image[1] && weights[0].is_multiple_of(self.n_groups),
            "weights {weights:?} for {} channels in {} groups",
            image[1],
            self.n_groups
        );
        ensure!(image[1].is_multiple_of(self.n_offset_groups), "{} offset groups", self.n_offset_groups);
        let window = Window::of(&self.node, weights[2..].to_vec())?;
        let along = window.along(&image[2..])?;
        Ok((vec![image[0], weights[0], along[0].n_out, along[1].n_out], window, along))
    }
}

impl Kernel for DeformConv {
    fn name(&self) -> &'static str {
        "DeformConv"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        ensure!(3 <= inputs.len(), "DeformConv takes three inputs or more");
        let (shape, window, _) = self.layout(&lengths(&inputs[0])?, &lengths(&inputs[1])?)?;
        let n_taps: usize = window.kernel.iter().product();
        let offsets = [shape[0], 2 * n_taps * self.n_offset_groups, shape[2], shape[3]];
        ensure!(lengths(&inputs[2])? == offsets, "offsets of another shape than {offsets:?}");
        if let Some(mask) = self.slots.get(inputs, 4) {
            let expected = [shape[0], n_taps * self.n_offset_groups, shape[2], shape[3]];
            ensure!(lengths(mask)? == expected, "a mask of another shape than {expected:?}");
        }
        Ok(tvec!(fact(inputs[0].dtype, &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (shape, window, along) = self.layout(inputs[0].shape(), inputs[1].shape())?;
        let (values, weights, offsets) =
            (float_values(&inputs[0])?, float_values(&inputs[1])?, float_values(&inputs[2])?);
        let bias = self.slots.get(inputs, 3).map(|bias| float_values(bias)).transpose()?;
        let mask = self.slots.get(inputs, 4).map(|mask| float_values(mask)).transpose()?;
        let [_, n_channels, height, width] = *inputs[0].shape() else { bail!("DeformConv takes images") };
        let [n_images, n_out, rows, columns] = *shape.as_slice() else { bail!("DeformConv gives images") };
        let (per_group, out_per_group) = (n_channels / self.n_groups, n_out / self.n_groups);
        let per_offset_group = n_channels / self.n_offset_groups;
        let n_taps = window.kernel[0] * window.kernel[1];
        let n_places = rows * columns;
        let mut convolved = vec![0.0; shape.iter().product()];
        for batch in 0..n_images {
            for place in 0..n_places {
                let start = |axis: usize, at: usize| (at * window.strides[axis]) as f64 - along[axis].before as f64;
                let (top, left) = (start(0, place / columns), start(1, place % columns));
                for tap in 0..n_taps {
                    let (down, right) = (tap / window.kernel[1], tap % window.kernel[1]);
                    for channel in 0..n_channels {
                        let shifts = (batch * self.n_offset_groups + channel / per_offset_group) * n_taps + tap;
                        let shift = |which: usize| offsets[(2 * shifts + which) * n_places + place];
                        let y = top + (down * window.dilations[0]) as f64 + shift(0);
                        let x = left + (right * window.dilations[1]) as f64 + shift(1);
                        let plane = &values[(batch * n_channels + channel) * height * width..][..height * width];
                        let mut value = bilinear(plane, height, width, y, x);
                        if let Some(mask) = &mask {
                            value *= mask[shifts * n_places + place];
                        }
                        let group = channel / per_group;
                        for out in group * out_per_group..(group + 1) * out_per_group {
                            let weight = weights[(out * per_group + channel % per_group) * n_taps + tap];
                            convolved[(batch * n_out + out) * n_places + place] += weight * value;
                        }
                    }
                }
            }
        }
        if let Some(bias) = bias {
            for (idx, value) in convolved.iter_mut().enumerate() {
                *value += bias[idx / n_places % n_out];
            }
        }
        Ok(tvec!(from_floats(inputs[0].datum_type(), &shape, convolved)?))
    }
}

/// The value at a place between four elements; beyond the borders there are zeros.
fn bilinear(plane: &[f64], height: usize, width: usize, y: f64, x: f64) -> f64 {
    if !(-1.0 < y && y < height as f64 && -1.0 < x && x < width as f64) {
        return 0.0;
    }
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = (y - top, x - left);
    let at = |row: i64, column: i64| {
        let inside = (0..height as i64).contains(&row) && (0..width as i64).contains(&column);
        if inside { plane[row as usize * width + column as usize] } else { 0.0 }
    };
    let (top, left) = (top as i64, left as i64);
    (1.0 - down) * ((1.0 - right) * at(top, left) + right * at(top, left + 1))
        + down * ((1.0 - right) * at(top + 1, left) + right * at(top + 1, left + 1))
}
