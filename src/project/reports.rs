//! Reports on disk: one file a run, named by its time.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::documents::PackageReport;
use super::error::ProjectError;
use super::saving::{read_document, write_document};
use super::{Project, ledger};
use crate::problem::Problem;

const PACKAGE: &str = "reports/package";

/// A report's file name: its time with what file systems dislike left out.
fn file_name(time: Timestamp) -> String {
    format!("{}.ron", time.strftime("%Y-%m-%dT%H-%M-%S%.3fZ"))
}

/// Reads the package reports, oldest first; those that cannot be read become findings.
pub(super) fn read_packages(root: &Path) -> (Vec<PackageReport>, Vec<Problem>) {
    let (mut reports, mut findings) = (Vec::new(), Vec::new());
    let Ok(entries) = fs::read_dir(root.join(PACKAGE)) else { return (reports, findings) };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .collect();
    paths.sort();
    for path in paths {
        match read_document::<PackageReport>(&path) {
            Ok(Some((parsed, _))) => reports.push(parsed.document),
            Ok(None) => {}
            Err(error) => findings.push(error.into()),
        }
    }
    reports.sort_by_key(|report| report.time);
    (reports, findings)
}

impl Project {
    /// Keeps a report of a build and notes it in the ledger; returns the report's path.
    pub fn add_package(&mut self, report: PackageReport, who: &str) -> Result<PathBuf, ProjectError> {
        self.writable()?;
        let path = self.root().join(PACKAGE).join(file_name(report.time));
        write_document(self.disk.as_ref(), &path, &report)?;
        if report.passed() {
            let what = format!("build {}", report.tags.join(" "));
            self.note(report.time, who, &what, &format!("{} checks passed", report.checks.len()))?;
        }
        self.packages.push(report);
        Ok(path)
    }

    /// Adds a record to the ledger.
    pub(super) fn note(&mut self, time: Timestamp, who: &str, what: &str, why: &str) -> Result<(), ProjectError> {
        self.writable()?;
        let record = ledger::record(self.ledger.len(), time, who, what, why);
        ledger::append(self.disk.as_ref(), self.root(), &record)?;
        self.ledger.push(record);
        Ok(())
    }
}
