//! The only place that reads the clock; everything else takes the time as a parameter.

use jiff::Timestamp;

/// The present moment.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
