//! Trees of any size, several descents at a time so that their loads and comparisons overlap, without a jump that
//! depends on a value.

#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the instructions found at run time")]

use std::collections::VecDeque;

use super::ensemble::{Child, Number};
use super::flat::{BLOCK, Column, Question};

/// Rows that descend a tree together.
pub(super) const LANES: usize = 8;
/// Trees that one row descends together.
const TREES: usize = 16;
/// Steps between two looks whether all have arrived.
const STRIDE: u32 = 3;

/// A node; eight bytes in single precision.
///
/// An inner node goes to `child` when the value is at most the threshold, else to `child + 1`. A leaf asks the column
/// after the last, whose values are all missing, so that it goes to `child + 1`, which is itself; its threshold is its
/// mark.
#[derive(Clone, Copy, Debug)]
struct Packed<T> {
    threshold: T,
    /// From the least significant bits: the column, whether a missing value goes to `child`, and `child`.
    meta: u32,
}

/// Where a tree's nodes are, and the most steps to a leaf.
#[derive(Clone, Copy, Debug)]
struct Tree {
    start: u32,
    end: u32,
    depth: u32,
}

/// Trees to be descended.
#[derive(Debug)]
pub(super) struct Walks<T> {
    nodes: Vec<Packed<T>>,
    trees: Vec<Tree>,
    /// Bits of a node's column.
    column_bits: u32,
    /// Columns that are asked for.
    pub(super) n_columns: usize,
    /// Whether any node sends a missing value to its first child.
    pub(super) missing_matters: bool,
}

impl<T: Number> Walks<T> {
    /// `None` when a tree has more nodes or columns than a node can name.
    pub(super) fn of(roots: &[Child], questions: &[Question<T>], mark: &impl Fn(usize) -> Option<T>) -> Option<Self> {
        let n_columns = questions.iter().map(|question| question.column as usize + 1).max().unwrap_or(0);
        let mut walks = Self {
            nodes: Vec::new(),
            trees: Vec::new(),
            column_bits: usize::BITS - n_columns.leading_zeros(),
            n_columns,
            missing_matters: questions.iter().any(|question| question.missing_is_low),
        };
        for root in roots {
            walks.lay_out(*root, questions, mark)?;
        }
        Some(walks)
    }

    fn meta(&self, column: usize, missing_is_low: bool, child: usize) -> Option<u32> {
        let child_bits = 31_u32.checked_sub(self.column_bits)?;
        let child = u32::try_from(child).ok().filter(|child| u64::from(*child) >> child_bits == 0)?;
        let child = u64::from(child) << (self.column_bits + 1);
        Some(column as u32 | u32::from(missing_is_low) << self.column_bits | child as u32)
    }

    /// Adds a tree level by level, the children of a node side by side.
    fn lay_out(&mut self, root: Child, questions: &[Question<T>], mark: &impl Fn(usize) -> Option<T>) -> Option<()> {
        let mut nodes: Vec<Packed<T>> = Vec::new();
        let mut waiting = VecDeque::from([(root, 0)]);
        let mut next_child = 1;
        let mut deepest = 1;
        // A leaf cannot come first: the place before its own must exist.
        if root.place().is_err() {
            nodes.push(Packed { threshold: T::default(), meta: self.meta(self.n_columns, false, 0)? });
        }
        while let Some((child, depth)) = waiting.pop_front() {
            deepest = deepest.max(depth);
            match child.place() {
                Ok(at) => {
                    let Question { column, threshold, low, high, missing_is_low } = questions[at];
                    nodes.push(Packed { threshold, meta: self.meta(column as usize, missing_is_low, next_child)? });
                    next_child += 2;
                    waiting.extend([(low, depth + 1), (high, depth + 1)]);
                }
                Err(leaf) => {
                    let before = nodes.len().checked_sub(1)?;
                    nodes.push(Packed { threshold: mark(leaf)?, meta: self.meta(self.n_columns, false, before)? });
                }
            }
        }
        let start = u32::try_from(self.nodes.len()).ok()?;
        self.nodes.append(&mut nodes);
        let end = u32::try_from(self.nodes.len()).ok()?;
        self.trees.push(Tree { start, end, depth: deepest });
        Some(())
    }

    #[inline(always)]
    fn column(&self, node: Packed<T>) -> usize {
        (node.meta & ((1 << self.column_bits) - 1)) as usize
    }

    /// Where a node sends a value, within the tree.
    #[inline(always)]
    fn next<const MISSING: bool>(&self, node: Packed<T>, value: T) -> u32 {
        let low = value <= node.threshold;
        let missing_is_low = MISSING && node.meta >> self.column_bits & 1 == 1;
        let high = !low & !(missing_is_low & value.is_missing());
        (node.meta >> (self.column_bits + 1)) + u32::from(high)
    }

    /// The mark of the leaf that a row reaches in each tree; after its columns the row has a missing value.
    #[inline(always)]
    pub(super) fn row<const MISSING: bool>(&self, row: &[T], marks: &mut [T]) {
        for (trees, marks) in self.trees.chunks(TREES).zip(marks.chunks_mut(TREES)) {
            let mut starts = [0_u32; TREES];
            let mut depth = 0;
            for (start, tree) in starts.iter_mut().zip(trees) {
                *start = tree.start;
                depth = depth.max(tree.depth);
            }
            let mut places = starts;
            while 0 < depth {
                let mut moved = 0;
                for step in 1..=STRIDE {
                    for (place, start) in places.iter_mut().zip(starts) {
                        let node = self.nodes[*place as usize];
                        let next = start + self.next::<MISSING>(node, row[self.column(node)]);
                        if step == STRIDE {
                            moved |= next ^ *place;
                        }
                        *place = next;
                    }
                }
                if moved == 0 {
                    break;
                }
                depth = depth.saturating_sub(STRIDE);
            }
            for (mark, place) in marks.iter_mut().zip(places) {
                *mark = self.nodes[place as usize].threshold;
            }
        }
    }

    /// The marks of the leaves that the first rows of a block reach in one tree.
    #[inline(always)]
    pub(super) fn block<const MISSING: bool>(
        &self,
        tree: usize,
        tile: &[Column<T>],
        n_rows: usize,
        marks: &mut [T; BLOCK],
    ) {
        let tree = self.trees[tree];
        let nodes = &self.nodes[tree.start as usize..tree.end as usize];
        let groups = marks.as_chunks_mut::<LANES>().0.iter_mut().take(n_rows.div_ceil(LANES));
        for (group, marks) in groups.enumerate() {
            let mut places = [0_u32; LANES];
            let mut depth = tree.depth;
            while 0 < depth {
                let mut moved = 0;
                for step in 1..=STRIDE {
                    for (lane, place) in places.iter_mut().enumerate() {
                        let node = nodes[*place as usize];
                        let next = self.next::<MISSING>(node, tile[self.column(node)][group][lane]);
                        if step == STRIDE {
                            moved |= next ^ *place;
                        }
                        *place = next;
                    }
                }
                if moved == 0 {
                    break;
                }
                depth = depth.saturating_sub(STRIDE);
            }
            for (mark, place) in marks.iter_mut().zip(places) {
                *mark = nodes[place as usize].threshold;
            }
        }
    }
}
