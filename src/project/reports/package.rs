//! The report of building an image.

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::project::documents::Evidence;

/// `reports/package/<time>.ron`: one build of an image, and what was verified before it was tagged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
