//! What measurements come to under today's brief: pure functions shared by pages, the command line and gates.
//!
//! **Invariant:** a judgement depends on the report, the document it is judged by, and the time passed in; never on
//! which front end asks.

mod benchmark;
mod brief;
mod drift;
mod evaluation;
mod figures;
mod metric;
mod outcomes;
mod retraining;

pub use benchmark::{latency, percentile_ms};
pub use brief::{Limit, LimitKind, Measurements, brief};
pub use drift::{drift, drifted};
pub use evaluation::{Baseline, MetricLine, baseline, latest_evaluation, metrics, shown_value, success};
pub use metric::measure;
pub use outcomes::{ConfusionTable, RocLine, confusion_table, roc_lines};
pub use retraining::retraining;

#[cfg(test)]
mod evaluation_tests;
