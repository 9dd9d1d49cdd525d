//! How many threads one run of a model uses, in this process.

use std::sync::atomic::{AtomicUsize, Ordering};

use tract_onnx::prelude::multithread::{Executor, set_default_executor};

use super::error::EngineError;
use super::guard::guarded;

/// The default: more threads gain where one large model answers one request at a time, and cost where requests are
/// many or models small.
pub const DEFAULT_THREADS: usize = 1;
/// The most that may be asked for.
pub const MOST_THREADS: usize = 64;

static THREADS: AtomicUsize = AtomicUsize::new(DEFAULT_THREADS);

/// How many threads one run uses.
pub fn threads() -> usize {
    THREADS.load(Ordering::Relaxed)
}

/// Lets every run from now on use so many threads, between 1 and [`MOST_THREADS`].
pub fn set_threads(n: usize) -> Result<(), EngineError> {
    let n = n.clamp(1, MOST_THREADS);
    if n == threads() {
        return Ok(());
    }
    // tract panics when the system gives no threads.
    guarded("starting threads", || {
        set_default_executor(if n == 1 { Executor::SingleThread } else { Executor::multithread(n) });
    })?;
    THREADS.store(n, Ordering::Relaxed);
    Ok(())
}
