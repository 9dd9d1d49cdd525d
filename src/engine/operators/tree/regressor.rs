//! `TreeEnsembleRegressor`, which `TreeEnsemble` becomes as well.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, Work, ensure_number, only, row_dim, tensor};
use super::super::reject;
use super::super::scores::{PostTransform, probit};
use super::ensemble::Aggregate;
use super::{Score, Trees, parse};

/// One value per target.
#[derive(Debug)]
pub(crate) struct TreeEnsembleRegressor {
    trees: Trees,
    n_targets: usize,
    base_values: Vec<f64>,
    aggregate: Aggregate,
    post_transform: PostTransform,
    /// Whether double precision comes out when it goes in, as from `TreeEnsemble`.
    keeps_double: bool,
}

impl TreeEnsembleRegressor {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let n_targets = parse::n_targets(node)?;
        let post_transform = PostTransform::parse(node)?;
        let base_values = parse::base_values(node)?;
        if !base_values.is_empty() && base_values.len() != n_targets {
            return reject(node, &format!("it has {} base values for {n_targets} targets", base_values.len()));
        }
        let trees = parse::trees(node, "target", n_targets)?;
        let aggregate = parse::aggregate(node)?;
        Ok(Self { trees, n_targets, base_values, aggregate, post_transform, keeps_double: false })
    }

    /// The same, with double precision out of double precision.
    pub(super) fn keeping_double(self) -> Self {
        Self { keeps_double: true, ..self }
    }

    fn dtype(&self, input: DatumType) -> DatumType {
        if self.keeps_double && input == f64::datum_type() { input } else { f32::datum_type() }
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

impl Kernel for TreeEnsembleRegressor {
    fn name(&self) -> &'static str {
        "TreeEnsembleRegressor"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure_number(self.name(), input.dtype)?;
        Ok(tvec!(Fact::new(self.dtype(input.dtype), [row_dim(input)?, self.n_targets.to_dim()])))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let (n_rows, scores) = self.trees.aggregate(input, self.aggregate)?;
        let divisor = if self.aggregate == Aggregate::Average { self.trees.single.n_trees() as f64 } else { 1.0 };
        let base = |idx: usize| self.base_values.get(idx % self.n_targets).copied().unwrap_or(0.0);
        // A target that no leaf spoke of has no base value either, as in ONNX Runtime.
        let value = |(idx, score): (usize, &Score)| if score.spoken { score.value / divisor + base(idx) } else { 0.0 };
        let values = scores.iter().enumerate().map(value);
        let shape = [n_rows, self.n_targets];
        if self.dtype(input.datum_type()) == f64::datum_type() && self.post_transform == PostTransform::None {
            return Ok(tvec!(tensor::<f64>(&shape, values.collect())?));
        }
        let mut values: Vec<f32> = values.map(|value| value as f32).collect();
        if self.post_transform != PostTransform::None {
            values.chunks_exact_mut(self.n_targets).for_each(|row| self.transform(row));
        }
        Ok(tvec!(tensor(&shape, values)?.cast_to_dt(self.dtype(input.datum_type()))?.into_owned()))
    }

    fn work(&self, _inputs: &[Fact]) -> Work {
        self.trees.work()
    }
}
