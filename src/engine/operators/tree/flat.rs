//! The same trees in forms that are evaluated fast, for blocks of rows: small trees as bit masks, see [`masks`], others
//! node by node, see [`walk`].
//!
//! Sums come out bit for bit as from the plain evaluation: per row, the trees are added in their order.
//!
//! [`masks`]: super::masks
//! [`walk`]: super::walk

#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the instructions found at run time")]

use pulp::{Arch, Simd, WithSimd};
use tract_linalg::multithread::par_chunks_mut;
use tract_onnx::prelude::TractResult;

use super::Score;
use super::ensemble::{Child, Comparison, Ensemble, Node, Number, Rule};
use super::masks::{Live, Masks};
use super::walk::{LANES, Walks};

/// Rows that pass through the trees together; all of their values stay in the nearest cache.
pub(super) const BLOCK: usize = 64;

/// The values of one column in a block of rows.
pub(super) type Column<T> = [[T; LANES]; BLOCK / LANES];

/// One node's question, in the one form that is evaluated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<T> {
    pub(super) column: u32,
    pub(super) threshold: T,
    /// Where values up to the threshold go.
    pub(super) low: Child,
    /// Where values above it go.
    pub(super) high: Child,
    pub(super) missing_is_low: bool,
}

impl<T: Number> Question<T> {
    /// `value < t` is `value <= ` the number below `t`; `>` and `>=` are their opposites. Equality has no such form.
    fn of(ensemble: &Ensemble<T>, at: usize) -> Option<Self> {
        const PLAIN: Rule = Rule { comparison: Comparison::LessOrEqual, missing_is_yes: false };
        let Node { threshold, feature, yes, no } = ensemble.nodes[at];
        let rule = ensemble.rules.get(at).copied().unwrap_or(PLAIN);
        let (threshold, low_is_yes) = match rule.comparison {
            Comparison::LessOrEqual => (threshold, true),
            Comparison::Less => (threshold.below(), true),
            Comparison::Greater => (threshold, false),
            Comparison::GreaterOrEqual => (threshold.below(), false),
            Comparison::Equal | Comparison::NotEqual => return None,
        };
        // Nothing is below negative infinity, and nothing compares with what is no number.
        if threshold.is_missing() || threshold.below() == threshold {
            return None;
        }
        let (low, high) = if low_is_yes { (yes, no) } else { (no, yes) };
        Some(Self { column: feature, threshold, low, high, missing_is_low: rule.missing_is_yes == low_is_yes })
    }
}

/// What the leaves hold. A leaf is known by its mark, which takes the place of a threshold.
#[derive(Debug)]
pub(super) enum Leaves<T> {
    /// One value each, which is the mark; all of a tree for the same target, which is told here.
    One(Vec<u32>),
    /// Values for several targets; the mark is the leaf's index.
    Many { starts: Vec<u32>, values: Vec<(u32, T)> },
}

/// Trees in the forms that are evaluated.
#[derive(Debug)]
pub(super) struct Flat<T> {
    walks: Walks<T>,
    /// One for each tree, where it is small enough.
    pub(super) masks: Vec<Option<Masks<T>>>,
    pub(super) leaves: Leaves<T>,
    /// Of each target, whether any leaf names it; then every row reaches one that does.
    spoken: Vec<bool>,
}

impl<T: Live> Flat<T> {
    /// `None` when something has no place in these forms.
    pub(super) fn of(ensemble: &Ensemble<T>) -> Option<Self> {
        let questions: Option<Vec<_>> = (0..ensemble.nodes.len()).map(|at| Question::of(ensemble, at)).collect();
        let questions = questions?;
        let spoken = spoken(ensemble, &questions)?;
        let targets = single_targets(ensemble, &questions);
        let mark = |leaf: usize| match targets {
            Some(_) => Some(ensemble.leaf_values[leaf].1),
            None => u32::try_from(leaf).ok().map(T::of_index),
        };
        let walks = Walks::of(&ensemble.roots, &questions, &mark)?;
        let masks = ensemble.roots.iter().map(|root| Masks::of(*root, &questions, &mark)).collect();
        let leaves = match targets {
            Some(targets) => Leaves::One(targets),
            None => Leaves::Many { starts: ensemble.leaf_starts.clone(), values: ensemble.leaf_values.clone() },
        };
        Some(Self { walks, masks, leaves, spoken })
    }

