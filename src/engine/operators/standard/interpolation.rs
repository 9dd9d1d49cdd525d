//! Which input elements make an output element when an axis is resized, and with what weights.

use tract_onnx::tract_hir::internal::*;

/// How elements are mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The nearest alone.
    Nearest,
    /// The two around, by distance.
    Linear,
    /// The four around, by a cubic polynomial.
    Cubic,
}

/// Where an output element lies in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    CropAndResize,
}

/// Which of two elements is the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    /// The closest; of two the one before.
    PreferFloor,
    /// The closest; of two the one behind.
    PreferCeil,
    /// The one before.
    Floor,
    /// The one behind.
    Ceil,
    /// As `Upsample` did it: the one before, except when shrinking.
    Simple,
}

/// One axis to be resized.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    pub(super) scale: f64,
    /// Start and end of the part to be resized, as fractions of the axis.
    pub(super) region: (f64, f64),
    pub(super) mode: Mode,
    pub(super) coordinates: Coordinates,
    pub(super) rounding: Rounding,
    pub(super) cubic: f64,
    pub(super) exclude_outside: bool,
    pub(super) antialias: bool,
}

impl Axis {
    /// Whether nothing changes.
    pub(super) fn is_identity(&self) -> bool {
        self.n_in == self.n_out
            && self.scale.to_bits() == 1.0_f64.to_bits()
            && self.coordinates != Coordinates::CropAndResize
    }

    /// Where the output element lies in the input.
    fn source(&self, idx: usize) -> f64 {
        let (at, n_in, n_out) = (idx as f64, self.n_in as f64, self.n_out as f64);
        // In single precision, as the rounding of ties is decided by it.
        let scaled = |value: f64| f64::from(value as f32 / self.scale as f32);
        match self.coordinates {
            Coordinates::HalfPixel => scaled(at + 0.5) - 0.5,
            Coordinates::HalfPixelSymmetric => {
                let adjustment = n_out / (self.scale * n_in);
                n_in / 2.0 * (1.0 - adjustment) + scaled(at + 0.5) - 0.5
            }
            Coordinates::PytorchHalfPixel => {
                if self.n_out > 1 {
                    scaled(at + 0.5) - 0.5
                } else {
                    0.0
                }
            }
            Coordinates::AlignCorners => {
                if self.n_out == 1 {
                    0.0
                } else {
                    f64::from((at * (n_in - 1.0)) as f32 / (n_out - 1.0) as f32)
                }
            }
            Coordinates::Asymmetric => scaled(at),
            Coordinates::CropAndResize => {
                let (start, end) = self.region;
                if self.n_out > 1 {
                    start * (n_in - 1.0) + at * (end - start) * (n_in - 1.0) / (n_out - 1.0)
                } else {
                    0.5 * (start + end) * (n_in - 1.0)
                }
            }
        }
    }

    /// Whether the output element lies outside of the input, where it is filled.
    pub(super) fn is_outside(&self, idx: usize) -> bool {
        let source = self.source(idx);
        self.coordinates == Coordinates::CropAndResize && (source < 0.0 || (self.n_in as f64 - 1.0) < source)
    }

    /// The input elements that make the output element, with their weights.
    pub(super) fn taps(&self, idx: usize) -> TractResult<Vec<(usize, f64)>> {
        let source = self.source(idx);
        ensure!(source.is_finite() && 0 < self.n_in, "an axis of {} elements cannot be resized", self.n_in);
        let last = self.n_in as i64 - 1;
        let clamped = |at: i64| at.clamp(0, last) as usize;
        if self.mode == Mode::Nearest {
            let nearest = match self.rounding {
                Rounding::PreferFloor => (source - 0.5).ceil(),
                Rounding::PreferCeil => (source + 0.5).floor(),
                Rounding::Floor => source.floor(),
                Rounding::Ceil => source.ceil(),
                Rounding::Simple if self.scale < 1.0 => source.ceil(),
                Rounding::Simple => source.trunc(),
            };
            return Ok(vec![(clamped(nearest as i64), 1.0)]);
        }
        // When shrinking with antialiasing, the polynomial is stretched over more elements.
        let stretch = if self.antialias { self.scale.min(1.0) } else { 1.0 };
        let reach = if self.mode == Mode::Linear { 1.0 } else { 2.0 } / stretch;
        // An element at the border is met there, not beyond.
        let met = self.mode == Mode::Linear && !self.antialias;
        let source = if met { source.clamp(0.0, last as f64) } else { source };
        let (first, end) = ((source - reach).floor() as i64, (source + reach).ceil() as i64);
        let mut taps: Vec<(usize, f64)> = Vec::new();
        let mut sum = 0.0;
        for at in first..=end {
            let mut weight = self.weight((at as f64 - source) * stretch);
            let outside = !(0..=last).contains(&at);
            if outside && self.exclude_outside {
                weight = 0.0;
            }
            if weight.abs() > 0.0 {
                sum += weight;
                taps.push((clamped(at), weight));
            }
        }
        if self.antialias || self.exclude_outside {
            ensure!(sum.abs() > 0.0, "nothing lies where an element would be made of");
            for (_, weight) in &mut taps {
                *weight /= sum;
            }
        }
        Ok(taps)
    }

    fn weight(&self, distance: f64) -> f64 {
        let (x, a) = (distance.abs(), self.cubic);
        match self.mode {
            Mode::Linear => (1.0 - x).max(0.0),
            _ if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            _ if x < 2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            _ => 0.0,
        }
    }
}
