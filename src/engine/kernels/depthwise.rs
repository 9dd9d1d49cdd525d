//! Convolutions in which every channel has its own kernel, over channels-last data.

#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the instructions found at run time")]

use std::array::from_fn;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::dense::Activation;

/// Rows of one picture's output to be worked out. Lengths are height and width.
pub(super) struct Depthwise<'a> {
    pub(super) input: &'a [f32],
    pub(super) h: usize,
    pub(super) w: usize,
    /// Channels.
    pub(super) c: usize,
    pub(super) kernel: (usize, usize),
    pub(super) stride: (usize, usize),
    /// Zeros before the first row and column.
    pub(super) pad: (usize, usize),
    pub(super) out_w: usize,
    /// The first row that is worked out.
    pub(super) first_row: usize,
    /// The channels of each place of the kernel.
    pub(super) weights: &'a [f32],
    pub(super) bias: &'a [f32],
    pub(super) output: &'a mut [f32],
    pub(super) activation: Activation,
}

impl WithSimd for Depthwise<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // Row by row, so that the rows a kernel sees stay in the nearest cache.
        for y in self.first_row..self.first_row + self.output.len() / (self.out_w * self.c) {
            for first in (0..self.c).step_by(S::F32_LANES) {
                let n = (self.c - first).min(S::F32_LANES);
                match (self.kernel, self.stride.1, n == S::F32_LANES) {
                    ((3, 3), 1, true) => self.row::<S, 3, 1>(simd, first, y),
                    ((3, 3), 2, true) => self.row::<S, 3, 2>(simd, first, y),
                    ((5, 5), 1, true) => self.row::<S, 5, 1>(simd, first, y),
                    ((5, 5), 2, true) => self.row::<S, 5, 2>(simd, first, y),
                    _ => self.plain::<S, false>(simd, first, n, y, 0..self.out_w),
                }
            }
        }
    }
}

/// Positions of a row that depthwise kernels work on together.
const DW: usize = 4;

impl Depthwise<'_> {
    /// A full vector of channels with a square kernel.
    #[inline(always)]
    fn row<S: Simd, const K: usize, const STRIDE: usize>(&mut self, simd: S, first: usize, y: usize) {
        let (w, c) = (self.w, self.c);
        let (sy, (py, px)) = (self.stride.0, self.pad);
        if y * sy < py || self.h + py < y * sy + K {
            return self.plain::<S, true>(simd, first, S::F32_LANES, y, 0..self.out_w);
        }
        // Where the kernel lies within the row.
        let from = px.div_ceil(STRIDE).min(self.out_w);
        let to = if w + px < K { from } else { ((w + px - K) / STRIDE + 1).clamp(from, self.out_w) };
        let to = from + (to - from) / DW * DW;
        self.plain::<S, true>(simd, first, S::F32_LANES, y, 0..from);
        self.plain::<S, true>(simd, first, S::F32_LANES, y, to..self.out_w);
        let weights: [[S::f32s; K]; K] =
            from_fn(|y| from_fn(|x| S::as_simd_f32s(&self.weights[(y * K + x) * c + first..][..S::F32_LANES]).0[0]));
        let bias = S::as_simd_f32s(&self.bias[first..][..S::F32_LANES]).0[0];
        for x in (from..to).step_by(DW) {
            let mut sums = [bias; DW];
            for (ky, weights) in weights.iter().enumerate() {
                let row = &self.input[((y * sy + ky - py) * w + x * STRIDE - px) * c + first..];
                for (kx, weight) in weights.iter().enumerate() {
                    for (position, sum) in sums.iter_mut().enumerate() {
                        let value = S::as_simd_f32s(&row[(position * STRIDE + kx) * c..][..S::F32_LANES]).0[0];
                        *sum = simd.mul_add_f32s(value, *weight, *sum);
                    }
                }
            }
            for (position, sum) in sums.into_iter().enumerate() {
                let sum = self.activation.apply(simd, sum);
                let place = ((y - self.first_row) * self.out_w + x + position) * c + first;
                S::as_mut_simd_f32s(&mut self.output[place..][..S::F32_LANES]).0[0] = sum;
            }
        }
    }

    /// Any positions, up to a vector of channels.
    #[inline(always)]
    #[expect(clippy::many_single_char_names, reason = "lengths of pictures are called so")]
    fn plain<S: Simd, const FULL: bool>(&mut self, simd: S, first: usize, n: usize, y: usize, xs: Range<usize>) {
        let ((kh, kw), (sy, sx), (py, px)) = (self.kernel, self.stride, self.pad);
        let (h, w, c) = (self.h, self.w, self.c);
        let bias = get::<S, FULL>(simd, &self.bias[first..][..n]);
        let (y0, y1) = ((y * sy).saturating_sub(py), (y * sy + kh).saturating_sub(py).min(h));
        for x in xs {
            let (x0, x1) = ((x * sx).saturating_sub(px), (x * sx + kw).saturating_sub(px).min(w));
            let mut sum = bias;
            for iy in y0..y1 {
                for ix in x0..x1 {
                    let value = get::<S, FULL>(simd, &self.input[(iy * w + ix) * c + first..][..n]);
                    let tap = (iy + py - y * sy) * kw + ix + px - x * sx;
                    let weight = get::<S, FULL>(simd, &self.weights[tap * c + first..][..n]);
                    sum = simd.mul_add_f32s(value, weight, sum);
                }
            }
            let sum = self.activation.apply(simd, sum);
            let out = &mut self.output[((y - self.first_row) * self.out_w + x) * c + first..][..n];
            if FULL {
                S::as_mut_simd_f32s(out).0[0] = sum;
            } else {
                simd.partial_store_f32s(out, sum);
            }
        }
    }
}

/// A vector, whole or in part.
#[inline(always)]
fn get<S: Simd, const FULL: bool>(simd: S, from: &[f32]) -> S::f32s {
    if FULL { S::as_simd_f32s(from).0[0] } else { simd.partial_load_f32s(from) }
}
