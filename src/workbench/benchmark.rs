//! Commands on the benchmark.

use super::Workbench;
use crate::command::BenchmarkLength;
use crate::problem::Problem;
use crate::project::reports::BenchmarkReport;
use crate::step::Standing;

impl Workbench {
    pub(super) fn run_benchmark(&mut self, _length: BenchmarkLength) -> Result<(), Problem> {
        Err(Problem::new("The benchmark is not there yet", "", ""))
    }

    pub(super) fn take_benchmark(&mut self, report: BenchmarkReport) -> Result<(), Problem> {
        self.benchmark.last = Some(report.clone());
        self.open_project()?.add_report(report)?;
        Ok(())
    }

    pub(super) fn benchmark_standing(&self) -> (Standing, String) {
        (Standing::NotStarted, "not run yet".to_owned())
    }
}
