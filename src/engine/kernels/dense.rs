//! Products of rows of values with constant weights: matrix products, and convolutions over channels-last data.
//!
//! A tile of the output, a few positions high and a few vectors wide, stays in registers while the depth is run
//! through; values are read where they lie, weights from panels that were packed as wide as the tile.

#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the instructions found at run time")]

use std::array::from_fn;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

/// Output positions worked on together.
const MR: usize = 6;

/// Weights of `depth` rows and `n` columns, in panels of some columns, row after row.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) depth: usize,
    pub(super) n: usize,
    /// Columns of a panel; the last panel is filled up with zeros.
    width: usize,
    weights: Vec<f32>,
    /// Weights to skip so that the rest begins on a cache line.
    skip: usize,
}

struct Width;

impl WithSimd for Width {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES * vectors::<S>()
    }
}
/// Vectors that a tile is wide, so that it and its operands fit into the registers.
const fn vectors<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 4 } else { 2 }
}

impl Packed {
    /// `at(row, column)` gives a weight.
    pub(super) fn new(depth: usize, n: usize, at: impl Fn(usize, usize) -> f32) -> Self {
        let width = Arch::new().dispatch(Width);
        let mut weights: Vec<f32> = Vec::with_capacity(depth * n.next_multiple_of(width) + 16);
        let skip = weights.as_ptr().align_offset(64).min(16);
        weights.resize(skip, 0.0);
        for first in (0..n).step_by(width) {
            for row in 0..depth {
                weights.extend((first..first + width).map(|column| if column < n { at(row, column) } else { 0.0 }));
            }
        }
        Self { depth, n, width, weights, skip }
    }
}

impl Packed {
    /// Bytes of the weights with what fills the last panel up.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val(&self.weights[self.skip..]) as u64
    }
}

/// Where the values of an output position are: `segments` runs of `run` values, `pitch` apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) segments: usize,
    pub(super) run: usize,
    pub(super) pitch: usize,
    /// Values of the input that one more position takes up.
    pub(super) footprint: usize,
}

/// What is done to the sums before they are given out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Activation {
    None,
    /// Not less than the first, then not more than the second.
    Clamp(f32, f32),
    /// The Gaussian error linear unit, `x / 2 · (1 + erf(x / √2))`.
    Gelu,
}

impl Activation {
    /// What is no number stays so.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(self, simd: S, sum: S::f32s) -> S::f32s {
        match self {
            Self::None => sum,
            // Of two operands the second comes out when one is no number.
            Self::Clamp(low, high) => simd.min_f32s(simd.splat_f32s(high), simd.max_f32s(simd.splat_f32s(low), sum)),
            Self::Gelu => gelu(simd, sum),
        }
    }
}

/// With an approximation of the error function that is right to 3e-7 (Abramowitz and Stegun, 7.1.28).
#[inline(always)]
fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    #[expect(clippy::excessive_precision, reason = "quoted digit by digit from where they are published")]
    const TERMS: [f32; 6] =
        [0.000_043_063_8, 0.000_276_567_2, 0.000_152_014_3, 0.009_270_527_2, 0.042_282_012, 0.070_523_08];
    let one = simd.splat_f32s(1.0);
    let scaled = simd.abs_f32s(simd.mul_f32s(x, simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2)));
    let mut sum = simd.splat_f32s(0.0);
    for term in TERMS {
        sum = simd.mul_f32s(simd.add_f32s(sum, simd.splat_f32s(term)), scaled);
    }
    let mut power = simd.add_f32s(sum, one);
    for _ in 0..4 {
        power = simd.mul_f32s(power, power);
    }
    let erf = simd.sub_f32s(one, simd.div_f32s(one, power));
    let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
    let erf = simd.select_f32s(negative, simd.neg_f32s(erf), erf);
    simd.mul_f32s(simd.mul_f32s(x, simd.splat_f32s(0.5)), simd.add_f32s(erf, one))
}

/// Output positions to be worked out.
pub(super) struct Run<'a, F> {
    pub(super) packed: &'a Packed,
    /// One for each column, up to a multiple of the panels' width; see [`Packed::padded`].
    pub(super) bias: &'a [f32],
    pub(super) input: &'a [f32],
    pub(super) reading: Reading,
    /// Where an output position begins to read.
    pub(super) start: F,
    /// The columns of each position.
    pub(super) output: &'a mut [f32],
    /// Added to the output.
    pub(super) residual: Option<&'a [f32]>,
    pub(super) activation: Activation,
}

impl Packed {
    /// A bias of this length.
    pub(super) fn padded(&self, bias: &[f32]) -> Vec<f32> {
        let mut padded = bias.to_vec();
        padded.resize(self.n.next_multiple_of(self.width), 0.0);
        padded
    }
}

impl<F: Fn(usize) -> usize> WithSimd for Run<'_, F> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if vectors::<S>() == 4 { self.panels::<S, 4>(simd) } else { self.panels::<S, 2>(simd) }
    }
}

