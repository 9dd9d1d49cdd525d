//! `trestle bench`: measures how fast a version answers, or judges what was measured before.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{BenchArgs, OutputArgs};
use super::progress::Progress;
use super::report::{Report, Verdict, table};
use super::{need_report, open, report_on};
use crate::benchmark::{self, BenchmarkConfig, BenchmarkPlan, RowSource};
use crate::command::{BenchmarkLength, BenchmarkRequest, Command};
use crate::engine::Worker;
use crate::features::{Mapping, contract_from_model};
use crate::jobs::{JobContext, JobError, no_wake};
use crate::judge;
use crate::problem::Problem;
use crate::project::brief::LatencyBudget;
use crate::project::documents::Evidence;
use crate::project::reports::{self, BenchmarkReport, BenchmarkRun, Judgement};
use crate::statistics::LatencyHistogram;
use crate::workbench::{Environment, Workbench};

pub(super) fn bench(
    environment: Environment,
    place: &Path,
    args: &BenchArgs,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    if place.is_file() {
        return bare(environment, place, args, version);
    }
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, place.to_owned(), version)?;
    if args.last {
        need_report::<BenchmarkReport>(&workbench, place, "bench")?;
    } else {
        workbench.run(Command::RunBenchmarkOf(request(args)), |jobs| progress.show(jobs))?;
    }
    drop(progress);
    let mut report = report_on("bench", &workbench);
    let judged = workbench.benchmark_judged();
    let measured = workbench.at_hand::<BenchmarkReport>().ok_or(JobError::Cancelled)?;
    tell(&mut report, measured, workbench.latency_budget(), &judged);
    compare(&mut report, &workbench, measured);
    Ok(report)
}

fn request(args: &BenchArgs) -> BenchmarkRequest {
    let length = match (args.quick, args.long) {
        (true, _) => BenchmarkLength::Quick,
        (_, true) => BenchmarkLength::Long,
        _ => BenchmarkLength::Standard,
    };
    BenchmarkRequest { length, seconds: args.seconds, batches: args.batch.clone(), threads: args.threads.clone() }
}

/// A model outside a project: one made-up row, no brief, and nothing is kept.
fn bare(environment: Environment, model: &Path, args: &BenchArgs, version: Option<&str>) -> Result<Report, JobError> {
    if args.last || version.is_some() {
        let what = "A model file has no versions and no earlier benchmark";
        return Err(Problem::new(what, model.display().to_string(), "Name a project for that.").into());
    }
    let context = JobContext::new(no_wake());
    let mut worker = Worker::start(&environment.worker).map_err(Problem::from)?;
    let inspection = worker.inspect(model, &context).map_err(Problem::from)?;
    drop(worker);
    let mapping =
        Mapping::new(&contract_from_model(&inspection.contract), &inspection.contract).map_err(Problem::from)?;
    let config = BenchmarkConfig::new(&request(args), None, mapping.batch())?;
    let plan = BenchmarkPlan {
        time: (environment.now)(),
        version: semver::Version::new(0, 0, 0),
        model_path: model.to_owned(),
        sha256: None,
        mapping,
        source: RowSource::default(),
        config,
        worker: environment.worker,
        evidence: Evidence { model: inspection.sha256, ..Evidence::default() },
    };
    let measured = benchmark::run(&plan, &context)?;
    let mut report = Report::new("bench");
    report.set("model", PathBuf::from(model));
    tell(&mut report, &measured, None, &Judgement::default());
    Ok(report)
}