    /// Sums of leaf values, row by row and target by target; `n_columns` is not 0.
    pub(super) fn evaluate(&self, rows: &[T], n_columns: usize) -> TractResult<Vec<Score>> {
        let n_targets = self.spoken.len();
        let n_rows = rows.len() / n_columns;
        let mut scores = vec![Score::default(); n_rows * n_targets];
        par_chunks_mut(&mut scores, n_targets, n_rows * self.masks.len(), |first_row, scores| {
            let n_rows = scores.len() / n_targets;
            let rows = &rows[first_row * n_columns..(first_row + n_rows) * n_columns];
            Arch::new().dispatch(Evaluation { flat: self, rows, n_columns, scores });
            Ok(())
        })?;
        Ok(scores)
    }

    /// A few rows, one after the other.
    #[inline(always)]
    fn few(&self, rows: &[T], n_columns: usize, scores: &mut [Score]) {
        let n_targets = self.spoken.len();
        let mut marks = vec![T::default(); self.masks.len()];
        let mut padded = vec![T::MISSING; self.walks.n_columns + 1];
        let mut sums = vec![T::default(); n_targets];
        for (row, scores) in rows.chunks_exact(n_columns).zip(scores.chunks_exact_mut(n_targets)) {
            let row = &row[..self.walks.n_columns];
            padded[..row.len()].copy_from_slice(row);
            if self.walks.missing_matters && row.iter().any(|value| value.is_missing()) {
                self.walks.row::<true>(&padded, &mut marks);
            } else {
                self.walks.row::<false>(&padded, &mut marks);
            }
            sums.fill(T::default());
            match &self.leaves {
                Leaves::One(targets) => {
                    for (mark, target) in marks.iter().zip(targets) {
                        let sum = &mut sums[*target as usize];
                        *sum = sum.plus(*mark);
                    }
                }
                Leaves::Many { starts, values } => {
                    for mark in &marks {
                        for (target, value) in leaf(starts, values, *mark) {
                            let sum = &mut sums[*target as usize];
                            *sum = sum.plus(*value);
                        }
                    }
                }
            }
            for ((score, sum), spoken) in scores.iter_mut().zip(&sums).zip(&self.spoken) {
                *score = Score { value: (*sum).into(), spoken: *spoken };
            }
        }
    }

    /// The rows of a tile.
    #[inline(always)]
    fn block<S: Simd, const MISSING: bool>(&self, simd: S, tile: &[Column<T>], n_rows: usize, scores: &mut [Score]) {
        let n_targets = self.spoken.len();
        let mut totals = vec![[T::default(); BLOCK]; n_targets];
        let mut marks = [T::default(); BLOCK];
        for (tree, masks) in self.masks.iter().enumerate() {
            match masks {
                Some(masks) => masks.leaves(simd, tile, &mut marks),
                None => self.walks.block::<MISSING>(tree, tile, n_rows, &mut marks),
            }
            match &self.leaves {
                Leaves::One(targets) => {
                    for (total, mark) in totals[targets[tree] as usize].iter_mut().zip(&marks) {
                        *total = total.plus(*mark);
                    }
                }
                Leaves::Many { starts, values } => {
                    for (row, mark) in marks.iter().enumerate().take(n_rows) {
                        for (target, value) in leaf(starts, values, *mark) {
                            let total = &mut totals[*target as usize][row];
                            *total = total.plus(*value);
                        }
                    }
                }
            }
        }
        for ((target, totals), spoken) in totals.iter().enumerate().zip(&self.spoken) {
            for (scores, total) in scores.chunks_exact_mut(n_targets).zip(totals) {
                scores[target] = Score { value: (*total).into(), spoken: *spoken };
            }
        }
    }
}

