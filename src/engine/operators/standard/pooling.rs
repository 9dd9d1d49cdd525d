//! Pooling over windows: the largest, the mean or the norm of what a window covers.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, Versions, reject};
use super::common::{each_position, fact, float_values, from_floats, lengths, numeric, strides};
use super::windows::{Along, Window};
use crate::engine::proto::{int, ints, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        domain: ONNX,
        name: "MaxPool",
        takes: |node, _| is_unusual(node),
        parse: |node, _| parse(node, Pooled::Max),
    },
    Operator {
        domain: ONNX,
        name: "AveragePool",
        takes: |node, _| is_unusual(node),
        parse: |node, _| parse(node, Pooled::Mean { with_padding: int(node, "count_include_pad").unwrap_or(0) != 0 }),
    },
    Operator::new(ONNX, "GlobalLpPool", |node, _| Parsed::kernel(GlobalNorm(int(node, "p").unwrap_or(2) as f64))),
    Operator::new(ONNX, "LpPool", parse_norm),
];

/// What tract computes otherwise than ONNX, or not at all.
fn is_unusual(node: &NodeProto) -> bool {
    let auto_pad = text(node, "auto_pad").is_some_and(|pad| !matches!(pad.as_str(), "NOTSET" | ""));
    let dilated = ints(node, "dilations").iter().any(|dilation| *dilation != 1);
    let indices = node.output.get(1).is_some_and(|name| !name.is_empty());
    // Said by us, where tract would divide by zero or look beyond a list.
    let senseless = kernel(node).and_then(|kernel| Window::of(node, kernel)).is_err();
    auto_pad
        || senseless
        || dilated
        || indices
        || int(node, "ceil_mode").unwrap_or(0) != 0
        || int(node, "storage_order").unwrap_or(0) != 0
}

fn kernel(node: &NodeProto) -> TractResult<Vec<usize>> {
    let kernel = ints(node, "kernel_shape");
    ensure!(!kernel.is_empty() && kernel.iter().all(|length| 0 < *length), "the kernel_shape {kernel:?}");
    Ok(kernel.iter().map(|length| *length as usize).collect())
}

fn parse(node: &NodeProto, pooled: Pooled) -> TractResult<Parsed> {
    let same = text(node, "auto_pad").is_some_and(|pad| pad.starts_with("SAME"));
    if same && ints(node, "dilations").iter().any(|dilation| *dilation != 1) {
        return reject(node, "what `auto_pad` means with dilations is not defined alike everywhere; state the pads");
    }
    let padded = matches!(pooled, Pooled::Mean { with_padding: true });
    let dilated = ints(node, "dilations").iter().any(|dilation| *dilation != 1);
    if padded && dilated && int(node, "ceil_mode").unwrap_or(0) != 0 {
        return reject(node, "what padding counts with dilations and `ceil_mode` is not defined alike everywhere");
    }
    Parsed::kernel(Pool {
        window: Window::of(node, kernel(node)?)?,
        pooled,
        with_indices: 1 < node.output.len(),
        column_major: int(node, "storage_order").unwrap_or(0) == 1,
    })
}

fn parse_norm(node: &NodeProto, _versions: Versions) -> TractResult<Parsed> {
    let p = int(node, "p").unwrap_or(2);
    ensure!(0 < p, "the norm p = {p}");
    parse(node, Pooled::Norm(p as f64))
}

#[derive(Clone, Copy, Debug)]
enum Pooled {
    Max,
    Mean { with_padding: bool },
    Norm(f64),
}

#[derive(Debug)]
struct Pool {
    window: Window,
    pooled: Pooled,
    with_indices: bool,
    column_major: bool,
}

impl Pool {
    fn along(&self, shape: &[usize]) -> TractResult<Vec<Along>> {
        ensure!(2 < shape.len(), "pooling takes three axes or more, not {shape:?}");
        self.window.along(&shape[2..])
    }

    fn shape(&self, input: &[usize]) -> TractResult<Vec<usize>> {
        let standing = self.along(input)?;
        Ok(input[..2].iter().copied().chain(standing.iter().map(|along| along.n_out)).collect())
    }

    /// For every axis and every place the window stands at along it.
    fn coverage(&self, along: &[Along], lengths: &[usize]) -> Vec<Vec<Covered>> {
        let own = strides(lengths);
        let covered = |axis: usize, at: usize| {
            let start = at * self.window.strides[axis];
            let taps = (0..self.window.kernel[axis]).map(|tap| start + tap * self.window.dilations[axis]);
            let end = lengths[axis] + along[axis].before + along[axis].after;
            let n_padded = taps.clone().filter(|tap| *tap < end).count();
            let inside = taps.filter_map(|tap| tap.checked_sub(along[axis].before)).filter(|tap| *tap < lengths[axis]);
            Covered { offsets: inside.map(|tap| tap * own[axis]).collect(), n_padded }
        };
        (0..lengths.len()).map(|axis| (0..along[axis].n_out).map(|at| covered(axis, at)).collect()).collect()
    }
}