/// The measurement and its judgement, for programs and for people.
fn tell(report: &mut Report, measured: &BenchmarkReport, budget: Option<&LatencyBudget>, judged: &Judgement) {
    let verdict = match judged.verdict {
        reports::Verdict::Pass => Verdict::Pass,
        // A gate cannot let through what was asked and not found out.
        reports::Verdict::Fail | reports::Verdict::Undecided => Verdict::Fail,
        reports::Verdict::None => Verdict::None,
    };
    let reasons: Vec<String> = Some(judged.reason.clone()).filter(|reason| !reason.is_empty()).into_iter().collect();
    report.judge(verdict, &reasons);
    report.set("time", measured.time);
    report.set("preset", &measured.preset);
    report.set("runs", measured.runs.iter().map(|run| as_json(measured, run)).collect::<Vec<_>>());
    let judged_run = budget.and_then(|budget| judge::judged_run(measured, Some(budget)));
    report.set(
        "brief",
        budget.map(|budget| {
            json!({
                "percentile": budget.percentile, "limit_ms": budget.limit_ms,
                "measured_ms": judged_run.and_then(|run| judge::percentile_ms(run, budget.percentile)),
            })
        }),
    );
    report.set("load_ms", measured.load_ms);
    report.set("first_call_ms", measured.first_call_ms);
    report.set("peak_memory_bytes", measured.peak_memory_bytes);
    report.set("rows", &measured.rows);
    report.set("notes", &measured.notes);
    report.set("machine", &measured.machine);
    if !judged.asked.is_empty() {
        report.say(format!("The brief says {}", judged.asked));
    }
    if !judged.reason.is_empty() {
        let word = match judged.verdict {
            reports::Verdict::Pass => "passes: ",
            reports::Verdict::Fail => "FAILS: ",
            reports::Verdict::Undecided => "UNDECIDED, which fails: ",
            reports::Verdict::None => "",
        };
        report.say(format!("{word}{}", judged.reason));
    }
    for line in table(&run_rows(measured)) {
        report.say(line);
    }
    let memory = measured.peak_memory_bytes.map_or_else(String::new, |bytes| format!(", {} MiB at most", bytes >> 20));
    let (load, first) = (judge::millis(measured.load_ms), judge::millis(measured.first_call_ms));
    report.say(format!("Loaded in {load} ms, first call {first} ms{memory}"));
    let machine = &measured.machine;
    report.say(format!(
        "Asked {}; on {}, {} processors, Trestle {}",
        measured.rows, machine.processor, machine.n_processors, machine.trestle
    ));
    for note in &measured.notes {
        report.say(format!("{note}."));
    }
}

/// A percentile with too few samples beyond it is null.
fn as_json(measured: &BenchmarkReport, run: &BenchmarkRun) -> serde_json::Value {
    let ms = |percentile: f64| judge::percentile_ms(run, percentile);
    let histogram = LatencyHistogram::decode(&run.histogram).ok();
    let max_ms = histogram.filter(|histogram| 0 < histogram.n()).map(|histogram| histogram.max_nanos() as f64 / 1e6);
    json!({
        "scope": measured.scope.id(), "scenario": run.scenario.id(), "batch": run.batch, "threads": run.threads,
        "n": run.n, "p50_ms": ms(50.0), "p90_ms": ms(90.0), "p95_ms": ms(95.0), "p99_ms": ms(99.0), "max_ms": max_ms,
        "per_second": judge::per_second(run),
    })
}

fn run_rows(measured: &BenchmarkReport) -> Vec<Vec<String>> {
    let head = ["batch", "requests", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "max ms", "requests/s", "rows/s", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for run in &measured.runs {
        let histogram = LatencyHistogram::decode(&run.histogram).ok();
        let shown = |percentile: f64| judge::percentile_ms(run, percentile).map_or("–".to_owned(), judge::millis);
        let max = histogram.map_or("–".to_owned(), |histogram| judge::millis(histogram.max_nanos() as f64 / 1e6));
        let rate = judge::per_second(run);
        let mut row = vec![run.batch.to_string(), judge::thousands(run.n)];
        row.extend([50.0, 90.0, 95.0, 99.0].map(shown));
        row.extend([max, judge::rate(rate), judge::rate(rate.map(|rate| rate * f64::from(run.batch)))]);
        row.push(judge::steadiness(run));
        rows.push(row);
    }
    rows
}

/// How the judged run compares with the last one like it.
fn compare(report: &mut Report, workbench: &Workbench, measured: &BenchmarkReport) {
    let Some(project) = workbench.project() else { return };
    let budget = workbench.latency_budget();
    let before = judge::previous(project.reports(), measured);
    let run = judge::judged_run(measured, budget).or_else(|| measured.runs.first());
    let (Some(before), Some(run)) = (before, run) else {
        report.set("compared", serde_json::Value::Null);
        return;
    };
    let rows = judge::percentiles(run, Some(before), budget);
    let compared: Vec<serde_json::Value> = rows
        .iter()
        .filter(|row| row.before_ms.is_some())
        .map(|row| {
            json!({
                "percentile": row.percentile, "ms": row.ms, "interval_ms": row.interval_ms, "before_ms": row.before_ms,
                "change": row.change.describe(),
            })
        })
        .collect();
    report.set("compared", json!({"with": before.time, "batch": run.batch, "percentiles": compared}));
    let said: Vec<String> = rows
        .iter()
        .filter(|row| row.before_ms.is_some())
        .map(|row| format!("{} {}", judge::percentile_name(row.percentile), row.change.describe()))
        .collect();
    report.say(format!("Against {}: {}", before.time.strftime("%Y-%m-%d %H:%M UTC"), said.join(", ")));
}
