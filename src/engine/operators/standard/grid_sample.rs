//! `GridSample`: an image read at given places, and `AffineGrid`, which makes such places.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{each_position, fact, float_values, from_floats, int_values, known_ints, lengths, strides};
use crate::engine::proto::{int, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "GridSample", |node, _| parse(node)),
    Operator::new(ONNX, "AffineGrid", |node, _| {
        Parsed::kernel(AffineGrid { align_corners: int(node, "align_corners").unwrap_or(0) != 0 })
    }),
];

fn parse(node: &NodeProto) -> TractResult<Parsed> {
    let mode = match text(node, "mode").as_deref() {
        None | Some("linear" | "bilinear") => Mode::Linear,
        Some("nearest") => Mode::Nearest,
        Some("cubic" | "bicubic") => Mode::Cubic,
        Some(other) => return reject(node, &format!("the mode {other} is not supported")),
    };
    let padding = match text(node, "padding_mode").as_deref() {
        None | Some("zeros") => Padding::Zeros,
        Some("border") => Padding::Border,
        Some("reflection") => Padding::Reflection,
        Some(other) => return reject(node, &format!("the padding {other} is not supported")),
    };
    Parsed::kernel(GridSample { mode, padding, align_corners: int(node, "align_corners").unwrap_or(0) != 0 })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Linear,
    Nearest,
    Cubic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Padding {
    Zeros,
    Border,
    Reflection,
}

#[derive(Debug)]
struct GridSample {
    mode: Mode,
    padding: Padding,
    align_corners: bool,
}

impl GridSample {
    fn shape(image: &[usize], grid: &[usize]) -> TractResult<Vec<usize>> {
        let rank = image.len();
        ensure!(3 <= rank && grid.len() == rank, "GridSample takes an image and a grid of as many axes");
        ensure!(grid[0] == image[0] && grid[rank - 1] == rank - 2, "a grid of {grid:?} for an image of {image:?}");
        Ok(image[..2].iter().chain(&grid[1..rank - 1]).copied().collect())
    }

    /// The coordinate that -1 … 1 stands for.
    fn place(&self, coordinate: f64, length: usize) -> f64 {
        let length = length as f64;
        if self.align_corners {
            f64::midpoint(coordinate, 1.0) * (length - 1.0)
        } else {
            ((coordinate + 1.0) * length - 1.0) / 2.0
        }
    }

    fn borders(&self, length: usize) -> (f64, f64) {
        let last = length as f64 - 1.0;
        if self.align_corners { (0.0, last) } else { (-0.5, last + 0.5) }
    }

    /// The element that stands at that index, if any.
    fn element(&self, index: i64, length: usize) -> Option<usize> {
        let last = length as i64 - 1;
        let index = match self.padding {
            Padding::Zeros => index,
            Padding::Border => index.clamp(0, last),
            Padding::Reflection => (reflect(index as f64, self.borders(length)).round() as i64).clamp(0, last),
        };
        (0..=last).contains(&index).then_some(index as usize)
    }

    /// The elements of an axis that make the value at a place, with their weights.
    fn taps(&self, coordinate: f64, length: usize) -> Vec<(usize, f64)> {
        let mut place = self.place(coordinate, length);
        // Places are brought inside before elements are chosen, except for the cubic polynomial.
        if self.mode == Mode::Nearest {
            place = place.round_ties_even();
        }
        let outside = {
            let (low, high) = self.borders(length);
            place < low || high < place
        };
        if outside || place.is_nan() {
            match self.padding {
                Padding::Border if self.mode != Mode::Cubic => place = place.clamp(0.0, length as f64 - 1.0),
                Padding::Reflection if self.mode != Mode::Cubic => place = reflect(place, self.borders(length)),
                _ => {}
            }
        }
        if !place.is_finite() || 1e15 < place.abs() {
            return vec![];
        }
        let floor = place.floor();
        let fraction = place - floor;
        let first = floor as i64;
        let weighted: Vec<(i64, f64)> = match self.mode {
            Mode::Nearest => vec![(place.round_ties_even() as i64, 1.0)],
            Mode::Linear => vec![(first, 1.0 - fraction), (first + 1, fraction)],
            Mode::Cubic => (-1..=2).map(|step| (first + step, cubic((step as f64 - fraction).abs()))).collect(),
        };
        weighted.into_iter().filter_map(|(index, weight)| Some((self.element(index, length)?, weight))).collect()
    }
}

/// The coordinate folded back at the borders until it lies between them.
fn reflect(mut place: f64, (low, high): (f64, f64)) -> f64 {
    let range = high - low;
    if range <= 0.0 {
        return 0.0_f64.max(low);
    }
    if place < low {
        let beyond = low - place;
        let folds = (beyond / range).floor();
        let rest = beyond - folds * range;
        place = if folds % 2.0 == 0.0 { low + rest } else { high - rest };
    } else if high < place {
        let beyond = place - high;
        let folds = (beyond / range).floor();
        let rest = beyond - folds * range;
        place = if folds % 2.0 == 0.0 { high - rest } else { low + rest };
    }
    place
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.75;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A
    } else {
        0.0
    }
}