/// What a window covers along one axis.
struct Covered {
    /// Of the elements inside of the axis.
    offsets: Vec<usize>,
    /// How many elements of the axis and its padding.
    n_padded: usize,
}

/// Calls `visit` with the offset of every element that a window covers.
fn walk<F: FnMut(usize)>(covered: &[&Covered], base: usize, visit: &mut F) {
    match covered {
        [] => visit(base),
        [last] => last.offsets.iter().for_each(|offset| visit(base + offset)),
        [first, rest @ ..] => first.offsets.iter().for_each(|offset| walk(rest, base + offset, visit)),
    }
}

impl Kernel for Pool {
    fn name(&self) -> &'static str {
        match self.pooled {
            Pooled::Max => "MaxPool",
            Pooled::Mean { .. } => "AveragePool",
            Pooled::Norm(_) => "LpPool",
        }
    }

    fn n_outputs(&self) -> usize {
        1 + usize::from(self.with_indices)
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("pooling takes one input") };
        let shape = self.shape(&lengths(input)?)?;
        let mut outputs = tvec!(fact(input.dtype, &shape));
        if self.with_indices {
            outputs.push(fact(i64::datum_type(), &shape));
        }
        Ok(outputs)
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = &inputs[0];
        if matches!(self.pooled, Pooled::Max) {
            return numeric!(input.datum_type(), largest(self, input));
        }
        let (shape, along) = (self.shape(input.shape())?, self.along(input.shape())?);
        let lengths = &input.shape()[2..];
        let (coverage, from) = (self.coverage(&along, lengths), float_values(input)?);
        let n_plane: usize = lengths.iter().product();
        let mut pooled = Vec::with_capacity(shape.iter().product());
        for plane in from.chunks(n_plane.max(1)) {
            each_position(&shape[2..], |at| {
                let covered: TVec<&Covered> = at.iter().zip(&coverage).map(|(at, axis)| &axis[*at]).collect();
                let mut sum = 0.0;
                walk(&covered, 0, &mut |offset| {
                    sum += match self.pooled {
                        Pooled::Norm(p) => plane[offset].abs().powf(p),
                        _ => plane[offset],
                    };
                });
                let count = |of: fn(&Covered) -> usize| covered.iter().map(|axis| of(axis)).product::<usize>() as f64;
                pooled.push(match self.pooled {
                    Pooled::Norm(p) => sum.powf(p.recip()),
                    Pooled::Mean { with_padding: true } => sum / count(|axis| axis.n_padded),
                    _ => sum / count(|axis| axis.offsets.len()),
                });
                Ok(())
            })?;
        }
        Ok(tvec!(from_floats(input.datum_type(), &shape, pooled)?))
    }
}

fn largest<T: Datum + Copy + PartialOrd>(pool: &Pool, input: &Tensor) -> TractResult<TVec<Tensor>> {
    let (shape, along) = (pool.shape(input.shape())?, pool.along(input.shape())?);
    let lengths = &input.shape()[2..];
    let (coverage, from) = (pool.coverage(&along, lengths), elements::<T>(input)?);
    let (own, n_plane) = (strides(lengths), lengths.iter().product::<usize>());
    let turned: Vec<usize> = strides(&lengths.iter().rev().copied().collect::<Vec<_>>()).into_iter().rev().collect();
    let column_major = |offset: usize| {
        let position = own.iter().zip(lengths).map(|(stride, length)| offset / stride % length);
        position.zip(&turned).map(|(at, stride)| at * stride).sum::<usize>()
    };
    let mut values = Vec::with_capacity(shape.iter().product());
    let mut indices = Vec::new();
    for (idx, plane) in from.chunks(n_plane.max(1)).enumerate() {
        each_position(&shape[2..], |at| {
            let covered: TVec<&Covered> = at.iter().zip(&coverage).map(|(at, axis)| &axis[*at]).collect();
            let mut best: Option<(T, usize)> = None;
            walk(&covered, 0, &mut |offset| {
                if best.is_none_or(|(best, _)| best < plane[offset]) {
                    best = Some((plane[offset], offset));
                }
            });
            let Some((value, offset)) = best else { bail!("a window covers nothing but padding") };
            values.push(value);
            if pool.with_indices {
                let within = if pool.column_major { column_major(offset) } else { offset };
                indices.push((idx * n_plane + within) as i64);
            }
            Ok(())
        })?;
    }
    let mut outputs = tvec!(tensor(&shape, values)?);
    if pool.with_indices {
        outputs.push(tensor(&shape, indices)?);
    }
    Ok(outputs)
}

