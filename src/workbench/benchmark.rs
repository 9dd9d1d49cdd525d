//! Commands on the benchmark.

use jiff::Timestamp;

use super::outcome::{Outcome, Slot};
use super::{Workbench, need_version, no_project};
use crate::benchmark::{self, BenchmarkConfig, BenchmarkPlan, RowSource};
use crate::command::BenchmarkRequest;
use crate::features::Mapping;
use crate::judge;
use crate::problem::Problem;
use crate::project::Project;
use crate::project::brief::LatencyBudget;
use crate::project::reports::{BenchmarkReport, Judgement, Verdict};
use crate::step::Standing;

/// A judgement with what it was made from, so that a page does not make it anew in every frame.
#[derive(Debug, Default)]
pub(super) struct JudgedLatency {
    of: Option<(Timestamp, Option<LatencyBudget>)>,
    judgement: Judgement,
}

impl Workbench {
    pub(super) fn run_benchmark(&mut self, request: &BenchmarkRequest) -> Result<(), Problem> {
        self.save()?;
        let version = need_version(self)?;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let mapping = Mapping::new(&project.documents.features, &version.record.model.contract)?;
        let budget = self.latency_budget().cloned();
        let config = BenchmarkConfig::new(request, budget.as_ref().map(|budget| budget.batch), mapping.batch())?;
        let reference = project.documents.config.data.reference.as_ref();
        let mut plan = BenchmarkPlan {
            time: self.now(),
            version: version.record.version.clone(),
            model_path: version.model_path(),
            sha256: Some(version.record.model.sha256.clone()),
            mapping,
            source: RowSource {
                reference: reference.map(|file| project.data_path(file)),
                reference_name: reference.map(|file| file.path.clone()).unwrap_or_default(),
                golden: version.golden.clone(),
            },
            config,
            worker: self.environment.worker.clone(),
            evidence: version.record.evidence.clone(),
        };
        let root = project.root().to_owned();
        self.spawn(Slot::Benchmark, format!("Benchmark of {}", plan.version), move |context| {
            context.progress(None, "Hashing the code and the data");
            // The project is read anew: this thread may not touch the one on display.
            let project = Project::open(&root).map_err(Problem::from)?;
            plan.evidence = project.evidence(project.version(&plan.version)).map_err(Problem::from)?;
            let mut report = benchmark::run(&plan, context)?;
            report.judged = judge::latency(Some(&report), budget.as_ref());
            context.check()?;
            Ok(Outcome::Benchmarked(Box::new(report)))
        });
        Ok(())
    }

    pub(super) fn take_benchmark(&mut self, report: BenchmarkReport) -> Result<(), Problem> {
        self.benchmark.last = Some(report.clone());
        self.open_project()?.add_report(report)?;
        Ok(())
    }

    /// The brief's limit on latency, where it states one.
    pub fn latency_budget(&self) -> Option<&LatencyBudget> {
        self.project.as_ref()?.documents.brief.latency.value.as_ref()
    }

    /// What the benchmark at hand comes to under today's brief.
    pub fn benchmark_judged(&self) -> Judgement {
        let (report, budget) = (self.at_hand::<BenchmarkReport>(), self.latency_budget());
        let Some(report) = report else { return judge::latency(None, budget) };
        let of = Some((report.time, budget.cloned()));
        let mut known = self.judged_latency.borrow_mut();
        if known.of != of {
            *known = JudgedLatency { of, judgement: judge::latency(Some(report), budget) };
        }
        known.judgement.clone()
    }

    pub(super) fn benchmark_standing(&self) -> (Standing, String) {
        if let Some(id) = self.benchmark.running() {
            let context = self.running.iter().find(|running| running.id == id).map(|running| running.job.context());
            return (Standing::Running, context.map(crate::jobs::JobContext::stage).unwrap_or_default());
        }
        if self.benchmark.problem().is_some() {
            return (Standing::Fail, "the last run failed".to_owned());
        }
        if self.at_hand::<BenchmarkReport>().is_none() {
            return (Standing::NotStarted, "not run yet".to_owned());
        }
        if let Some(stale) = self.stale::<BenchmarkReport>() {
            return (Standing::Stale, stale);
        }
        let judged = self.benchmark_judged();
        match (judged.verdict, self.latency_budget()) {
            (Verdict::Pass, Some(budget)) => (Standing::Pass, against(&judged, budget)),
            (Verdict::Fail, Some(budget)) => (Standing::Fail, against(&judged, budget)),
            (Verdict::Undecided, _) => {
                let why = judged.reason.split_once(':').map_or("undecided", |(why, _)| why);
                (Standing::Warn, why.to_owned())
            }
            _ => (Standing::Warn, format!("{}, no limit", judged.measured)),
        }
    }
}

/// `p95 0.021 of 200 ms`
fn against(judged: &Judgement, budget: &LatencyBudget) -> String {
    format!("{} of {} ms", judged.measured.trim_end_matches(" ms"), judge::millis(budget.limit_ms))
}
