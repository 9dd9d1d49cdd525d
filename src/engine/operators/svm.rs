//! Support vector machines: `SVMClassifier` and `SVMRegressor`.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{Fact, Kernel, Work, elements, only, row_dim, rows_and_columns, tensor};
use super::linear::dot;
use super::scores::{Labels, PostTransform, logistic};
use super::{ML, Operator, Parsed, reject};
use crate::engine::proto::{floats, int, ints, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ML, "SVMClassifier", |node, _| Parsed::kernel(SvmClassifier::parse(node)?)),
    Operator::new(ML, "SVMRegressor", |node, _| Parsed::kernel(SvmRegressor::parse(node)?)),
];

/// How alike a row and a support vector are.
#[derive(Clone, Copy, Debug)]
enum Similarity {
    Linear,
    Poly { gamma: f32, coef0: f32, degree: f32 },
    Rbf { gamma: f32 },
    Sigmoid { gamma: f32, coef0: f32 },
}

impl Similarity {
    fn parse(node: &NodeProto) -> TractResult<Self> {
        let parameters = floats(node, "kernel_params");
        let kind = text(node, "kernel_type");
        let (gamma, coef0, degree) = match (kind.as_deref(), parameters) {
            (None | Some("LINEAR"), _) => return Ok(Self::Linear),
            (_, [gamma, coef0, degree, ..]) => (*gamma, *coef0, *degree),
            _ => return reject(node, "`kernel_params` must give gamma, coef0 and degree"),
        };
        match kind.as_deref() {
            Some("POLY") => Ok(Self::Poly { gamma, coef0, degree }),
            Some("RBF") => Ok(Self::Rbf { gamma }),
            Some("SIGMOID") => Ok(Self::Sigmoid { gamma, coef0 }),
            other => reject(node, &format!("the kernel {other:?} is unknown")),
        }
    }

    fn of(self, row: &[f32], vector: &[f32]) -> f32 {
        match self {
            Self::Linear => fused_dot(row, vector),
            Self::Poly { gamma, coef0, degree } => power(fused(coef0, gamma, fused_dot(row, vector)), degree),
            Self::Rbf { gamma } => {
                let distance: f32 = row.iter().zip(vector).map(|(left, right)| (left - right) * (left - right)).sum();
                (-gamma * distance).exp()
            }
            Self::Sigmoid { gamma, coef0 } => fused(coef0, gamma, fused_dot(row, vector)).tanh(),
        }
    }
}

/// `sum + left * right`, rounded once.
fn fused(sum: f32, left: f32, right: f32) -> f32 {
    (f64::from(sum) + f64::from(left) * f64::from(right)) as f32
}

/// The inner product as ONNX Runtime sums it: large coefficients of opposite signs show the last bit.
fn fused_dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).fold(0.0, |sum, (left, right)| fused(sum, *left, *right))
}

#[expect(clippy::float_cmp, reason = "whole degrees are stored exactly")]
fn power(base: f32, degree: f32) -> f32 {
    if degree == 2.0 {
        base * base
    } else if degree == 3.0 {
        base * base * base
    } else {
        base.powf(degree)
    }
}

/// Support vectors, row by row.
#[derive(Debug)]
struct Vectors {
    similarity: Similarity,
    elements: Vec<f32>,
    n_columns: usize,
}

impl Vectors {
    fn parse(node: &NodeProto, n_vectors: usize) -> TractResult<Self> {
        let vectors = floats(node, "support_vectors");
        if n_vectors == 0 || vectors.is_empty() || !vectors.len().is_multiple_of(n_vectors) {
            return reject(node, "its support vectors do not match their number");
        }
        let n_columns = vectors.len() / n_vectors;
        Ok(Self { similarity: Similarity::parse(node)?, elements: vectors.to_vec(), n_columns })
    }

    fn similarities(&self, row: &[f32], into: &mut Vec<f32>) {
        into.clear();
        into.extend(self.elements.chunks_exact(self.n_columns).map(|vector| self.similarity.of(row, vector)));
    }

    fn n_vectors(&self) -> usize {
        self.elements.len() / self.n_columns
    }

    /// Operations for one row: an inner product, or a squared distance, with each vector. What is then done to each of
    /// those single numbers is left out.
    fn n_operations(&self) -> usize {
        let each = if matches!(self.similarity, Similarity::Rbf { .. }) { 3 } else { 2 };
        each * self.elements.len()
    }

    fn check_columns(&self, name: &str, n_columns: usize) -> TractResult<()> {
        ensure!(n_columns == self.n_columns, "{name} takes {} columns, {n_columns} are given", self.n_columns);
        Ok(())
    }
}

