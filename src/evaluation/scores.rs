//! Scores counted as they come, in bounded room.

use std::collections::BTreeMap;

use crate::project::reports::{ScoreCurve, ScorePoint};

/// The finest grid: 2⁻¹⁴, of which the probabilities have 16,385 steps.
const FIRST_STEP: f64 = 1.0 / 16_384.0;

/// What a row is to the class of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Positive,
    Negative,
    Unknown,
}

/// Counts of rows by score.
#[derive(Debug)]
pub(super) struct Scores {
    /// Most distinct scores.
    limit: usize,
    step: Option<f64>,
    /// By [`key`] of the score.
    points: BTreeMap<i64, (f64, [u64; 3])>,
}

/// Orders numbers as `f64::total_cmp` does.
fn key(score: f64) -> i64 {
    let bits = score.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

fn rounded(score: f64, step: Option<f64>) -> f64 {
    let rounded = step.filter(|_| score.is_finite()).map_or(score, |step| (score / step).floor() * step);
    // Minus zero is zero.
    rounded + 0.0
}

impl Scores {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(2), step: None, points: BTreeMap::new() }
    }

    /// Counts a row; the score is not NaN.
    pub(super) fn add(&mut self, score: f64, kind: Kind) {
        let score = rounded(score, self.step);
        self.points.entry(key(score)).or_insert((score, [0; 3])).1[kind as usize] += 1;
        while self.limit < self.points.len() {
            self.coarsen();
        }
    }

    /// Rounds to a grid, or to one of twice the step.
    fn coarsen(&mut self) {
        let step = match self.step {
            Some(step) => step * 2.0,
            None => self.first_step(),
        };
        self.step = Some(step);
        let mut points = BTreeMap::new();
        for (score, counts) in std::mem::take(&mut self.points).into_values() {
            let score = rounded(score, self.step);
            let (_, sums) = points.entry(key(score)).or_insert((score, [0_u64; 3]));
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        self.points = points;
    }

    /// A power of two, so that grids nest: that of probabilities, or one that fits the range into the limit.
    fn first_step(&self) -> f64 {
        let finite = || self.points.values().map(|(score, _)| *score).filter(|score| score.is_finite());
        let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        if 0.0 <= low && high <= 1.0 {
            return FIRST_STEP;
        }
        let wanted = (high / 2.0 - low / 2.0) / self.limit as f64 * 2.0;
        if wanted.is_finite() && 0.0 < wanted { wanted.log2().ceil().exp2() } else { FIRST_STEP }
    }

    pub(super) fn curve(self) -> ScoreCurve {
        let points = self.points.into_values().map(|(score, [n_positive, n_negative, n_unknown])| ScorePoint {
            score,
            n_positive,
            n_negative,
            n_unknown,
        });
        ScoreCurve { points: points.collect(), grid: self.step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_one_score_are_one_point_and_points_ascend() {
        let mut scores = Scores::new(100);
        for (score, kind) in
            [(0.5, Kind::Positive), (-1.0, Kind::Negative), (0.5, Kind::Unknown), (-0.0, Kind::Negative)]
        {
            scores.add(score, kind);
        }
        scores.add(0.0, Kind::Positive);
        scores.add(f64::NEG_INFINITY, Kind::Negative);
        let curve = scores.curve();
        let points: Vec<(f64, u64, u64, u64)> = curve.points.into_iter().map(Into::into).collect();
        let expected = [(f64::NEG_INFINITY, 0, 1, 0), (-1.0, 0, 1, 0), (0.0, 1, 1, 0), (0.5, 1, 0, 1)];
        assert_eq!((points, curve.grid), (expected.to_vec(), None));
    }

    #[test]
    fn many_distinct_scores_are_rounded_down_to_a_grid_and_no_row_is_lost() {
        for (limit, scale, offset) in [(20_000, 1.0, 0.0), (500, 1.0, 0.0), (100, 5e9, -1e9), (10, 1e-12, 3.0)] {
            let mut scores = Scores::new(limit);
            let n = 30_000_u32;
            for index in 0..n {
                scores.add(offset + scale * f64::from(index) / f64::from(n), Kind::Positive);
            }
            let curve = scores.curve();
            let step = curve.grid.unwrap();
            assert!(curve.points.len() <= limit, "{limit}: {}", curve.points.len());
            assert_eq!(curve.points.iter().map(|point| point.n_positive).sum::<u64>(), u64::from(n));
            assert!(curve.points.iter().all(|point| (point.score / step).fract().abs() < f64::EPSILON), "{limit}");
            assert!(curve.points.is_sorted_by(|a, b| a.score < b.score));
        }
    }
}
