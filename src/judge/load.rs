//! The load of an image's verification in words: what it says, and that it decides nothing.

use super::{millis, per_second, percentile_name, rate, thousands};
use crate::project::brief::{LatencyBudget, Understand as _};
use crate::project::reports::{LoadReport, LoadRun};
use crate::statistics::LatencyHistogram;

/// Percentiles that are shown.
pub const LOAD_PERCENTILES: [f64; 3] = [50.0, 95.0, 99.0];

/// One side of a load as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadRow {
    /// `in the container`, `outside`.
    pub place: &'static str,
    /// Requests that were answered.
    pub n: String,
    /// Requests each second, one after the other.
    pub per_second: String,
    /// Milliseconds at each of [`LOAD_PERCENTILES`]; a dash where there are not enough requests.
    pub percentiles: [String; 3],
    /// Resident memory of the server's process in MiB.
    pub resident: String,
}

/// The sides of a load, the container first.
pub fn load_rows(report: &LoadReport) -> Vec<LoadRow> {
    let sides = [("in the container", Some(&report.inside)), ("outside", report.outside.as_ref())];
    let rows = sides.into_iter().filter_map(|(place, side)| side.map(|side| row(place, side)));
    rows.collect()
}

fn row(place: &'static str, side: &LoadRun) -> LoadRow {
    let dash = || "–".to_owned();
    LoadRow {
        place,
        n: thousands(side.run.n),
        per_second: rate(per_second(&side.run)),
        percentiles: LOAD_PERCENTILES.map(|percentile| stored_ms(side, percentile).map_or_else(dash, millis)),
        resident: side.resident_bytes.map_or_else(dash, mebibytes),
    }
}

/// A percentile in milliseconds as the run keeps it; `None` where there are not enough requests for it.
fn stored_ms(side: &LoadRun, percentile: f64) -> Option<f64> {
    let stored = [50.0, 90.0, 95.0, 99.0].iter().zip(side.run.percentiles_ms);
    let (_, ms) = stored.into_iter().find(|(known, _)| (**known - percentile).abs() < 1e-9)?;
    LatencyHistogram::samples_for(percentile).is_some_and(|needed| needed <= side.run.n).then_some(ms)
}

fn mebibytes(bytes: u64) -> String {
    thousands(bytes.div_ceil(1 << 20))
}

/// The container's memory in words; empty when the engine did not tell.
pub fn load_memory(report: &LoadReport) -> String {
    let Some(peak) = report.peak_memory_bytes else { return String::new() };
    let limit = match report.memory_limit_bytes {
        0 => "no limit".to_owned(),
        limit => format!("{} MiB", mebibytes(limit)),
    };
    let times = match report.n_memory_samples {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    format!("{} MiB in use at most of {limit}, looked at {times}", mebibytes(peak))
}

/// What a load says beside the latency budget that it does not decide, in one line.
pub fn load_line(report: &LoadReport, budget: Option<&LatencyBudget>) -> String {
    let asked = budget.map_or(95.0, |budget| budget.percentile);
    let percentile = LOAD_PERCENTILES.into_iter().find(|known| (known - asked).abs() < 1e-9).unwrap_or(95.0);
    let name = percentile_name(percentile);
    let of = |side: &LoadRun| stored_ms(side, percentile).map(|ms| format!("{name} {} ms", millis(ms)));
    let Some(inside) = of(&report.inside) else {
        return format!("{} requests in the container, too few for {name}", thousands(report.inside.run.n));
    };
    let outside = report.outside.as_ref().and_then(of).map(|outside| format!(", {outside} outside"));
    format!("{inside} in the container{}, one request after another", outside.unwrap_or_default())
}

/// Why a load decides nothing about the budget, beside what the budget is.
pub fn load_remark(budget: Option<&LatencyBudget>) -> String {
    let why = "one request after another for a few seconds is no benchmark at the brief's rate";
    match budget {
        Some(budget) => format!("The brief says {}; this does not decide it: {why}.", budget.describe()),
        None => "The brief states no limit on latency.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::reports::{BenchmarkRun, Scenario};

    fn side(n: u64, resident_bytes: Option<u64>) -> LoadRun {
        let run = BenchmarkRun {
            scenario: Scenario::ClosedLoop,
            batch: 1,
            threads: 1,
            n_warm_up: 20,
            n,
            seconds: 2.5,
            windows: Vec::new(),
            histogram: String::new(),
            percentiles_ms: [0.2, 0.25, 0.3, 0.4, 9.0],
        };
        LoadRun { run, n_failed: 0, resident_bytes }
    }

    fn report(n: u64, outside: Option<LoadRun>) -> LoadReport {
        LoadReport {
            asked: "a golden row".to_owned(),
            inside: side(n, Some(30 << 20)),
            outside,
            outside_missing: String::new(),
            peak_memory_bytes: Some(21 << 20),
            n_memory_samples: 6,
            memory_limit_bytes: 549 << 20,
        }
    }

    #[test]
    fn both_sides_are_shown_and_what_too_few_requests_cannot_tell_is_a_dash() {
        let rows = load_rows(&report(10_000, Some(side(200, None))));
        let shown: Vec<_> =
            rows.iter().map(|row| (row.place, row.per_second.as_str(), row.percentiles.join(" "))).collect();
        assert_eq!(
            shown,
            [("in the container", "4,000", "0.2 0.3 0.4".to_owned()), ("outside", "80", "0.2 0.3 –".to_owned())]
        );
        assert_eq!((rows[0].resident.as_str(), rows[1].resident.as_str()), ("30", "–"));
        assert_eq!(load_rows(&report(0, None))[0].per_second, "–");
    }

    #[test]
    fn a_load_is_told_beside_the_budget_and_does_not_decide_it() {
        let budget = |percentile| LatencyBudget { percentile, limit_ms: 200.0, per_second: None, batch: 1 };
        let both = report(10_000, Some(side(10_000, None)));
        assert_eq!(
            load_line(&both, Some(&budget(99.0))),
            "p99 0.4 ms in the container, p99 0.4 ms outside, one request after another"
        );
        assert_eq!(load_line(&report(10_000, None), None), "p95 0.3 ms in the container, one request after another");
        assert_eq!(load_line(&report(9, None), Some(&budget(50.0))), "9 requests in the container, too few for p50");
        assert!(load_remark(Some(&budget(95.0))).starts_with("The brief says p95 ≤ 200 ms; this does not decide it"));
        assert_eq!(load_memory(&both), "21 MiB in use at most of 549 MiB, looked at 6 times");
        let unknown = LoadReport { peak_memory_bytes: None, ..both };
        assert_eq!(load_memory(&unknown), "");
    }
}