/// One-against-one classification by votes, with probabilities when the model has them.
#[derive(Debug)]
pub(crate) struct SvmClassifier {
    vectors: Vectors,
    /// First support vector of each class, and one past the last.
    starts: Vec<usize>,
    /// One row per opponent: `[classes - 1, vectors]`.
    coefficients: Vec<f32>,
    rho: Vec<f32>,
    /// Per pair of classes; empty without probabilities.
    probabilities: Vec<(f32, f32)>,
    labels: Labels,
    post_transform: PostTransform,
}

impl SvmClassifier {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let labels = Labels::parse(node)?;
        let n_classes = labels.len();
        let counts: Option<Vec<usize>> =
            ints(node, "vectors_per_class").iter().map(|count| usize::try_from(*count).ok()).collect();
        let Some(counts) = counts.filter(|counts| counts.len() == n_classes) else {
            return reject(node, "an SVMClassifier without support vectors for each class is not supported");
        };
        let mut starts = vec![0_usize];
        for count in counts {
            let Some(next) = starts.last().and_then(|start| start.checked_add(count)) else {
                return reject(node, "`vectors_per_class` is too large");
            };
            starts.push(next);
        }
        let n_vectors = starts.last().copied().unwrap_or(0);
        let vectors = Vectors::parse(node, n_vectors)?;
        let (coefficients, rho) = (floats(node, "coefficients"), floats(node, "rho"));
        let n_pairs = n_classes * (n_classes - 1) / 2;
        if coefficients.len() < (n_classes - 1).saturating_mul(n_vectors) || rho.len() < n_pairs {
            return reject(node, "it has too few coefficients for its classes");
        }
        let (prob_a, prob_b) = (floats(node, "prob_a"), floats(node, "prob_b"));
        if prob_a.len() != prob_b.len() || (!prob_a.is_empty() && prob_a.len() < n_pairs) {
            return reject(node, "`prob_a` and `prob_b` do not match its classes");
        }
        let post_transform = PostTransform::parse(node)?;
        // ONNX Runtime leaves the second score unwritten.
        if n_classes == 2 && prob_a.is_empty() && post_transform == PostTransform::Probit {
            return reject(node, "the transform PROBIT of a single score leaves the other class without one");
        }
        Ok(Self {
            vectors,
            starts,
            coefficients: coefficients.to_vec(),
            rho: rho.to_vec(),
            probabilities: prob_a.iter().copied().zip(prob_b.iter().copied()).collect(),
            labels,
            post_transform,
        })
    }

    fn n_scores(&self) -> usize {
        let n_classes = self.labels.len();
        if self.probabilities.is_empty() && 2 < n_classes { n_classes * (n_classes - 1) / 2 } else { n_classes }
    }

    /// The decision value of each pair of classes.
    fn decide(&self, similarities: &[f32]) -> Vec<f32> {
        let (n_classes, n_vectors) = (self.labels.len(), similarities.len());
        let part = |opponent: usize, class: usize| -> f64 {
            let range = self.starts[class]..self.starts[class + 1];
            let coefficients = &self.coefficients[opponent * n_vectors..][range.clone()];
            coefficients.iter().zip(&similarities[range]).map(|(left, right)| f64::from(left * right)).sum()
        };
        let pairs = (0..n_classes).flat_map(|i| (i + 1..n_classes).map(move |j| (i, j)));
        pairs.zip(&self.rho).map(|((i, j), rho)| (part(j - 1, i) + part(i, j) + f64::from(*rho)) as f32).collect()
    }

    /// The scores of two classes from one decision, as ONNX Runtime makes them.
    fn single(&self, decision: f32) -> [f32; 2] {
        match self.post_transform {
            PostTransform::Logistic => [logistic(-decision), logistic(decision)],
            PostTransform::Softmax | PostTransform::SoftmaxZero => [1.0 - decision, decision],
            PostTransform::None | PostTransform::Probit => [-decision, decision],
        }
    }

    /// Probabilities of the classes from those of their pairs.
    fn pairwise_probabilities(&self, decisions: &[f32]) -> Vec<f32> {
        let n_classes = self.labels.len();
        let mut pairs = vec![0.0_f32; n_classes * n_classes];
        let mut parameters = decisions.iter().zip(&self.probabilities);
        for i in 0..n_classes {
            for j in i + 1..n_classes {
                let Some((decision, (a, b))) = parameters.next() else { break };
                let probability = (1.0 - logistic(decision * a + b)).clamp(1e-7, 1.0 - 1e-7);
                pairs[i * n_classes + j] = probability;
                pairs[j * n_classes + i] = 1.0 - probability;
            }
        }
        couple(&pairs, n_classes)
    }
}

