//! The readiness step: probes that look at what production asks, and the checklist computed from what they saw.
//!
//! **Invariant:** a probe only reads. [`checklist`] and [`limits`] are functions of their arguments, the date included.

mod automatic;
mod checklist;
mod dependencies;
mod items;
mod limits;
mod markdown;
mod probe;
mod requirement;
#[cfg(test)]
mod tests;
mod version_control;

pub use checklist::{Facts, checklist, standing};
pub use dependencies::{Dependencies, Loose};
pub use items::{ITEMS, Item, Part};
pub use limits::{Limit, Measured, limits};
pub use markdown::markdown;
pub use probe::{Probe, ProbeRequest, probe};
pub use version_control::{Remote, Repository, VersionControl};
