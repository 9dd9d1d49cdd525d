//! `RoiAlign` and `MaxRoiPool`: regions of an image brought to one size.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed, Versions, reject};
use super::common::{fact, float_values, from_floats, index_of, int_values, lengths};
use crate::engine::proto::{float, int, ints, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] =
    &[Operator::new(ONNX, "RoiAlign", parse_align), Operator::new(ONNX, "MaxRoiPool", |node, _| parse_pool(node))];

fn parse_align(node: &NodeProto, versions: Versions) -> TractResult<Parsed> {
    let largest = match text(node, "mode").as_deref() {
        None | Some("avg") => false,
        Some("max") => true,
        Some(other) => return reject(node, &format!("the mode {other} is not supported")),
    };
    // Before operator set 16 there was no choice.
    let half_pixel = match text(node, "coordinate_transformation_mode").as_deref() {
        None => 16 <= versions.onnx,
        Some("half_pixel") => true,
        Some("output_half_pixel") => false,
        Some(other) => return reject(node, &format!("the coordinates {other} are not supported")),
    };
    let size = (int(node, "output_height").unwrap_or(1), int(node, "output_width").unwrap_or(1));
    let sampling = int(node, "sampling_ratio").unwrap_or(0);
    ensure!(0 < size.0 && 0 < size.1 && 0 <= sampling, "RoiAlign gives {size:?} with {sampling} samples");
    Parsed::kernel(RoiAlign {
        largest,
        half_pixel,
        size: (size.0 as usize, size.1 as usize),
        sampling: sampling as usize,
        scale: f64::from(float(node, "spatial_scale").unwrap_or(1.0)),
    })
}

#[derive(Debug)]
struct RoiAlign {
    largest: bool,
    half_pixel: bool,
    size: (usize, usize),
    sampling: usize,
    scale: f64,
}

impl Kernel for RoiAlign {
    fn name(&self) -> &'static str {
        "RoiAlign"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [image, regions, batch] = inputs else { bail!("RoiAlign takes three inputs") };
        let (image_shape, regions, batch) = (lengths(image)?, lengths(regions)?, lengths(batch)?);
        ensure!(image_shape.len() == 4, "RoiAlign takes images of four axes, not {image_shape:?}");
        ensure!(regions.len() == 2 && regions[1] == 4 && batch == [regions[0]], "regions {regions:?} of {batch:?}");
        Ok(tvec!(fact(image.dtype, &[regions[0], image_shape[1], self.size.0, self.size.1])))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let image = &inputs[0];
        let [n_images, n_channels, height, width] = *image.shape() else { bail!("RoiAlign takes images") };
        let (values, regions, batch) = (float_values(image)?, float_values(&inputs[1])?, int_values(&inputs[2])?);
        let mut aligned = Vec::new();
        for (region, batch) in regions.chunks(4).zip(&batch) {
            let batch = index_of(*batch, n_images)?;
            let shift = if self.half_pixel { 0.5 } else { 0.0 };
            let corner: Vec<f64> = region.iter().map(|value| value * self.scale - shift).collect();
            let (mut region_width, mut region_height) = (corner[2] - corner[0], corner[3] - corner[1]);
            if !self.half_pixel {
                region_width = region_width.max(1.0);
                region_height = region_height.max(1.0);
            }
            let bin = (region_height / self.size.0 as f64, region_width / self.size.1 as f64);
            let n_samples =
                |bin: f64| if self.sampling > 0 { self.sampling } else { bin.ceil().clamp(0.0, 1e6) as usize };
            let (rows, columns) = (n_samples(bin.0), n_samples(bin.1));
            for channel in 0..n_channels {
                let plane = &values[(batch * n_channels + channel) * height * width..][..height * width];
                for y_bin in 0..self.size.0 {
                    for x_bin in 0..self.size.1 {
                        let (mut sum, mut largest) = (0.0, f64::NEG_INFINITY);
                        for row in 0..rows {
                            let y = corner[1] + bin.0 * (y_bin as f64 + (row as f64 + 0.5) / rows as f64);
                            for column in 0..columns {
                                let x = corner[0] + bin.1 * (x_bin as f64 + (column as f64 + 0.5) / columns as f64);
                                for part in bilinear(plane, height, width, y, x) {
                                    sum += part;
                                    largest = largest.max(part);
                                }
                            }
                        }
                        let n_samples = (rows * columns).max(1) as f64;
                        aligned.push(match self.largest {
                            true if largest.is_finite() => largest,
                            true => 0.0,
                            false => sum / n_samples,
                        });
                    }
                }
            }
        }
        let shape = [batch.len(), n_channels, self.size.0, self.size.1];
        Ok(tvec!(from_floats(image.datum_type(), &shape, aligned)?))
    }
}

