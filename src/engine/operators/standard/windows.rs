//! Where a sliding window stands: padding, strides, dilation and rounding, as pooling and `Col2Im` share them.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::engine::proto::{int, ints, text};

/// How the borders are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AutoPad {
    /// As the pads say.
    Explicit,
    /// Not at all.
    Valid,
    /// So that the output is as long as the input divided by the stride, more at the end.
    SameUpper,
    /// The same, more at the start.
    SameLower,
}

/// A window over the axes after the first two.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Its size.
    pub(super) kernel: Vec<usize>,
    /// How far it moves.
    pub(super) strides: Vec<usize>,
    /// How far its elements are apart.
    pub(super) dilations: Vec<usize>,
    /// Before and after each axis.
    pads: Vec<(usize, usize)>,
    auto_pad: AutoPad,
    ceil: bool,
}

/// A window along one axis of known length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Along {
    /// How often it stands.
    pub(super) n_out: usize,
    /// Padding before the axis.
    pub(super) before: usize,
    /// Padding after the axis.
    pub(super) after: usize,
}

impl Window {
    /// What the node says, for windows of that size.
    pub(super) fn of(node: &NodeProto, kernel: Vec<usize>) -> TractResult<Self> {
        let rank = kernel.len();
        ensure!(!kernel.contains(&0), "the kernel {kernel:?} is empty");
        let positive = |name: &str| {
            let given = ints(node, name);
            if given.is_empty() {
                return Ok(vec![1; rank]);
            }
            ensure!(given.len() == rank && given.iter().all(|v| 0 < *v), "{name} {given:?} for {rank} axes");
            Ok(given.iter().map(|value| *value as usize).collect::<Vec<_>>())
        };
        let pads = match ints(node, "pads") {
            [] => vec![(0, 0); rank],
            given => {
                ensure!(given.len() == 2 * rank && given.iter().all(|pad| 0 <= *pad), "pads {given:?}");
                (0..rank).map(|axis| (given[axis] as usize, given[axis + rank] as usize)).collect()
            }
        };
        let auto_pad = match text(node, "auto_pad").as_deref() {
            None | Some("NOTSET" | "") => AutoPad::Explicit,
            Some("VALID") => AutoPad::Valid,
            Some("SAME_UPPER") => AutoPad::SameUpper,
            Some("SAME_LOWER") => AutoPad::SameLower,
            Some(other) => bail!("the auto_pad {other} is unknown"),
        };
        let ceil = int(node, "ceil_mode").unwrap_or(0) != 0;
        Ok(Self { kernel, strides: positive("strides")?, dilations: positive("dilations")?, pads, auto_pad, ceil })
    }

    /// The window along every axis.
    pub(super) fn along(&self, lengths: &[usize]) -> TractResult<Vec<Along>> {
        ensure!(lengths.len() == self.kernel.len(), "a kernel of {} axes on {lengths:?}", self.kernel.len());
        lengths.iter().enumerate().map(|(axis, length)| self.along_axis(axis, *length)).collect()
    }

    fn along_axis(&self, axis: usize, length: usize) -> TractResult<Along> {
        let stride = self.strides[axis];
        let reach = (self.kernel[axis] - 1) * self.dilations[axis] + 1;
        let same = |n_out: usize| (n_out.saturating_sub(1) * stride + reach).saturating_sub(length);
        let n_same = length.div_ceil(stride);
        let (before, after) = match self.auto_pad {
            AutoPad::Explicit => self.pads[axis],
            AutoPad::Valid => (0, 0),
            AutoPad::SameUpper => (same(n_same) / 2, same(n_same) - same(n_same) / 2),
            AutoPad::SameLower => (same(n_same) - same(n_same) / 2, same(n_same) / 2),
        };
        let padded = length + before + after;
        ensure!(reach <= padded, "a window of {reach} is larger than an axis of {padded}");
        let room = padded - reach;
        let same_padded = matches!(self.auto_pad, AutoPad::SameUpper | AutoPad::SameLower);
        let mut n_out = if self.ceil && !same_padded { room.div_ceil(stride) } else { room / stride } + 1;
        // A window that would start in the padding behind the axis does not stand.
        if self.ceil && !same_padded && length + before <= (n_out - 1) * stride {
            n_out -= 1;
        }
        Ok(Along { n_out, before, after })
    }
}
