//! `Resize` and `Upsample`: along one axis after the other, each output element a weighted sum of input elements.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed, Versions, reject};
use super::common::{Slots, around, axis_of, depends_on_data, fact, float_values, from_floats, int_values, lengths};
use super::interpolation::{Axis, Coordinates, Mode, Rounding};
use crate::engine::proto::{attribute, float, floats, int, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] =
    &[Operator::new(ONNX, "Resize", parse_resize), Operator::new(ONNX, "Upsample", parse_upsample)];

fn parse_resize(node: &NodeProto, versions: Versions) -> TractResult<Parsed> {
    let old = versions.onnx < 11;
    let coordinates = match text(node, "coordinate_transformation_mode").as_deref() {
        // Before operator set 11 there was no choice.
        _ if old => Coordinates::Asymmetric,
        None | Some("half_pixel") => Coordinates::HalfPixel,
        Some("half_pixel_symmetric") => Coordinates::HalfPixelSymmetric,
        Some("pytorch_half_pixel") => Coordinates::PytorchHalfPixel,
        Some("align_corners") => Coordinates::AlignCorners,
        Some("asymmetric") => Coordinates::Asymmetric,
        Some("tf_crop_and_resize") => Coordinates::CropAndResize,
        Some(other) => return reject(node, &format!("the coordinates {other} are not supported")),
    };
    let rounding = match text(node, "nearest_mode").as_deref() {
        _ if old => Rounding::Simple,
        None | Some("round_prefer_floor") => Rounding::PreferFloor,
        Some("round_prefer_ceil") => Rounding::PreferCeil,
        Some("floor") => Rounding::Floor,
        Some("ceil") => Rounding::Ceil,
        Some(other) => return reject(node, &format!("the rounding {other} is not supported")),
    };
    if coordinates == Coordinates::HalfPixelSymmetric && mode(node)? == Mode::Nearest {
        return reject(node, "half_pixel_symmetric in the mode nearest is not supported");
    }
    if coordinates == Coordinates::CropAndResize && versions.onnx < 13 {
        return reject(node, "tf_crop_and_resize is only supported from operator set 13 on");
    }
    let policy = match text(node, "keep_aspect_ratio_policy").as_deref() {
        None | Some("stretch") => Policy::Stretch,
        Some("not_larger") => Policy::NotLarger,
        Some("not_smaller") => Policy::NotSmaller,
        Some(other) => return reject(node, &format!("the policy {other} is not supported")),
    };
    Parsed::kernel(Resize {
        mode: mode(node)?,
        coordinates,
        rounding,
        policy,
        cubic: f64::from(float(node, "cubic_coeff_a").unwrap_or(-0.75)),
        exclude_outside: int(node, "exclude_outside").unwrap_or(0) != 0,
        antialias: int(node, "antialias").unwrap_or(0) != 0,
        outside: f64::from(float(node, "extrapolation_value").unwrap_or(0.0)),
        axes: attribute(node, "axes").map(|axes| axes.ints.clone()),
        slots: Slots::of(node),
        regions_at: if old { None } else { Some(1) },
        scales_at: if old { 1 } else { 2 },
        fixed_scales: None,
    })
}

fn parse_upsample(node: &NodeProto, versions: Versions) -> TractResult<Parsed> {
    let fixed_scales = (versions.onnx < 9).then(|| floats(node, "scales").iter().copied().map(f64::from).collect());
    Parsed::kernel(Resize {
        mode: mode(node)?,
        coordinates: Coordinates::Asymmetric,
        rounding: Rounding::Simple,
        policy: Policy::Stretch,
        cubic: -0.75,
        exclude_outside: false,
        antialias: false,
        outside: 0.0,
        axes: None,
        slots: Slots::of(node),
        regions_at: None,
        scales_at: 1,
        fixed_scales,
    })
}

