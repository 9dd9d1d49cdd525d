//! Commands on the evaluation, a part of the model's page.

use super::Workbench;
use crate::problem::Problem;
use crate::project::reports::EvaluationReport;

impl Workbench {
    pub(super) fn evaluate(&mut self) -> Result<(), Problem> {
        Err(Problem::new("The evaluation is not there yet", "", ""))
    }

    pub(super) fn take_evaluation(&mut self, report: EvaluationReport) -> Result<(), Problem> {
        self.evaluation.last = Some(report.clone());
        self.open_project()?.add_report(report)?;
        Ok(())
    }
}