/// Wu, Lin and Weng's second method of coupling pairwise probabilities, with libsvm's stopping rule.
fn couple(pairs: &[f32], n: usize) -> Vec<f32> {
    const MOST_ROUNDS: usize = 100;
    let tolerance = 0.005 / n as f32;
    let mut q = vec![0.0_f32; n * n];
    for t in 0..n {
        for j in (0..n).filter(|j| *j != t) {
            q[t * n + t] += pairs[j * n + t] * pairs[j * n + t];
            q[t * n + j] = -pairs[j * n + t] * pairs[t * n + j];
        }
    }
    let mut p = vec![1.0 / n as f32; n];
    for _ in 0..MOST_ROUNDS {
        let mut qp: Vec<f32> = q.chunks_exact(n).map(|row| row.iter().zip(&p).map(|(q, p)| q * p).sum()).collect();
        let mut pqp: f32 = p.iter().zip(&qp).map(|(p, qp)| p * qp).sum();
        // Of what is no number, the first guess stays.
        if !qp.iter().any(|qp| tolerance <= (qp - pqp).abs()) {
            break;
        }
        for t in 0..n {
            let step = (pqp - qp[t]) / q[t * n + t];
            p[t] += step;
            pqp = (pqp + step * (step * q[t * n + t] + 2.0 * qp[t])) / (1.0 + step) / (1.0 + step);
            for j in 0..n {
                qp[j] = (qp[j] + step * q[t * n + j]) / (1.0 + step);
                p[j] /= 1.0 + step;
            }
        }
    }
    p
}

impl Kernel for SvmClassifier {
    fn name(&self) -> &'static str {
        "SVMClassifier"
    }

    fn n_outputs(&self) -> usize {
        2
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        self.labels.outputs(self.name(), only(self.name(), inputs)?, self.n_scores())
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let (n_rows, n_columns) = rows_and_columns(input.shape())?;
        self.vectors.check_columns(self.name(), n_columns)?;
        let n_classes = self.labels.len();
        let input = input.cast_to::<f32>()?;
        let (mut winners, mut scores, mut similarities) = (Vec::new(), Vec::new(), Vec::new());
        for row in elements::<f32>(&input)?.chunks_exact(n_columns) {
            self.vectors.similarities(row, &mut similarities);
            let decisions = self.decide(&similarities);
            let mut votes = vec![0_u32; n_classes];
            let pairs = (0..n_classes).flat_map(|i| (i + 1..n_classes).map(move |j| (i, j)));
            for ((i, j), decision) in pairs.zip(&decisions) {
                votes[if *decision > 0.0 { i } else { j }] += 1;
            }
            let most = votes.iter().max().copied().unwrap_or(0);
            winners.push(votes.iter().position(|count| *count == most).unwrap_or(0));
            let start = scores.len();
            if !self.probabilities.is_empty() {
                scores.extend(self.pairwise_probabilities(&decisions));
            } else if n_classes == 2 {
                scores.extend(self.single(decisions[0]));
                continue;
            } else {
                scores.extend(decisions);
            }
            self.post_transform.apply(&mut scores[start..]);
        }
        Ok(tvec!(self.labels.tensor(&winners)?, tensor(&[n_rows, self.n_scores()], scores)?))
    }

    fn work(&self, inputs: &[Fact]) -> Work {
        let n_vectors = self.vectors.n_vectors();
        // Every vector has a coefficient against each of the other classes; coupling probabilities is left out.
        let n_coefficients = self.labels.len().saturating_sub(1) * n_vectors;
        let held = 4 * (self.vectors.elements.len() + self.coefficients.len() + self.rho.len());
        Work::per_row(inputs, self.vectors.n_operations() + 2 * n_coefficients, held)
            .holding(format!("{n_vectors} support vectors"))
    }
}

/// A weighted sum of similarities, or a linear function without support vectors.
#[derive(Debug)]
pub(crate) struct SvmRegressor {
    vectors: Option<Vectors>,
    coefficients: Vec<f32>,
    rho: f32,
    /// Whether only the sign is given out.
    one_class: bool,
}

impl SvmRegressor {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let (coefficients, rho) = (floats(node, "coefficients"), floats(node, "rho"));
        let (Some(rho), false) = (rho.first(), coefficients.is_empty()) else {
            return reject(node, "it has no coefficients");
        };
        // ONNX Runtime reads the transform and does not apply it.
        PostTransform::parse(node)?;
        let n_vectors = usize::try_from(int(node, "n_supports").unwrap_or(0)).unwrap_or(0);
        let vectors = if n_vectors == 0 { None } else { Some(Vectors::parse(node, n_vectors)?) };
        if vectors.is_some() && coefficients.len() != n_vectors {
            return reject(node, "its coefficients do not match its support vectors");
        }
        Ok(Self {
            vectors,
            coefficients: coefficients.to_vec(),
            rho: *rho,
            one_class: int(node, "one_class").unwrap_or(0) != 0,
        })
    }
}

