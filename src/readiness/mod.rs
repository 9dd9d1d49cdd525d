//! The readiness step: probes that look at what production asks, and the checklist computed from what they saw.

use jiff::Timestamp;

use crate::project::documents::Evidence;

/// What the probes saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// When they looked.
    pub time: Timestamp,
    /// Hashes of what is there.
    pub evidence: Evidence,
}
