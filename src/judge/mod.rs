//! What measurements come to under today's brief: pure functions shared by pages, the command line and gates.
//!
//! **Invariant:** a judgement depends on the report, the document it is judged by, and the time passed in; never on
//! which front end asks.

mod benchmark;
mod drift;
mod evaluation;

pub use benchmark::{
    Change, PercentileRow, judged_run, latency, millis, per_second, percentile_ms, percentile_name, percentiles,
    previous, rate, scope, steadiness, thousands, times, variation,
};
pub use drift::{drift, drifted};
pub use evaluation::success;