fn mode(node: &NodeProto) -> TractResult<Mode> {
    match text(node, "mode").as_deref() {
        None | Some("nearest") => Ok(Mode::Nearest),
        Some("linear" | "bilinear") => Ok(Mode::Linear),
        Some("cubic") => Ok(Mode::Cubic),
        Some(other) => reject(node, &format!("the mode {other} is not supported")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Stretch,
    NotLarger,
    NotSmaller,
}

#[derive(Debug)]
struct Resize {
    mode: Mode,
    coordinates: Coordinates,
    rounding: Rounding,
    policy: Policy,
    cubic: f64,
    exclude_outside: bool,
    antialias: bool,
    outside: f64,
    axes: Option<Vec<i64>>,
    slots: Slots,
    regions_at: Option<usize>,
    scales_at: usize,
    fixed_scales: Option<Vec<f64>>,
}

/// The length and scale of every axis.
struct Target {
    shape: Vec<usize>,
    scales: Vec<f64>,
}

impl Resize {
    fn axes(&self, rank: usize) -> TractResult<Vec<usize>> {
        match &self.axes {
            Some(axes) => axes.iter().map(|axis| axis_of(*axis, rank)).collect(),
            None => Ok((0..rank).collect()),
        }
    }

    fn target(&self, input: &[usize], scales: Option<Vec<f64>>, sizes: Option<Vec<i64>>) -> TractResult<Target> {
        let axes = self.axes(input.len())?;
        let mut target = Target { shape: input.to_vec(), scales: vec![1.0; input.len()] };
        if let Some(scales) = scales.filter(|scales| !scales.is_empty()) {
            ensure!(scales.len() == axes.len(), "{} scales for {} axes", scales.len(), axes.len());
            for (axis, scale) in axes.iter().zip(scales) {
                ensure!(0.0 < scale && scale.is_finite(), "the scale {scale}");
                // The number of single precision is what the length is computed with.
                let length = (scale as f32 * input[*axis] as f32).floor();
                // ONNX's own tests use the length before it is rounded, ONNX Runtime that after it.
                let fraction =
                    self.coordinates == Coordinates::AlignCorners && length < scale as f32 * input[*axis] as f32;
                ensure!(
                    !fraction,
                    "align_corners with the scale {scale} of {} is not defined alike everywhere",
                    input[*axis]
                );
                ensure!((1.0..1e9).contains(&length) || input[*axis] == 0, "an axis of {length} elements");
                target.shape[*axis] = length as usize;
                target.scales[*axis] = scale;
            }
            return Ok(target);
        }
        let Some(sizes) = sizes.filter(|sizes| !sizes.is_empty()) else { bail!("neither scales nor sizes are given") };
        ensure!(sizes.len() == axes.len(), "{} sizes for {} axes", sizes.len(), axes.len());
        let ratios = axes.iter().zip(&sizes).map(|(axis, size)| *size as f64 / input[*axis] as f64);
        let common = match self.policy {
            Policy::Stretch => None,
            Policy::NotLarger => Some(ratios.fold(f64::INFINITY, f64::min)),
            Policy::NotSmaller => Some(ratios.fold(0.0, f64::max)),
        };
        for (axis, size) in axes.iter().zip(&sizes) {
            ensure!(0 < *size, "an axis of {size} elements");
            if let Some(scale) = common {
                target.scales[*axis] = scale;
                target.shape[*axis] = (scale * input[*axis] as f64).round() as usize;
            } else {
                target.scales[*axis] = *size as f64 / input[*axis] as f64;
                target.shape[*axis] = *size as usize;
            }
        }
        Ok(target)
    }

    fn places(&self) -> (Vec<usize>, Vec<usize>) {
        (self.slots.places(&[self.scales_at]), self.slots.places(&[self.scales_at + 1]))
    }
}

impl Kernel for Resize {
    fn name(&self) -> &'static str {
        "Resize"
    }

    fn shaping(&self) -> Vec<usize> {
        let (scales, sizes) = self.places();
        if self.fixed_scales.is_some() { vec![] } else { [scales, sizes].concat() }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = inputs.first().ok_or_else(|| format_err!("Resize takes an input"))?;
        // How the sums are rounded to integers differs from one to the next.
        ensure!(
            self.mode == Mode::Nearest || input.dtype.is_float(),
            "Resize of integers is only supported in the mode nearest; cast to float32 before"
        );
        let value = |at: &[usize]| match at.first().and_then(|at| inputs.get(*at)) {
            Some(fact) => match &fact.value {
                Some(value) => Ok(Some(Arc::clone(value))),
                None => depends_on_data("the sizes of Resize are computed"),
            },
            None => Ok(None),
        };
        let (scales, sizes) = self.places();
        let scales = match &self.fixed_scales {
            Some(scales) => Some(scales.clone()),
            None => value(&scales)?.map(|scales| float_values(&scales)).transpose()?,
        };
        let sizes = value(&sizes)?.map(|sizes| int_values(&sizes)).transpose()?;
        Ok(tvec!(fact(input.dtype, &self.target(&lengths(input)?, scales, sizes)?.shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = &inputs[0];
        let (scales, sizes) = self.places();
        let scales = match (&self.fixed_scales, scales.first()) {
            (Some(scales), _) => Some(scales.clone()),
            (None, at) => at.map(|at| float_values(&inputs[*at])).transpose()?,
        };
        let sizes = sizes.first().map(|at| int_values(&inputs[*at])).transpose()?;
        let target = self.target(input.shape(), scales, sizes)?;
        let axes = self.axes(input.rank())?;
        let regions = self.regions_at.and_then(|at| self.slots.get(inputs, at)).map(|t| float_values(t)).transpose()?;
        let mut region = vec![(0.0, 1.0); input.rank()];
        if self.coordinates == Coordinates::CropAndResize {
            let Some(regions) = regions.filter(|regions| regions.len() == 2 * axes.len()) else {
                bail!("tf_crop_and_resize needs a region of {} numbers", 2 * axes.len())
            };
            for (idx, axis) in axes.iter().enumerate() {
                region[*axis] = (regions[idx], regions[idx + axes.len()]);
            }
        }
        let mut shape = input.shape().to_vec();
        let mut values = float_values(input)?;
        let mut outside = vec![];
        for axis in 0..input.rank() {
            let rule = Axis {
                n_in: shape[axis],
                n_out: target.shape[axis],
                scale: target.scales[axis],
                region: region[axis],
                mode: self.mode,
                coordinates: self.coordinates,
                rounding: self.rounding,
                cubic: self.cubic,
                exclude_outside: self.exclude_outside,
                antialias: self.antialias,
            };
            if rule.is_identity() {
                continue;
            }
            let taps = (0..rule.n_out).map(|idx| rule.taps(idx)).collect::<TractResult<Vec<_>>>()?;
            outside.extend((0..rule.n_out).filter(|idx| rule.is_outside(*idx)).map(|idx| (axis, idx)));
            let (n_before, n_in, n_after) = around(&shape, axis);
            shape[axis] = rule.n_out;
            let mut resized = vec![0.0; shape.iter().product()];
            for before in 0..n_before {
                for (idx, taps) in taps.iter().enumerate() {
                    let to = &mut resized[(before * rule.n_out + idx) * n_after..][..n_after];
                    for (source, weight) in taps {
                        let from = &values[(before * n_in + source) * n_after..][..n_after];
                        for (to, from) in to.iter_mut().zip(from) {
                            *to += weight * from;
                        }
                    }
                }
            }
            values = resized;
        }
        for (axis, idx) in outside {
            let (n_before, length, n_after) = around(&shape, axis);
            for before in 0..n_before {
                values[(before * length + idx) * n_after..][..n_after].fill(self.outside);
            }
        }
        Ok(tvec!(from_floats(input.datum_type(), &shape, values)?))
    }
}