/// The targets and values of a leaf.
#[inline(always)]
fn leaf<'a, T: Number>(starts: &[u32], values: &'a [(u32, T)], mark: T) -> &'a [(u32, T)] {
    let leaf = mark.to_index() as usize;
    &values[starts[leaf] as usize..starts[leaf + 1] as usize]
}

struct Evaluation<'a, T> {
    flat: &'a Flat<T>,
    rows: &'a [T],
    n_columns: usize,
    scores: &'a mut [Score],
}

impl<T: Live> WithSimd for Evaluation<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { flat, rows, n_columns, scores } = self;
        let asked = flat.walks.n_columns;
        let mut tile: Vec<Column<T>> = Vec::new();
        for (rows, scores) in rows.chunks(BLOCK * n_columns).zip(scores.chunks_mut(BLOCK * flat.spoken.len())) {
            let n_rows = rows.len() / n_columns;
            if n_rows < LANES {
                flat.few(rows, n_columns, scores);
                continue;
            }
            // The column after the last is always missing.
            tile.resize(asked + 1, [[T::MISSING; LANES]; BLOCK / LANES]);
            let mut missing = false;
            for (idx, row) in rows.chunks_exact(n_columns).enumerate() {
                for (column, value) in tile[..asked].iter_mut().zip(row) {
                    column.as_flattened_mut()[idx] = *value;
                    missing |= value.is_missing();
                }
            }
            if flat.walks.missing_matters && missing {
                flat.block::<S, true>(simd, &tile, n_rows, scores);
            } else {
                flat.block::<S, false>(simd, &tile, n_rows, scores);
            }
        }
    }
}

/// Calls `each` with every leaf of a tree.
fn for_leaves<T>(root: Child, questions: &[Question<T>], mut each: impl FnMut(usize)) {
    let mut open = vec![root];
    while let Some(child) = open.pop() {
        match child.place() {
            Ok(at) => open.extend([questions[at].low, questions[at].high]),
            Err(leaf) => each(leaf),
        }
    }
}

fn values_of<T>(ensemble: &Ensemble<T>, leaf: usize) -> &[(u32, T)] {
    &ensemble.leaf_values[ensemble.leaf_starts[leaf] as usize..ensemble.leaf_starts[leaf + 1] as usize]
}

/// The target of each tree, where every leaf has one value and all leaves of a tree the same target.
fn single_targets<T>(ensemble: &Ensemble<T>, questions: &[Question<T>]) -> Option<Vec<u32>> {
    let targets = ensemble.roots.iter().map(|root| {
        let (mut target, mut single) = (None, true);
        for_leaves(*root, questions, |leaf| match values_of(ensemble, leaf) {
            [(own, _)] => single &= *target.get_or_insert(*own) == *own,
            _ => single = false,
        });
        target.filter(|_| single)
    });
    // A leaf's value is then found at the leaf's index.
    targets.collect()
}

/// Which targets are named by leaves; `None` when it depends on the row, because no tree names it in every leaf.
fn spoken<T>(ensemble: &Ensemble<T>, questions: &[Question<T>]) -> Option<Vec<bool>> {
    let mut named = vec![false; ensemble.n_targets];
    let mut always = vec![false; ensemble.n_targets];
    // Of each target, the tree and the leaf that named it last, and how many leaves of that tree do.
    let mut last = vec![(usize::MAX, usize::MAX, 0_usize); ensemble.n_targets];
    for (tree, root) in ensemble.roots.iter().enumerate() {
        let mut n_leaves = 0;
        for_leaves(*root, questions, |_| n_leaves += 1);
        for_leaves(*root, questions, |leaf| {
            for (target, _) in values_of(ensemble, leaf) {
                let target = *target as usize;
                let (last_tree, last_leaf, n_naming) = &mut last[target];
                if *last_tree != tree {
                    (*last_tree, *last_leaf, *n_naming) = (tree, leaf, 1);
                } else if *last_leaf != leaf {
                    (*last_leaf, *n_naming) = (leaf, *n_naming + 1);
                }
                named[target] = true;
                always[target] |= *n_naming == n_leaves;
            }
        });
    }
    (named == always).then_some(named)
}