impl Kernel for SvmRegressor {
    fn name(&self) -> &'static str {
        "SVMRegressor"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure!(input.dtype == f32::datum_type(), "SVMRegressor takes float32, not {:?}", input.dtype);
        Ok(tvec!(Fact::new(f32::datum_type(), [row_dim(input)?, 1.to_dim()])))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let (n_rows, n_columns) = rows_and_columns(input.shape())?;
        match &self.vectors {
            Some(vectors) => vectors.check_columns(self.name(), n_columns)?,
            None => ensure!(n_columns == self.coefficients.len(), "SVMRegressor does not take {n_columns} columns"),
        }
        let mut similarities = Vec::new();
        let mut values = Vec::with_capacity(n_rows);
        for row in elements::<f32>(input)?.chunks_exact(n_columns) {
            let value = match &self.vectors {
                Some(vectors) => {
                    vectors.similarities(row, &mut similarities);
                    dot(&similarities, &self.coefficients) + self.rho
                }
                None => dot(row, &self.coefficients) + self.rho,
            };
            values.push(match self.one_class {
                true if value > 0.0 => 1.0,
                true => -1.0,
                false => value,
            });
        }
        Ok(tvec!(tensor::<f32>(&[n_rows, 1], values)?))
    }

    fn work(&self, inputs: &[Fact]) -> Work {
        let (n_vectors, n_elements, n_operations) = self
            .vectors
            .as_ref()
            .map_or((0, 0, 0), |vectors| (vectors.n_vectors(), vectors.elements.len(), vectors.n_operations()));
        let work = Work::per_row(
            inputs,
            n_operations + 2 * self.coefficients.len(),
            4 * (n_elements + self.coefficients.len() + 1),
        );
        if n_vectors == 0 { work } else { work.holding(format!("{n_vectors} support vectors")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::operators::kernel::testing::{With as _, node, run, run_all, tensor2};

    fn classifier() -> NodeProto {
        node("SVMClassifier", "c")
            .with("classlabels_ints", |a| a.ints = vec![10, 20])
            .with("vectors_per_class", |a| a.ints = vec![1, 1])
            .with("support_vectors", |a| a.floats = vec![1.0, 0.0, -1.0, 0.0])
            .with("coefficients", |a| a.floats = vec![1.0, -1.0])
            .with("rho", |a| a.floats = vec![0.0])
            .with("kernel_type", |a| a.s = b"RBF".to_vec())
            .with("kernel_params", |a| a.floats = vec![0.5, 0.0, 3.0])
    }

    #[test]
    fn the_nearer_support_vector_wins() {
        let outputs =
            run_all(&SvmClassifier::parse(&classifier()).unwrap(), &[tensor2(&[[1.0_f32, 0.0], [-2.0, 0.0]])]);
        assert_eq!(elements::<i64>(&outputs[0]).unwrap(), [10, 20]);
        let scores = elements::<f32>(&outputs[1]).unwrap();
        assert!((scores[1] - (1.0 - (-2.0_f32).exp())).abs() < 1e-6, "{scores:?}");
        assert!((scores[0] + scores[1]).abs() < 1e-6);
    }

    #[test]
    fn probabilities_of_two_classes_are_the_logistic_of_the_decision() {
        let node = classifier().with("prob_a", |a| a.floats = vec![-2.0]).with("prob_b", |a| a.floats = vec![0.1]);
        let outputs = run_all(&SvmClassifier::parse(&node).unwrap(), &[tensor2(&[[1.0_f32, 0.0]])]);
        let scores = elements::<f32>(&outputs[1]).unwrap();
        let decision = 1.0 - (-2.0_f32).exp();
        assert!((scores[0] - (1.0 - logistic(-2.0 * decision + 0.1))).abs() < 1e-2, "{scores:?}");
        assert!((scores[0] + scores[1] - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_regressor_sums_and_a_one_class_machine_takes_the_sign() {
        let regressor = node("SVMRegressor", "r")
            .with("n_supports", |a| a.i = 2)
            .with("support_vectors", |a| a.floats = vec![1.0, 0.0, 0.0, 1.0])
            .with("coefficients", |a| a.floats = vec![2.0, -3.0])
            .with("rho", |a| a.floats = vec![0.5]);
        let input = || tensor2(&[[1.0_f32, 0.0], [0.0, 1.0]]);
        assert_eq!(run::<f32>(&SvmRegressor::parse(&regressor).unwrap(), &[input()]), [2.5, -2.5]);
        let one_class = regressor.with("one_class", |a| a.i = 1);
        assert_eq!(run::<f32>(&SvmRegressor::parse(&one_class).unwrap(), &[input()]), [1.0, -1.0]);
    }
}
