//! The benchmark: how fast a model answers, measured in the worker on rows of the reference data.
//!
//! It measures and keeps the whole distribution; what that comes to is [`crate::judge`]'s to say.

mod config;
mod machine;
mod rows;
mod run;

pub use config::{BenchmarkConfig, LARGEST_BATCH, MOST_RUNS};
pub use machine::machine;
pub use rows::{RowSource, Rows, rows};
pub use run::{BenchmarkPlan, run};
