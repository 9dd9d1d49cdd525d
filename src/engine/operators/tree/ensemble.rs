//! Decision trees as they were read, and their plain evaluation.
//!
//! Inner nodes and leaves are in separate arrays; a child is an index into either. Every index was checked when the
//! ensemble was built and no node was found to follow itself, so that evaluation always ends. Nodes are shared only
//! in ensembles that ask for equality.
//!
//! What can be is evaluated in the form of [`Flat`], with the same answers.

use std::sync::OnceLock;

use tract_onnx::prelude::TractResult;

use super::Score;
use super::flat::Flat;
use super::masks::Live;

/// Rows evaluated together: they stay in the cache while the trees pass by.
const BLOCK_ROWS: usize = 128;

/// How an inner node compares a value with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
    Equal,
    NotEqual,
}

/// How the values of the leaves reached become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    /// Summed here; the caller divides by the number of trees.
    Average,
    Min,
    Max,
}

/// Single or double precision.
pub(super) trait Number:
    Copy + PartialOrd + Default + std::fmt::Debug + Into<f64> + Send + Sync + 'static
{
    /// What stands for a missing value.
    const MISSING: Self;
    /// The nearest number of this precision.
    fn nearest(value: f64) -> Self;
    /// The sum.
    fn plus(self, other: Self) -> Self;
    /// Whether it is no number.
    fn is_missing(self) -> bool;
    /// The next number below.
    fn below(self) -> Self;
    /// An index hidden in the bits of a number.
    fn of_index(idx: u32) -> Self;
    /// The index that was hidden.
    fn to_index(self) -> u32;
}

impl Number for f32 {
    const MISSING: Self = Self::NAN;

    fn nearest(value: f64) -> Self {
        value as Self
    }
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn is_missing(self) -> bool {
        self.is_nan()
    }
    fn below(self) -> Self {
        self.next_down()
    }
    fn of_index(idx: u32) -> Self {
        Self::from_bits(idx)
    }
    fn to_index(self) -> u32 {
        self.to_bits()
    }
}

impl Number for f64 {
    const MISSING: Self = Self::NAN;

    fn nearest(value: f64) -> Self {
        value
    }
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn is_missing(self) -> bool {
        self.is_nan()
    }
    fn below(self) -> Self {
        self.next_down()
    }
    fn of_index(idx: u32) -> Self {
        Self::from_bits(u64::from(idx))
    }
    fn to_index(self) -> u32 {
        self.to_bits() as u32
    }
}

/// A child: an inner node, or a leaf as its complement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Child(i32);

impl Child {
    /// The inner node at `idx`.
    pub(super) fn node(idx: usize) -> Option<Self> {
        i32::try_from(idx).ok().map(Self)
    }

    /// The leaf at `idx`.
    pub(super) fn leaf(idx: usize) -> Option<Self> {
        i32::try_from(idx).ok().map(|idx| Self(!idx))
    }

    /// The place among the inner nodes, or else among the leaves.
    pub(super) fn place(self) -> Result<usize, usize> {
        if 0 <= self.0 { Ok(self.0 as usize) } else { Err(!self.0 as usize) }
    }

    /// A mark for what is not known yet.
    pub(super) const UNKNOWN: Self = Self(i32::MAX);
}

/// An inner node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<T> {
    pub(super) threshold: T,
    pub(super) feature: u32,
    pub(super) yes: Child,
    pub(super) no: Child,
}

/// How each inner node decides, kept apart because most ensembles need neither.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) comparison: Comparison,
    pub(super) missing_is_yes: bool,
}

/// Checked trees.
#[derive(Debug)]
pub(super) struct Ensemble<T> {
    pub(super) nodes: Vec<Node<T>>,
    /// As many as nodes; empty when every node is a plain `value <= threshold`.
    pub(super) rules: Vec<Rule>,
    pub(super) roots: Vec<Child>,
    /// Where each leaf's values begin, and one past the last.
    pub(super) leaf_starts: Vec<u32>,
    /// Target and value.
    pub(super) leaf_values: Vec<(u32, T)>,
    pub(super) n_targets: usize,
    /// Made when the trees first run.
    pub(super) prepared: OnceLock<Prepared<T>>,
}

/// What is worked out once.
#[derive(Debug)]
pub(super) struct Prepared<T> {
    /// How many columns a row must have.
    n_columns: usize,
    /// The same trees in another form; nothing when they have no such form.
    flat: Option<Flat<T>>,
}

impl Ensemble<f32> {
    /// The same trees in double precision; every single-precision number is one.
    pub(super) fn widened(&self) -> Ensemble<f64> {
        let node = |node: &Node<f32>| Node {
            threshold: f64::from(node.threshold),
            feature: node.feature,
            yes: node.yes,
            no: node.no,
        };
        Ensemble {
            nodes: self.nodes.iter().map(node).collect(),
            rules: self.rules.clone(),
            roots: self.roots.clone(),
            leaf_starts: self.leaf_starts.clone(),
            leaf_values: self.leaf_values.iter().map(|(target, value)| (*target, f64::from(*value))).collect(),
            n_targets: self.n_targets,
            prepared: OnceLock::new(),
        }
    }
}

