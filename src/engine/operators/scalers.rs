//! Operators that change numbers one by one or row by row: Scaler, Imputer, Binarizer, Normalizer.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{Fact, Kernel, Work, elements, ensure_number, only, rows_and_columns, tensor};
use super::{ML, Operator, Parsed, reject};
use crate::engine::proto::{float, floats, int, ints, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ML, "Binarizer", |node, _| Parsed::kernel(Binarizer::parse(node)?)),
    Operator::new(ML, "Imputer", |node, _| Parsed::kernel(Imputer::parse(node)?)),
    Operator::new(ML, "Normalizer", |node, _| Parsed::kernel(Normalizer::parse(node)?)),
    Operator::new(ML, "Scaler", |node, _| Parsed::kernel(Scaler::parse(node)?)),
];

/// `(x - offset) * scale`, per column or for all.
#[derive(Debug)]
pub(crate) struct Scaler {
    offset: Vec<f32>,
    scale: Vec<f32>,
}

impl Scaler {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let (offset, scale) = (floats(node, "offset").to_vec(), floats(node, "scale").to_vec());
        if scale.is_empty() || scale.len() != offset.len() {
            return reject(node, "`scale` and `offset` must have the same length, at least 1");
        }
        Ok(Self { offset, scale })
    }
}

/// Position of a column's parameter: its own, or the one for all.
fn column_check(name: &str, n_parameters: usize, n_columns: usize) -> TractResult<()> {
    ensure!(
        n_parameters == 1 || n_parameters == n_columns,
        "{name} has parameters for {n_parameters} columns, the input has {n_columns}"
    );
    Ok(())
}

impl Kernel for Scaler {
    fn name(&self) -> &'static str {
        "Scaler"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure_number(self.name(), input.dtype)?;
        Ok(tvec!(Fact::new(f32::datum_type(), input.shape.iter().cloned())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let (_, n_columns) = rows_and_columns(input.shape())?;
        column_check(self.name(), self.scale.len(), n_columns)?;
        let at = |idx: usize| if self.scale.len() == 1 { 0 } else { idx % n_columns };
        let scaled: Vec<f32> = if input.datum_type() == f64::datum_type() {
            elements::<f64>(input)?
                .iter()
                .enumerate()
                .map(|(idx, x)| ((x - f64::from(self.offset[at(idx)])) * f64::from(self.scale[at(idx)])) as f32)
                .collect()
        } else {
            let input = input.cast_to::<f32>()?;
            elements::<f32>(&input)?
                .iter()
                .enumerate()
                .map(|(idx, x)| (x - self.offset[at(idx)]) * self.scale[at(idx)])
                .collect()
        };
        Ok(tvec!(tensor(input.shape(), scaled)?))
    }

    fn work(&self, inputs: &[Fact]) -> Work {
        Work::per_element(inputs, 2, 4 * (self.offset.len() + self.scale.len()))
    }
}

/// Replaces one value, usually NaN, by a column's own.
#[derive(Debug)]
pub(crate) enum Imputer {
    Float { replaced: f32, imputed: Vec<f32> },
    Int { replaced: i64, imputed: Vec<i64> },
}

impl Imputer {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let (floats, ints) = (floats(node, "imputed_value_floats"), ints(node, "imputed_value_int64s"));
        match (floats.is_empty(), ints.is_empty()) {
            (false, true) => Ok(Self::Float {
                replaced: float(node, "replaced_value_float").unwrap_or(0.0),
                imputed: floats.to_vec(),
            }),
            (true, false) => {
                Ok(Self::Int { replaced: int(node, "replaced_value_int64").unwrap_or(0), imputed: ints.to_vec() })
            }
            _ => reject(node, "exactly one of `imputed_value_floats` and `imputed_value_int64s` is expected"),
        }
    }
}

fn impute<T: Datum + Copy>(input: &Tensor, imputed: &[T], is_missing: impl Fn(T) -> bool) -> TractResult<Tensor> {
    let (_, n_columns) = rows_and_columns(input.shape())?;
    column_check("Imputer", imputed.len(), n_columns)?;
    let replacement = |idx: usize| imputed[if imputed.len() == 1 { 0 } else { idx % n_columns }];
    let values = elements::<T>(input)?.iter().enumerate();
    let values = values.map(|(idx, x)| if is_missing(*x) { replacement(idx) } else { *x }).collect();
    tensor(input.shape(), values)
}

impl Kernel for Imputer {
    fn name(&self) -> &'static str {
        "Imputer"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        let taken = match self {
            Self::Float { .. } => [f32::datum_type(), f64::datum_type()],
            Self::Int { .. } => [i64::datum_type(), i32::datum_type()],
        };
        ensure!(taken.contains(&input.dtype), "this Imputer does not take {:?}", input.dtype);
        Ok(tvec!(input.clone()))
    }

    #[expect(clippy::float_cmp, reason = "a missing value is marked by one exact value")]
    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let output = match self {
            Self::Float { replaced, imputed } if input.datum_type() == f64::datum_type() => {
                let imputed: Vec<f64> = imputed.iter().copied().map(f64::from).collect();
                let replaced = f64::from(*replaced);
                impute::<f64>(input, &imputed, |x| x == replaced || (x.is_nan() && replaced.is_nan()))?
            }
            Self::Float { replaced, imputed } => {
                impute::<f32>(input, imputed, |x| x == *replaced || (x.is_nan() && replaced.is_nan()))?
            }
            Self::Int { replaced, imputed } if input.datum_type() == i32::datum_type() => {
                let imputed: Vec<i32> = imputed.iter().map(|value| *value as i32).collect();
                impute::<i32>(input, &imputed, |x| i64::from(x) == *replaced)?
            }
            Self::Int { replaced, imputed } => impute::<i64>(input, imputed, |x| x == *replaced)?,
        };
        Ok(tvec!(output))
    }
}