/// `MaxUnpool`: values put back where the indices of a `MaxPool` say they were.
pub(super) const UNPOOLING: &[Operator] = &[Operator::new(ONNX, "MaxUnpool", |node, _| {
    let _window = Window::of(node, kernel(node)?)?;
    Parsed::kernel(MaxUnpool {
        kernel: kernel(node)?,
        strides: ints(node, "strides").to_vec(),
        pads: ints(node, "pads").to_vec(),
    })
})];

#[derive(Debug)]
struct MaxUnpool {
    kernel: Vec<usize>,
    strides: Vec<i64>,
    pads: Vec<i64>,
}

impl MaxUnpool {
    /// The shape without and with what the third input adds.
    fn shape(&self, input: &[usize]) -> TractResult<Vec<usize>> {
        let rank = self.kernel.len();
        ensure!(input.len() == rank + 2, "MaxUnpool takes {} axes, not {input:?}", rank + 2);
        let mut shape = input[..2].to_vec();
        for axis in 0..rank {
            let stride = self.strides.get(axis).copied().unwrap_or(1);
            let pads = self.pads.get(axis).copied().unwrap_or(0) + self.pads.get(axis + rank).copied().unwrap_or(0);
            let length = (input[axis + 2] as i64 - 1) * stride + self.kernel[axis] as i64 - pads;
            ensure!(0 < length, "MaxUnpool gives an axis of {length}");
            shape.push(length as usize);
        }
        Ok(shape)
    }

    fn stated(&self, inferred: &[usize], stated: &[i64]) -> TractResult<Vec<usize>> {
        ensure!(stated.len() == inferred.len(), "an output shape of {} axes", stated.len());
        let same = stated.iter().zip(inferred).all(|(stated, inferred)| *inferred as i64 == *stated);
        ensure!(same, "MaxUnpool to {stated:?} in place of {inferred:?} is not defined alike everywhere");
        Ok(stated.iter().map(|length| *length as usize).collect())
    }
}

impl Kernel for MaxUnpool {
    fn name(&self) -> &'static str {
        "MaxUnpool"
    }

    fn shaping(&self) -> Vec<usize> {
        vec![2]
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        ensure!(2 <= inputs.len(), "MaxUnpool takes two inputs or three");
        let inferred = self.shape(&lengths(&inputs[0])?)?;
        let shape = match inputs.get(2) {
            Some(stated) => {
                self.stated(&inferred, &super::common::known_ints(stated, "the shape of MaxUnpool is computed")?)?
            }
            None => inferred,
        };
        Ok(tvec!(fact(inputs[0].dtype, &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let inferred = self.shape(inputs[0].shape())?;
        let shape = match inputs.get(2) {
            Some(stated) => self.stated(&inferred, &super::common::int_values(stated)?)?,
            None => inferred.clone(),
        };
        let mut onto = vec![0.0; shape.iter().product()];
        let (inferred_strides, own) = (strides(&inferred), strides(&shape));
        let indices = super::common::int_values(&inputs[1])?;
        for (index, value) in indices.into_iter().zip(float_values(&inputs[0])?) {
            let mut rest = super::common::index_of(index, inferred.iter().product())?;
            let mut at = 0;
            for axis in 0..shape.len() {
                at += rest / inferred_strides[axis] * own[axis];
                rest %= inferred_strides[axis];
            }
            onto[at] = value;
        }
        Ok(tvec!(from_floats(inputs[0].datum_type(), &shape, onto)?))
    }
}

/// `GlobalLpPool`: the norm of everything after the first two axes.
#[derive(Debug)]
struct GlobalNorm(f64);

impl GlobalNorm {
    fn shape(input: &[usize]) -> TractResult<Vec<usize>> {
        ensure!(2 <= input.len(), "GlobalLpPool takes two axes or more, not {input:?}");
        Ok(input.iter().enumerate().map(|(axis, length)| if axis < 2 { *length } else { 1 }).collect())
    }
}

impl Kernel for GlobalNorm {
    fn name(&self) -> &'static str {
        "GlobalLpPool"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("GlobalLpPool takes one input") };
        Ok(tvec!(fact(input.dtype, &Self::shape(&lengths(input)?)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape = Self::shape(inputs[0].shape())?;
        let n_plane: usize = inputs[0].shape()[2..].iter().product();
        let norm = |plane: &[f64]| plane.iter().map(|value| value.abs().powf(self.0)).sum::<f64>().powf(self.0.recip());
        let norms = float_values(&inputs[0])?.chunks(n_plane.max(1)).map(norm).collect();
        Ok(tvec!(from_floats(inputs[0].datum_type(), &shape, norms)?))
    }
}
