//! The production checklist as it stands: computed from documents, reports and probes, and not kept on disk.

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::Judgement;
use crate::project::documents::Evidence;

/// What production asks, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessReport {
    /// When the probes looked.
    pub time: Timestamp,
    /// The version it is about.
    pub version: Option<Version>,
    /// The eleven items of the checklist, in order.
    pub items: Vec<ChecklistItem>,
    /// What the brief asks and can be measured.
    pub brief: Vec<ChecklistItem>,
    /// What the evidence is keyed to.
    pub evidence: Evidence,
    /// What it comes to: passes when nothing blocks.
    pub judged: Judgement,
}

impl ReadinessReport {
    /// Items that block, of the checklist and of the brief.
    pub fn blocking(&self) -> impl Iterator<Item = &ChecklistItem> {
        self.items.iter().chain(&self.brief).filter(|item| item.status.blocks())
    }
}

/// The part of the work an item belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecklistCategory {
    /// The model's own code.
    Code,
    /// The model.
    Model,
    /// Its tests.
    Testing,
    /// How it is called.
    Api,
    /// How it is watched.
    Monitoring,
    /// What the brief asks.
    Brief,
}

impl ChecklistCategory {
    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Code => "Code",
            Self::Model => "Model",
            Self::Testing => "Testing",
            Self::Api => "API",
            Self::Monitoring => "Monitoring",
            Self::Brief => "Brief",
        }
    }
}

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Evidence says yes.
    Pass,
    /// Evidence says no.
    Fail,
    /// There is evidence, of something that has changed since.
    Stale,
    /// Nobody looked.
    Unchecked,
    /// Somebody vouches for it with a waiver: it is not met, and that is accepted for now.
    Waived,
    /// Somebody says so, with a note.
    Attested,
}

impl ItemStatus {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Stale => "stale",
            Self::Unchecked => "unchecked",
            Self::Waived => "waived",
            Self::Attested => "attested",
        }
    }

    /// Whether it keeps a model from production.
    pub fn blocks(self) -> bool {
        matches!(self, Self::Fail | Self::Stale | Self::Unchecked)
    }
}

/// One question of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistItem {
    /// Its name for commands: `version-control`.
    pub id: String,
    /// Its name for people: `In version control`.
    pub label: String,
    /// The part of the work it belongs to.
    pub category: ChecklistCategory,
    /// How it stands.
    pub status: ItemStatus,
    /// Why, in one sentence without a period.
    pub reason: String,
    /// What the status stands on.
    pub evidence: Vec<EvidenceLine>,
    /// What to do about it; empty when nothing needs to be done.
    pub fix: String,
    /// When the evidence was taken.
    pub when: Option<Timestamp>,
    /// What was asked and measured, for the brief's limits.
    pub judged: Option<Judgement>,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceLine {
    /// What it is: `commit`, `file`, `report`, `attestation`, `waiver`.
    pub kind: String,
    /// What it says.
    pub detail: String,
}

impl EvidenceLine {
    /// A line of a kind.
    pub fn new(kind: &str, detail: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), detail: detail.into() }
    }
}
