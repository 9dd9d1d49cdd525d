//! `TreeEnsembleClassifier`: how sums of leaf values become labels and scores.
//!
//! The specification leaves two classes open in many ways; the rules here are what ONNX Runtime 1.32 does, found by
//! running random ensembles. What comes out of memory it did not write is refused.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, Work, only, tensor};
use super::super::reject;
use super::super::scores::{Labels, PostTransform, logistic};
use super::ensemble::Aggregate;
use super::{Score, Trees, parse};

/// Scores per class, the best one wins.
#[derive(Debug)]
pub(crate) struct TreeEnsembleClassifier {
    trees: Trees,
    labels: Labels,
    base_values: Vec<f64>,
    /// Whether every leaf names the same class id.
    one_id: bool,
    all_positive: bool,
    post_transform: PostTransform,
}

impl TreeEnsembleClassifier {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let labels = Labels::parse(node)?;
        let n_classes = labels.len();
        let trees = parse::trees(node, "class", n_classes)?;
        let base_values = parse::base_values(node)?;
        let post_transform = PostTransform::parse(node)?;
        let n_bases = base_values.len();
        if n_classes != 2 && ![0, n_classes].contains(&n_bases) || n_classes == 2 && 2 < n_bases {
            return reject(node, &format!("it has {n_bases} base values for {n_classes} classes"));
        }
        let only_id = trees.single.only_target();
        // Whether some row may come out with a score for the first of two classes alone.
        let single = n_classes == 2 && n_bases < 2 && !parse::always_names(node, "class", 1);
        if single && post_transform == PostTransform::Probit {
            return reject(node, "the transform PROBIT of a single score leaves the other class without one");
        }
        if single && n_bases == 1 && only_id.is_none() {
            return reject(node, "one base value for two classes leaves the other class without a score");
        }
        let all_positive = trees.single.all_values_positive();
        Ok(Self { trees, labels, base_values, one_id: only_id.is_some(), all_positive, post_transform })
    }

    /// The winner and the scores of a row of two classes.
    fn of_two(&self, row: [Score; 2]) -> (usize, [f32; 2]) {
        let [mut first, mut second] = row;
        match *self.base_values {
            // One score for both classes; the first base value is not used.
            [_, base] if second.spoken => {
                second.value = first.value + base;
                first.value = -second.value;
            }
            [base, other] => {
                first.value += base;
                second.value += other;
            }
            [base] => first.value += base,
            _ => {}
        }
        // Values of one sign are taken for probabilities.
        let probability = self.one_id && self.all_positive;
        let deciding = if second.spoken { second.value } else { first.value } as f32;
        let winner = usize::from(deciding > if probability { 0.5 } else { 0.0 });
        let said = |score: Score| if score.spoken { score.value as f32 } else { 0.0 };
        let mut scores = [said(first), said(second)];
        if self.base_values.len() < 2 && !second.spoken {
            let score = scores[0];
            scores = match (self.post_transform, probability) {
                (PostTransform::Logistic, _) => [logistic(-score), logistic(score)],
                (_, true) => [1.0 - score, score],
                (_, false) => [-score, score],
            };
        } else {
            self.post_transform.apply(&mut scores);
        }
        (winner, scores)
    }

    /// The winner of a row of more classes, after its scores were added.
    fn of_many(&self, row: &[Score], scores: &mut Vec<f32>) -> usize {
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
        self.post_transform.apply(&mut scores[start..]);
        best.unwrap_or(0)
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
        self.labels.outputs(self.name(), only(self.name(), inputs)?, self.labels.len())
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let n_classes = self.labels.len();
        let (n_rows, sums) = self.trees.aggregate(only(self.name(), inputs)?, Aggregate::Sum)?;
        let mut winners = Vec::with_capacity(n_rows);
        let mut scores: Vec<f32> = Vec::with_capacity(sums.len());
        for row in sums.chunks_exact(n_classes) {
            winners.push(if let [first, second] = *row {
                let (winner, pair) = self.of_two([first, second]);
                scores.extend(pair);
                winner
            } else {
                self.of_many(row, &mut scores)
            });
        }
        Ok(tvec!(self.labels.tensor(&winners)?, tensor(&[n_rows, n_classes], scores)?))
    }

    fn work(&self, _inputs: &[Fact]) -> Work {
        self.trees.work()
    }
}
