//! What measurements come to under today's brief: pure functions shared by pages, the command line and gates.
//!
//! **Invariant:** a judgement depends on the report, the document it is judged by, and the time passed in; never on
//! which front end asks.

mod benchmark;
mod drift;
mod evaluation;

pub use benchmark::{latency, percentile_ms};
pub use drift::{drift, drifted};
pub use evaluation::success;
