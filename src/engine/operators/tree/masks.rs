//! Small trees as bit masks, after QuickScorer (Lucchese and others, SIGIR 2015).
//!
//! A mask has a bit for each leaf, from the tree's low side to its high side. Every question that a row answers with
//! "above the threshold" rules out the leaves on the question's low side; the lowest bit left is the leaf reached. So
//! all questions are asked, in any order and without a jump, for many rows at once.

#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the instructions found at run time")]

use pulp::Simd;

use super::ensemble::{Child, Number};
use super::flat::{BLOCK, Column, Question};

/// Leaves of a word of a mask.
const WORD: usize = 32;
/// Words of the longest masks; a tree with more leaves is descended instead.
const WORDS: usize = 2;
/// Vectors of rows that a question is asked at once.
const VECTORS: usize = 4;

/// A question, and the leaves left when a row is above its threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask<T, const N: usize> {
    threshold: T,
    column: u32,
    left: [u32; N],
}

#[derive(Debug)]
struct Masked<T, const N: usize> {
    /// First those for which a missing value is above the threshold.
    masks: Vec<Mask<T, N>>,
    /// How many those are.
    n_missing_is_high: usize,
    marks: Box<[[T; WORD]; N]>,
}

/// A small tree.
#[derive(Debug)]
pub(super) struct Masks<T>(Form<T>);

#[derive(Debug)]
enum Form<T> {
    One(Masked<T, 1>),
    Two(Masked<T, WORDS>),
}

impl<T: Live> Masks<T> {
    /// `None` when the tree has too many leaves.
    pub(super) fn of(root: Child, questions: &[Question<T>], mark: &impl Fn(usize) -> Option<T>) -> Option<Self> {
        let (marks, asked) = read(root, questions, mark)?;
        let form = match marks.len() {
            ..=WORD => Form::One(Masked::of(&marks, &asked)),
            _ => Form::Two(Masked::of(&marks, &asked)),
        };
        Some(Self(form))
    }

    /// The marks of the leaves that the rows of a block reach.
    #[inline(always)]
    pub(super) fn leaves<S: Simd>(&self, simd: S, tile: &[Column<T>], marks: &mut [T; BLOCK]) {
        match &self.0 {
            Form::One(masked) => masked.leaves(simd, tile, marks),
            Form::Two(masked) => masked.leaves(simd, tile, marks),
        }
    }
}

/// A question and the leaves on its low side.
struct Asked<T> {
    question: Question<T>,
    low: std::ops::Range<usize>,
}

/// The marks of the leaves from the low to the high side, and the questions; `None` when there are too many.
fn read<T: Number>(
    root: Child,
    questions: &[Question<T>],
    mark: &impl Fn(usize) -> Option<T>,
) -> Option<(Vec<T>, Vec<Asked<T>>)> {
    enum Step {
        Follow(Child),
        /// The low side of this question has been followed to its end.
        LowDone(usize),
    }
    let mut marks = Vec::new();
    let mut asked: Vec<Asked<T>> = Vec::new();
    let mut steps = vec![Step::Follow(root)];
    while let Some(step) = steps.pop() {
        match step {
            Step::LowDone(at) => asked[at].low.end = marks.len(),
            Step::Follow(child) => match child.place() {
                // There is one question less than there are leaves.
                Ok(_) if asked.len() + 1 == WORD * WORDS => return None,
                Ok(at) => {
                    let question = questions[at];
                    let done = Step::LowDone(asked.len());
                    asked.push(Asked { question, low: marks.len()..marks.len() });
                    steps.extend([Step::Follow(question.high), done, Step::Follow(question.low)]);
                }
                Err(leaf) => marks.push(mark(leaf)?),
            },
        }
    }
    Some((marks, asked))
}

impl<T: Live, const N: usize> Masked<T, N> {
    fn of(leaf_marks: &[T], asked: &[Asked<T>]) -> Self {
        let mut marks = Box::new([[T::default(); WORD]; N]);
        marks.as_flattened_mut()[..leaf_marks.len()].copy_from_slice(leaf_marks);
        let of_missing = |is_low: bool| {
            asked.iter().filter(move |asked| asked.question.missing_is_low == is_low).map(|asked| {
                let mut left = [u32::MAX; N];
                for leaf in asked.low.clone() {
                    left[leaf / WORD] &= !(1 << (leaf % WORD));
                }
                Mask { threshold: asked.question.threshold, column: asked.question.column, left }
            })
        };
        let masks = of_missing(false).chain(of_missing(true)).collect();
        Self { masks, n_missing_is_high: of_missing(false).count(), marks }
    }

