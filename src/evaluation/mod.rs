//! The evaluation: a version asked rows whose true answer is known, and its answers counted beside the truth.
//!
//! It reads and counts; what the counts come to under a brief is `judge`'s to say.

mod classes;
mod labels;
mod numbers;
mod run;
mod scores;

pub use run::{Counted, Labelled, evaluate, labelled_data};
