//! The measurement: calls timed as a whole and calls timed step by step, in turn.

use std::time::{Duration, Instant};

use serde_json::json;
use tract_onnx::tract_hir::internal::{TValue, TVec, TractResult};

use super::ProfileRequest;
use crate::project::reports::Spread;

/// Calls of each kind at least, however slow.
const FEWEST_CALLS: u64 = 3;
/// The most times of single steps that are kept.
const MOST_TIMES: usize = 8_000_000;
/// The longest that is warmed up.
const WARM_UP: Duration = Duration::from_millis(200);
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Times in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Times {
    pub(super) n_warm_up: u64,
    /// Of calls that nothing is timed in.
    pub(super) plain: Vec<f64>,
    /// Of calls whose steps are timed.
    pub(super) timed: Vec<f64>,
    /// Of the steps, call after call, in the order they run.
    pub(super) steps: Vec<f32>,
    /// What reading the clock adds to each.
    pub(super) clock_ns: f64,
}

/// What can be called as a whole, and step by step.
pub(super) trait Runner {
    /// Steps of a call.
    fn n_steps(&self) -> usize;

    /// A call as the engine makes it.
    fn plain(&self, inputs: TVec<TValue>) -> TractResult<()>;

    /// The same, with the time of every step added to `times` in nanoseconds, in the order of the steps.
    fn timed(&self, inputs: TVec<TValue>, times: &mut Vec<f32>) -> TractResult<()>;
}

/// Runs the inputs in turn, until the time is up or there were calls enough.
pub(super) fn measure(
    runner: &dyn Runner,
    inputs: &[TVec<TValue>],
    request: ProfileRequest,
    tell: &mut dyn FnMut(serde_json::Value),
) -> TractResult<Times> {
    let room = (MOST_TIMES / runner.n_steps().max(1)) as u64;
    let max_calls = request.max_calls.min(room).max(FEWEST_CALLS);
    let budget = Duration::from_millis(request.budget_ms);
    let mut turn = inputs.iter().cycle().cloned();
    let mut next = || turn.next().unwrap_or_default();
    let mut times = Times { clock_ns: clock_ns(), ..Times::default() };
    let started = Instant::now();
    loop {
        runner.plain(next())?;
        times.n_warm_up += 1;
        if WARM_UP.min(budget / 10) <= started.elapsed() {
            break;
        }
    }
    let started = Instant::now();
    let mut told = Instant::now();
    let nanos = |time: Duration| time.as_nanos() as f64;
    let mut n = 0;
    loop {
        // The same rows for both, the one kind first and then the other.
        let rows = next();
        for timed in [n % 2 == 1, n % 2 == 0] {
            let rows = rows.clone();
            let started = Instant::now();
            if timed {
                runner.timed(rows, &mut times.steps)?;
            } else {
                runner.plain(rows)?;
            }
            let took = nanos(started.elapsed());
            if timed { times.timed.push(took) } else { times.plain.push(took) }
        }
        n += 1;
        let elapsed = started.elapsed();
        if max_calls <= n || (FEWEST_CALLS <= n && budget <= elapsed) {
            return Ok(times);
        }
        if TELL_EVERY <= told.elapsed() {
            told = Instant::now();
            let by_time = elapsed.as_secs_f64() / budget.as_secs_f64().max(1e-9);
            let fraction = by_time.max(n as f64 / max_calls as f64).min(1.0);
            tell(json!({ "fraction": fraction, "n": n }));
        }
    }
}

/// What two readings of the clock around nothing take, as half of the time.
fn clock_ns() -> f64 {
    let mut times: Vec<f64> = (0..1_001)
        .map(|_| {
            let started = Instant::now();
            started.elapsed().as_nanos() as f64
        })
        .collect();
    spread(&mut times).median
}

/// Mean and quartiles; sorts the times.
pub(super) fn spread(times: &mut [f64]) -> Spread {
    if times.is_empty() {
        return Spread::default();
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    Spread { mean: times.iter().sum::<f64>() / times.len() as f64, lower: at(0.25), median: at(0.5), upper: at(0.75) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_times_that_were_measured() {
        let got = spread(&mut [5.0, 1.0, 2.0, 4.0, 3.0]);
        assert_eq!(got, Spread { mean: 3.0, lower: 2.0, median: 3.0, upper: 4.0 });
        assert_eq!(spread(&mut [7.0]), Spread { mean: 7.0, lower: 7.0, median: 7.0, upper: 7.0 });
        assert_eq!(spread(&mut []), Spread::default());
    }
}
