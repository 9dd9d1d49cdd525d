//! Commands on data: comparing it, declaring its files.

use std::path::Path;

use super::Workbench;
use crate::command::DataRole;
use crate::problem::Problem;
use crate::project::reports::DriftReport;
use crate::step::Standing;

impl Workbench {
    pub(super) fn compare_data(&mut self) -> Result<(), Problem> {
        Err(Problem::new("The comparison is not there yet", "", ""))
    }

    pub(super) fn use_data(&mut self, _role: DataRole, _path: &Path) -> Result<(), Problem> {
        Err(Problem::new("Declaring data is not there yet", "", ""))
    }

    pub(super) fn take_drift(&mut self, report: DriftReport) -> Result<(), Problem> {
        self.drift.last = Some(report.clone());
        self.open_project()?.add_report(report)?;
        Ok(())
    }

    pub(super) fn drift_standing(&self) -> (Standing, String) {
        (Standing::NotStarted, "not compared yet".to_owned())
    }
}
