//! The kernels against their definitions, worked out in double precision.

use pulp::Arch;

use super::dense::{Activation, Packed, Reading, Run};
use super::depthwise::Depthwise;

/// Numbers between -1 and 1 that are the same in every run.
fn numbers(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 32_768.0 - 1.0
    };
    (0..n).map(next).collect()
}

#[track_caller]
fn agree(got: &[f32], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (idx, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(*got) - expected).abs();
        assert!(error < 1e-4 * (1.0 + expected.abs()), "{got} instead of {expected} at {idx}");
    }
}

/// Positions that each read `segments` runs; a position begins `step` values after the one before.
#[track_caller]
fn check_dense(segments: usize, run: usize, n: usize, n_positions: usize, step: usize) {
    let depth = segments * run;
    let pitch = run + 3;
    let input = numbers(step * (n_positions - 1) + pitch * (segments - 1) + run, 1);
    let weights: Vec<f32> = numbers(depth * n, 2).iter().map(|weight| weight / (depth as f32).sqrt()).collect();
    let (bias, residual) = (numbers(n, 3), numbers(n_positions * n, 4));
    let packed = Packed::new(depth, n, |row, column| weights[row * n + column]);
    let clamp = Activation::Clamp(-0.5, 0.75);
    for (residual, activation) in [(None, Activation::None), (Some(residual.as_slice()), clamp)] {
        let mut output = vec![f32::NAN; n_positions * n];
        Arch::new().dispatch(Run {
            packed: &packed,
            bias: &packed.padded(&bias),
            input: &input,
            reading: Reading { segments, run, pitch, footprint: step },
            start: |position| position * step,
            output: &mut output,
            residual,
            activation,
        });
        let value = |position: usize, column: usize| {
            let product = |row: usize| {
                let at = position * step + row / run * pitch + row % run;
                f64::from(input[at]) * f64::from(weights[row * n + column])
            };
            let sum: f64 = (0..depth).map(product).sum::<f64>() + f64::from(bias[column]);
            let sum = sum + residual.map_or(0.0, |residual| f64::from(residual[position * n + column]));
            if activation == clamp { sum.clamp(-0.5, 0.75) } else { sum }
        };
        let expected: Vec<f64> = (0..n_positions * n).map(|idx| value(idx / n, idx % n)).collect();
        agree(&output, &expected);
    }
}

#[test]
fn products_of_every_width_and_height() {
    for n in [1, 3, 15, 16, 17, 31, 33, 47, 48, 49, 63, 64, 65, 130] {
        check_dense(1, 21, n, 8, 21);
    }
    for n_positions in 1..=13 {
        check_dense(1, 5, 18, n_positions, 5);
    }
}

#[test]
fn runs_that_overlap_and_depths_that_are_divided() {
    check_dense(3, 9, 20, 17, 3);
    // More weights a panel than are passed at once.
    check_dense(3, 3_000, 5, 7, 40);
    // More values than are passed at once.
    check_dense(1, 9_000, 4, 20, 9_000);
    // More weights than stay in the cache.
    check_dense(1, 5_000, 70, 13, 5_000);
}

#[test]
fn what_is_no_number_stays_so() {
    let packed = Packed::new(1, 1, |_, _| 1.0);
    for activation in [Activation::None, Activation::Clamp(0.0, 6.0), Activation::Gelu] {
        let mut output = [0.0; 3];
        Arch::new().dispatch(Run {
            packed: &packed,
            bias: &packed.padded(&[0.0]),
            input: &[f32::NAN, f32::INFINITY, -1.0],
            reading: Reading { segments: 1, run: 1, pitch: 0, footprint: 1 },
            start: |position| position,
            output: &mut output,
            residual: None,
            activation,
        });
        assert!(output[0].is_nan());
        let expected = match activation {
            Activation::None => [f64::INFINITY, -1.0],
            Activation::Clamp(..) => [6.0, 0.0],
            // SciPy: -norm.cdf(-1)
            Activation::Gelu => [f64::INFINITY, -0.158_655_253_931_457],
        };
        assert!(
            f64::from(output[1]).total_cmp(&expected[0]).is_eq() && (f64::from(output[2]) - expected[1]).abs() < 1e-6,
            "{output:?}"
        );
    }
}

#[track_caller]
#[expect(clippy::many_single_char_names, reason = "lengths of pictures are called so")]
fn check_depthwise(
    kernel: (usize, usize),
    stride: (usize, usize),
    pad: (usize, usize),
    c: usize,
    (h, w): (usize, usize),
) {
    let (out_h, out_w) = ((h + 2 * pad.0 - kernel.0) / stride.0 + 1, (w + 2 * pad.1 - kernel.1) / stride.1 + 1);
    let (input, weights) = (numbers(h * w * c, 1), numbers(kernel.0 * kernel.1 * c, 2));
    let bias = numbers(c, 3);
    let mut output = vec![f32::NAN; out_h * out_w * c];
    // In two parts, as several threads would do it.
    let cut = out_h / 2;
    let (first, second) = output.split_at_mut(cut * out_w * c);
    for (first_row, output) in [(0, first), (cut, second)] {
        let (input, weights, bias) = (&input, &weights, &bias);
        let activation = Activation::Clamp(-0.5, 6.0);
        let run =
            Depthwise { input, h, w, c, kernel, stride, pad, out_w, first_row, weights, bias, output, activation };
        Arch::new().dispatch(run);
    }
    let value = |idx: usize| {
        let (y, x, channel) = (idx / c / out_w, idx / c % out_w, idx % c);
        let mut sum = f64::from(bias[channel]);
        for place in 0..kernel.0 * kernel.1 {
            let (row, column) = (y * stride.0 + place / kernel.1, x * stride.1 + place % kernel.1);
            if pad.0 <= row && row < h + pad.0 && pad.1 <= column && column < w + pad.1 {
                let value = input[((row - pad.0) * w + column - pad.1) * c + channel];
                sum += f64::from(value) * f64::from(weights[place * c + channel]);
            }
        }
        sum.clamp(-0.5, 6.0)
    };
    agree(&output, &(0..out_h * out_w * c).map(value).collect::<Vec<_>>());
}

#[test]
fn depthwise_kernels_of_every_kind() {
    for c in [1, 7, 16, 17, 32, 50] {
        for size in [(1, 1), (2, 3), (5, 9), (9, 14)] {
            check_depthwise((3, 3), (1, 1), (1, 1), c, size);
            check_depthwise((3, 3), (2, 2), (1, 1), c, size);
            check_depthwise((5, 5), (1, 1), (2, 2), c, size);
            check_depthwise((5, 5), (2, 2), (2, 2), c, size);
            check_depthwise((3, 5), (1, 2), (1, 2), c, size);
        }
        check_depthwise((3, 3), (1, 1), (0, 0), c, (3, 12));
        check_depthwise((3, 3), (2, 1), (0, 2), c, (7, 6));
    }
}
