//! What the classifiers of `ai.onnx.ml` share: class labels and the transforms of their scores.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{Fact, ensure_number, row_dim, tensor};
use super::reject;
use crate::engine::proto::{class_labels, text};
use crate::project::contract::ClassLabel;

/// The labels of a classifier, all integers or all text.
#[derive(Clone, Debug)]
pub(crate) enum Labels {
    Int(Vec<i64>),
    Text(Vec<String>),
}

impl Labels {
    /// The labels of the node, at least two.
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let (mut ints, mut texts) = (Vec::new(), Vec::new());
        for label in class_labels(node) {
            match label {
                ClassLabel::Int(label) => ints.push(label),
                ClassLabel::Text(label) => texts.push(label),
            }
        }
        match (ints.len(), texts.len()) {
            (0 | 1, 0 | 1) => reject(node, "a classifier needs at least two class labels"),
            (_, 0) => Ok(Self::Int(ints)),
            _ => Ok(Self::Text(texts)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Int(labels) => labels.len(),
            Self::Text(labels) => labels.len(),
        }
    }

    /// What a classifier gives for `input`: a label a row, and `n_scores` scores of it.
    pub(crate) fn outputs(&self, name: &str, input: &Fact, n_scores: usize) -> TractResult<TVec<Fact>> {
        ensure_number(name, input.dtype)?;
        let rows = row_dim(input)?;
        Ok(tvec!(Fact::new(self.dtype(), [rows.clone()]), Fact::new(f32::datum_type(), [rows, n_scores.to_dim()]),))
    }

    /// Element type of the label output.
    pub(crate) fn dtype(&self) -> DatumType {
        match self {
            Self::Int(_) => i64::datum_type(),
            Self::Text(_) => String::datum_type(),
        }
    }

    /// The labels at these positions, one per row.
    pub(crate) fn tensor(&self, positions: &[usize]) -> TractResult<Tensor> {
        let shape = [positions.len()];
        match self {
            Self::Int(labels) => tensor(&shape, positions.iter().map(|idx| labels[*idx]).collect()),
            Self::Text(labels) => tensor(&shape, positions.iter().map(|idx| labels[*idx].clone()).collect()),
        }
    }
}

/// What is done to the scores before they are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PostTransform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
}

impl PostTransform {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        match text(node, "post_transform").as_deref() {
            None | Some("NONE") => Ok(Self::None),
            Some("LOGISTIC") => Ok(Self::Logistic),
            Some("SOFTMAX") => Ok(Self::Softmax),
            Some("SOFTMAX_ZERO") => Ok(Self::SoftmaxZero),
            Some("PROBIT") => Ok(Self::Probit),
            Some(other) => reject(node, &format!("the post transform `{other}` is unknown")),
        }
    }

    /// Transforms the scores of one row, two or more.
    pub(crate) fn apply(self, scores: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Logistic => {
                for score in scores {
                    *score = logistic(*score);
                }
            }
            Self::Probit => {
                for score in scores {
                    *score = probit(*score);
                }
            }
            Self::Softmax => {
                let largest = scores.iter().copied().fold(f32::MIN, f32::max);
                for score in &mut *scores {
                    *score = (*score - largest).exp();
                }
                divide_by_sum(scores, scores.iter().sum());
            }
            // Scores of exactly nothing stay (almost) nothing and do not count.
            Self::SoftmaxZero => {
                let largest = scores.iter().copied().fold(f32::MIN, f32::max);
                let mut sum = 0.0;
                for score in &mut *scores {
                    if score.abs() > 1e-7 {
                        *score = (*score - largest).exp();
                        sum += *score;
                    } else {
                        *score *= (-largest).exp();
                    }
                }
                divide_by_sum(scores, sum);
            }
        }
    }
}

fn divide_by_sum(scores: &mut [f32], sum: f32) {
    for score in scores {
        *score /= sum;
    }
}

/// The logistic function, exact at both ends.
pub(crate) fn logistic(score: f32) -> f32 {
    let upper = 1.0 / (1.0 + (-score.abs()).exp());
    if score < 0.0 { 1.0 - upper } else { upper }
}

/// The quantile function of the normal distribution, in ONNX Runtime's approximation (Winitzki's).
pub(crate) fn probit(score: f32) -> f32 {
    const A: f32 = 0.147;
    let x = 2.0 * score - 1.0;
    let log = ((1.0 - x) * (1.0 + x)).ln();
    let half = 2.0 / (std::f32::consts::PI * A) + 0.5 * log;
    let magnitude = (-half + (half * half - log / A).sqrt()).sqrt();
    std::f32::consts::SQRT_2 * if x < 0.0 { -magnitude } else { magnitude }
}

/// Position of the largest score; the first of equal ones.
pub(crate) fn argmax(scores: &[f32]) -> usize {
    let mut best = 0;
    for (idx, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = idx;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(transform: PostTransform, scores: &[f32], expected: &[f32]) {
        let mut got = scores.to_vec();
        transform.apply(&mut got);
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4, "{got} instead of {expected}");
        }
    }

    #[test]
    fn transforms_agree_with_their_definitions() {
        check(PostTransform::None, &[2.0, -1.0], &[2.0, -1.0]);
        check(PostTransform::Logistic, &[0.0, 2.0], &[0.5, 0.880_797]);
        check(PostTransform::Softmax, &[1.0, 1.0, 1.0], &[0.333_333, 0.333_333, 0.333_333]);
        check(PostTransform::SoftmaxZero, &[1.0, 0.0, 1.0], &[0.5, 0.0, 0.5]);
        check(PostTransform::Probit, &[0.5], &[0.0]);
    }

    #[test]
    fn the_first_of_equal_scores_wins() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), 1);
    }
}
