//! Statistics: numbers in, numbers out; a value that is not defined is `None`, never 0 or NaN.

mod confusion;
mod intervals;
mod ranking;
mod regression;

pub use confusion::{Averaging, Confusion};
pub use intervals::{Estimate, Z95, mean_interval, wilson};
pub use ranking::{RankPoint, average_precision, roc_auc, roc_curve, thin_curve};
pub use regression::ErrorMoments;

#[cfg(test)]
mod evaluation_tests;
