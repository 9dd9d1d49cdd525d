//! Tree ensembles: `TreeEnsembleClassifier`, `TreeEnsembleRegressor` and their successor `TreeEnsemble`.
//!
//! The trees themselves are in [`ensemble`], reading them from a node is in [`parse`] and [`version5`]; [`flat`]
//! evaluates them fast, with bit masks ([`masks`]) or node by node ([`walk`]).

mod classifier;
mod ensemble;
mod flat;
mod masks;
mod parse;
mod regressor;
mod version5;
mod walk;

use std::sync::OnceLock;

use tract_onnx::tract_hir::internal::*;

use self::classifier::TreeEnsembleClassifier;
use self::ensemble::{Aggregate, Ensemble};
use self::regressor::TreeEnsembleRegressor;
use super::kernel::{Work, elements, rows_and_columns};
use super::{ML, Operator, Parsed};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ML, "TreeEnsemble", |node, _| Parsed::kernel(version5::parse(node)?)),
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

    /// A descent compares; which leaves are added depends on the row, so their arithmetic cannot be said.
    fn work(&self) -> Work {
        let (n_trees, n_splits) = (self.single.n_trees(), self.single.nodes.len());
        let held = self.single.held_bytes() as u64;
        Work { held_bytes: held, holds: format!("{n_trees} trees, {n_splits} splits"), ..Work::default() }
    }

    /// The aggregates of the leaves reached, per row and target.
    fn aggregate(&self, input: &Tensor, aggregate: Aggregate) -> TractResult<(usize, Vec<Score>)> {
        let (n_rows, n_columns) = rows_and_columns(input.shape())?;
        self.check(n_columns)?;
        let scores = if input.datum_type() == f64::datum_type() {
            self.double.get_or_init(|| self.single.widened()).evaluate(elements::<f64>(input)?, n_columns, aggregate)?
        } else {
            let input = input.cast_to::<f32>()?;
            self.single.evaluate(elements::<f32>(&input)?, n_columns, aggregate)?
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

#[cfg(test)]
mod flat_tests;
#[cfg(test)]
mod tests;
