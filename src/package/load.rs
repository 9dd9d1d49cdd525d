//! A few seconds of requests, one after another, to the container and to the same executable outside of it.
//!
//! The two are asked in turns of a quarter of a second, so that whatever else the machine does meets both.

use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::BuildPlan;
use super::container::Running;
use super::discover::Engine;
use super::error::PackageError;
use super::http::Client;
use super::metrics::Samples;
use super::outside::{self, Outside};
use super::verify::check;
use crate::jobs::JobContext;
use crate::judge::{millis, thousands};
use crate::project::reports::{BenchmarkRun, Check, LoadReport, LoadRun, Scenario};
use crate::statistics::{LatencyError, LatencyHistogram};

/// How long both sides together are asked.
pub const LOAD_TIME: Duration = Duration::from_secs(5);

/// How long one side is asked before it is the other's turn.
const TURN: Duration = Duration::from_millis(250);

/// Requests of each side that are not counted, because they warm it up.
const N_WARM_UP: u64 = 20;

/// How long the server may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Failures after which a side is not asked any more.
const MOST_FAILURES: u64 = 20;

/// How long the engine may take to say how much memory the container uses.
const STATS_LIMIT: Duration = Duration::from_secs(5);

/// One side, and what came of it.
struct Side {
    client: Client,
    histogram: LatencyHistogram,
    n_failed: u64,
    first_failure: Option<String>,
    seconds: f64,
    windows: Vec<(u64, f64)>,
}

impl Side {
    fn new(authority: &str) -> Result<Self, LatencyError> {
        Ok(Self {
            client: Client::new(authority.to_owned(), ANSWER_LIMIT),
            histogram: LatencyHistogram::new()?,
            n_failed: 0,
            first_failure: None,
            seconds: 0.0,
            windows: Vec::new(),
        })
    }

    /// Asks once; whether it was answered.
    async fn ask(&mut self, path: &str, body: &[u8]) -> bool {
        let failure = match self.client.post(path, body).await {
            Ok(answer) if answer.status == 200 => return true,
            Ok(answer) => answer.excerpt(),
            Err(error) => format!("no answer ({error})"),
        };
        self.n_failed += 1;
        self.first_failure.get_or_insert(failure);
        false
    }

