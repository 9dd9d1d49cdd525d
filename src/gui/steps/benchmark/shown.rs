//! What the page shows of a benchmark, computed once for as long as nothing it depends on changes.

use std::sync::Arc;

use jiff::Timestamp;

use super::histogram::LatencyFigure;
use crate::gui::figure::Figure;
use crate::judge::{self, PercentileRow};
use crate::project::brief::LatencyBudget;
use crate::project::reports::{BenchmarkReport, Judgement};
use crate::statistics::LatencyHistogram;
use crate::workbench::Workbench;

/// Earlier benchmarks that are listed.
const LISTED: usize = 20;

/// What a computation depends on.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    time: Timestamp,
    n_reports: usize,
    budget: Option<LatencyBudget>,
    run_idx: Option<usize>,
}

/// One run in the table of batch sizes: batch, requests, p50, p95, p99, the longest, requests/s, rows/s.
pub(super) type RunLine = [String; 8];

/// One benchmark in the history.
#[derive(Clone, Debug)]
pub(super) struct HistoryLine {
    pub(super) when: Timestamp,
    pub(super) version: String,
    pub(super) preset: String,
    /// The percentile that is looked at, in milliseconds.
    pub(super) ms: String,
    pub(super) per_second: String,
    pub(super) judged: Judgement,
}

/// What is shown.
#[derive(Debug)]
pub(super) struct Shown {
    key: Key,
    /// The run whose distribution is drawn.
    pub(super) run_idx: usize,
    pub(super) figure: Option<Arc<dyn Figure>>,
    pub(super) n: u64,
    pub(super) percentiles: Vec<PercentileRow>,
    /// When the run that it is compared with was made.
    pub(super) before: Option<Timestamp>,
    pub(super) runs: Vec<RunLine>,
    pub(super) history: Vec<HistoryLine>,
}

impl Shown {
    /// Brings `shown` up to date; `picked` is the run that was picked, if one was.
    pub(super) fn update<'a>(
        shown: &'a mut Option<Self>,
        workbench: &Workbench,
        report: &BenchmarkReport,
        picked: Option<usize>,
    ) -> &'a Self {
        let reports: &[BenchmarkReport] = workbench.project().map_or(&[], |project| project.reports());
        let budget = workbench.latency_budget();
        let key = Key { time: report.time, n_reports: reports.len(), budget: budget.cloned(), run_idx: picked };
        match shown {
            Some(current) if current.key == key => {}
            _ => *shown = None,
        }
        shown.get_or_insert_with(|| Self::new(key, reports, report, budget))
    }

    /// When the report was made that this shows.
    pub(super) fn time(&self) -> Timestamp {
        self.key.time
    }

    fn new(key: Key, reports: &[BenchmarkReport], report: &BenchmarkReport, budget: Option<&LatencyBudget>) -> Self {
        let judged = judge::judged_run(report, budget);
        let judged = judged.and_then(|judged| report.runs.iter().position(|run| std::ptr::eq(run, judged)));
        let run_idx = key.run_idx.or(judged).unwrap_or(0).min(report.runs.len().saturating_sub(1));
        let run = report.runs.get(run_idx);
        let histogram = run.and_then(|run| LatencyHistogram::decode(&run.histogram).ok());
        let percentile = budget.map_or(95.0, |budget| budget.percentile);
        // The limit is about requests of the brief's batch; drawn into others it would mislead.
        let limit_ms =
            budget.filter(|budget| run.is_some_and(|run| run.batch == budget.batch)).map(|budget| budget.limit_ms);
        let figure = histogram.as_ref().filter(|histogram| 0 < histogram.n()).map(|histogram| {
            let batch = run.map_or(0, |run| run.batch);
            let stem = format!("{}-batch-{batch}-latency", report.version);
            Arc::new(LatencyFigure::new(stem, histogram, percentile, limit_ms)) as Arc<dyn Figure>
        });
        let before = judge::previous(reports, report);
        Self {
            run_idx,
            figure,
            n: histogram.map_or(0, |histogram| histogram.n()),
            percentiles: run.map(|run| judge::percentiles(run, before, budget)).unwrap_or_default(),
            before: before.map(|before| before.time),
            runs: report.runs.iter().map(run_line).collect(),
            history: history(reports, budget, percentile),
            key,
        }
    }
}

fn run_line(run: &crate::project::reports::BenchmarkRun) -> RunLine {
    let histogram = LatencyHistogram::decode(&run.histogram).ok();
    let ms = |percentile: f64| judge::percentile_ms(run, percentile).map_or_else(|| "–".to_owned(), judge::millis);
    let longest =
        histogram.map_or_else(|| "–".to_owned(), |histogram| judge::millis(histogram.max_nanos() as f64 / 1e6));
    let rate = judge::per_second(run);
    [
        run.batch.to_string(),
        judge::thousands(run.n),
        ms(50.0),
        ms(95.0),
        ms(99.0),
        longest,
        judge::rate(rate),
        judge::rate(rate.map(|rate| rate * f64::from(run.batch))),
    ]
}

fn history(reports: &[BenchmarkReport], budget: Option<&LatencyBudget>, percentile: f64) -> Vec<HistoryLine> {
    let line = |report: &BenchmarkReport| {
        let run = judge::judged_run(report, budget);
        let ms = run.and_then(|run| judge::percentile_ms(run, percentile));
        HistoryLine {
            when: report.time,
            version: report.version.to_string(),
            preset: report.preset.clone(),
            ms: ms.map_or_else(|| "–".to_owned(), judge::millis),
            per_second: judge::rate(run.and_then(judge::per_second)),
            judged: judge::latency(Some(report), budget),
        }
    };
    reports.iter().rev().take(LISTED).map(line).collect()
}