impl<F: Fn(usize) -> usize> Run<'_, F> {
    #[inline(always)]
    fn panels<S: Simd, const V: usize>(&mut self, simd: S) {
        let Packed { depth, n, width, .. } = *self.packed;
        let n_positions = self.output.len() / n;
        // Weights that stay in the cache are passed by blocks of positions that stay there too.
        let block = if depth * n <= CACHED {
            (CACHED / 4 / self.reading.footprint.max(1)).next_multiple_of(MR)
        } else {
            n_positions
        };
        let n_segments = (CACHED / 2 / (self.reading.run * width)).clamp(1, self.reading.segments);
        for start in (0..n_positions).step_by(block) {
            let positions = start..n_positions.min(start + block);
            for (panel, first) in (0..n).step_by(width).enumerate() {
                for segment in (0..self.reading.segments).step_by(n_segments) {
                    let segments = segment..self.reading.segments.min(segment + n_segments);
                    let vectors = (n - first).min(width).div_ceil(S::F32_LANES);
                    let part = Part { panel, first, segments, positions: positions.clone() };
                    match vectors {
                        1 => self.panel::<S, 1, V>(simd, &part),
                        2 => self.panel::<S, 2, V>(simd, &part),
                        3 => self.panel::<S, 3, V>(simd, &part),
                        _ => self.panel::<S, 4, V>(simd, &part),
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn panel<S: Simd, const U: usize, const V: usize>(&mut self, simd: S, part: &Part) {
        let mut at = part.positions.start;
        while at + MR <= part.positions.end {
            self.tile::<S, MR, U, V>(simd, part, at);
            at += MR;
        }
        match part.positions.end - at {
            5 => self.tile::<S, 5, U, V>(simd, part, at),
            4 => self.tile::<S, 4, U, V>(simd, part, at),
            3 => self.tile::<S, 3, U, V>(simd, part, at),
            2 => self.tile::<S, 2, U, V>(simd, part, at),
            1 => self.tile::<S, 1, U, V>(simd, part, at),
            _ => {}
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const M: usize, const U: usize, const V: usize>(&mut self, simd: S, part: &Part, at: usize) {
        if U > V {
            return;
        }
        let Packed { depth, n, width, .. } = *self.packed;
        let Reading { segments, run, pitch, .. } = self.reading;
        let first = part.first;
        let used = (n - first).min(width);
        let mut sums = [[simd.splat_f32s(0.0); U]; M];
        if part.segments.start == 0 {
            let bias = S::as_simd_f32s(&self.bias[first..]).0;
            for sums in &mut sums {
                for (sum, bias) in sums.iter_mut().zip(bias) {
                    *sum = *bias;
                }
            }
        } else {
            for (m, sums) in sums.iter_mut().enumerate() {
                load(simd, &self.output[(at + m) * n + first..][..used], sums);
            }
        }
        let weights =
            S::as_simd_f32s(&self.packed.weights[self.packed.skip + part.panel * width * depth..][..width * depth]).0;
        let weights = weights.as_chunks::<V>().0;
        let starts: [usize; M] = from_fn(|m| (self.start)(at + m));
        for segment in part.segments.clone() {
            let rows: [&[f32]; M] = from_fn(|m| &self.input[starts[m] + segment * pitch..][..run]);
            sums = accumulate::<S, M, U, V>(simd, rows, &weights[segment * run..][..run], sums);
        }
        let last = part.segments.end == segments;
        for (m, sums) in sums.iter_mut().enumerate() {
            let place = (at + m) * n + first..(at + m) * n + first + used;
            if let Some(residual) = self.residual.filter(|_| last) {
                let mut add = [simd.splat_f32s(0.0); U];
                load(simd, &residual[place.clone()], &mut add);
                for (sum, add) in sums.iter_mut().zip(add) {
                    *sum = simd.add_f32s(*sum, add);
                }
            }
            if last {
                for sum in sums.iter_mut() {
                    *sum = self.activation.apply(simd, *sum);
                }
            }
            let (whole, rest) = S::as_mut_simd_f32s(&mut self.output[place]);
            for (out, sum) in whole.iter_mut().zip(&*sums) {
                *out = *sum;
            }
            if whole.len() < U {
                simd.partial_store_f32s(rest, sums[U - 1]);
            }
        }
    }
}

/// Numbers that stay in the second cache beside others, 1 MiB.
const CACHED: usize = 1 << 18;

/// A panel's share of the work.
struct Part {
    panel: usize,
    first: usize,
    segments: Range<usize>,
    positions: Range<usize>,
}

/// Numbers of up to so many vectors.
#[inline(always)]
fn load<S: Simd, const U: usize>(simd: S, from: &[f32], to: &mut [S::f32s; U]) {
    let (whole, rest) = S::as_simd_f32s(from);
    for (to, from) in to.iter_mut().zip(whole) {
        *to = *from;
    }
    if whole.len() < U {
        to[U - 1] = simd.partial_load_f32s(rest);
    }
}

/// Adds the products of rows of values and rows of weights.
#[inline(always)]
fn accumulate<S: Simd, const M: usize, const U: usize, const V: usize>(
    simd: S,
    rows: [&[f32]; M],
    weights: &[[S::f32s; V]],
    sums: [[S::f32s; U]; M],
) -> [[S::f32s; U]; M] {
    let mut sums = sums;
    let n = weights.len();
    let rows: [&[f32]; M] = rows.map(|row| &row[..n]);
    for (k, weights) in weights.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let value = simd.splat_f32s(row[k]);
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = simd.mul_add_f32s(value, *weight, *sum);
            }
        }
    }
    sums
}
