//! Statistics: numbers in, numbers out; a value that is not defined is `None`, never 0 or NaN.

mod binomial;
mod bins;
mod chi_square;
mod confusion;
#[cfg(test)]
mod drift_tests;
#[cfg(test)]
mod evaluation_tests;
mod intervals;
mod kolmogorov;
mod ks;
mod latency;
mod psi;
mod ranking;
mod regression;

pub use binomial::quantile_ranks;
pub use bins::{count_sorted, quantile_edges};
pub use chi_square::chi_square;
pub use confusion::{Averaging, Confusion};
pub use intervals::{Estimate, Z95, mean_interval, wilson};
pub use ks::ks;
pub use latency::{LatencyError, LatencyHistogram};
pub use psi::{psi, psi_noise};
pub use ranking::{RankPoint, average_precision, roc_auc, roc_curve, thin_curve};
pub use regression::ErrorMoments;

/// What a two-sample test came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestResult {
    /// The statistic; what it is depends on the test.
    pub statistic: f64,
    /// Probability of such a statistic, or a larger one, when both samples come from one distribution.
    pub p: f64,
}
