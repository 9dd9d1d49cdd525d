//! What measurements come to under today's brief: pure functions shared by pages, the command line and gates.
//!
//! **Invariant:** a judgement depends on the report, the document it is judged by, and the time passed in; never on
//! which front end asks.

mod benchmark;
mod drift;
mod evaluation;

pub use benchmark::{latency, percentile_ms};
pub use drift::{
    DriftCount, DriftState, by_severity, drift, drift_count, drift_reasons, drift_state, drifted, psi_limit,
    quality_checks, share_limit, share_text, value_text,
};
pub use evaluation::success;
