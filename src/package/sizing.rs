//! How much a deployment asks for: from what was measured and what the brief expects, else a start that says so.

use crate::judge::judged_run;
use crate::project::brief::LatencyBudget;
use crate::project::reports::BenchmarkReport;

/// Share of a processor that is planned to be in use: above it, waiting grows quickly.
const UTILISATION: f64 = 0.7;
/// What the server takes beside the model, for each request: reading, checking, answering.
const SERVER_SECONDS: f64 = 50e-6;
/// The least processor time asked for, in thousandths.
const LEAST_MILLICORES: u64 = 100;
/// Processor time one copy asks for at most before another one is added, in thousandths.
const MOST_MILLICORES: u64 = 2_000;
/// The least memory asked for, in MiB.
const LEAST_MEBIBYTES: u64 = 128;
/// Memory asked for when nothing was measured, in MiB.
const UNMEASURED_MEBIBYTES: u64 = 512;
/// Copies that a rolling update or a lost machine leaves at least one of.
const LEAST_REPLICAS: u64 = 2;

/// What one deployment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizing {
    /// Copies at the brief's rate.
    pub replicas: u64,
    /// Copies at most.
    pub most_replicas: u64,
    /// Processor time each asks for, in thousandths.
    pub millicores: u64,
    /// Memory each asks for, in MiB.
    pub mebibytes: u64,
    /// Memory each may use, in MiB.
    pub most_mebibytes: u64,
    /// Where the figures come from, one sentence each.
    pub reasons: Vec<String>,
}

impl Sizing {
    /// From the last benchmark of the version, and the brief's latency budget.
    pub fn of(benchmark: Option<&BenchmarkReport>, budget: Option<&LatencyBudget>) -> Self {
        let mut reasons = Vec::new();
        let rate = budget.and_then(|budget| budget.per_second).filter(|rate| rate.is_finite() && 0.0 < *rate);
        let run =
            benchmark.and_then(|report| judged_run(report, budget).or(report.runs.first())).filter(|run| 0 < run.n);
        let (mut replicas, mut millicores) = (LEAST_REPLICAS, LEAST_MILLICORES);
        match (rate, run) {
            (Some(rate), Some(run)) => {
                let seconds = run.seconds / run.n as f64 * f64::from(run.threads.max(1)) + SERVER_SECONDS;
                let needed = (rate * seconds / UTILISATION * 1_000.0).round().min(1e9) as u64;
                replicas = needed.div_ceil(MOST_MILLICORES).max(LEAST_REPLICAS);
                millicores = needed.div_ceil(replicas).max(LEAST_MILLICORES);
                reasons.push(format!(
                    "Processor: {rate} requests/s (brief) × {:.3} ms (benchmark, and {:.3} ms of the server) at {:.0} % use",
                    (seconds - SERVER_SECONDS) * 1e3,
                    SERVER_SECONDS * 1e3,
                    UTILISATION * 100.0
                ));
            }
            (None, _) => reasons.push("Processor: a start; the brief names no requests/s to plan for".to_owned()),
            (_, None) => reasons.push("Processor: a start; no benchmark of this version tells more".to_owned()),
        }
        let peak = benchmark.and_then(|report| report.peak_memory_bytes).map(|bytes| bytes.div_ceil(1 << 20));
        let (mebibytes, most_mebibytes) = if let Some(peak) = peak {
            reasons.push(format!(
                "Memory: the benchmark's peak was {peak} MiB; asked for is half more, the limit is three times"
            ));
            ((peak + peak / 2).max(LEAST_MEBIBYTES), (3 * peak).max(2 * LEAST_MEBIBYTES))
        } else {
            reasons.push("Memory: a start; no benchmark of this version measured its peak".to_owned());
            (UNMEASURED_MEBIBYTES / 2, UNMEASURED_MEBIBYTES)
        };
        Self { replicas, most_replicas: replicas * 5, millicores, mebibytes, most_mebibytes, reasons }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::documents::Evidence;
    use crate::project::reports::{BenchmarkRun, Judgement, Machine, Scenario, Scope};

    fn benchmark(seconds_per_request: f64, peak: Option<u64>) -> BenchmarkReport {
        let run = BenchmarkRun {
            scenario: Scenario::ClosedLoop,
            batch: 1,
            threads: 1,
            n_warm_up: 1,
            n: 1_000,
            seconds: seconds_per_request * 1_000.0,
            windows: Vec::new(),
            histogram: String::new(),
            percentiles_ms: [0.0; 5],
        };
        BenchmarkReport {
            time: "2026-11-24T00:00:00Z".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            preset: "quick".to_owned(),
            scope: Scope::InProcess,
            machine: Machine::default(),
            rows: String::new(),
            notes: Vec::new(),
            load_ms: 1.0,
            first_call_ms: 1.0,
            peak_memory_bytes: peak,
            runs: vec![run],
            evidence: Evidence::default(),
            judged: Judgement::default(),
        }
    }

    fn budget(per_second: Option<f64>) -> LatencyBudget {
        LatencyBudget { percentile: 95.0, limit_ms: 10.0, per_second, batch: 1 }
    }

    #[test]
    fn rate_times_time_at_the_planned_use_is_what_is_asked_for() {
        // 700 × (0.95 + 0.05) ms = 0.7 processors in use, 1.0 at 70 %: half of it each.
        let sizing = Sizing::of(Some(&benchmark(0.95e-3, Some(100 << 20))), Some(&budget(Some(700.0))));
        assert_eq!((sizing.replicas, sizing.millicores), (2, 500));
        assert_eq!((sizing.mebibytes, sizing.most_mebibytes), (150, 300));
    }

    #[test]
    fn a_heavy_load_adds_copies_in_place_of_processors() {
        let sizing = Sizing::of(Some(&benchmark(0.0099, None)), Some(&budget(Some(1_400.0))));
        // 1,400 × 9.95 ms / 0.7 = 19.9 processors.
        assert_eq!((sizing.replicas, sizing.millicores), (10, 1_990));
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let sizing = Sizing::of(None, None);
        assert_eq!((sizing.replicas, sizing.millicores, sizing.most_mebibytes), (2, 100, 512));
        assert!(sizing.reasons.iter().all(|reason| reason.contains("a start")), "{:?}", sizing.reasons);
    }
}
