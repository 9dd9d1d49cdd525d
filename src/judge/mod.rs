//! What measurements come to under today's brief: pure functions shared by pages, the command line and gates.
//!
//! **Invariant:** a judgement depends on the report, the document it is judged by, and the time passed in; never on
//! which front end asks.

mod benchmark;
mod brief;
mod cost;
mod drift;
mod evaluation;
mod figures;
mod load;
mod metric;
mod outcomes;
mod quantities;
mod retraining;

pub use benchmark::{
    Change, PercentileRow, judged_run, latency, millis, per_second, percentile_ms, percentile_name, percentiles,
    previous, rate, scope, steadiness, thousands, times, variation,
};
pub use brief::{Limit, LimitKind, Measurements, brief};
pub use cost::{
    CostKey, operator_moved, operator_name, operators_csv, sorted_operators, sorted_steps, step_moved, step_name,
    steps_csv,
};
pub use drift::{
    DriftCount, DriftState, by_severity, drift, drift_count, drift_reasons, drift_state, drifted, psi_limit,
    quality_checks, share_limit, share_text, value_text,
};
pub use evaluation::{Baseline, MetricLine, baseline, latest_evaluation, metrics, shown_value, success};
pub use figures::counted;
pub use load::{LOAD_PERCENTILES, LoadRow, load_line, load_memory, load_remark, load_rows};
pub use metric::measure;
pub use outcomes::{ConfusionTable, RocLine, confusion_table, roc_lines};
pub use quantities::{bytes, duration, quantity};
pub use retraining::retraining;

#[cfg(test)]
mod evaluation_tests;
