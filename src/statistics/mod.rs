//! Statistics: numbers in, numbers out; a value that is not defined is `None`, never 0 or NaN.

mod binomial;
mod confusion;
mod intervals;
mod latency;
mod ranking;
mod regression;

pub use binomial::quantile_ranks;
pub use confusion::{Averaging, Confusion};
pub use intervals::{Estimate, Z95, mean_interval, wilson};
pub use latency::{LatencyError, LatencyHistogram};
pub use ranking::{RankPoint, average_precision, roc_auc, roc_curve, thin_curve};
pub use regression::ErrorMoments;
