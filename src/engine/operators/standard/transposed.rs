//! `ConvTranspose` where its padding follows from something else than its pads.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed};
use super::common::{Slots, each_position, fact, float_values, from_floats, lengths, strides};
use crate::engine::proto::{int, ints, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator {
    domain: ONNX,
    name: "ConvTranspose",
    takes: |node, _| {
        let auto_pad = text(node, "auto_pad").is_some_and(|pad| !matches!(pad.as_str(), "NOTSET" | ""));
        auto_pad || !ints(node, "output_shape").is_empty()
    },
    parse: |node, _| Parsed::kernel(ConvTranspose { node: node.clone(), slots: Slots::of(node) }),
}];

#[derive(Debug)]
struct ConvTranspose {
    node: NodeProto,
    slots: Slots,
}

/// Lengths that follow from the attributes.
struct Layout {
    strides: Vec<usize>,
    dilations: Vec<usize>,
    /// Cut before each axis.
    before: Vec<usize>,
    shape: Vec<usize>,
    n_groups: usize,
}

impl ConvTranspose {
    fn layout(&self, image: &[usize], weights: &[usize]) -> TractResult<Layout> {
        ensure!(2 < image.len() && weights.len() == image.len(), "ConvTranspose of {image:?} by {weights:?}");
        let rank = image.len() - 2;
        let list = |name: &str, otherwise: i64| {
            let given = ints(&self.node, name);
            ensure!(given.is_empty() || given.len() == rank, "{name} {given:?} for {rank} axes");
            Ok(if given.is_empty() { vec![otherwise; rank] } else { given.to_vec() })
        };
        let (steps, dilations, extra) = (list("strides", 1)?, list("dilations", 1)?, list("output_padding", 0)?);
        ensure!(steps.iter().chain(&dilations).all(|value| 0 < *value), "strides {steps:?}, dilations {dilations:?}");
        let n_groups = int(&self.node, "group").unwrap_or(1).max(1) as usize;
        ensure!(
            weights[0] == image[1] && image[1].is_multiple_of(n_groups),
            "weights {weights:?} for {} channels",
            image[1]
        );
        let auto_pad = text(&self.node, "auto_pad");
        let upper = auto_pad.as_deref() == Some("SAME_UPPER");
        let same = upper || auto_pad.as_deref() == Some("SAME_LOWER");
        let (pads, stated) = (ints(&self.node, "pads"), ints(&self.node, "output_shape"));
        // What comes first when several of them are given is not said.
        ensure!(
            stated.is_empty() || extra.iter().all(|value| *value == 0),
            "ConvTranspose with output_shape and output_padding"
        );
        ensure!(!same || extra.iter().all(|value| *value == 0), "ConvTranspose with auto_pad and output_padding");
        let mut shape = vec![image[0], weights[1] * n_groups];
        let mut before = Vec::with_capacity(rank);
        for axis in 0..rank {
            let reach = (weights[axis + 2] as i64 - 1) * dilations[axis] + 1;
            let full = (image[axis + 2] as i64 - 1) * steps[axis] + extra[axis] + reach;
            let (length, start) = if let Some(length) = stated.get(axis + stated.len().saturating_sub(rank)) {
                // What is asked for beyond the image is filled with zeros.
                let total = (full - length).max(0);
                (*length, if upper { total / 2 } else { total - total / 2 })
            } else if same {
                let length = image[axis + 2] as i64 * steps[axis];
                let total = full - length;
                ensure!(0 <= total, "auto_pad makes an axis of {length}, which is longer than {full}");
                (length, if upper { total / 2 } else { total - total / 2 })
            } else {
                let (first, last) = (pads.get(axis).copied().unwrap_or(0), pads.get(axis + rank).copied().unwrap_or(0));
                (full - first - last, first)
            };
            ensure!(0 < length && 0 <= start, "ConvTranspose gives an axis of {length}");
            shape.push(length as usize);
            before.push(start as usize);
        }
        let counts = |values: Vec<i64>| values.into_iter().map(|value| value as usize).collect();
        Ok(Layout { strides: counts(steps), dilations: counts(dilations), before, shape, n_groups })
    }
}

impl Kernel for ConvTranspose {
    fn name(&self) -> &'static str {
        "ConvTranspose"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let (image, weights) = (self.slots.need(inputs, 0)?, self.slots.need(inputs, 1)?);
        Ok(tvec!(fact(image.dtype, &self.layout(&lengths(image)?, &lengths(weights)?)?.shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (image, weights) = (self.slots.need(inputs, 0)?, self.slots.need(inputs, 1)?);
        let layout = self.layout(image.shape(), weights.shape())?;
        let (pixels, factors) = (float_values(image)?, float_values(weights)?);
        let shape = &layout.shape;
        let own = strides(&shape[2..]);
        let (axes, kernel) = (&image.shape()[2..], &weights.shape()[2..]);
        let (n_in, n_out) = (image.shape()[1], shape[1]);
        let (n_pixels, n_places, n_taps): (usize, usize, usize) =
            (axes.iter().product(), shape[2..].iter().product(), kernel.iter().product());
        let (per_group, out_per_group) = (n_in / layout.n_groups, n_out / layout.n_groups);
        let mut values = vec![0.0; shape.iter().product()];
        let (mut pixel, mut pairs) = (0, Vec::new());
        each_position(axes, |at| {
            let mut tap = 0;
            each_position(kernel, |within| {
                let place: Option<usize> = (0..at.len())
                    .map(|axis| {
                        let index = at[axis] * layout.strides[axis] + within[axis] * layout.dilations[axis];
                        let index = index.checked_sub(layout.before[axis])?;
                        (index < shape[axis + 2]).then_some(index * own[axis])
                    })
                    .sum();
                pairs.extend(place.map(|place| (pixel, tap, place)));
                tap += 1;
                Ok(())
            })?;
            pixel += 1;
            Ok(())
        })?;
        for batch in 0..shape[0] {
            for channel in 0..n_in {
                let plane = &pixels[(batch * n_in + channel) * n_pixels..][..n_pixels];
                for out in 0..out_per_group {
                    let factors = &factors[(channel * out_per_group + out) * n_taps..][..n_taps];
                    let out = channel / per_group * out_per_group + out;
                    let onto = &mut values[(batch * n_out + out) * n_places..][..n_places];
                    for (pixel, tap, place) in &pairs {
                        onto[*place] += plane[*pixel] * factors[*tap];
                    }
                }
            }
        }
        if let Some(bias) = self.slots.get(inputs, 2) {
            let bias = float_values(bias)?;
            ensure!(bias.len() == n_out, "{} biases for {n_out} channels", bias.len());
            values.iter_mut().enumerate().for_each(|(idx, value)| *value += bias[idx / n_places % n_out]);
        }
        Ok(tvec!(from_floats(image.datum_type(), shape, values)?))
    }
}
