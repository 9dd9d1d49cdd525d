//! `Pad` in all its modes, also with negative pads, which cut.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, Versions, reject};
use super::common::{
    Slots, axis_of, depends_on_data, each_position, fact, int_values, lengths, offset, strides, typed,
};
use crate::engine::proto::{float, ints, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator::new(ONNX, "Pad", parse)];

fn parse(node: &NodeProto, versions: Versions) -> TractResult<Parsed> {
    let mode = match text(node, "mode").as_deref() {
        None | Some("constant") => Mode::Constant,
        Some("reflect") => Mode::Reflect,
        Some("edge") => Mode::Edge,
        Some("wrap") => Mode::Wrap,
        Some(other) => return reject(node, &format!("the mode {other} is not supported")),
    };
    let fixed = (versions.onnx < 11).then(|| (ints(node, "pads").to_vec(), float(node, "value").unwrap_or(0.0)));
    let pad = Pad { mode, fixed, slots: Slots::of(node) };
    if mode != Mode::Constant || versions.onnx < 11 {
        return Parsed::kernel(pad);
    }
    // tract takes a negative pad for a huge one.
    Parsed::by_type(pad, |_, facts| {
        if facts.first().is_some_and(|input| !input.dtype.is_number()) {
            return true;
        }
        let pads = facts.get(1).and_then(|pads| pads.value.as_ref()).and_then(|pads| int_values(pads).ok());
        pads.is_none_or(|pads| pads.iter().any(|pad| *pad < 0))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Constant,
    Reflect,
    Edge,
    Wrap,
}

#[derive(Debug)]
struct Pad {
    mode: Mode,
    /// Pads and value, where they are attributes.
    fixed: Option<(Vec<i64>, f32)>,
    slots: Slots,
}

impl Pad {
    /// Before and after every axis.
    fn pads(&self, pads: &[i64], axes: Option<Vec<i64>>, rank: usize) -> TractResult<Vec<(i64, i64)>> {
        let axes = match axes {
            Some(axes) => axes.iter().map(|axis| axis_of(*axis, rank)).collect::<TractResult<Vec<usize>>>()?,
            None => (0..rank).collect(),
        };
        ensure!(pads.len() == 2 * axes.len(), "{} pads for {} axes", pads.len(), axes.len());
        let mut all = vec![(0, 0); rank];
        for (idx, axis) in axes.iter().enumerate() {
            all[*axis] = (pads[idx], pads[idx + axes.len()]);
        }
        Ok(all)
    }

    fn shape(&self, input: &[usize], pads: &[(i64, i64)]) -> TractResult<Vec<usize>> {
        let padded = input.iter().zip(pads).map(|(length, (before, after))| {
            let padded = before.saturating_add(*after).saturating_add(*length as i64);
            ensure!((0..1 << 40).contains(&padded), "an axis of {length} cannot be padded by {before} and {after}");
            ensure!(
                self.mode == Mode::Constant || 0 < *length || padded == 0,
                "there is nothing in an axis to be repeated in its padding"
            );
            // What is mirrored must be there.
            let mirrored = self.mode == Mode::Reflect && 1 < *length;
            ensure!(
                !mirrored || *before < *length as i64 && *after < *length as i64,
                "an axis of {length} cannot be mirrored for {before} and {after}"
            );
            Ok(padded as usize)
        });
        padded.collect()
    }
}

impl Kernel for Pad {
    fn name(&self) -> &'static str {
        "Pad"
    }

    fn shaping(&self) -> Vec<usize> {
        if self.fixed.is_some() { vec![] } else { self.slots.places(&[1, 3]) }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = inputs.first().ok_or_else(|| format_err!("Pad takes an input"))?;
        let known = |position: usize| match self.slots.get(inputs, position) {
            Some(fact) => match &fact.value {
                Some(value) => Ok(Some(int_values(value)?)),
                None => depends_on_data("the pads are computed"),
            },
            None => Ok(None),
        };
        let shape = lengths(input)?;
        let pads = match &self.fixed {
            Some((pads, _)) => self.pads(pads, None, shape.len())?,
            None => self.pads(&known(1)?.unwrap_or_default(), known(3)?, shape.len())?,
        };
        Ok(tvec!(fact(input.dtype, &self.shape(&shape, &pads)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = &inputs[0];
        let (pads, value) = if let Some((pads, value)) = &self.fixed {
            (self.pads(pads, None, input.rank())?, Some(tensor(&[], vec![*value])?))
        } else {
            let axes = self.slots.get(inputs, 3).map(|axes| int_values(axes)).transpose()?;
            let value = self.slots.get(inputs, 2).map(|value| value.clone().into_tensor());
            (self.pads(&int_values(self.slots.need(inputs, 1)?)?, axes, input.rank())?, value)
        };
        let shape = self.shape(input.shape(), &pads)?;
        let value = match value {
            Some(value) if input.datum_type() != String::datum_type() => {
                Some(value.cast_to_dt(input.datum_type())?.into_owned())
            }
            other => other,
        };
        Ok(tvec!(typed!(input.datum_type(), padded(self.mode, input, &shape, &pads, value.as_ref()))?))
    }
}

fn padded<T: Datum + Default>(
    mode: Mode,
    input: &Tensor,
    shape: &[usize],
    pads: &[(i64, i64)],
    value: Option<&Tensor>,
) -> TractResult<Tensor> {
    let (from, own) = (elements::<T>(input)?, strides(input.shape()));
    let filling = match value {
        Some(value) => elements::<T>(value)?.first().cloned().unwrap_or_default(),
        None => T::default(),
    };
    let mut values = Vec::with_capacity(shape.iter().product());
    // What an axis gives at each position; none is the padding itself.
    let sources: Vec<Vec<Option<usize>>> = (0..shape.len())
        .map(|axis| {
            let (length, before, after) = (input.shape()[axis] as i64, pads[axis].0, pads[axis].1);
            // What is cut at one end is gone before the other is padded.
            let (first, end) = ((-before).max(0), length - (-after).max(0));
            (0..shape[axis] as i64)
                .map(|at| {
                    let at = at - before;
                    let source = match mode {
                        Mode::Constant => at,
                        Mode::Edge => at.clamp(first, (end - 1).max(first)),
                        Mode::Wrap => first + (at - first).rem_euclid((end - first).max(1)),
                        Mode::Reflect => {
                            let period = (2 * (end - first - 1)).max(1);
                            let folded = (at - first).rem_euclid(period);
                            first + folded.min(period - folded)
                        }
                    };
                    (first..end).contains(&source).then_some(source as usize)
                })
                .collect()
        })
        .collect();
    each_position(shape, |position| {
        let source: Option<Vec<usize>> = position.iter().enumerate().map(|(axis, at)| sources[axis][*at]).collect();
        values.push(source.map_or_else(|| filling.clone(), |source| from[offset(&source, &own)].clone()));
        Ok(())
    })?;
    tensor(shape, values)
}
