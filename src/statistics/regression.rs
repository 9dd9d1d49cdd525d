//! How far numbers are off.

use super::intervals::{Estimate, mean_interval};

/// Sums over rows of the error e (answer − truth) and the distance d of the truth from the mean of all truths: what
/// every regression metric and its interval is computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ErrorMoments {
    /// Rows.
    pub n: u64,
    /// Σ |e|
    pub sum_absolute: f64,
    /// Σ e²
    pub sum_squared: f64,
    /// Σ e⁴
    pub sum_fourth: f64,
    /// Σ d²
    pub sum_distance: f64,
    /// Σ d⁴
    pub sum_distance_fourth: f64,
    /// Σ e²·d²
    pub sum_product: f64,
}

impl ErrorMoments {
    /// The sums over pairs of truth and answer.
    pub fn of(pairs: &[(f64, f64)]) -> Self {
        let n = pairs.len() as f64;
        // Added up from a value near them all, so that a large common part takes no digits from the rest.
        let near = pairs.first().map_or(0.0, |pair| pair.0);
        let mean = near + pairs.iter().map(|(truth, _)| truth - near).sum::<f64>() / n.max(1.0);
        let mut moments = Self { n: pairs.len() as u64, ..Self::default() };
        for (truth, answer) in pairs {
            let (error, distance) = ((answer - truth).abs(), truth - mean);
            let (squared, distance) = (error * error, distance * distance);
            moments.sum_absolute += error;
            moments.sum_squared += squared;
            moments.sum_fourth += squared * squared;
            moments.sum_distance += distance;
            moments.sum_distance_fourth += distance * distance;
            moments.sum_product += squared * distance;
        }
        moments
    }

    /// Mean absolute error, with the normal interval of a mean; `None` without rows.
    pub fn mae(&self) -> Option<Estimate> {
        mean_interval(self.n, self.sum_absolute, self.sum_squared, 0.0)
    }

    /// Root mean squared error; its interval is the root of the normal interval of the mean squared error. `None`
    /// without rows.
    pub fn rmse(&self) -> Option<Estimate> {
        mean_interval(self.n, self.sum_squared, self.sum_fourth, 0.0).map(|squared| squared.map(f64::sqrt))
    }

    /// Coefficient of determination, 1 − Σe² / Σd²; `None` with fewer than two rows, or when the truth never varies.
    ///
    /// The interval is the delta method's on the ratio r = Σe² / Σd²: with q the mean of (e² − r·d²)²
    /// and s the mean of d², the variance is q / (s²·n).
    pub fn r2(&self) -> Option<Estimate> {
        if self.n < 2 || self.sum_distance <= 0.0 {
            return None;
        }
        let n = self.n as f64;
        let ratio = self.sum_squared / self.sum_distance;
        let square = self.sum_fourth - 2.0 * ratio * self.sum_product + ratio * ratio * self.sum_distance_fourth;
        let variance = (square / n).max(0.0) / (self.sum_distance / n).powi(2) / n;
        Some(Estimate::normal(1.0 - ratio, variance.sqrt(), (f64::NEG_INFINITY, 1.0)))
    }
}