/// The four neighbours of a place, each times its weight.
fn bilinear(plane: &[f64], height: usize, width: usize, y: f64, x: f64) -> [f64; 4] {
    if y < -1.0 || (height as f64) < y || x < -1.0 || (width as f64) < x {
        return [0.0; 4];
    }
    let split = |at: f64, length: usize| {
        let at = at.max(0.0);
        let low = at as usize;
        if length - 1 <= low { (length - 1, length - 1, 0.0) } else { (low, low + 1, at - low as f64) }
    };
    let ((top, bottom, down), (left, right, along)) = (split(y, height), split(x, width));
    [
        plane[top * width + left] * (1.0 - down) * (1.0 - along),
        plane[top * width + right] * (1.0 - down) * along,
        plane[bottom * width + left] * down * (1.0 - along),
        plane[bottom * width + right] * down * along,
    ]
}

fn parse_pool(node: &NodeProto) -> TractResult<Parsed> {
    let size = ints(node, "pooled_shape");
    let [height, width] = *size else { return reject(node, "pooled_shape must have two numbers") };
    ensure!(0 < height && 0 < width, "MaxRoiPool gives {size:?}");
    let scale = f64::from(float(node, "spatial_scale").unwrap_or(1.0));
    Parsed::kernel(MaxRoiPool { size: (height as usize, width as usize), scale })
}

#[derive(Debug)]
struct MaxRoiPool {
    size: (usize, usize),
    scale: f64,
}

impl Kernel for MaxRoiPool {
    fn name(&self) -> &'static str {
        "MaxRoiPool"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [image, regions] = inputs else { bail!("MaxRoiPool takes two inputs") };
        let (image_shape, regions) = (lengths(image)?, lengths(regions)?);
        ensure!(image_shape.len() == 4, "MaxRoiPool takes images of four axes, not {image_shape:?}");
        ensure!(regions.len() == 2 && regions[1] == 5, "regions of the shape {regions:?}");
        Ok(tvec!(fact(image.dtype, &[regions[0], image_shape[1], self.size.0, self.size.1])))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let image = &inputs[0];
        let [n_images, n_channels, height, width] = *image.shape() else { bail!("MaxRoiPool takes images") };
        let (values, regions) = (float_values(image)?, float_values(&inputs[1])?);
        let mut pooled = Vec::new();
        for region in regions.chunks(5) {
            let batch = index_of(region[0] as i64, n_images)?;
            let corner: Vec<i64> = region[1..].iter().map(|value| (value * self.scale).round() as i64).collect();
            let bins = |start: i64, end: i64, n_bins: usize, length: usize| -> Vec<(usize, usize)> {
                let size = (end - start + 1).max(1) as f64 / n_bins as f64;
                let inside = |value: f64| (value as i64 + start).clamp(0, length as i64) as usize;
                (0..n_bins)
                    .map(|bin| (inside((bin as f64 * size).floor()), inside(((bin + 1) as f64 * size).ceil())))
                    .collect()
            };
            let rows = bins(corner[1], corner[3], self.size.0, height);
            let columns = bins(corner[0], corner[2], self.size.1, width);
            for channel in 0..n_channels {
                let plane = &values[(batch * n_channels + channel) * height * width..][..height * width];
                for (top, bottom) in &rows {
                    for (left, right) in &columns {
                        let covered = (*top..*bottom).flat_map(|row| (*left..*right).map(move |x| row * width + x));
                        let largest = covered.map(|at| plane[at]).fold(f64::NEG_INFINITY, f64::max);
                        pooled.push(if largest.is_finite() { largest } else { 0.0 });
                    }
                }
            }
        }
        let shape = [regions.len() / 5, n_channels, self.size.0, self.size.1];
        Ok(tvec!(from_floats(image.datum_type(), &shape, pooled)?))
    }
}
