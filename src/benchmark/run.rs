//! The measurement: a worker of its own, the model loaded anew, then one run a batch size.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use semver::Version;

use super::config::BenchmarkConfig;
use super::machine::machine;
use super::rows::{RowSource, batches, rows};
use crate::engine::{BenchRequest, EngineError, Worker, WorkerConfig};
use crate::features::Mapping;
use crate::jobs::{JobContext, JobError};
use crate::judge;
use crate::problem::Problem;
use crate::project::documents::Evidence;
use crate::project::reports::{BenchmarkReport, BenchmarkRun, Judgement, Scenario, Scope};
use crate::statistics::LatencyHistogram;

/// The most calls of one run.
const MOST_CALLS: u64 = 1_000_000_000;

/// What is measured.
#[derive(Clone, Debug)]
pub struct BenchmarkPlan {
    /// When it starts, for the report.
    pub time: Timestamp,
    /// The version.
    pub version: Version,
    /// The model file.
    pub model_path: PathBuf,
    /// SHA-256 the file must have; `None` for a file that is not registered.
    pub sha256: Option<String>,
    /// Where each feature goes.
    pub mapping: Mapping,
    /// Where the rows come from.
    pub source: RowSource,
    /// Which batches, and for how long.
    pub config: BenchmarkConfig,
    /// The worker's executable and limits.
    pub worker: WorkerConfig,
    /// Hashes of what is measured.
    pub evidence: Evidence,
}

/// Measures in a worker of its own; the report is not judged yet.
pub fn run(plan: &BenchmarkPlan, context: &JobContext) -> Result<BenchmarkReport, JobError> {
    context.progress(None, "Reading the rows");
    let rows = rows(&plan.source, &plan.mapping)?;
    context.check()?;
    context.log(format!("Asking {}", rows.origin));
    let stopped = |error: EngineError| match context.check() {
        Err(cancelled) => cancelled,
        Ok(()) => error.into(),
    };
    // A session that answered before is warm; the first call of this one is a first call.
    let mut worker = Worker::start(&plan.worker).map_err(Problem::from)?;
    let started = Instant::now();
    let inspection = worker.load(&plan.model_path, context).map_err(stopped)?;
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    if let Some(expected) = &plan.sha256
        && *expected != inspection.sha256
    {
        return Err(Problem::new(
            "The model file is not the one that was registered",
            plan.model_path.display().to_string(),
            "Restore it from version control, or add the changed file as a new version.",
        )
        .into());
    }
    let mut first_call_ms = None;
    let mut peak_memory_bytes = None;
    let mut runs = Vec::new();
    let once: Duration = plan.config.runs.iter().map(|(_, warm_up, measure)| *warm_up + *measure).sum();
    let total = once * u32::try_from(plan.config.threads.len()).unwrap_or(1);
    let mut done = Duration::ZERO;
    let each = plan.config.threads.iter().flat_map(|threads| plan.config.runs.iter().map(move |run| (*threads, *run)));
    for (threads, (batch, warm_up, measure)) in each {
        let batches = batches(&rows.rows, batch, &plan.mapping).map_err(Problem::from)?;
        if first_call_ms.is_none() {
            let first = batches.first().cloned().unwrap_or_default();
            first_call_ms = Some(worker.run(first, context).map_err(stopped)?.micros / 1e3);
        }
        let share = |part: f32| {
            let all = total.as_secs_f32().max(f32::MIN_POSITIVE);
            (done.as_secs_f32() + part * (warm_up + measure).as_secs_f32()) / all
        };
        let told = |part: f32, n: u64| {
            let stage = if n == 0 { "warming up".to_owned() } else { format!("{} requests", judge::thousands(n)) };
            context.progress(Some(share(part)), format!("Batch {batch}: {stage}"));
        };
        told(0.0, 0);
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let request = BenchRequest {
            n_batches: batches.len(),
            warm_up_ms: millis(warm_up),
            measure_ms: millis(measure),
            max_n: MOST_CALLS,
            threads,
        };
        let result = worker.bench(batches, request, &told, context).map_err(stopped)?;
        let unreadable = |error: crate::statistics::LatencyError| {
            Problem::new(format!("The measurement cannot be read: {error}"), plan.model_path.display().to_string(), "")
        };
        let histogram = LatencyHistogram::decode(&result.histogram).map_err(unreadable)?;
        let ms = |percentile: f64| histogram.percentile_nanos(percentile).map_or(f64::NAN, |nanos| nanos as f64 / 1e6);
        peak_memory_bytes = result.peak_memory_bytes.max(peak_memory_bytes);
        let percentiles_ms = [50.0, 90.0, 95.0, 99.0, 100.0].map(ms);
        context.log(format!(
            "Batch {batch}: {} requests, p95 {} ms",
            judge::thousands(result.n),
            judge::millis(percentiles_ms[2])
        ));
        runs.push(BenchmarkRun {
            scenario: Scenario::ClosedLoop,
            batch,
            threads,
            n_warm_up: result.n_warm_up,
            n: result.n,
            seconds: result.seconds,
            windows: result.windows,
            histogram: result.histogram,
            percentiles_ms,
        });
        done += warm_up + measure;
    }
    Ok(BenchmarkReport {
        time: plan.time,
        version: plan.version.clone(),
        preset: plan.config.preset.clone(),
        scope: Scope::InProcess,
        machine: machine(),
        rows: rows.origin,
        notes: plan.config.notes.clone(),
        load_ms,
        first_call_ms: first_call_ms.unwrap_or(f64::NAN),
        peak_memory_bytes,
        runs,
        evidence: plan.evidence.clone(),
        judged: Judgement::default(),
    })
}
