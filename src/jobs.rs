//! Background work over poll-promise: named, cancellable, with progress and a log.
//!
//! A job computes a value on a thread of its own and hands it to the main thread, which alone changes state.
//! A panic in the work becomes [`JobError::Crashed`]: the thread's closure never unwinds into poll-promise,
//! which would otherwise panic the poller.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use poll_promise::Promise;

use crate::problem::Problem;

/// Lines kept of one job's log; older ones are dropped.
const LOG_LINES: usize = 2_000;

/// Called after a job has delivered or progressed, to wake whoever polls.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A [`Wake`] for callers that block instead of polling.
pub fn no_wake() -> Wake {
    Arc::new(|| {})
}

/// Why a job gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It was asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The work failed with a reason.
    #[error(transparent)]
    Failed(#[from] Problem),
    /// The work panicked.
    #[error("{job} stopped unexpectedly: {reason}")]
    Crashed {
        /// The job's name.
        job: String,
        /// The panic's message.
        reason: String,
    },
}

impl JobError {
    /// The error as a [`Problem`] for display.
    pub fn to_problem(&self) -> Problem {
        match self {
            Self::Cancelled => Problem::new("Cancelled", "", ""),
            Self::Failed(problem) => problem.clone(),
            Self::Crashed { .. } => Problem::new(
                self.to_string(),
                "",
                "Nothing was saved from it. Try again, and report this if it repeats.",
            ),
        }
    }
}

struct Shared {
    cancelled: AtomicBool,
    /// `f32` bits; NaN while the extent is unknown.
    fraction: AtomicU32,
    stage: Mutex<String>,
    log: Mutex<VecDeque<String>>,
    wake: Wake,
}

/// What a job's work holds of its job: progress out, cancellation in.
#[derive(Clone)]
pub struct JobContext {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for JobContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobContext").field("stage", &self.stage()).finish_non_exhaustive()
    }
}

/// A poisoned lock only means that another thread panicked while holding a plain value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl JobContext {
    /// A context that belongs to no job; `wake` is called on progress.
    pub fn new(wake: Wake) -> Self {
        Self {
            shared: Arc::new(Shared {
                cancelled: AtomicBool::new(false),
                fraction: AtomicU32::new(f32::NAN.to_bits()),
                stage: Mutex::default(),
                log: Mutex::default(),
                wake,
            }),
        }
    }

    /// States what is going on and how much is done, 0 to 1; `None` while that cannot be known.
    pub fn progress(&self, fraction: Option<f32>, stage: impl Into<String>) {
        self.shared.fraction.store(fraction.unwrap_or(f32::NAN).to_bits(), Ordering::Relaxed);
        *lock(&self.shared.stage) = stage.into();
        (self.shared.wake)();
    }

    /// Adds a line to the log.
    pub fn log(&self, line: impl Into<String>) {
        let mut log = lock(&self.shared.log);
        if LOG_LINES <= log.len() {
            log.pop_front();
        }
        log.push_back(line.into());
        drop(log);
        (self.shared.wake)();
    }

    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::SeqCst);
    }

    /// Whether the work was asked to stop.
    pub fn cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::SeqCst)
    }

    /// Returns [`JobError::Cancelled`] once the work was asked to stop.
    pub fn check(&self) -> Result<(), JobError> {
        if self.cancelled() { Err(JobError::Cancelled) } else { Ok(()) }
    }

    /// How much is done, 0 to 1, when that can be known.
    pub fn fraction(&self) -> Option<f32> {
        let fraction = f32::from_bits(self.shared.fraction.load(Ordering::Relaxed));
        (!fraction.is_nan()).then_some(fraction)
    }

    /// What is going on.
    pub fn stage(&self) -> String {
        lock(&self.shared.stage).clone()
    }

    /// The log so far.
    pub fn log_lines(&self) -> Vec<String> {
        lock(&self.shared.log).iter().cloned().collect()
    }
}

/// Background work that will give a `T`.
pub struct Job<T: Send + 'static> {
    name: String,
    started: Instant,
    context: JobContext,
    promise: Option<Promise<Result<T, JobError>>>,
}

impl<T: Send + 'static> std::fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Job<T> {
    /// Starts `work` on a thread named after the job.
    pub fn spawn(
        name: impl Into<String>,
        wake: &Wake,
        work: impl FnOnce(&JobContext) -> Result<T, JobError> + Send + 'static,
    ) -> Self {
        let name = name.into();
        let context = JobContext::new(Arc::clone(wake));
        let (sender, promise) = Promise::new();
        let (inside, label) = (context.clone(), name.clone());
        let run = move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&inside)))
                .unwrap_or_else(|panic| Err(JobError::Crashed { job: label, reason: panic_message(panic.as_ref()) }));
            sender.send(result);
            (inside.shared.wake)();
        };
        // When no thread can be had, the dropped sender would panic the poller: deliver the failure instead.
        let promise = match std::thread::Builder::new().name(name.clone()).spawn(run) {
            Ok(_detached) => promise,
            Err(error) => Promise::from_ready(Err(JobError::Failed(Problem::new(
                format!("The system gave no thread for this job ({error})"),
                name.clone(),
                "Close other programs and try again.",
            )))),
        };
        Self { name, started: Instant::now(), context, promise: Some(promise) }
    }

    /// The job's name, as the activity bar shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Progress, log and cancellation.
    pub fn context(&self) -> &JobContext {
        &self.context
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The result, once, when it is there.
    pub fn poll(&mut self) -> Option<Result<T, JobError>> {
        let promise = self.promise.take()?;
        match promise.try_take() {
            Ok(result) => Some(result),
            Err(pending) => {
                self.promise = Some(pending);
                None
            }
        }
    }

    /// Waits for the result; for the command line and tests.
    pub fn wait(mut self) -> Result<T, JobError> {
        match self.promise.take() {
            Some(promise) => promise.block_and_take(),
            None => Err(JobError::Cancelled),
        }
    }
}

/// The message of a caught panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no reason was given".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_not_a_panic_of_the_poller() {
        let job: Job<u32> = Job::spawn("boom", &no_wake(), |_| panic!("the reason"));
        let Err(JobError::Crashed { reason, .. }) = job.wait() else { panic!("expected a crash") };
        assert_eq!(reason, "the reason");
    }

    #[test]
    fn cancelling_reaches_the_work() {
        let job: Job<()> = Job::spawn("wait", &no_wake(), |context| {
            loop {
                context.check()?;
                std::thread::yield_now();
            }
        });
        job.context().cancel();
        assert_eq!(job.wait(), Err(JobError::Cancelled));
    }

    #[test]
    fn the_log_is_bounded() {
        let context = JobContext::new(no_wake());
        for line in 0..LOG_LINES + 5 {
            context.log(line.to_string());
        }
        let lines = context.log_lines();
        assert_eq!((lines.len(), lines[0].as_str()), (LOG_LINES, "5"));
    }
}
