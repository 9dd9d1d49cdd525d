//! Latency against the brief's budget.

use crate::project::brief::{LatencyBudget, Understand as _};
use crate::project::reports::{BenchmarkReport, BenchmarkRun, Judgement, Scenario, Scope, Verdict};
use crate::statistics::LatencyHistogram;

/// Percentiles that are listed, besides the brief's.
const LISTED: [f64; 5] = [50.0, 90.0, 95.0, 99.0, 99.9];

/// One percentile of a run, beside that of an earlier run.
#[derive(Clone, Debug, PartialEq)]
pub struct PercentileRow {
    /// The percentile, 0 to 100.
    pub percentile: f64,
    /// The latency in milliseconds; `None` when there are not enough samples.
    pub ms: Option<f64>,
    /// Its 95 % interval in milliseconds, for what the samples can bound.
    pub interval_ms: (Option<f64>, Option<f64>),
    /// The earlier run's latency in milliseconds.
    pub before_ms: Option<f64>,
    /// Samples from which the percentile is stated; `None` where no number is enough.
    pub n_needed: Option<u64>,
    /// How it compares with the earlier run.
    pub change: Change,
}

/// How a latency compares with an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Change {
    /// There is nothing to compare with.
    #[default]
    Unknown,
    /// The 95 % intervals overlap.
    None,
    /// It is smaller by a share of the earlier one.
    Faster(f64),
    /// It is larger by a share of the earlier one.
    Slower(f64),
}

impl Change {
    /// In words; empty without an earlier run.
    pub fn describe(self) -> String {
        let percent = |share: f64| if share < 0.01 { "< 1 %".to_owned() } else { format!("{:.0} %", share * 100.0) };
        match self {
            Self::Unknown => String::new(),
            Self::None => "no change".to_owned(),
            Self::Faster(share) => format!("{} faster", percent(share)),
            Self::Slower(share) => format!("{} slower", percent(share)),
        }
    }
}

/// A latency in milliseconds with three significant figures and its thousands apart: `0.0213`, `3.14`, `1,234`.
pub fn millis(ms: f64) -> String {
    if !ms.is_finite() {
        return "–".to_owned();
    }
    if ms <= 0.0 {
        return "0".to_owned();
    }
    let digits = 2 - ms.log10().floor() as i32;
    let rounded = format!("{ms:.*}", digits.clamp(0, 9) as usize);
    let plain = if rounded.contains('.') { rounded.trim_end_matches('0').trim_end_matches('.') } else { &rounded };
    let (whole, fraction) = plain.split_once('.').map_or((plain, None), |(whole, rest)| (whole, Some(rest)));
    let grouped = thousands(whole);
    fraction.map_or(grouped.clone(), |fraction| format!("{grouped}.{fraction}"))
}

/// A whole number with its thousands apart.
pub fn thousands(digits: impl ToString) -> String {
    let digits = digits.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if 0 < idx && (digits.len() - idx).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A percentile's name: `p95`, `p99.9`.
pub fn percentile_name(percentile: f64) -> String {
    format!("p{percentile}")
}

fn to_ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

/// The latency at a percentile (0 to 100) in milliseconds; `None` when the run cannot tell.
pub fn percentile_ms(run: &BenchmarkRun, percentile: f64) -> Option<f64> {
    let histogram = LatencyHistogram::decode(&run.histogram).ok()?;
    supported_ms(&histogram, percentile)
}

fn supported_ms(histogram: &LatencyHistogram, percentile: f64) -> Option<f64> {
    histogram.percentile_nanos(percentile).filter(|_| histogram.supports(percentile)).map(to_ms)
}

/// Requests that were answered each second, one after the other; `None` for a run without time or requests.
pub fn per_second(run: &BenchmarkRun) -> Option<f64> {
    (0 < run.n && 0.0 < run.seconds).then(|| run.n as f64 / run.seconds)
}

/// Requests each second in words, rounded down, so that what is just missed does not look reached.
pub fn rate(per_second: Option<f64>) -> String {
    per_second.map_or_else(|| "–".to_owned(), |rate| thousands(rate.floor()))
}

/// How much the throughput varied over the last three windows, as largest over smallest; `None` with fewer windows.
///
/// Triton's `perf_analyzer` takes a measurement for stable up to 1.1.
pub fn variation(run: &BenchmarkRun) -> Option<f64> {
    let last = run.windows.len().checked_sub(3).and_then(|from| run.windows.get(from..))?;
    let rates = last.iter().map(|(n, seconds)| *n as f64 / seconds);
    let (lowest, highest) =
        rates.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), rate| (low.min(rate), high.max(rate)));
    // Windows without time or requests are none.
    Some(highest / lowest).filter(|ratio| ratio.is_finite() && 1.0 <= *ratio)
}

