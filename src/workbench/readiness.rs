//! Commands on the checklist.

use jiff::civil::Date;

use super::Workbench;
use crate::problem::Problem;
use crate::project::reports::ReadinessReport;
use crate::step::Standing;

impl Workbench {
    pub(super) fn check_readiness(&mut self) -> Result<(), Problem> {
        Err(Problem::new("The checklist is not there yet", "", ""))
    }

    pub(super) fn attest(&mut self, _item: &str, _note: &str) -> Result<(), Problem> {
        Err(Problem::new("The checklist is not there yet", "", ""))
    }

    pub(super) fn waive(
        &mut self,
        _item: &str,
        _reason: &str,
        _owner: Option<String>,
        _expires: Date,
    ) -> Result<(), Problem> {
        Err(Problem::new("The checklist is not there yet", "", ""))
    }

    pub(super) fn withdraw(&mut self, _item: &str, _why: &str) -> Result<(), Problem> {
        Err(Problem::new("The checklist is not there yet", "", ""))
    }

    /// The checklist as it stands, judged by today's documents; `None` before the probes looked.
    pub fn readiness(&self) -> Option<ReadinessReport> {
        None
    }

    pub(super) fn readiness_standing(&self) -> (Standing, String) {
        (Standing::NotStarted, "not checked yet".to_owned())
    }
}