    /// Asks for `time`, each request when the one before was answered.
    async fn turn(&mut self, path: &str, bodies: &[Vec<u8>], time: Duration) {
        let (begun, before) = (Instant::now(), self.histogram.n());
        for body in bodies.iter().cycle() {
            if time <= begun.elapsed() || MOST_FAILURES <= self.n_failed {
                break;
            }
            let asked = Instant::now();
            if self.ask(path, body).await {
                self.histogram.record(asked.elapsed().as_nanos() as u64);
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        self.seconds += seconds;
        self.windows.push((self.histogram.n() - before, seconds));
    }

    /// Closes its connection; what came of it.
    async fn finish(mut self) -> Result<LoadRun, LatencyError> {
        let resident_bytes = Samples::ask(&mut self.client).await.ok().and_then(|samples| samples.resident_bytes());
        let histogram = &self.histogram;
        let ms = |percentile: f64| histogram.percentile_nanos(percentile).map_or(f64::NAN, |nanos| nanos as f64 / 1e6);
        let run = BenchmarkRun {
            scenario: Scenario::ClosedLoop,
            batch: 1,
            threads: 1,
            n_warm_up: N_WARM_UP,
            n: histogram.n(),
            seconds: self.seconds,
            windows: self.windows,
            histogram: histogram.encode()?,
            percentiles_ms: [50.0, 90.0, 95.0, 99.0, 100.0].map(ms),
        };
        Ok(LoadRun { run, n_failed: self.n_failed, resident_bytes })
    }
}

/// The most memory that the engine saw, and how often it looked.
#[derive(Debug, Default)]
struct Memory {
    peak_bytes: Option<u64>,
    n_samples: u64,
}

impl Memory {
    fn take(&mut self, stats: &ContainerStatsResponse) {
        if let Some(bytes) = working_set(stats) {
            self.peak_bytes = self.peak_bytes.max(Some(bytes));
            self.n_samples += 1;
        }
    }

    /// Looks for as long as it is polled; an engine that does not tell is left alone.
    async fn watch(&mut self, docker: &Docker, container: &str) -> ! {
        let mut stats = Box::pin(docker.stats(container, Some(StatsOptionsBuilder::new().stream(true).build())));
        while let Some(Ok(stats)) = stats.next().await {
            self.take(&stats);
        }
        std::future::pending().await
    }

    async fn look(&mut self, docker: &Docker, container: &str) {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let mut stats = Box::pin(docker.stats(container, Some(options)));
        if let Ok(Some(Ok(stats))) = timeout(STATS_LIMIT, stats.next()).await {
            self.take(&stats);
        }
    }
}

/// Memory in use without the files that the kernel may drop, as `docker stats` counts it: cgroup v1 names them
/// `total_inactive_file`, v2 `inactive_file`.
fn working_set(stats: &ContainerStatsResponse) -> Option<u64> {
    let memory = stats.memory_stats.as_ref()?;
    let usage = memory.usage.filter(|usage| 0 < *usage)?;
    let named = |name: &str| memory.stats.as_ref().and_then(|stats| stats.get(name)).copied();
    let droppable = named("total_inactive_file").or_else(|| named("inactive_file")).unwrap_or(0);
    Some(if droppable < usage { usage - droppable } else { usage })
}

/// Asks the running container, and the executable outside where that is possible.
pub(super) async fn load(
    plan: &BuildPlan,
    engine: &Engine,
    running: &Running<'_>,
    path: &str,
    bodies: &[Vec<u8>],
    context: &JobContext,
) -> Result<(LoadReport, Check), PackageError> {
    let outside = running.within(ANSWER_LIMIT * 2, outside::start(plan, engine)).await?;
    let mut memory = Memory::default();
    let asked = {
        let work = ask(plan.load_time, running, outside.as_ref().ok(), path, bodies, context);
        tokio::select! {
            asked = work => asked,
            never = memory.watch(&engine.docker, running.id()) => never,
        }
    };
    let (inside, beside, first_failure) = asked?;
    running.within(STATS_LIMIT * 2, memory.look(&engine.docker, running.id())).await?;
    let inspected = running.inspect().await?;
    let limit = inspected.host_config.and_then(|host| host.memory).and_then(|limit| u64::try_from(limit).ok());
    let report = LoadReport {
        asked: "one golden row a request, as tensors".to_owned(),
        inside,
        outside: beside,
        outside_missing: outside.err().unwrap_or_default(),
        peak_memory_bytes: memory.peak_bytes,
        n_memory_samples: memory.n_samples,
        memory_limit_bytes: limit.unwrap_or_default(),
    };
    let check = judged(&report, first_failure);
    Ok((report, check))
}

/// The runs of both sides, and how the first request to the container failed, if one did.
type Loaded = (LoadRun, Option<LoadRun>, Option<String>);

async fn ask(
    time: Duration,
    running: &Running<'_>,
    outside: Option<&Outside>,
    path: &str,
    bodies: &[Vec<u8>],
    context: &JobContext,
) -> Result<Loaded, PackageError> {
    let refused = |error: LatencyError| PackageError::Measure { reason: error.to_string() };
    let mut sides = vec![Side::new(running.client.authority()).map_err(refused)?];
    if let Some(outside) = outside {
        sides.push(Side::new(&outside.authority).map_err(refused)?);
    }
    for side in &mut sides {
        for body in bodies.iter().cycle().take(N_WARM_UP as usize) {
            let body: &[u8] = body;
            // A failure is remembered by the side.
            let _answered = running.within(ANSWER_LIMIT * 2, side.ask(path, body)).await?;
        }
    }
    // At least one turn each, so that a short load has both.
    let n_rounds = (time.as_secs_f64() / (TURN.as_secs_f64() * sides.len() as f64)).ceil().max(1.0) as u32;
    let turn = time / n_rounds / sides.len() as u32;
    for round in 0..n_rounds {
        let n: u64 = sides.iter().map(|side| side.histogram.n()).sum();
        let share = 0.8 + 0.1 * round as f32 / n_rounds as f32;
        context.progress(Some(share), format!("Under load: {} requests", thousands(n)));
        for side in &mut sides {
            running.within(turn + ANSWER_LIMIT * 2, side.turn(path, bodies, turn)).await?;
        }
        if sides.first().is_some_and(|inside| MOST_FAILURES <= inside.n_failed) {
            break;
        }
    }
    let mut runs = Vec::new();
    let first_failure = sides.first().and_then(|side| side.first_failure.clone());
    for side in sides {
        runs.push(running.within(ANSWER_LIMIT * 2, side.finish()).await?.map_err(refused)?);
    }
    let outside = if runs.len() == 2 { runs.pop() } else { None };
    let inside = runs.pop().ok_or_else(|| PackageError::Measure { reason: "nothing was asked".to_owned() })?;
    Ok((inside, outside, first_failure))
}

/// Whether the container answered everything, and what was seen.
fn judged(report: &LoadReport, first_failure: Option<String>) -> Check {
    const NAME: &str = "Holds under load";
    let LoadRun { run, n_failed, .. } = &report.inside;
    if let Some(failure) = first_failure {
        return check(NAME, false, format!("{n_failed} of {} requests failed: {failure}", n_failed + run.n));
    }
    if run.n == 0 {
        return check(NAME, false, "not one request was answered");
    }
    let [p50, _, p95, ..] = run.percentiles_ms;
    let mut detail = format!(
        "{} requests in {:.1} s, p50 {} ms, p95 {} ms",
        thousands(run.n),
        run.seconds,
        millis(p50),
        millis(p95)
    );
    if let Some(peak) = report.peak_memory_bytes {
        detail.push_str(&format!(", {} MiB in use", peak.div_ceil(1 << 20)));
        if 0 < report.memory_limit_bytes {
            detail.push_str(&format!(" of {}", report.memory_limit_bytes.div_ceil(1 << 20)));
        }
    }
    check(NAME, true, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(text: &str) -> ContainerStatsResponse {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_the_kernel_may_drop_is_no_memory_in_use() {
        let v1 = r#"{"memory_stats": {"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 5}}}"#;
        let v2 = r#"{"memory_stats": {"usage": 100, "stats": {"inactive_file": 20}}}"#;
        assert_eq!(working_set(&stats(v1)), Some(70));
        assert_eq!(working_set(&stats(v2)), Some(80));
        assert_eq!(working_set(&stats(r#"{"memory_stats": {"usage": 100}}"#)), Some(100));
        assert_eq!(working_set(&stats(r#"{"memory_stats": {"usage": 9, "stats": {"inactive_file": 20}}}"#)), Some(9));
        // What an engine says of a container that has ended.
        assert_eq!(working_set(&stats(r#"{"memory_stats": {}}"#)), None);
        let mut memory = Memory::default();
        for text in [v1, v2, r#"{"memory_stats": {}}"#, v1] {
            memory.take(&stats(text));
        }
        assert_eq!((memory.peak_bytes, memory.n_samples), (Some(80), 3));
    }

    #[tokio::test]
    async fn a_side_that_fails_is_given_up_and_says_how() {
        // A port that was free a moment ago.
        let authority = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut side = Side::new(&authority).unwrap();
        side.turn("/", &[b"{}".to_vec()], Duration::from_hours(1)).await;
        assert_eq!(side.n_failed, MOST_FAILURES);
        assert!(side.first_failure.as_ref().unwrap().starts_with("no answer ("), "{:?}", side.first_failure);
        let run = side.finish().await.unwrap();
        assert_eq!((run.run.n, run.n_failed, run.resident_bytes), (0, MOST_FAILURES, None));
        let report = LoadReport {
            asked: String::new(),
            inside: run,
            outside: None,
            outside_missing: String::new(),
            peak_memory_bytes: None,
            n_memory_samples: 0,
            memory_limit_bytes: 0,
        };
        let failed = judged(&report, Some("no answer".to_owned()));
        assert_eq!((failed.pass, failed.detail.as_str()), (false, "20 of 20 requests failed: no answer"));
        assert!(!judged(&report, None).pass);
    }
}