/// Whether the throughput held still, in words; empty when that is not known.
pub fn steadiness(run: &BenchmarkRun) -> String {
    match variation(run) {
        None => String::new(),
        Some(ratio) if ratio <= 1.1 => "steady".to_owned(),
        Some(ratio) => format!("not steady, {:.0} % apart", (ratio - 1.0) * 100.0),
    }
}

/// The run that a budget is judged by: that of its batch; without a budget, the first.
pub fn judged_run<'a>(report: &'a BenchmarkReport, budget: Option<&LatencyBudget>) -> Option<&'a BenchmarkRun> {
    match budget {
        Some(budget) => report.runs.iter().find(|run| run.batch == budget.batch),
        None => report.runs.first(),
    }
}

/// What lies between the clock and the model of a run: `in process, batch 1, 1 thread`.
pub fn scope(report: &BenchmarkReport, run: &BenchmarkRun) -> String {
    let place = match report.scope {
        Scope::InProcess => "in process",
        Scope::Serve => "through the server",
        Scope::Container => "in the container",
    };
    let plural = if run.threads == 1 { "" } else { "s" };
    format!("{place}, batch {}, {} thread{plural}", run.batch, run.threads)
}

/// The last run before `of` that it can be compared with: of the same version, scope and machine.
pub fn previous<'a>(reports: &'a [BenchmarkReport], of: &BenchmarkReport) -> Option<&'a BenchmarkReport> {
    reports.iter().rev().find(|other| {
        other.time < of.time
            && other.version == of.version
            && other.evidence.model == of.evidence.model
            && other.scope == of.scope
            && other.machine.is_same(&of.machine)
    })
}

/// The percentiles of a run, the brief's among them, each beside that of an earlier run of the same batch.
pub fn percentiles(
    run: &BenchmarkRun,
    before: Option<&BenchmarkReport>,
    budget: Option<&LatencyBudget>,
) -> Vec<PercentileRow> {
    let Ok(histogram) = LatencyHistogram::decode(&run.histogram) else { return Vec::new() };
    let like = |other: &&BenchmarkRun| {
        other.batch == run.batch && other.threads == run.threads && other.scenario == run.scenario
    };
    let before = before.and_then(|report| report.runs.iter().find(like));
    let before = before.and_then(|run| LatencyHistogram::decode(&run.histogram).ok());
    let mut listed = LISTED.to_vec();
    if let Some(asked) = budget.map(|budget| budget.percentile)
        && LatencyHistogram::samples_for(asked).is_some()
        && listed.iter().all(|percentile| 1e-9 < (percentile - asked).abs())
    {
        listed.push(asked);
        listed.sort_by(f64::total_cmp);
    }
    listed.into_iter().map(|percentile| row(&histogram, before.as_ref(), percentile)).collect()
}

fn row(histogram: &LatencyHistogram, before: Option<&LatencyHistogram>, percentile: f64) -> PercentileRow {
    let interval = |histogram: &LatencyHistogram| {
        let (lower, upper) = histogram.interval_nanos(percentile);
        (lower.map(to_ms), upper.map(to_ms))
    };
    let ms = supported_ms(histogram, percentile);
    let before_ms = before.and_then(|before| supported_ms(before, percentile));
    let change = match (ms, before_ms, before) {
        (Some(now), Some(then), Some(before)) => change((now, interval(histogram)), (then, interval(before))),
        _ => Change::Unknown,
    };
    let n_needed = LatencyHistogram::samples_for(percentile);
    let interval_ms = if ms.is_some() { interval(histogram) } else { (None, None) };
    PercentileRow { percentile, ms, interval_ms, before_ms, n_needed, change }
}

/// A value and its interval.
type Estimate = (f64, (Option<f64>, Option<f64>));

fn change((now, (now_low, now_high)): Estimate, (then, (then_low, then_high)): Estimate) -> Change {
    // A side that is not bounded reaches without end.
    let above = |low: Option<f64>, high: Option<f64>| matches!((low, high), (Some(low), Some(high)) if high < low);
    let share = (now - then).abs() / then;
    if above(now_low, then_high) {
        Change::Slower(share)
    } else if above(then_low, now_high) {
        Change::Faster(share)
    } else {
        Change::None
    }
}

