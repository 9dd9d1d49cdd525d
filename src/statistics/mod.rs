//! Statistics shared by steps: distributions, two-sample tests, intervals, latency histograms. Pure functions.

mod bins;
mod chi_square;
#[cfg(test)]
mod drift_tests;
mod kolmogorov;
mod ks;
mod psi;

pub use bins::{count_sorted, quantile_edges};
pub use chi_square::chi_square;
pub use ks::ks;
pub use psi::{psi, psi_noise};

/// What a two-sample test came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestResult {
    /// The statistic; what it is depends on the test.
    pub statistic: f64,
    /// Probability of such a statistic, or a larger one, when both samples come from one distribution.
    pub p: f64,
}
