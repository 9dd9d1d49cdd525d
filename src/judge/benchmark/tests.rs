use super::*;
use crate::project::documents::Evidence;
use crate::project::reports::Machine;

/// A run of so many latencies in microseconds.
fn run(batch: u32, micros: impl IntoIterator<Item = u64>) -> BenchmarkRun {
    let mut histogram = LatencyHistogram::new().unwrap();
    let mut total = 0;
    for micros in micros {
        histogram.record(micros * 1_000);
        total += micros;
    }
    BenchmarkRun {
        scenario: Scenario::ClosedLoop,
        batch,
        threads: 1,
        n_warm_up: 10,
        n: histogram.n(),
        seconds: total as f64 / 1e6,
        windows: Vec::new(),
        histogram: histogram.encode().unwrap(),
        percentiles_ms: [0.0; 5],
    }
}

fn report(time: &str, runs: Vec<BenchmarkRun>) -> BenchmarkReport {
    BenchmarkReport {
        time: time.parse().unwrap(),
        version: semver::Version::new(1, 0, 0),
        preset: "quick".to_owned(),
        scope: Scope::InProcess,
        machine: Machine { processor: "Abacus 9".to_owned(), ..Machine::default() },
        rows: "100 rows".to_owned(),
        notes: Vec::new(),
        load_ms: 1.0,
        first_call_ms: 2.0,
        peak_memory_bytes: None,
        runs,
        evidence: Evidence { model: "ab".to_owned(), ..Evidence::default() },
        judged: Judgement::default(),
    }
}

fn budget(words: &str) -> LatencyBudget {
    LatencyBudget::understand(words).unwrap()
}

#[track_caller]
fn check(words: &str, runs: Vec<BenchmarkRun>, verdict: Verdict, said: &[&str]) {
    let report = report("2026-11-24T12:00:00Z", runs);
    let judged = latency(Some(&report), Some(&budget(words)));
    assert_eq!(judged.verdict, verdict, "{words}: {judged:?}");
    for part in said {
        assert!(judged.reason.contains(part), "{words}: {part} is not in {}", judged.reason);
    }
}

/// 1,000 latencies from 1 to 1,000 µs: p95 is 0.95 ms.
fn even() -> Vec<u64> {
    (1..=1_000).collect()
}

#[test]
fn the_percentile_of_the_briefs_batch_is_held_against_its_limit() {
    let scope = "in process, batch 1, 1 thread on Abacus 9; the network and the server are not in it";
    check("p95 under 2 ms", vec![run(1, even())], Verdict::Pass, &["p95 is 0.95 ms, within 2 ms by 2.1×", scope]);
    check("p95 under 0.1 ms", vec![run(1, even())], Verdict::Fail, &["p95 is 0.95 ms, over 0.1 ms by 9.5×", scope]);
    check("p50 under 0.6 ms", vec![run(1, even())], Verdict::Pass, &["p50 is 0.5 ms"]);
    let both = || vec![run(1, even()), run(8, even().into_iter().map(|micros| micros * 10))];
    check("p95 under 2 ms, batch of 8", both(), Verdict::Fail, &["p95 is 9.5 ms", "batch 8"]);
    check("p95 under 2 ms, batch of 9", both(), Verdict::Undecided, &["batch 9 was not measured, only 1 and 8"]);
}

#[test]
fn a_limit_that_is_just_met_passes() {
    // 0.95 ms is kept to three figures; its bucket ends below 0.951.
    check("p95 under 0.951 ms", vec![run(1, even())], Verdict::Pass, &["by 1.0×"]);
    check("p95 under 0.949 ms", vec![run(1, even())], Verdict::Fail, &["by 1.0×"]);
}

#[test]
fn a_percentile_without_samples_beyond_it_is_undecided() {
    let n = |n: u64| vec![run(1, (0..n).map(|_| 5))];
    check("p99 under 1 ms", n(999), Verdict::Undecided, &["not enough samples: p99 needs 1,000, there are 999"]);
    check("p99 under 1 ms", n(1_000), Verdict::Pass, &[]);
    check("p100 under 1 ms", n(1_000), Verdict::Undecided, &["not enough samples: no number of samples"]);
    check("p95 under 1 ms", vec![run(1, [])], Verdict::Undecided, &["there are 0"]);
    let mut damaged = run(1, even());
    damaged.histogram.replace_range(4..8, "!!!!");
    check("p95 under 1 ms", vec![damaged.clone()], Verdict::Undecided, &["cannot be read"]);
    assert_eq!(percentile_ms(&damaged, 50.0), None);
    assert!(percentiles(&damaged, None, None).is_empty());
}

#[test]
fn an_interval_that_contains_the_limit_is_said() {
    let said = "contains the limit";
    check("p95 under 0.955 ms", vec![run(1, even())], Verdict::Pass, &[said]);
    let report = report("2026-11-24T12:00:00Z", vec![run(1, even())]);
    let far = latency(Some(&report), Some(&budget("p95 under 5 ms")));
    assert!(!far.reason.contains(said), "{}", far.reason);
}

