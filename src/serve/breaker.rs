//! When to stop asking a model that fails again and again, and when to try it again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Counts failures in a row. Times are given by the caller, as time since some beginning.
#[derive(Debug)]
pub(super) struct Breaker {
    limit: u32,
    retry: Duration,
    n_failures: AtomicU32,
    /// Milliseconds at which the model is tried again; 0 while it is not avoided.
    retry_at: AtomicU64,
}

impl Breaker {
    /// Avoids the model after `limit` failures in a row, and tries it again every `retry`.
    pub(super) fn new(limit: u32, retry: Duration) -> Self {
        Self { limit, retry, n_failures: AtomicU32::new(0), retry_at: AtomicU64::new(0) }
    }

    /// Whether to ask the model: always while it works, and one request in each interval while it is avoided.
    pub(super) fn asks(&self, now: Duration) -> bool {
        let retry_at = self.retry_at.load(Ordering::Acquire);
        let now_millis = now.as_millis() as u64;
        retry_at == 0
            || (retry_at <= now_millis
                && self
                    .retry_at
                    .compare_exchange(retry_at, self.next(now), Ordering::AcqRel, Ordering::Acquire)
                    .is_ok())
    }

    /// The model answered; whether it was avoided before.
    pub(super) fn succeeded(&self) -> bool {
        if self.n_failures.load(Ordering::Relaxed) != 0 {
            self.n_failures.store(0, Ordering::Relaxed);
        }
        self.retry_at.load(Ordering::Relaxed) != 0 && self.retry_at.swap(0, Ordering::AcqRel) != 0
    }

    /// The model failed; whether it is avoided now.
    pub(super) fn failed(&self, now: Duration) -> bool {
        let n_failures = self.n_failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if n_failures < self.limit {
            return false;
        }
        self.retry_at.store(self.next(now), Ordering::Release);
        true
    }

    fn next(&self, now: Duration) -> u64 {
        ((now + self.retry).as_millis() as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_avoided_after_failures_in_a_row_and_tried_again_once_an_interval() {
        let at = Duration::from_secs;
        let breaker = Breaker::new(2, at(10));
        assert!(breaker.asks(at(0)) && !breaker.failed(at(0)));
        assert!(!breaker.succeeded(), "it was not avoided yet");
        assert!(!breaker.failed(at(1)), "a success in between starts the count anew");
        assert!(breaker.failed(at(1)));
        assert!(!breaker.asks(at(2)) && !breaker.asks(at(10)));
        assert!(breaker.asks(at(11)), "the interval is over");
        assert!(!breaker.asks(at(11)), "for one request");
        assert!(breaker.failed(at(12)));
        assert!(!breaker.asks(at(21)));
        assert!(breaker.asks(at(22)));
        assert!(breaker.succeeded());
        assert!(breaker.asks(at(22)) && breaker.asks(at(22)));
    }
}
