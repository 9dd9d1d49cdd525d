//! The report of building an image.

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::BenchmarkRun;
use crate::project::documents::Evidence;

/// `reports/package/<time>.ron`: one build of an image, and what was verified before it was tagged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageReport {
    /// When the build started.
    pub time: Timestamp,
    /// The version packaged.
    pub version: Version,
    /// Identity of the image, `sha256:…`; empty when the build failed.
    pub image_id: String,
    /// References the image carries; empty when verification failed.
    pub tags: Vec<String>,
    /// The engine's own figure of the image's size.
    pub size_bytes: u64,
    /// The engine: version and API version.
    pub engine: String,
    /// How long each stage took, in milliseconds.
    pub timings_ms: Vec<(String, u64)>,
    /// What was checked.
    pub checks: Vec<Check>,
    /// Hashes at the time of the build.
    pub evidence: Evidence,
    /// How fast the container answered, and how much memory it took; `None` where it did not come to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadReport>,
}

impl PackageReport {
    /// Whether everything that was checked passed, and something was.
    pub fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.pass)
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What, in a few words.
    pub name: String,
    /// Whether it held.
    pub pass: bool,
    /// What was seen.
    pub detail: String,
}

/// Requests one after another for a few seconds, to the container and to the same executable outside of it.
///
/// Both are asked the same in turns by one client over one connection: what differs is what the container costs. It is
/// no benchmark at the brief's rate, and decides nothing about the brief's latency budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// What each request asks, in a few words.
    pub asked: String,
    /// The container.
    pub inside: LoadRun,
    /// The same executable as a process of its own on this machine.
    #[serde(default)]
    pub outside: Option<LoadRun>,
    /// Why there is nothing outside to compare with; empty when there is.
    #[serde(default)]
    pub outside_missing: String,
    /// The most memory of the container that the engine saw, without caches that can be dropped.
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
    /// How often the engine looked.
    #[serde(default)]
    pub n_memory_samples: u64,
    /// What the container may take; 0 is no limit.
    #[serde(default)]
    pub memory_limit_bytes: u64,
}

/// One side of a [`LoadReport`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadRun {
    /// Requests, time and the whole distribution of those that were answered with 200.
    pub run: BenchmarkRun,
    /// Requests that were answered otherwise, or not at all.
    pub n_failed: u64,
    /// Resident memory of the server's process after it, as its own metrics say.
    #[serde(default)]
    pub resident_bytes: Option<u64>,
}