#[test]
fn a_rate_that_a_closed_loop_cannot_reach_fails() {
    // 1,000 requests in 0.5005 s.
    let runs = || vec![run(1, even())];
    check("p95 under 2 ms at 1900 rps", runs(), Verdict::Pass, &["1,998 requests/s one after the other, 1,900 are"]);
    check("p95 under 2 ms at 2000 rps", runs(), Verdict::Fail, &["only 1,998 requests/s one after the other"]);
    let timeless = BenchmarkRun { seconds: f64::NAN, ..run(1, even()) };
    check("p95 under 2 ms at 1 rps", vec![timeless], Verdict::Fail, &["only 0 requests/s"]);
}

#[test]
fn without_a_budget_or_a_report_there_is_no_verdict() {
    let report = report("2026-11-24T12:00:00Z", vec![run(1, even())]);
    let judged = latency(Some(&report), None);
    assert_eq!((judged.verdict, judged.measured.as_str()), (Verdict::None, "p95 0.95 ms"));
    let judged = latency(None, Some(&budget("p95 under 2 ms")));
    assert_eq!((judged.verdict, judged.asked.as_str()), (Verdict::None, "p95 ≤ 2 ms"));
}

#[test]
fn a_budget_from_a_file_may_be_nonsense() {
    let report = report("2026-11-24T12:00:00Z", vec![run(1, even())]);
    for (percentile, limit_ms) in [(f64::NAN, 1.0), (-1.0, 1.0), (101.0, 1.0), (95.0, f64::NAN), (95.0, -1.0)] {
        let budget = LatencyBudget { percentile, limit_ms, per_second: Some(f64::NAN), batch: 1 };
        let judged = latency(Some(&report), Some(&budget));
        assert_eq!(judged.verdict, Verdict::Undecided, "{percentile} {limit_ms}: {judged:?}");
    }
}

#[test]
fn runs_are_compared_by_their_intervals() {
    let slower = || even().into_iter().map(|micros| micros + micros / 2);
    let now = run(1, even());
    for (before, expected) in [
        (run(1, even()), "no change"),
        (run(1, slower()), "33 % faster"),
        (run(1, even().into_iter().map(|micros| micros * 4 / 5)), "25 % slower"),
        (run(2, even()), ""),
    ] {
        let before = report("2026-11-24T11:00:00Z", vec![before]);
        let rows = percentiles(&now, Some(&before), None);
        let p95 = rows.iter().find(|row| row.percentile.to_bits() == 95.0_f64.to_bits()).unwrap();
        assert_eq!(p95.change.describe(), expected);
    }
    let rows = percentiles(&now, None, Some(&budget("97% of requests under 1 ms")));
    let names: Vec<String> = rows.iter().map(|row| percentile_name(row.percentile)).collect();
    assert_eq!(names, ["p50", "p90", "p95", "p97", "p99", "p99.9"]);
    let last = rows.last().unwrap();
    assert_eq!((last.ms, last.interval_ms, last.n_needed), (None, (None, None), Some(10_000)));
}

#[test]
fn only_what_is_alike_is_compared() {
    let of = report("2026-11-24T12:00:00Z", vec![]);
    let alike = report("2026-11-24T10:00:00Z", vec![]);
    let older = report("2026-11-24T09:00:00Z", vec![]);
    let other = |change: &dyn Fn(&mut BenchmarkReport)| {
        let mut other = report("2026-11-24T11:00:00Z", vec![]);
        change(&mut other);
        other
    };
    let strangers = [
        other(&|other| other.version = semver::Version::new(2, 0, 0)),
        other(&|other| other.evidence.model = "cd".to_owned()),
        other(&|other| other.scope = Scope::Serve),
        other(&|other| other.machine.processor = "Abacus 10".to_owned()),
        other(&|other| other.time = "2026-11-24T13:00:00Z".parse().unwrap()),
    ];
    let reports: Vec<BenchmarkReport> = [older, alike.clone()].into_iter().chain(strangers).collect();
    assert_eq!(previous(&reports, &of), Some(&alike));
    assert_eq!(previous(&reports[2..], &of), None);
}

#[test]
fn a_run_is_steady_when_its_last_windows_are_alike() {
    for (windows, expected) in [
        (vec![], ""),
        (vec![(10, 1.0), (10, 1.0)], ""),
        (vec![(1, 1.0), (100, 1.0), (105, 1.0), (109, 1.0)], "steady"),
        (vec![(100, 1.0), (105, 1.0), (150, 1.0)], "not steady, 50 % apart"),
        (vec![(0, 0.0), (0, 0.0), (0, 0.0)], ""),
    ] {
        assert_eq!(steadiness(&BenchmarkRun { windows: windows.clone(), ..run(1, [5]) }), expected, "{windows:?}");
    }
}

#[test]
fn numbers_are_written_with_three_figures() {
    for (ms, expected) in [
        (0.021_34, "0.0213"),
        (0.1, "0.1"),
        (3.2149, "3.21"),
        (200.0, "200"),
        (1_234.5, "1,234"),
        (99.96, "100"),
        (0.0, "0"),
        (7_200_000.0, "7,200,000"),
        (f64::NAN, "–"),
    ] {
        assert_eq!(millis(ms), expected, "{ms}");
    }
    for (ratio, expected) in [(1.04, "1.0×"), (9.96, "10×"), (63.7, "64×"), (12_345.0, "12,345×")] {
        assert_eq!(times(ratio), expected, "{ratio}");
    }
}