impl Kernel for GridSample {
    fn name(&self) -> &'static str {
        "GridSample"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [image, grid] = inputs else { bail!("GridSample takes two inputs") };
        Ok(tvec!(fact(image.dtype, &Self::shape(&lengths(image)?, &lengths(grid)?)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (image, grid) = (&inputs[0], &inputs[1]);
        let shape = Self::shape(image.shape(), grid.shape())?;
        let (values, places) = (float_values(image)?, float_values(grid)?);
        let (axes, n_axes) = (&image.shape()[2..], image.rank() - 2);
        let own = strides(axes);
        let (n_channels, n_pixels) = (image.shape()[1], axes.iter().product::<usize>());
        let n_places: usize = shape[2..].iter().product();
        let mut sampled = vec![0.0; shape.iter().product()];
        for (idx, place) in places.chunks(n_axes).enumerate() {
            let (batch, at) = (idx / n_places, idx % n_places);
            // The last coordinate of a place is that of the first axis.
            let taps: Vec<Vec<(usize, f64)>> =
                (0..n_axes).map(|axis| self.taps(place[n_axes - 1 - axis], axes[axis])).collect();
            let counts: Vec<usize> = taps.iter().map(Vec::len).collect();
            each_position(&counts, |tap| {
                let (mut pixel, mut weight) = (0, 1.0);
                for (axis, tap) in tap.iter().enumerate() {
                    let (index, part) = taps[axis][*tap];
                    pixel += index * own[axis];
                    weight *= part;
                }
                for channel in 0..n_channels {
                    let plane = batch * n_channels + channel;
                    sampled[plane * n_places + at] += weight * values[plane * n_pixels + pixel];
                }
                Ok(())
            })?;
        }
        Ok(tvec!(from_floats(image.datum_type(), &shape, sampled)?))
    }
}

#[derive(Debug)]
struct AffineGrid {
    align_corners: bool,
}

impl AffineGrid {
    fn shape(size: &[i64]) -> TractResult<Vec<usize>> {
        ensure!((4..=5).contains(&size.len()), "AffineGrid takes a size of four or five numbers, not {size:?}");
        ensure!(size.iter().all(|length| 0 < *length), "the size {size:?}");
        let axes = size[2..].iter().copied();
        Ok(std::iter::once(size[0]).chain(axes).chain([size.len() as i64 - 2]).map(|length| length as usize).collect())
    }
}

impl Kernel for AffineGrid {
    fn name(&self) -> &'static str {
        "AffineGrid"
    }

    fn shaping(&self) -> Vec<usize> {
        vec![1]
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [theta, size] = inputs else { bail!("AffineGrid takes two inputs") };
        Ok(tvec!(fact(theta.dtype, &Self::shape(&known_ints(size, "the size of AffineGrid is computed")?)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape = Self::shape(&int_values(&inputs[1])?)?;
        let theta = float_values(&inputs[0])?;
        let n_axes = shape.len() - 2;
        ensure!(inputs[0].shape() == [shape[0], n_axes, n_axes + 1], "theta has the shape {:?}", inputs[0].shape());
        let mut grid = Vec::with_capacity(shape.iter().product());
        each_position(&shape[..=n_axes], |position| {
            let coordinate = |axis: usize| {
                let (at, length) = (position[axis + 1] as f64, shape[axis + 1] as f64);
                if self.align_corners && shape[axis + 1] == 1 {
                    0.0
                } else if self.align_corners {
                    -1.0 + 2.0 * at / (length - 1.0)
                } else {
                    -1.0 + (2.0 * at + 1.0) / length
                }
            };
            for row in 0..n_axes {
                let row = &theta[(position[0] * n_axes + row) * (n_axes + 1)..][..=n_axes];
                let sum: f64 = (0..n_axes).map(|column| row[column] * coordinate(n_axes - 1 - column)).sum();
                grid.push(sum + row[n_axes]);
            }
            Ok(())
        })?;
        Ok(tvec!(from_floats(inputs[0].datum_type(), &shape, grid)?))
    }
}