impl<T: Live> Ensemble<T> {
    /// Number of trees.
    pub(super) fn n_trees(&self) -> usize {
        self.roots.len()
    }

    fn prepared(&self) -> &Prepared<T> {
        self.prepared.get_or_init(|| Prepared {
            n_columns: self.nodes.iter().map(|node| node.feature as usize + 1).max().unwrap_or(0),
            flat: Flat::of(self),
        })
    }

    /// Bytes of the trees.
    pub(super) fn held_bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice())
            + size_of_val(self.rules.as_slice())
            + size_of_val(self.roots.as_slice())
            + size_of_val(self.leaf_starts.as_slice())
            + size_of_val(self.leaf_values.as_slice())
    }

    /// How many columns a row must have.
    pub(super) fn n_columns(&self) -> usize {
        self.prepared().n_columns
    }

    /// The target that every leaf names, if it is but one.
    pub(super) fn only_target(&self) -> Option<usize> {
        let first = self.leaf_values.first()?.0;
        self.leaf_values.iter().all(|(target, _)| *target == first).then_some(first as usize)
    }

    /// Whether no leaf has a negative value.
    pub(super) fn all_values_positive(&self) -> bool {
        self.leaf_values.iter().all(|(_, value)| (*value).into() >= 0.0)
    }

    /// The aggregates of rows of `n_columns` values, row by row and target by target.
    pub(super) fn evaluate(&self, rows: &[T], n_columns: usize, aggregate: Aggregate) -> TractResult<Vec<Score>> {
        let sums = matches!(aggregate, Aggregate::Sum | Aggregate::Average);
        match &self.prepared().flat {
            Some(flat) if sums && n_columns != 0 => flat.evaluate(rows, n_columns),
            _ => Ok(self.evaluate_plainly(rows, n_columns, aggregate)),
        }
    }

    /// The same, row after row and node after node.
    pub(super) fn evaluate_plainly(&self, rows: &[T], n_columns: usize, aggregate: Aggregate) -> Vec<Score> {
        let n_targets = self.n_targets;
        let mut scores = Vec::with_capacity(rows.len() / n_columns.max(1) * n_targets);
        let block_rows = BLOCK_ROWS.min(rows.len() / n_columns.max(1)).max(1);
        let mut sums = vec![T::default(); block_rows * n_targets];
        let mut spoken = vec![false; block_rows * n_targets];
        for block in rows.chunks(block_rows * n_columns.max(1)) {
            sums.fill(T::default());
            spoken.fill(false);
            for root in &self.roots {
                let rows = block.chunks_exact(n_columns);
                for ((row, sums), spoken) in
                    rows.zip(sums.chunks_exact_mut(n_targets)).zip(spoken.chunks_exact_mut(n_targets))
                {
                    let leaf = if self.rules.is_empty() { self.descend(*root, row) } else { self.decide(*root, row) };
                    let values = self.leaf_starts[leaf] as usize..self.leaf_starts[leaf + 1] as usize;
                    for (target, value) in &self.leaf_values[values] {
                        let target = *target as usize;
                        let sum = &mut sums[target];
                        *sum = match aggregate {
                            Aggregate::Sum | Aggregate::Average => sum.plus(*value),
                            Aggregate::Min if spoken[target] && *sum <= *value => *sum,
                            Aggregate::Max if spoken[target] && *sum >= *value => *sum,
                            Aggregate::Min | Aggregate::Max => *value,
                        };
                        spoken[target] = true;
                    }
                }
            }
            let n_scores = block.len() / n_columns.max(1) * n_targets;
            let block_scores = sums.iter().zip(&spoken).take(n_scores);
            scores.extend(block_scores.map(|(sum, spoken)| Score { value: (*sum).into(), spoken: *spoken }));
        }
        scores
    }

    /// The leaf a row reaches when every node asks `value <= threshold`; a missing value is a no.
    fn descend(&self, root: Child, row: &[T]) -> usize {
        let mut at = root.0;
        while 0 <= at {
            let node = &self.nodes[at as usize];
            at = if row[node.feature as usize] <= node.threshold { node.yes.0 } else { node.no.0 };
        }
        !at as usize
    }

    /// The leaf a row reaches in general.
    fn decide(&self, root: Child, row: &[T]) -> usize {
        let mut at = root.0;
        while 0 <= at {
            let (node, rule) = (&self.nodes[at as usize], self.rules[at as usize]);
            let value = row[node.feature as usize];
            let yes = match rule.comparison {
                Comparison::LessOrEqual => value <= node.threshold,
                Comparison::Less => value < node.threshold,
                Comparison::GreaterOrEqual => value >= node.threshold,
                Comparison::Greater => value > node.threshold,
                Comparison::Equal => value == node.threshold,
                Comparison::NotEqual => value != node.threshold,
            };
            at = if yes || (rule.missing_is_yes && value.is_missing()) { node.yes.0 } else { node.no.0 };
        }
        !at as usize
    }
}
