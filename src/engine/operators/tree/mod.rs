//! Tree ensembles: `TreeEnsembleClassifier` and `TreeEnsembleRegressor` as tract operators.
//!
//! The trees themselves are in [`ensemble`], reading them from a node is in [`parse`].

mod ensemble;
mod parse;

use std::sync::OnceLock;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use self::ensemble::{Aggregate, Ensemble};
use super::kernel::{Fact, Kernel, elements, ensure_number, only, row_dim, rows_and_columns, tensor};
use super::scores::{Labels, PostTransform, logistic, probit};
use super::{ML, Operator, Parsed, reject};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ML, "TreeEnsembleClassifier", |node, _| Parsed::kernel(TreeEnsembleClassifier::parse(node)?)),
    Operator::new(ML, "TreeEnsembleRegressor", |node, _| Parsed::kernel(TreeEnsembleRegressor::parse(node)?)),
];

/// The same trees for single and for double precision; a double input is compared in double precision.
#[derive(Debug)]
struct Trees {
    single: Ensemble<f32>,
    /// Filled when it is first needed, or at once when the node stores double precision.
    double: OnceLock<Ensemble<f64>>,
}

impl Trees {
    fn check(&self, n_columns: usize) -> TractResult<()> {
        let needed = self.single.n_columns();
        ensure!(needed <= n_columns, "the trees ask for {needed} columns, {n_columns} are given");
        Ok(())
    }

    /// The aggregates of the leaves reached, per row and target.
    fn aggregate(&self, input: &Tensor, aggregate: Aggregate) -> TractResult<(usize, Vec<Score>)> {
        let (n_rows, n_columns) = rows_and_columns(input.shape())?;
        self.check(n_columns)?;
        let scores = if input.datum_type() == f64::datum_type() {
            self.double.get_or_init(|| self.single.widened()).evaluate(elements::<f64>(input)?, n_columns, aggregate)
        } else {
            let input = input.cast_to::<f32>()?;
            self.single.evaluate(elements::<f32>(&input)?, n_columns, aggregate)
        };
        Ok((n_rows, scores))
    }
}

/// An aggregate of leaf values for one target.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Score {
    value: f64,
    /// Whether any leaf named the target.
    spoken: bool,
}

/// One value per target.
#[derive(Debug)]
pub(crate) struct TreeEnsembleRegressor {
    trees: Trees,
    n_targets: usize,
    base_values: Vec<f64>,
    aggregate: Aggregate,
    post_transform: PostTransform,
}

impl TreeEnsembleRegressor {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let n_targets = parse::n_targets(node)?;
        let post_transform = PostTransform::parse(node)?;
        if n_targets == 1 && !matches!(post_transform, PostTransform::None | PostTransform::Probit) {
            return reject(node, "a single target with a post transform is not defined alike everywhere");
        }
        let base_values = parse::base_values(node)?;
        if !base_values.is_empty() && base_values.len() != n_targets {
            return reject(node, &format!("it has {} base values for {n_targets} targets", base_values.len()));
        }
        let trees = parse::trees(node, "target", n_targets)?;
        Ok(Self { trees, n_targets, base_values, aggregate: parse::aggregate(node)?, post_transform })
    }
}

impl Kernel for TreeEnsembleRegressor {
    fn name(&self) -> &'static str {
        "TreeEnsembleRegressor"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure_number(self.name(), input.dtype)?;
        Ok(tvec!(Fact::new(f32::datum_type(), [row_dim(input)?, self.n_targets.to_dim()])))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (n_rows, scores) = self.trees.aggregate(only(self.name(), inputs)?, self.aggregate)?;
        let divisor = if self.aggregate == Aggregate::Average { self.trees.single.n_trees() as f64 } else { 1.0 };
        let mut values: Vec<f32> = Vec::with_capacity(scores.len());
        for row in scores.chunks_exact(self.n_targets) {
            let start = values.len();
            values.extend(row.iter().enumerate().map(|(target, score)| {
                let base = self.base_values.get(target).copied().unwrap_or(0.0);
                (score.value / divisor + base) as f32
            }));
            if self.n_targets == 1 && self.post_transform == PostTransform::Probit {
                values[start] = probit(values[start]);
            } else {
                self.post_transform.apply(&mut values[start..]);
            }
        }
        Ok(tvec!(tensor(&[n_rows, self.n_targets], values)?))
    }
}

/// How two classes share the leaf values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Each class its own.
    PerClass,
    /// One class id; the value is a probability of the second class.
    OneProbability,
    /// One class id; the value is a raw score, positive for the second class.
    OneScore,
}

