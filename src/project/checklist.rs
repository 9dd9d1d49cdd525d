//! `checklist.ron`: what people vouch for.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::documents::Evidence;

/// Attestations and waivers, at most one of each for an item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checklist {
    /// What somebody says is done.
    pub attestations: Vec<Attestation>,
    /// What somebody accepts as not done.
    pub waivers: Vec<Waiver>,
}

/// Somebody says that an item is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// The item.
    pub item: String,
    /// How they know.
    pub note: String,
    /// Who.
    pub who: String,
    /// When.
    pub when: Timestamp,
    /// What it was said about; it goes stale with it.
    pub evidence: Evidence,
}

/// Somebody accepts for a while that an item is not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The item.
    pub item: String,
    /// Why it may wait.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day it holds.
    pub expires: Date,
    /// Who waived it.
    pub who: String,
    /// When.
    pub when: Timestamp,
    /// What the brief asked then, for its limits: a limit that is changed is not waived any more. Empty for other items.
    #[serde(default)]
    pub asked: String,
}
