//! The benchmark's inner loop, in the worker: one run after the other, each timed alone.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Model;
use super::error::EngineError;
use super::profile::split;
use super::tensor::Tensor;
use super::threads::{set_threads, threads};
use crate::statistics::LatencyHistogram;

/// The longest that is measured in one request.
const LONGEST: Duration = Duration::from_hours(1);
/// The most calls that are measured in one request.
const MOST_CALLS: u64 = 1 << 40;
/// Windows that the measuring time is divided into.
const WINDOWS: u32 = 6;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What is measured. The request's tensors are the batches, one after the other, each with all of the model's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchRequest {
    /// Different batches, used in turn.
    pub n_batches: usize,
    /// How long is run before anything counts, in milliseconds; one call at least.
    pub warm_up_ms: u64,
    /// How long is measured, in milliseconds; one call at least.
    pub measure_ms: u64,
    /// Calls after which measuring ends early.
    pub max_n: u64,
    /// Threads that one run uses, meanwhile.
    pub threads: u32,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchResult {
    /// The latencies: see [`LatencyHistogram::encode`].
    pub histogram: String,
    /// Calls measured.
    pub n: u64,
    /// Calls that warmed up.
    pub n_warm_up: u64,
    /// Time from the first measured call to the end of the last, in seconds.
    pub seconds: f64,
    /// Calls and seconds of each of the windows that the measuring time was divided into.
    pub windows: Vec<(u64, f64)>,
    /// The most memory the process ever had in use; `None` where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
}

/// Runs the batches in turn: first unmeasured, then each call timed by a monotonic clock around [`Model::run`] alone.
///
/// `tell` is given how much is done, outside of the timed part.
pub(crate) fn bench(
    model: &Model,
    tensors: Vec<Tensor>,
    request: BenchRequest,
    tell: &mut dyn FnMut(serde_json::Value),
) -> Result<BenchResult, EngineError> {
    let before = threads();
    set_threads(usize::try_from(request.threads).unwrap_or(usize::MAX))?;
    let measured = measure(model, tensors, request, tell);
    set_threads(before)?;
    measured
}

fn measure(
    model: &Model,
    tensors: Vec<Tensor>,
    request: BenchRequest,
    tell: &mut dyn FnMut(serde_json::Value),
) -> Result<BenchResult, EngineError> {
    let failed = |reason: &str| EngineError::Run { reason: reason.to_owned() };
    let batches = split(tensors, request.n_batches).ok_or_else(|| failed("the batches are not complete"))?;
    let mut histogram = LatencyHistogram::new().map_err(|error| failed(&error.to_string()))?;
    let warm_up = Duration::from_millis(request.warm_up_ms).min(LONGEST);
    let measure = Duration::from_millis(request.measure_ms).min(LONGEST);
    let max_n = request.max_n.clamp(1, MOST_CALLS);
    let total = (warm_up + measure).as_secs_f64().max(1e-9);
    let mut turn = batches.iter().cycle();
    let mut call = || -> Result<Duration, EngineError> {
        let batch = turn.next().ok_or_else(|| failed("there is no batch"))?;
        let started = Instant::now();
        let outputs = model.run(batch)?;
        let took = started.elapsed();
        // Giving the outputs back is the caller's time, not the model's.
        drop(outputs);
        Ok(took)
    };
    let mut told = Instant::now();
    let mut tell_now = |done: Duration, n: u64| {
        if TELL_EVERY <= told.elapsed() {
            told = Instant::now();
            tell(json!({ "fraction": (done.as_secs_f64() / total).min(1.0), "n": n }));
        }
    };
    let started = Instant::now();
    let mut n_warm_up = 0;
    loop {
        call()?;
        n_warm_up += 1;
        if warm_up <= started.elapsed() {
            break;
        }
        tell_now(started.elapsed(), 0);
    }
    let started = Instant::now();
    let mut n = 0;
    let mut windows = Vec::with_capacity(WINDOWS as usize);
    let mut window = (0, Duration::ZERO);
    let seconds = loop {
        histogram.record(u64::try_from(call()?.as_nanos()).unwrap_or(u64::MAX));
        n += 1;
        let elapsed = started.elapsed();
        let in_window = elapsed.saturating_sub(window.1);
        if measure / WINDOWS <= in_window {
            windows.push((n - window.0, in_window.as_secs_f64()));
            window = (n, elapsed);
        }
        if measure <= elapsed || max_n <= n {
            break elapsed.as_secs_f64();
        }
        tell_now(warm_up + elapsed, n);
    };
    let histogram = histogram.encode().map_err(|error| failed(&error.to_string()))?;
    Ok(BenchResult { histogram, n, n_warm_up, seconds, windows, peak_memory_bytes: peak_memory_bytes() })
}

/// The most memory this process ever had in use.
fn peak_memory_bytes() -> Option<u64> {
    if cfg!(target_os = "linux") { high_water(&std::fs::read_to_string("/proc/self/status").ok()?) } else { None }
}

/// The line `VmHWM:     1234 kB` of a process's status; its kB are 1,024 bytes.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tensor::TensorData;

    #[test]
    fn the_peak_is_read_from_the_status() {
        let status = "Name:\ttrestle\nVmPeak:\t  99 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 7 kB\n";
        assert_eq!(high_water(status), Some(1_234 * 1_024));
        for odd in ["", "VmHWM:", "VmHWM:\t12 MB", "VmHWM:\t-1 kB", "VmHWM:\t18446744073709551615 kB"] {
            assert_eq!(high_water(odd), None, "{odd}");
        }
    }

    #[test]
    fn tensors_are_shared_out_evenly_or_not_at_all() {
        let tensor = |name: &str| Tensor::new(name, vec![1], TensorData::F32(vec![0.0]));
        let four = || vec![tensor("a"), tensor("b"), tensor("a"), tensor("b")];
        let batches = split(four(), 2).unwrap();
        assert!(batches.iter().all(|batch| batch.iter().map(|tensor| tensor.name.as_str()).eq(["a", "b"])));
        assert_eq!(split(four(), 3), None);
        assert_eq!(split(four(), 0), None);
        assert_eq!(split(Vec::new(), 1), None);
    }

    #[test]
    fn a_call_limit_ends_the_loop() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/scaler.onnx");
        let model = Model::load(&path).unwrap();
        let spec = &model.inspection().contract.inputs[0];
        let width = spec.shape[1].fixed().unwrap() as usize;
        let row = Tensor::new(&spec.name, vec![1, width], TensorData::F32(vec![0.5; width]));
        let request = BenchRequest { n_batches: 2, warm_up_ms: 0, measure_ms: 60_000, max_n: 50, threads: 1 };
        let result = bench(&model, vec![row.clone(), row], request, &mut |_| ()).unwrap();
        assert_eq!((result.n, result.n_warm_up), (50, 1));
        let histogram = LatencyHistogram::decode(&result.histogram).unwrap();
        assert_eq!(histogram.n(), 50);
        // The parts cannot take longer than the whole, the histogram's rounding aside.
        assert!(histogram.mean_nanos() * 50.0 <= result.seconds * 1e9 * 1.001);
        assert!(cfg!(not(target_os = "linux")) || result.peak_memory_bytes.is_some_and(|bytes| 1 << 20 < bytes));
    }
}
