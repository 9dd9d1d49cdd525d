//! Reports: what was measured, one file a run, named by its time.
//!
//! A report keeps measurements and the verdict of its time. What it comes to today is `judge`'s to say, from the
//! report and today's brief.

mod benchmark;
mod drift;
mod evaluation;
mod judgement;
mod package;
mod profile;
mod readiness;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use benchmark::{BenchmarkReport, BenchmarkRun, Machine, Scenario, Scope};
pub use drift::{
    Bins, ColumnDrift, ColumnKind, ColumnRole, DriftReport, DriftSide, DriftTest, QualityCheck, Unexpected,
};
pub use evaluation::{ClassOutcomes, EvaluationReport, LogLoss, NumberOutcomes, Outcomes, ScoreCurve, ScorePoint};
pub use judgement::{Judgement, Verdict};
pub use package::{Check, LoadReport, LoadRun, PackageReport};
pub use profile::{OperatorCost, Profile, ProfileReport, Spread, StepCost};
pub use readiness::{ChecklistCategory, ChecklistItem, EvidenceLine, ItemStatus, ReadinessReport};

use super::error::ProjectError;
use super::saving::{read_document, write_document};
use super::{Project, ledger};
use crate::problem::Problem;

/// A kind of report.
pub trait Report: Serialize + DeserializeOwned {
    /// Its folder below the project's.
    const FOLDER: &'static str;

    /// Reports of this kind that are read on opening; older ones stay on disk.
    const KEPT: usize;

    /// When the run started.
    fn time(&self) -> Timestamp;

    /// The reports of this kind.
    fn of(reports: &Reports) -> &Vec<Self>;

    /// The reports of this kind, to add to.
    fn of_mut(reports: &mut Reports) -> &mut Vec<Self>;
}

/// The reports of a project, each kind oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    packages: Vec<PackageReport>,
    benchmarks: Vec<BenchmarkReport>,
    evaluations: Vec<EvaluationReport>,
    drifts: Vec<DriftReport>,
    profiles: Vec<ProfileReport>,
}

macro_rules! report {
    ($report:ty, $folder:literal, $kept:literal, $place:ident) => {
        impl Report for $report {
            const FOLDER: &'static str = $folder;
            const KEPT: usize = $kept;

            fn time(&self) -> Timestamp {
                self.time
            }

            fn of(reports: &Reports) -> &Vec<Self> {
                &reports.$place
            }

            fn of_mut(reports: &mut Reports) -> &mut Vec<Self> {
                &mut reports.$place
            }
        }
    };
}

report!(PackageReport, "reports/package", 100, packages);
report!(BenchmarkReport, "reports/benchmark", 100, benchmarks);
report!(EvaluationReport, "reports/evaluation", 100, evaluations);
report!(DriftReport, "reports/drift", 100, drifts);
// One of a large network is a megabyte.
report!(ProfileReport, "reports/profile", 20, profiles);

/// Folders of reports, for clearing leftovers.
pub(super) const FOLDERS: [&str; 5] = [
    PackageReport::FOLDER,
    BenchmarkReport::FOLDER,
    EvaluationReport::FOLDER,
    DriftReport::FOLDER,
    ProfileReport::FOLDER,
];

/// A report's file name: its time with what file systems dislike left out.
fn file_name(time: Timestamp) -> String {
    format!("{}.ron", time.strftime("%Y-%m-%dT%H-%M-%S%.3fZ"))
}

impl Reports {
    /// Reads the newest reports of every kind; those that cannot be read become findings.
    pub(super) fn read(root: &Path) -> (Self, Vec<Problem>) {
        let (mut reports, mut findings) = (Self::default(), Vec::new());
        reports.read_kind::<PackageReport>(root, &mut findings);
        reports.read_kind::<BenchmarkReport>(root, &mut findings);
        reports.read_kind::<EvaluationReport>(root, &mut findings);
        reports.read_kind::<DriftReport>(root, &mut findings);
        reports.read_kind::<ProfileReport>(root, &mut findings);
        (reports, findings)
    }

    fn read_kind<R: Report>(&mut self, root: &Path, findings: &mut Vec<Problem>) {
        let Ok(entries) = fs::read_dir(root.join(R::FOLDER)) else { return };
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
            .collect();
        paths.sort();
        let reports = R::of_mut(self);
        for path in paths.split_off(paths.len().saturating_sub(R::KEPT)) {
            match read_document::<R>(&path) {
                Ok(Some((parsed, _))) => reports.push(parsed.document),
                Ok(None) => {}
                Err(error) => findings.push(error.into()),
            }
        }
        reports.sort_by_key(R::time);
    }
}

impl Project {
    /// Reports of one kind, oldest first.
    pub fn reports<R: Report>(&self) -> &[R] {
        R::of(&self.reports)
    }

    /// Keeps a report; returns its path.
    pub fn add_report<R: Report>(&mut self, report: R) -> Result<PathBuf, ProjectError> {
        self.writable()?;
        let path = self.root().join(R::FOLDER).join(file_name(report.time()));
        write_document(self.disk.as_ref(), &path, &report)?;
        R::of_mut(&mut self.reports).push(report);
        Ok(path)
    }

    /// Reports of builds, oldest first.
    pub fn packages(&self) -> &[PackageReport] {
        self.reports()
    }

    /// Keeps a report of a build and notes it in the ledger; returns the report's path.
    pub fn add_package(&mut self, report: PackageReport, who: &str) -> Result<PathBuf, ProjectError> {
        let noted = report.passed().then(|| {
            let what = format!("build {}", report.tags.join(" "));
            (report.time, what, format!("{} checks passed", report.checks.len()))
        });
        let path = self.add_report(report)?;
        if let Some((time, what, why)) = noted {
            self.note(time, who, &what, &why)?;
        }
        Ok(path)
    }

    /// Adds a record to the ledger.
    pub fn note(&mut self, time: Timestamp, who: &str, what: &str, why: &str) -> Result<(), ProjectError> {
        self.writable()?;
        let record = ledger::record(self.ledger.len(), time, who, what, why);
        ledger::append(self.disk.as_ref(), self.root(), &record)?;
        self.ledger.push(record);
        Ok(())
    }
}