/// 1 above the threshold, 0 at it or below.
#[derive(Debug)]
pub(crate) struct Binarizer {
    threshold: f32,
}

impl Binarizer {
    #[expect(clippy::unnecessary_wraps, reason = "every operator's parse has the same shape")]
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        Ok(Self { threshold: float(node, "threshold").unwrap_or(0.0) })
    }
}

impl Kernel for Binarizer {
    fn name(&self) -> &'static str {
        "Binarizer"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure!(input.dtype == f32::datum_type(), "Binarizer takes float32, not {:?}", input.dtype);
        Ok(tvec!(input.clone()))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let values = elements::<f32>(input)?;
        ensure!(!values.iter().any(|x| x.is_nan()), "Binarizer meets a missing value (NaN), which is neither side");
        let values = values.iter().map(|x| if self.threshold < *x { 1.0 } else { 0.0 }).collect();
        Ok(tvec!(tensor::<f32>(input.shape(), values)?))
    }
}

/// Divides each row by its norm.
#[derive(Debug)]
pub(crate) enum Normalizer {
    Max,
    L1,
    L2,
}

impl Normalizer {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        match text(node, "norm").as_deref() {
            None | Some("MAX") => Ok(Self::Max),
            Some("L1") => Ok(Self::L1),
            Some("L2") => Ok(Self::L2),
            Some(other) => reject(node, &format!("the norm `{other}` is unknown")),
        }
    }
}

impl Kernel for Normalizer {
    fn name(&self) -> &'static str {
        "Normalizer"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure_number(self.name(), input.dtype)?;
        Ok(tvec!(Fact::new(f32::datum_type(), input.shape.iter().cloned())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let (_, n_columns) = rows_and_columns(input.shape())?;
        let cast = input.cast_to::<f32>()?;
        let mut values = elements::<f32>(&cast)?.to_vec();
        for row in values.chunks_mut(n_columns.max(1)) {
            let divisor = match self {
                // Not the largest magnitude: ONNX and ONNX Runtime say the largest value.
                Self::Max => row.iter().copied().fold(f32::MIN, f32::max),
                Self::L1 => row.iter().map(|x| x.abs()).sum::<f32>(),
                Self::L2 => row.iter().map(|x| x * x).sum::<f32>(),
            };
            if divisor == 0.0 {
                continue;
            }
            for x in row {
                // Squares are divided, as in ONNX Runtime: it shows where they overflow.
                *x = if matches!(self, Self::L2) { (*x * *x / divisor).sqrt().copysign(*x) } else { *x / divisor };
            }
        }
        Ok(tvec!(tensor(input.shape(), values)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::operators::kernel::testing::{node, run, tensor2};

    #[test]
    fn scaler_scales_by_column_or_all_alike() {
        let by_column = Scaler { offset: vec![1.0, 2.0], scale: vec![2.0, 0.5] };
        assert_eq!(run::<f32>(&by_column, &[tensor2(&[[1.0_f32, 2.0], [2.0, 4.0]])]), [0.0, 0.0, 2.0, 1.0]);
        assert_eq!(run::<f32>(&by_column, &[tensor2(&[[3.0_f64, 4.0]])]), [4.0, 1.0]);
        assert_eq!(run::<f32>(&by_column, &[tensor2(&[[3_i64, 4]])]), [4.0, 1.0]);
        let alike = Scaler { offset: vec![1.0], scale: vec![10.0] };
        assert_eq!(run::<f32>(&alike, &[tensor2(&[[1.0_f32, 2.0, 3.0]])]), [0.0, 10.0, 20.0]);
    }

    #[test]
    fn scaler_refuses_parameters_for_other_columns() {
        let scaler = Scaler { offset: vec![0.0; 3], scale: vec![1.0; 3] };
        let error = scaler.run(&[tensor2(&[[1.0_f32, 2.0]]).into_tvalue()]).unwrap_err().to_string();
        assert_eq!(error, "Scaler has parameters for 3 columns, the input has 2");
        assert!(Scaler::parse(&node("Scaler", "scaler")).is_err());
    }

    #[test]
    fn imputer_replaces_nan_and_only_that() {
        let imputer = Imputer::Float { replaced: f32::NAN, imputed: vec![7.0, 8.0] };
        let filled = run::<f32>(&imputer, &[tensor2(&[[f32::NAN, 1.0], [2.0, f32::NAN]])]);
        assert_eq!(filled, [7.0, 1.0, 2.0, 8.0]);
        let imputer = Imputer::Int { replaced: -1, imputed: vec![5] };
        assert_eq!(run::<i64>(&imputer, &[tensor2(&[[-1_i64, 0]])]), [5, 0]);
    }

    #[test]
    fn binarizer_is_strictly_above() {
        let binarizer = Binarizer { threshold: 0.5 };
        assert_eq!(run::<f32>(&binarizer, &[tensor2(&[[0.4_f32, 0.5, 0.6]])]), [0.0, 0.0, 1.0]);
        assert!(binarizer.run(&[tensor2(&[[f32::NAN]]).into_tvalue()]).is_err());
    }

    #[test]
    fn normalizer_leaves_a_zero_row() {
        let input = || tensor2(&[[3.0_f32, -4.0], [0.0, 0.0]]);
        assert_eq!(run::<f32>(&Normalizer::L2, &[input()]), [0.6, -0.8, 0.0, 0.0]);
        assert_eq!(run::<f32>(&Normalizer::L1, &[input()]), [3.0 / 7.0, -4.0 / 7.0, 0.0, 0.0]);
        assert_eq!(run::<f32>(&Normalizer::Max, &[input()]), [1.0, -4.0 / 3.0, 0.0, 0.0]);
    }
}
