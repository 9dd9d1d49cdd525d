//! What the server counts and times: `/metrics` in Prometheus' text format, and the figures behind `/stats`.
//!
//! Requests are named as OpenTelemetry names them, models as Triton does, so that dashboards for either fit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::{
    Counter, CounterVec, Encoder as _, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::error::ApiError;

/// OpenTelemetry's bounds from 5 ms on, and finer ones below for models that take microseconds.
const SECONDS: [f64; 20] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
    10.0, 30.0,
];

/// Bounds for what takes less than a request.
const FINE_SECONDS: [f64; 16] = [
    0.000_01, 0.000_025, 0.000_05, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
    5.0,
];

const ROWS: [f64; 12] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 8192.0];

const MODEL: [&str; 2] = ["model", "version"];

/// Where one request's time went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    /// Waiting for a processor or for a batch.
    pub(super) queue: Duration,
    /// From bytes to tensors.
    pub(super) input: Duration,
    /// In the model.
    pub(super) infer: Duration,
    /// From tensors to bytes.
    pub(super) output: Duration,
    /// Rows asked about.
    pub(super) n_rows: usize,
}

/// The server's metrics.
pub(super) struct Metrics {
    registry: Registry,
    requests: HistogramVec,
    /// Requests being answered.
    pub(super) active: IntGauge,
    rejections: IntCounterVec,
    /// Records that the request log had no room for.
    pub(super) unlogged: IntCounter,
    models: ModelFamilies,
}

struct ModelFamilies {
    success: IntCounterVec,
    failure: IntCounterVec,
    rows: IntCounterVec,
    executions: IntCounterVec,
    pending: IntGaugeVec,
    /// Request, queue, input, infer and output.
    durations: [CounterVec; 5],
    infer: HistogramVec,
    queue: HistogramVec,
    batch: HistogramVec,
    fallback: IntCounterVec,
    degraded: GaugeVec,
}

/// The metrics of one version of a model.
pub(super) struct ModelMetrics {
    /// Requests answered.
    pub(super) success: IntCounter,
    /// Requests that failed, whoever's fault it was.
    pub(super) failure: IntCounter,
    /// Rows run.
    pub(super) rows: IntCounter,
    /// Runs of the model.
    pub(super) executions: IntCounter,
    /// Requests waiting.
    pub(super) pending: IntGauge,
    /// Microseconds of requests, queue, input, infer and output.
    pub(super) micros: [Counter; 5],
    infer: Histogram,
    queue: Histogram,
    batch: Histogram,
    /// Requests that something else answered.
    pub(super) fallback: IntCounter,
    /// Whether something else answers now.
    pub(super) degraded: Gauge,
    failure_micros: AtomicU64,
    last_millis: AtomicU64,
}

/// Registers what it makes.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn register<C: prometheus::core::Collector + Clone + 'static>(
        &self,
        made: prometheus::Result<C>,
    ) -> prometheus::Result<C> {
        let made = made?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }
}

impl Metrics {
    /// Metrics without any model; an error only when this file names one wrongly.
    pub(super) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let maker = Maker(&registry);
        let counters =
            |name: &str, help: &str, labels: &[&str]| maker.register(IntCounterVec::new(Opts::new(name, help), labels));
        let micros = |name: &str, help: &str| maker.register(CounterVec::new(Opts::new(name, help), &MODEL));
        let histograms = |name: &str, help: &str, labels: &[&str], bounds: &[f64]| {
            maker.register(HistogramVec::new(HistogramOpts::new(name, help).buckets(bounds.to_vec()), labels))
        };
        let models = ModelFamilies {
            success: counters("nv_inference_request_success", "Inference requests answered", &MODEL)?,
            failure: counters("nv_inference_request_failure", "Inference requests that failed", &MODEL)?,
            rows: counters("nv_inference_count", "Rows inferred", &MODEL)?,
            executions: counters("nv_inference_exec_count", "Runs of the model, each of one row or more", &MODEL)?,
            pending: maker.register(IntGaugeVec::new(
                Opts::new("nv_inference_pending_request_count", "Inference requests that wait for a processor"),
                &MODEL,
            ))?,
            durations: [
                micros("nv_inference_request_duration_us", "Microseconds of inference requests, waiting included")?,
                micros("nv_inference_queue_duration_us", "Microseconds of waiting")?,
                micros("nv_inference_compute_input_duration_us", "Microseconds from bytes to tensors")?,
                micros("nv_inference_compute_infer_duration_us", "Microseconds in the model")?,
                micros("nv_inference_compute_output_duration_us", "Microseconds from tensors to bytes")?,
            ],
            infer: histograms("trestle_inference_duration_seconds", "Time in the model", &MODEL, &FINE_SECONDS)?,
            queue: histograms("trestle_queue_duration_seconds", "Time of waiting", &MODEL, &FINE_SECONDS)?,
            batch: histograms("trestle_batch_rows", "Rows of one run of the model", &MODEL, &ROWS)?,
            fallback: counters("trestle_fallback_total", "Requests that something else answered", &MODEL)?,
            degraded: maker.register(GaugeVec::new(
                Opts::new("trestle_degraded", "1 while something else answers in place of the model"),
                &MODEL,
            ))?,
        };
        let metrics = Self {
            requests: histograms(
                "http_server_request_duration_seconds",
                "Time from a request's head to its answer",
                &["method", "route", "status"],
                &SECONDS,
            )?,
            active: maker.register(IntGauge::new("http_server_active_requests", "Requests that are being answered"))?,
            rejections: counters("trestle_rejected_requests_total", "Requests refused for want of room", &["reason"])?,
            unlogged: maker.register(IntCounter::new(
                "trestle_request_log_dropped_total",
                "Records that the request log had no room for",
            ))?,
            models,
            registry: registry.clone(),
        };
        let info = maker.register(IntGaugeVec::new(Opts::new("trestle_info", "What serves"), &["version"]))?;
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// The metrics of a version, there from the start so that rates have a beginning.
    pub(super) fn model(&self, name: &str, version: &str) -> ModelMetrics {
        let labels = [name, version];
        let families = &self.models;
        ModelMetrics {
            success: families.success.with_label_values(&labels),
            failure: families.failure.with_label_values(&labels),
            rows: families.rows.with_label_values(&labels),
            executions: families.executions.with_label_values(&labels),
            pending: families.pending.with_label_values(&labels),
            micros: families.durations.each_ref().map(|family| family.with_label_values(&labels)),
            infer: families.infer.with_label_values(&labels),
            queue: families.queue.with_label_values(&labels),
            batch: families.batch.with_label_values(&labels),
            fallback: families.fallback.with_label_values(&labels),
            degraded: families.degraded.with_label_values(&labels),
            failure_micros: AtomicU64::new(0),
            last_millis: AtomicU64::new(0),
        }
    }

