//! `LinearClassifier` and `LinearRegressor`.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{Fact, Kernel, Work, elements, ensure_number, only, row_dim, rows_and_columns, tensor};
use super::scores::{Labels, PostTransform, argmax, logistic, probit};
use super::{ML, Operator, Parsed, reject};
use crate::engine::proto::{floats, int};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ML, "LinearClassifier", |node, _| Parsed::kernel(LinearClassifier::parse(node)?)),
    Operator::new(ML, "LinearRegressor", |node, _| Parsed::kernel(LinearRegressor::parse(node)?)),
];

/// One linear score per class, the largest wins; with a single score, its sign decides between two classes.
#[derive(Debug)]
pub(crate) struct LinearClassifier {
    coefficients: Vec<f32>,
    intercepts: Vec<f32>,
    labels: Labels,
    post_transform: PostTransform,
}

impl LinearClassifier {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let (coefficients, intercepts) = (floats(node, "coefficients"), floats(node, "intercepts"));
        let labels = Labels::parse(node)?;
        let post_transform = PostTransform::parse(node)?;
        let n_scores = intercepts.len();
        if n_scores == 0 || coefficients.is_empty() || !coefficients.len().is_multiple_of(n_scores) {
            return reject(node, "its coefficients do not match its intercepts");
        }
        let single = n_scores == 1 && labels.len() == 2;
        if !single && n_scores != labels.len() {
            return reject(node, &format!("it has {n_scores} scores for {} classes", labels.len()));
        }
        // ONNX Runtime skips the other transforms here; of PROBIT it leaves the second score unwritten.
        if single && post_transform == PostTransform::Probit {
            return reject(node, "the transform PROBIT of a single score leaves the other class without one");
        }
        Ok(Self { coefficients: coefficients.to_vec(), intercepts: intercepts.to_vec(), labels, post_transform })
    }
}

impl Kernel for LinearClassifier {
    fn name(&self) -> &'static str {
        "LinearClassifier"
    }

    fn n_outputs(&self) -> usize {
        2
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        self.labels.outputs(self.name(), only(self.name(), inputs)?, self.labels.len())
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let (n_rows, n_columns) = rows_and_columns(input.shape())?;
        let n_scores = self.intercepts.len();
        let expected = self.coefficients.len() / n_scores;
        ensure!(n_columns == expected, "LinearClassifier takes {expected} columns, {n_columns} are given");
        let input = input.cast_to::<f32>()?;
        let mut winners = Vec::with_capacity(n_rows);
        let mut scores = Vec::with_capacity(n_rows * self.labels.len());
        for row in elements::<f32>(&input)?.chunks_exact(n_columns) {
            let start = scores.len();
            for (coefficients, intercept) in self.coefficients.chunks_exact(n_columns).zip(&self.intercepts) {
                scores.push(dot(row, coefficients) + intercept);
            }
            if n_scores == 1 {
                let score = scores[start];
                winners.push(usize::from(score > 0.0));
                let score = if self.post_transform == PostTransform::Logistic { logistic(score) } else { score };
                scores[start] = 1.0 - score;
                scores.push(score);
            } else {
                winners.push(argmax(&scores[start..]));
                self.post_transform.apply(&mut scores[start..]);
            }
        }
        Ok(tvec!(self.labels.tensor(&winners)?, tensor(&[n_rows, self.labels.len()], scores)?))
    }

    fn work(&self, inputs: &[Fact]) -> Work {
        let n_scores = self.intercepts.len();
        // A multiply-add for each coefficient, an addition for each intercept; the post transform is left out.
        let each = 2 * self.coefficients.len() + n_scores;
        Work::per_row(inputs, each, 4 * (self.coefficients.len() + n_scores))
    }
}

/// One linear value per target.
#[derive(Debug)]
pub(crate) struct LinearRegressor {
    coefficients: Vec<f32>,
    /// One per target, or none at all.
    intercepts: Vec<f32>,
    n_targets: usize,
    post_transform: PostTransform,
}

impl LinearRegressor {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let (coefficients, intercepts) = (floats(node, "coefficients"), floats(node, "intercepts"));
        let n_targets = usize::try_from(int(node, "targets").unwrap_or(1)).unwrap_or(0);
        if n_targets == 0 || coefficients.is_empty() || !coefficients.len().is_multiple_of(n_targets) {
            return reject(node, "its coefficients do not match its targets");
        }
        if ![0, n_targets].contains(&intercepts.len()) {
            return reject(node, &format!("it has {} intercepts for {n_targets} targets", intercepts.len()));
        }
        let post_transform = PostTransform::parse(node)?;
        Ok(Self { coefficients: coefficients.to_vec(), intercepts: intercepts.to_vec(), n_targets, post_transform })
    }

    fn transform(&self, values: &mut [f32]) {
        match (values, self.post_transform) {
            ([value], PostTransform::Probit) => *value = probit(*value),
            // ONNX Runtime leaves a single target as it is.
            ([_], _) => {}
            (values, transform) => transform.apply(values),
        }
    }
}

