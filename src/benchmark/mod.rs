//! The benchmark: how fast a model answers, and what its operators cost, measured in the worker on rows of the
//! reference data.
//!
//! It measures and keeps the whole distribution; what that comes to is [`crate::judge`]'s to say.

mod config;
mod machine;
mod profile;
mod rows;
mod run;

pub use config::{BenchmarkConfig, LARGEST_BATCH, MOST_RUNS};
pub use machine::machine;
pub use profile::{ProfilePlan, profile};
pub use rows::{RowSource, Rows, rows};
pub use run::{BenchmarkPlan, run};
