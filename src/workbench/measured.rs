//! Reports on one version: which of them is at hand, and whether it says anything about the version at hand.

use semver::Version;

use super::Workbench;
use crate::project::ModelVersion;
use crate::project::reports::{BenchmarkReport, ProfileReport, Report};

/// A report on one version's model file.
pub trait OfVersion: Report {
    /// What was done, after “was”.
    const DONE: &'static str;

    /// The version.
    fn version(&self) -> &Version;

    /// SHA-256 of the model file that was used.
    fn model_sha256(&self) -> &str;
}

macro_rules! of_version {
    ($report:ty, $done:literal) => {
        impl OfVersion for $report {
            const DONE: &'static str = $done;

            fn version(&self) -> &Version {
                &self.version
            }

            fn model_sha256(&self) -> &str {
                &self.evidence.model
            }
        }
    };
}

of_version!(BenchmarkReport, "measured");
of_version!(ProfileReport, "profiled");

/// Whether a report is about a version as it is now.
fn is_about(report: &impl OfVersion, version: &ModelVersion) -> bool {
    *report.version() == version.record.version && report.model_sha256() == version.record.model.sha256
}

impl Workbench {
    /// The report to look at: the last on the version at hand, else the last on any.
    pub fn at_hand<R: OfVersion>(&self) -> Option<&R> {
        let reports: &[R] = self.project.as_ref()?.reports();
        let own = self.version().and_then(|version| reports.iter().rev().find(|report| is_about(*report, version)));
        own.or_else(|| reports.last())
    }

    /// Why [`Workbench::at_hand`] says nothing about the version at hand; `None` when it does.
    pub fn stale<R: OfVersion>(&self) -> Option<String> {
        let (report, version) = (self.at_hand::<R>()?, self.version()?);
        if is_about(report, version) {
            None
        } else if *report.version() == version.record.version {
            Some("the model changed since".to_owned())
        } else {
            Some(format!("{} was {}", report.version(), R::DONE))
        }
    }
}
