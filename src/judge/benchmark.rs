//! Latency against the brief's budget.

use crate::project::brief::LatencyBudget;
use crate::project::reports::{BenchmarkReport, BenchmarkRun, Judgement};

/// The latency at a percentile (0 to 100) in milliseconds; `None` when the run cannot tell.
pub fn percentile_ms(_run: &BenchmarkRun, _percentile: f64) -> Option<f64> {
    None
}

/// What the measured latency comes to under `budget`.
pub fn latency(_report: Option<&BenchmarkReport>, _budget: Option<&LatencyBudget>) -> Judgement {
    Judgement::default()
}
