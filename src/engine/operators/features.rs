//! Operators that arrange columns: `FeatureVectorizer` and `ArrayFeatureExtractor`.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{Fact, Kernel, elements, ensure_number, row_dim, tensor};
use super::{ML, Operator, Parsed, reject};
use crate::engine::proto::ints;

/// Widest row that inputs are laid out in; a damaged file may ask for more than any memory holds.
const MOST_COLUMNS: usize = 1 << 20;

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ML, "ArrayFeatureExtractor", |node, _| Parsed::kernel(ArrayFeatureExtractor::parse(node)?)),
    Operator::new(ML, "FeatureVectorizer", |node, _| Parsed::kernel(FeatureVectorizer::parse(node)?)),
];

/// Lays inputs side by side, each cut or padded with zeros to its width.
#[derive(Debug)]
pub(crate) struct FeatureVectorizer {
    widths: Vec<usize>,
}

impl FeatureVectorizer {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let widths: Option<Vec<usize>> =
            ints(node, "inputdimensions").iter().map(|width| usize::try_from(*width).ok()).collect();
        match widths {
            Some(widths) if widths.iter().fold(0, |sum: usize, width| sum.saturating_add(*width)) > MOST_COLUMNS => {
                reject(node, "`inputdimensions` asks for more than a million columns")
            }
            Some(widths) if !widths.is_empty() && widths.len() == node.input.len() => Ok(Self { widths }),
            _ => reject(node, "`inputdimensions` must give one width for each input"),
        }
    }
}

impl Kernel for FeatureVectorizer {
    fn name(&self) -> &'static str {
        "FeatureVectorizer"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        ensure!(inputs.len() == self.widths.len(), "{} inputs are expected", self.widths.len());
        for input in inputs {
            ensure_number(self.name(), input.dtype)?;
        }
        let width: usize = self.widths.iter().sum();
        Ok(tvec!(Fact::new(f32::datum_type(), [row_dim(&inputs[0])?, width.to_dim()])))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let rows_of = |shape: &[usize]| if shape.len() == 1 { 1 } else { shape.first().copied().unwrap_or(1) };
        let n_rows = inputs.first().map_or(0, |input| rows_of(input.shape()));
        let total: usize = self.widths.iter().sum();
        let mut output = vec![0.0_f32; n_rows * total];
        let mut start = 0;
        for (input, width) in inputs.iter().zip(&self.widths) {
            ensure!(rows_of(input.shape()) == n_rows, "the inputs of FeatureVectorizer have different numbers of rows");
            let input = input.cast_to::<f32>()?;
            let values = elements::<f32>(&input)?;
            let given = values.len() / n_rows.max(1);
            let taken = given.min(*width);
            for row in 0..n_rows {
                output[row * total + start..][..taken].copy_from_slice(&values[row * given..][..taken]);
            }
            start += width;
        }
        Ok(tvec!(tensor(&[n_rows, total], output)?))
    }
}

/// Picks positions along the last axis.
#[derive(Debug)]
pub(crate) struct ArrayFeatureExtractor;

impl ArrayFeatureExtractor {
    #[expect(clippy::unnecessary_wraps, reason = "every operator's parse has the same shape")]
    pub(crate) fn parse(_node: &NodeProto) -> TractResult<Self> {
        Ok(Self)
    }
}

fn pick<T: Datum>(input: &Tensor, positions: &[usize], shape: &[usize]) -> TractResult<Tensor> {
    let width = input.shape().last().copied().unwrap_or(1).max(1);
    let rows = elements::<T>(input)?.chunks(width);
    tensor(shape, rows.flat_map(|row| positions.iter().map(|idx| row[*idx].clone())).collect())
}

impl Kernel for ArrayFeatureExtractor {
    fn name(&self) -> &'static str {
        "ArrayFeatureExtractor"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input, positions] = inputs else { bail!("ArrayFeatureExtractor takes two inputs") };
        ensure!(positions.dtype == i64::datum_type(), "the positions must be int64");
        let n_positions: TDim = positions.shape.iter().product();
        let shape: TVec<TDim> = match input.shape.as_slice() {
            [] => bail!("ArrayFeatureExtractor takes no scalar"),
            [_] => tvec!(1.to_dim(), n_positions),
            [rows @ .., _] => rows.iter().cloned().chain([n_positions]).collect(),
        };
        Ok(tvec!(Fact::new(input.dtype, shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let [input, positions] = inputs else { bail!("ArrayFeatureExtractor takes two inputs") };
        let width = input.shape().last().copied().unwrap_or(0);
        let positions: Option<Vec<usize>> = elements::<i64>(positions)?
            .iter()
            .map(|idx| usize::try_from(*idx).ok().filter(|idx| *idx < width))
            .collect();
        let Some(positions) = positions else { bail!("a position is outside of the {width} columns") };
        ensure!(!positions.is_empty(), "ArrayFeatureExtractor needs at least one position");
        let mut shape: TVec<usize> = if input.rank() == 1 { tvec!(1, 0) } else { input.shape().into() };
        if let Some(last) = shape.last_mut() {
            *last = positions.len();
        }
        let dtype = input.datum_type();
        Ok(tvec!(dispatch_datum!(pick(dtype)(input, &positions, &shape))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::operators::kernel::testing::{run, tensor2};

    #[test]
    fn vectorizer_pads_and_cuts() {
        let vectorizer = FeatureVectorizer { widths: vec![2, 1] };
        let joined = run::<f32>(&vectorizer, &[tensor2(&[[1.0_f32], [2.0]]), tensor2(&[[3_i64, 9], [4, 9]])]);
        assert_eq!(joined, [1.0, 0.0, 3.0, 2.0, 0.0, 4.0]);
    }

    #[test]
    fn extractor_picks_along_the_last_axis() {
        let picked =
            run::<f32>(&ArrayFeatureExtractor, &[tensor2(&[[1.0_f32, 2.0], [3.0, 4.0]]), tensor1(&[1_i64, 0])]);
        assert_eq!(picked, [2.0, 1.0, 4.0, 3.0]);
        let picked = run::<i64>(&ArrayFeatureExtractor, &[tensor1(&[5_i64, 6, 7]), tensor2(&[[2_i64], [0]])]);
        assert_eq!(picked, [7, 5]);
    }

    #[test]
    fn extractor_refuses_positions_outside() {
        for outside in [2_i64, -1] {
            let inputs = [tensor2(&[[1.0_f32, 2.0]]).into_tvalue(), tensor1(&[outside]).into_tvalue()];
            assert!(ArrayFeatureExtractor.run(&inputs).is_err());
        }
    }
}
