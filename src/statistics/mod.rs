//! Distributions, tests and intervals: numbers in, numbers out.

mod binomial;
mod latency;

pub use binomial::quantile_ranks;
pub use latency::{LatencyError, LatencyHistogram};