    #[inline(always)]
    fn leaves<S: Simd>(&self, simd: S, tile: &[Column<T>], marks: &mut [T; BLOCK]) {
        let mut live = [[u32::MAX; BLOCK]; N];
        T::ask(simd, tile, self.masks.split_at(self.n_missing_is_high), &mut live);
        for (row, mark) in marks.iter_mut().enumerate() {
            // The lowest bit of the first word that has one.
            let (mut word, mut bits) = (N - 1, live[N - 1][row]);
            for earlier in (0..N - 1).rev() {
                if live[earlier][row] != 0 {
                    (word, bits) = (earlier, live[earlier][row]);
                }
            }
            *mark = self.marks[word][bits.trailing_zeros() as usize % WORD];
        }
    }
}

/// The numbers whose masks are worked out here.
pub(super) trait Live: Number {
    /// Clears the bits of the leaves that are ruled out; the masks are those for which a missing value is above the
    /// threshold, and those for which it is not.
    fn ask<S: Simd, const N: usize>(
        simd: S,
        tile: &[Column<Self>],
        masks: (&[Mask<Self, N>], &[Mask<Self, N>]),
        live: &mut [[u32; BLOCK]; N],
    );
}

impl Live for f64 {
    #[inline(always)]
    fn ask<S: Simd, const N: usize>(
        _simd: S,
        tile: &[Column<Self>],
        masks: (&[Mask<Self, N>], &[Mask<Self, N>]),
        live: &mut [[u32; BLOCK]; N],
    ) {
        for (masks, missing_is_high) in [(masks.0, true), (masks.1, false)] {
            for mask in masks {
                let column = tile[mask.column as usize].as_flattened();
                for (live, left) in live.iter_mut().zip(mask.left) {
                    for (live, value) in live.iter_mut().zip(column) {
                        let above = *value > mask.threshold || (missing_is_high && value.is_nan());
                        *live &= if above { left } else { u32::MAX };
                    }
                }
            }
        }
    }
}

impl Live for f32 {
    #[inline(always)]
    fn ask<S: Simd, const N: usize>(
        simd: S,
        tile: &[Column<Self>],
        masks: (&[Mask<Self, N>], &[Mask<Self, N>]),
        live: &mut [[u32; BLOCK]; N],
    ) {
        let all = simd.splat_u32s(u32::MAX);
        for first in (0..BLOCK / S::F32_LANES).step_by(VECTORS) {
            let mut words = [[all; VECTORS]; N];
            for mask in masks.0 {
                let column = &S::as_simd_f32s(tile[mask.column as usize].as_flattened()).0[first..first + VECTORS];
                let threshold = simd.splat_f32s(mask.threshold);
                for (idx, values) in column.iter().enumerate() {
                    let keeps = simd.less_than_or_equal_f32s(*values, threshold);
                    for (words, left) in words.iter_mut().zip(mask.left) {
                        let kept = simd.select_u32s(keeps, all, simd.splat_u32s(left));
                        words[idx] = simd.and_u32s(words[idx], kept);
                    }
                }
            }
            for mask in masks.1 {
                let column = &S::as_simd_f32s(tile[mask.column as usize].as_flattened()).0[first..first + VECTORS];
                let threshold = simd.splat_f32s(mask.threshold);
                for (idx, values) in column.iter().enumerate() {
                    let loses = simd.greater_than_f32s(*values, threshold);
                    for (words, left) in words.iter_mut().zip(mask.left) {
                        let kept = simd.select_u32s(loses, simd.splat_u32s(left), all);
                        words[idx] = simd.and_u32s(words[idx], kept);
                    }
                }
            }
            for (live, words) in live.iter_mut().zip(words) {
                S::as_mut_simd_u32s(live).0[first..first + VECTORS].copy_from_slice(&words);
            }
        }
    }
}
