//! Progress of jobs on a terminal, and Ctrl+C.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::OutputArgs;
use crate::workbench::{Environment, RunningJob};

/// Shows jobs while they run and passes Ctrl+C on to them.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    interrupted: Arc<AtomicBool>,
    n_logged: usize,
}

impl Progress {
    pub(super) fn new(environment: &Environment, output: OutputArgs) -> Self {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupted);
        environment.runtime.spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                flag.store(true, Ordering::SeqCst);
            }
        });
        let shown = std::io::stderr().is_terminal() && !output.json;
        let bar = shown.then(|| {
            let bar = ProgressBar::new(1_000);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar, interrupted, n_logged: 0 }
    }

    /// Called again and again while jobs run.
    pub(super) fn show(&mut self, jobs: &[RunningJob]) {
        if self.interrupted.load(Ordering::SeqCst) {
            for job in jobs {
                job.context.cancel();
            }
        }
        let (Some(bar), Some(job)) = (&self.bar, jobs.first()) else { return };
        let log = job.context.log_lines();
        for line in log.iter().skip(self.n_logged) {
            bar.println(line);
        }
        self.n_logged = log.len();
        let share = job.context.fraction().map(|fraction| format!(" {:.0} %", fraction * 100.0)).unwrap_or_default();
        bar.set_message(format!("{}: {}{share}", job.name, job.context.stage()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