/// Scores per class, the best one wins.
#[derive(Debug)]
pub(crate) struct TreeEnsembleClassifier {
    trees: Trees,
    labels: Labels,
    base_values: Vec<f64>,
    layout: Layout,
    /// The class id that every leaf names, when there is but one.
    only_id: Option<usize>,
    post_transform: PostTransform,
}

impl TreeEnsembleClassifier {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let labels = Labels::parse(node)?;
        let n_classes = labels.len();
        let trees = parse::trees(node, "class", n_classes)?;
        let base_values = parse::base_values(node)?;
        let only_id = trees.single.only_target();
        let layout = match (n_classes, only_id) {
            (2, Some(_)) if trees.single.all_values_positive() => Layout::OneProbability,
            (2, Some(_)) => Layout::OneScore,
            _ => Layout::PerClass,
        };
        let post_transform = PostTransform::parse(node)?;
        if n_classes == 2 {
            // What ONNX Runtime does in these corners depends on its version or contradicts the specification.
            if 1 < base_values.len() {
                return reject(node, "two base values for two classes are not defined alike everywhere");
            }
            if layout == Layout::PerClass {
                return reject(node, "leaves for both of two classes are not defined alike everywhere");
            }
            if only_id == Some(1) && !base_values.is_empty() {
                return reject(node, "a base value for the other class is not defined alike everywhere");
            }
            // ONNX Runtime skips the other transforms of the first class's id, against the specification.
            if only_id == Some(0) && !matches!(post_transform, PostTransform::None | PostTransform::Logistic) {
                return reject(node, "this post transform of a single score is not defined alike everywhere");
            }
        } else if !base_values.is_empty() && base_values.len() != n_classes {
            return reject(node, &format!("it has {} base values for {n_classes} classes", base_values.len()));
        }
        Ok(Self { trees, labels, base_values, layout, only_id, post_transform })
    }

    /// The winner and the scores of a row of two classes whose leaves all name one class id.
    fn of_two(&self, row: &[Score]) -> (usize, [f32; 2]) {
        let id = self.only_id.unwrap_or(0);
        let base = self.base_values.first().copied().unwrap_or(0.0);
        let score = (row[id].value + base) as f32;
        let (threshold, scores) = match (self.layout, id) {
            // With the second class's id the scores stay apart.
            (Layout::OneProbability, 1) => (0.5, self.transformed([0.0, score])),
            (_, 1) => (0.0, self.transformed([0.0, score])),
            (Layout::OneProbability, _) => (0.5, [1.0 - score, score]),
            _ if self.post_transform == PostTransform::Logistic => (0.0, [logistic(-score), logistic(score)]),
            _ => (0.0, [-score, score]),
        };
        (usize::from(score > threshold), scores)
    }

    fn transformed(&self, mut scores: [f32; 2]) -> [f32; 2] {
        self.post_transform.apply(&mut scores);
        scores
    }
}

impl Kernel for TreeEnsembleClassifier {
    fn name(&self) -> &'static str {
        "TreeEnsembleClassifier"
    }

    fn n_outputs(&self) -> usize {
        2
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure_number(self.name(), input.dtype)?;
        let rows = row_dim(input)?;
        Ok(tvec!(
            Fact::new(self.labels.dtype(), [rows.clone()]),
            Fact::new(f32::datum_type(), [rows, self.labels.len().to_dim()]),
        ))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let n_classes = self.labels.len();
        let (n_rows, sums) = self.trees.aggregate(only(self.name(), inputs)?, Aggregate::Sum)?;
        let mut winners = Vec::with_capacity(n_rows);
        let mut scores: Vec<f32> = Vec::with_capacity(sums.len());
        for row in sums.chunks_exact(n_classes) {
            if self.layout != Layout::PerClass {
                let (winner, pair) = self.of_two(row);
                winners.push(winner);
                scores.extend(pair);
                continue;
            }
            let start = scores.len();
            let mut best: Option<usize> = None;
            for (class, score) in row.iter().enumerate() {
                let base = self.base_values.get(class);
                scores.push((score.value + base.copied().unwrap_or(0.0)) as f32);
                // A class that no leaf spoke of and that has no base value cannot win.
                let candidate = score.spoken || base.is_some();
                if candidate && best.is_none_or(|best| scores[start + class] > scores[start + best]) {
                    best = Some(class);
                }
            }
            winners.push(best.unwrap_or(0));
            self.post_transform.apply(&mut scores[start..]);
        }
        Ok(tvec!(self.labels.tensor(&winners)?, tensor(&[n_rows, n_classes], scores)?))
    }
}

#[cfg(test)]
mod tests;
