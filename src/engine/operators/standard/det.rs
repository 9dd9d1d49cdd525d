//! `Det`: the determinant of every matrix.

use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed};
use super::common::{fact, float_values, from_floats, lengths};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator::new(ONNX, "Det", |_, _| Parsed::kernel(Det))];

#[derive(Debug)]
struct Det;

fn split(shape: &[usize]) -> TractResult<(&[usize], usize)> {
    match shape {
        [batch @ .., rows, columns] if rows == columns => Ok((batch, *rows)),
        _ => bail!("Det takes square matrices, not {shape:?}"),
    }
}

impl Kernel for Det {
    fn name(&self) -> &'static str {
        "Det"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("Det takes one input") };
        let shape = lengths(input)?;
        Ok(tvec!(fact(input.dtype, split(&shape)?.0)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (batch, n) = split(inputs[0].shape())?;
        let values = float_values(&inputs[0])?;
        let n_matrices: usize = batch.iter().product();
        let determinants = (0..n_matrices).map(|idx| determinant(values[idx * n * n..][..n * n].to_vec(), n));
        Ok(tvec!(from_floats(inputs[0].datum_type(), batch, determinants.collect())?))
    }
}

/// By elimination, each column's largest element as its pivot.
fn determinant(mut matrix: Vec<f64>, n: usize) -> f64 {
    let mut product = 1.0;
    for column in 0..n {
        let largest = (column..n)
            .max_by(|left, right| matrix[left * n + column].abs().total_cmp(&matrix[right * n + column].abs()));
        let Some(pivot) = largest else { return product };
        if pivot != column {
            product = -product;
            for idx in 0..n {
                matrix.swap(pivot * n + idx, column * n + idx);
            }
        }
        let head = matrix[column * n + column];
        product *= head;
        if head == 0.0 {
            return 0.0;
        }
        for row in column + 1..n {
            let factor = matrix[row * n + column] / head;
            for idx in column..n {
                matrix[row * n + idx] -= factor * matrix[column * n + idx];
            }
        }
    }
    product
}