impl Kernel for LinearRegressor {
    fn name(&self) -> &'static str {
        "LinearRegressor"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure_number(self.name(), input.dtype)?;
        Ok(tvec!(Fact::new(f32::datum_type(), [row_dim(input)?, self.n_targets.to_dim()])))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let (n_rows, n_columns) = rows_and_columns(input.shape())?;
        let expected = self.coefficients.len() / self.n_targets;
        ensure!(n_columns == expected, "LinearRegressor takes {expected} columns, {n_columns} are given");
        let input = input.cast_to::<f32>()?;
        let mut values = Vec::with_capacity(n_rows * self.n_targets);
        for row in elements::<f32>(&input)?.chunks_exact(n_columns) {
            let start = values.len();
            for (target, coefficients) in self.coefficients.chunks_exact(n_columns).enumerate() {
                values.push(dot(row, coefficients) + self.intercepts.get(target).copied().unwrap_or(0.0));
            }
            self.transform(&mut values[start..]);
        }
        Ok(tvec!(tensor(&[n_rows, self.n_targets], values)?))
    }

    fn work(&self, inputs: &[Fact]) -> Work {
        let n_values = self.coefficients.len() + self.intercepts.len();
        Work::per_row(inputs, 2 * self.coefficients.len() + self.intercepts.len(), 4 * n_values)
    }
}

/// The inner product, summed in eight lanes so that the compiler can use vector instructions.
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (left_chunks, left_rest) = left.as_chunks::<8>();
    let (right_chunks, right_rest) = right.as_chunks::<8>();
    for (left, right) in left_chunks.iter().zip(right_chunks) {
        for ((lane, left), right) in lanes.iter_mut().zip(left).zip(right) {
            *lane += left * right;
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::operators::kernel::testing::{With as _, node, run, run_all, tensor2};

    fn classifier(n_scores: usize) -> NodeProto {
        node("LinearClassifier", "c")
            .with("coefficients", |a| a.floats = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]][..n_scores].concat())
            .with("intercepts", |a| a.floats = vec![0.5; n_scores])
    }

    #[test]
    fn text_labels_follow_the_largest_score() {
        let node = classifier(3)
            .with("classlabels_strings", |a| a.strings = vec![b"x".to_vec(), b"y".to_vec(), b"z".to_vec()])
            .with("post_transform", |a| a.s = b"SOFTMAX".to_vec());
        let classifier = LinearClassifier::parse(&node).unwrap();
        let outputs = run_all(&classifier, &[tensor2(&[[2.0_f32, 1.0], [-2.0, 1.0], [0.0, 1.0]])]);
        assert_eq!(elements::<String>(&outputs[0]).unwrap(), ["x", "y", "z"]);
        let sums: Vec<f32> = elements::<f32>(&outputs[1]).unwrap().chunks(3).map(|row| row.iter().sum()).collect();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{sums:?}");
    }

    #[test]
    fn one_score_decides_by_its_sign() {
        let node = classifier(1).with("classlabels_ints", |a| a.ints = vec![-1, 1]);
        let outputs = run_all(&LinearClassifier::parse(&node).unwrap(), &[tensor2(&[[2.0_f32, 0.0], [-2.0, 0.0]])]);
        assert_eq!(elements::<i64>(&outputs[0]).unwrap(), [1, -1]);
        assert_eq!(elements::<f32>(&outputs[1]).unwrap(), [-1.5, 2.5, 2.5, -1.5]);
        let node = node.with("post_transform", |a| a.s = b"SOFTMAX".to_vec());
        let outputs = run_all(&LinearClassifier::parse(&node).unwrap(), &[tensor2(&[[2.0_f32, 0.0]])]);
        assert_eq!(elements::<f32>(&outputs[1]).unwrap(), [-1.5, 2.5]);
    }

    // The answers are ONNX Runtime 1.32's.
    #[test]
    fn several_targets_are_transformed_and_a_single_one_only_by_probit() {
        let regressor = |n_targets: usize, transform: &str| {
            let node = node("LinearRegressor", "r")
                .with("coefficients", |a| a.floats = [0.2, 0.3, 0.1, 0.4][..2 * n_targets].to_vec())
                .with("intercepts", |a| a.floats = [0.1, 0.2][..n_targets].to_vec())
                .with("targets", |a| a.i = n_targets as i64)
                .with("post_transform", |a| a.s = transform.as_bytes().to_vec());
            run::<f32>(&LinearRegressor::parse(&node).unwrap(), &[tensor2(&[[1.0_f32, 2.0]])])
        };
        let near = |got: Vec<f32>, expected: &[f32]| {
            assert!(got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-3), "{got:?}");
        };
        near(regressor(1, "NONE"), &[0.9]);
        near(regressor(1, "LOGISTIC"), &[0.9]);
        near(regressor(1, "PROBIT"), &[1.2817]);
        near(regressor(2, "LOGISTIC"), &[0.7109, 0.7503]);
        near(regressor(2, "SOFTMAX"), &[0.4502, 0.5498]);
    }

    #[test]
    fn dot_handles_every_length() {
        for n in 0..20_u8 {
            let values: Vec<f32> = (0..n).map(f32::from).collect();
            let expected: f32 = values.iter().map(|value| value * value).sum();
            assert!((dot(&values, &values) - expected).abs() < 1e-3);
        }
    }
}