    /// One request was answered.
    pub(super) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let mut digits = [b'0'; 3];
        for (place, digit) in digits.iter_mut().zip([status / 100 % 10, status / 10 % 10, status % 10]) {
            *place += digit as u8;
        }
        let status = std::str::from_utf8(&digits).unwrap_or_default();
        self.requests.with_label_values(&[method, route, status]).observe(took.as_secs_f64());
    }

    /// One request was refused for want of room.
    pub(super) fn rejected(&self, reason: &str) {
        self.rejections.with_label_values(&[reason]).inc();
    }

    /// Everything, as it is sent.
    pub(super) fn text(&self) -> Result<Vec<u8>, ApiError> {
        let mut text = Vec::with_capacity(16 * 1024);
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.map_err(|error| ApiError::internal("the metrics could not be written", error.to_string()))?;
        Ok(text)
    }
}

/// Content type of [`Metrics::text`].
pub(super) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

impl ModelMetrics {
    /// The model ran once.
    pub(super) fn ran(&self, n_rows: usize, took: Duration) {
        self.executions.inc();
        self.rows.inc_by(n_rows as u64);
        self.infer.observe(took.as_secs_f64());
        self.batch.observe(n_rows as f64);
    }

    /// A request was answered.
    pub(super) fn succeeded(&self, took: Duration, spent: &Spent, now_millis: u64) {
        self.success.inc();
        self.queue.observe(spent.queue.as_secs_f64());
        let parts = [took, spent.queue, spent.input, spent.infer, spent.output];
        for (counter, part) in self.micros.iter().zip(parts) {
            counter.inc_by(part.as_secs_f64() * 1e6);
        }
        self.last_millis.store(now_millis, Ordering::Relaxed);
    }

    /// A request failed.
    pub(super) fn failed(&self, took: Duration) {
        self.failure.inc();
        self.failure_micros.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
    }

    /// When a request was last answered, in milliseconds since 1970; 0 for never.
    pub(super) fn last_millis(&self) -> u64 {
        self.last_millis.load(Ordering::Relaxed)
    }

    /// Nanoseconds of requests that failed.
    pub(super) fn failure_nanos(&self) -> u64 {
        self.failure_micros.load(Ordering::Relaxed) * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_and_there_from_the_start() {
        let metrics = Metrics::new().unwrap();
        let model = metrics.model("churn", "1.0.0");
        let ms = Duration::from_millis;
        model.ran(3, ms(2));
        model.succeeded(ms(5), &Spent { queue: ms(1), infer: ms(2), n_rows: 3, ..Spent::default() }, 7);
        metrics.answered("POST", "/predict", 200, Duration::from_micros(70));
        metrics.rejected("full");
        let text = String::from_utf8(metrics.text().unwrap()).unwrap();
        for line in [
            r#"http_server_request_duration_seconds_bucket{method="POST",route="/predict",status="200",le="0.0001"} 1"#,
            r#"nv_inference_request_success{model="churn",version="1.0.0"} 1"#,
            r#"nv_inference_request_failure{model="churn",version="1.0.0"} 0"#,
            r#"nv_inference_count{model="churn",version="1.0.0"} 3"#,
            r#"nv_inference_request_duration_us{model="churn",version="1.0.0"} 5000"#,
            r#"nv_inference_compute_infer_duration_us{model="churn",version="1.0.0"} 2000"#,
            r#"trestle_batch_rows_bucket{model="churn",version="1.0.0",le="4"} 1"#,
            r#"trestle_rejected_requests_total{reason="full"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        if cfg!(target_os = "linux") {
            assert!(text.contains("process_resident_memory_bytes") && text.contains("process_cpu_seconds_total"));
        }
    }
}