/// What the measured latency comes to under `budget`.
///
/// Judged is the run of the brief's batch: the percentile against the limit, then the requests each second that a
/// closed loop reached against those asked. A percentile with fewer than ten samples beyond it is undecided.
pub fn latency(report: Option<&BenchmarkReport>, budget: Option<&LatencyBudget>) -> Judgement {
    let asked = budget.map(LatencyBudget::describe).unwrap_or_default();
    let undecided = |measured: String, reason: String| Judgement {
        asked: asked.clone(),
        measured,
        verdict: Verdict::Undecided,
        reason,
    };
    let (report, budget) = match (report, budget) {
        (Some(report), Some(budget)) => (report, budget),
        (None, _) => return Judgement { asked, reason: "not measured yet".to_owned(), ..Judgement::default() },
        (Some(report), None) => {
            let usual = judged_run(report, None).and_then(|run| percentile_ms(run, 95.0));
            let measured = usual.map(|ms| format!("p95 {} ms", millis(ms))).unwrap_or_default();
            let reason = "the brief states no limit on latency".to_owned();
            return Judgement { measured, reason, ..Judgement::default() };
        }
    };
    let is_number = |value: f64| value.is_finite() && 0.0 < value;
    if !is_number(budget.limit_ms) || !(0.0..=100.0).contains(&budget.percentile) {
        return undecided(String::new(), "the brief's limit is none that can be met".to_owned());
    }
    let Some(run) = judged_run(report, Some(budget)) else {
        let measured: Vec<String> = report.runs.iter().map(|run| run.batch.to_string()).collect();
        let reason = format!("batch {} was not measured, only {}", budget.batch, measured.join(" and "));
        return undecided(String::new(), reason);
    };
    let Ok(histogram) = LatencyHistogram::decode(&run.histogram) else {
        return undecided(String::new(), "the stored histogram cannot be read".to_owned());
    };
    let name = percentile_name(budget.percentile);
    let Some(ms) = supported_ms(&histogram, budget.percentile) else {
        let n = thousands(histogram.n());
        let needed = LatencyHistogram::samples_for(budget.percentile);
        let needed = needed.map_or_else(
            || "no number of samples tells the longest answer there can be".to_owned(),
            |needed| format!("{name} needs {}, there are {n}", thousands(needed)),
        );
        return undecided(String::new(), format!("not enough samples: {needed}; {}", scope(report, run)));
    };
    let mut passes = ms <= budget.limit_ms;
    let mut parts = vec![margin(&name, ms, budget.limit_ms)];
    if let (Some(lower), Some(upper)) = histogram.interval_nanos(budget.percentile)
        && to_ms(lower) <= budget.limit_ms
        && budget.limit_ms < to_ms(upper)
    {
        let (lower, upper) = (millis(to_ms(lower)), millis(to_ms(upper)));
        parts.push(format!("its 95 % interval, {lower} to {upper} ms, contains the limit"));
    }
    if let Some(rate) = budget.per_second.filter(|rate| is_number(*rate)) {
        let reached = per_second(run).unwrap_or(0.0);
        passes &= rate <= reached;
        parts.push(rate_words(run, rate, reached));
    }
    parts.push(format!("{}{}", scope(report, run), on_machine(report)));
    Judgement {
        asked,
        measured: format!("{name} {} ms", millis(ms)),
        verdict: if passes { Verdict::Pass } else { Verdict::Fail },
        reason: parts.join("; "),
    }
}

fn margin(name: &str, ms: f64, limit_ms: f64) -> String {
    let (measured, limit) = (millis(ms), millis(limit_ms));
    if ms <= limit_ms {
        format!("{name} is {measured} ms, within {limit} ms by {}", times(limit_ms / ms))
    } else {
        format!("{name} is {measured} ms, over {limit} ms by {}", times(ms / limit_ms))
    }
}

/// How many times something is something else: `64×`, `1.3×`.
pub fn times(ratio: f64) -> String {
    let digits = usize::from(ratio < 9.95);
    let shown = format!("{ratio:.digits$}");
    format!("{}×", shown.split_once('.').map_or_else(|| thousands(&shown), |_| shown.clone()))
}

/// A closed loop offers what is answered, never the brief's rate: it can refute the rate, not prove it.
fn rate_words(run: &BenchmarkRun, rate: f64, reached: f64) -> String {
    let only = if rate <= reached { "" } else { "only " };
    let how = match run.scenario {
        Scenario::ClosedLoop => "one after the other",
    };
    format!("{only}{} requests/s {how}, {} are asked", self::rate(Some(reached)), millis(rate))
}

fn on_machine(report: &BenchmarkReport) -> String {
    let machine = report.machine.processor.trim();
    let machine = if machine.is_empty() { String::new() } else { format!(" on {machine}") };
    match report.scope {
        Scope::InProcess => format!("{machine}; the network and the server are not in it"),
        Scope::Serve | Scope::Container => machine,
    }
}

#[cfg(test)]
mod tests;
