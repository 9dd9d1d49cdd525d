//! How well scores put the positives above the negatives.

use super::intervals::{Estimate, Z95};

/// Rows that share a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankPoint {
    /// The score.
    pub score: f64,
    /// Positives among them.
    pub n_positive: u64,
    /// Negatives among them.
    pub n_negative: u64,
}

fn totals(points: &[RankPoint]) -> (f64, f64) {
    points.iter().fold((0.0, 0.0), |(positives, negatives), point| {
        (positives + point.n_positive as f64, negatives + point.n_negative as f64)
    })
}

/// Area under the ROC curve: the probability that a positive scores higher than a negative, ties counted half.
///
/// It is the Mann–Whitney statistic as a share, with the 95 % interval of `DeLong`, `DeLong` and Clarke-Pearson (1988)
/// cut off at 0 and 1.
/// `points` ascend by score. `None` without a positive or without a negative. There is no interval with a single
/// row of either kind, or when the scores separate them perfectly.
pub fn roc_auc(points: &[RankPoint]) -> Option<Estimate> {
    let (positives, negatives) = totals(points);
    if positives < 1.0 || negatives < 1.0 {
        return None;
    }
    // The placement of a row: the share of the other kind that it stands on the right side of.
    let placements = |mut each: Box<dyn FnMut(f64, f64, f64, f64) + '_>| {
        let (mut positives_below, mut negatives_below) = (0.0, 0.0);
        for point in points {
            let (p, n) = (point.n_positive as f64, point.n_negative as f64);
            let of_positive = (negatives_below + n / 2.0) / negatives;
            let of_negative = (positives - positives_below - p / 2.0) / positives;
            each(p, of_positive, n, of_negative);
            positives_below += p;
            negatives_below += n;
        }
    };
    let mut sum = 0.0;
    placements(Box::new(|p, placement, _, _| sum += p * placement));
    let auc = sum / positives;
    if positives < 2.0 || negatives < 2.0 {
        return Some(Estimate { value: auc, interval: None });
    }
    let (mut of_positives, mut of_negatives) = (0.0, 0.0);
    placements(Box::new(|p, of_positive, n, of_negative| {
        of_positives += p * (of_positive - auc).powi(2);
        of_negatives += n * (of_negative - auc).powi(2);
    }));
    let variance = of_positives / (positives - 1.0) / positives + of_negatives / (negatives - 1.0) / negatives;
    Some(Estimate::normal(auc, variance.sqrt(), (0.0, 1.0)))
}

/// Average precision: the precision at each distinct score from the highest down, weighted by the gain in recall.
///
/// There is no interpolation, as in `sklearn.metrics.average_precision_score`.
/// The 95 % interval is the logit interval of Boyd, Eng and Page (2013), with the number of positives as the sample
/// size. `points` ascend by score. `None` without a positive; no interval when the value is 0 or 1.
pub fn average_precision(points: &[RankPoint]) -> Option<Estimate> {
    let (positives, _) = totals(points);
    if positives < 1.0 {
        return None;
    }
    let (mut found, mut called, mut sum) = (0.0, 0.0, 0.0);
    for point in points.iter().rev() {
        let p = point.n_positive as f64;
        found += p;
        called += p + point.n_negative as f64;
        if 0.0 < called {
            sum += p / positives * (found / called);
        }
    }
    let value = sum.min(1.0);
    let interval = (0.0 < value && value < 1.0).then(|| {
        let logit = (value / (1.0 - value)).ln();
        let half = Z95 / (positives * value * (1.0 - value)).sqrt();
        let share = |logit: f64| 1.0 / (1.0 + (-logit).exp());
        (share(logit - half), share(logit + half))
    });
    Some(Estimate { value, interval })
}

/// The ROC curve as (false positive rate, true positive rate, score from which positives are called), from (0, 0) at
/// an infinite score to (1, 1) at the lowest.
///
/// `points` ascend by score. Empty without a positive or without a negative.
pub fn roc_curve(points: &[RankPoint]) -> Vec<(f64, f64, f64)> {
    let (positives, negatives) = totals(points);
    if positives < 1.0 || negatives < 1.0 {
        return Vec::new();
    }
    let mut curve = Vec::with_capacity(points.len() + 1);
    curve.push((0.0, 0.0, f64::INFINITY));
    let (mut found, mut false_alarms) = (0.0, 0.0);
    for point in points.iter().rev() {
        found += point.n_positive as f64;
        false_alarms += point.n_negative as f64;
        curve.push((false_alarms / negatives, found / positives, point.score));
    }
    curve
}

/// A curve for drawing: first and last kept, and between them a point for every step of `1 / n_steps` along either
/// axis, so that what is left out lies within a step of what is drawn.
pub fn thin_curve(curve: &[(f64, f64, f64)], n_steps: u32) -> Vec<(f64, f64, f64)> {
    let step = 1.0 / f64::from(n_steps.max(1));
    let mut thin: Vec<(f64, f64, f64)> = Vec::new();
    for (index, point) in curve.iter().enumerate() {
        let far = thin.last().is_none_or(|last| step <= point.0 - last.0 || step <= point.1 - last.1);
        if far || index + 1 == curve.len() {
            thin.push(*point);
        }
    }
    thin
}
