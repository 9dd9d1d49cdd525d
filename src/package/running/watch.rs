//! Looking at containers for as long as somebody wants to see them: the list, and of one its log and what it uses.
//!
//! What is seen goes into a bounded [`Feed`]; whoever shows it takes it from there and alone changes state.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::error::{RunError, Subject};
use super::{ENGINE_LIMIT, ask, containers, look, read_log, read_usages};
use crate::jobs::{JobContext, Wake};
use crate::package::build::cancelled;
use crate::package::discover::Engine;
use crate::package::error::PackageError;
use crate::project::running::{ContainerInfo, Usage};

/// How often the list is made anew.
const LIST_EVERY: Duration = Duration::from_secs(2);

/// How often it is looked whether a container that ended runs again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Lines of the log that are read before those to come.
const LINES_BEFORE: &str = "200";

/// Things seen and not yet taken; of more, the oldest go.
const MOST_UNTAKEN: usize = 1_000;

/// Something that was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// Every container there is.
    Containers(Vec<ContainerInfo>),
    /// The log is read anew, from here.
    Opened,
    /// A line of the log.
    Line(String),
    /// What the container uses.
    Usage(Usage),
    /// The engine does not tell what it uses.
    NoUsage(String),
    /// The container was removed.
    Gone,
}

/// What was seen and not yet taken.
pub struct Feed {
    untaken: Mutex<VecDeque<Seen>>,
    wake: Wake,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

impl Feed {
    /// An empty one; `wake` is called when there is something.
    pub fn new(wake: Wake) -> Self {
        Self { untaken: Mutex::default(), wake }
    }

    /// Adds something; when nobody takes it, the oldest goes.
    pub fn push(&self, seen: Seen) {
        let mut untaken = self.untaken.lock().unwrap_or_else(PoisonError::into_inner);
        if MOST_UNTAKEN <= untaken.len() {
            untaken.pop_front();
        }
        untaken.push_back(seen);
        drop(untaken);
        (self.wake)();
    }

    /// Takes what there is, oldest first.
    pub fn take(&self) -> VecDeque<Seen> {
        std::mem::take(&mut *self.untaken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Lists the containers again and again, and follows the one of this identity, until the job is cancelled or the engine
/// goes away.
pub async fn watch(engine: &Engine, id: Option<&str>, feed: &Feed, context: &JobContext) -> Result<(), PackageError> {
    let detail = async {
        match id {
            Some(id) => follow(engine, id, feed, context).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = cancelled(context) => Err(PackageError::Cancelled),
        ended = list(engine, feed, context) => ended,
        ended = detail => ended,
    }
}

/// Lists them again and again; ends only by an error.
async fn list(engine: &Engine, feed: &Feed, context: &JobContext) -> Result<(), PackageError> {
    loop {
        feed.push(Seen::Containers(containers(engine, context).await?));
        sleep(LIST_EVERY).await;
    }
}

/// Follows one container over its ends and starts.
async fn follow(engine: &Engine, id: &str, feed: &Feed, context: &JobContext) -> Result<(), PackageError> {
    loop {
        let read = follow_once(engine, id, feed, context).await;
        match read {
            Err(PackageError::Running(RunError::Gone { .. })) => {
                feed.push(Seen::Gone);
                return std::future::pending().await;
            }
            read => read?,
        }
    }
}

/// Reads the log and, while the container runs, what it uses; then waits until it runs again.
async fn follow_once(engine: &Engine, id: &str, feed: &Feed, context: &JobContext) -> Result<(), PackageError> {
    let docker = &engine.docker;
    let info = look(engine, id, id, context).await?;
    let runs = info.is_running();
    feed.push(Seen::Opened);
    let limit = if runs { Duration::MAX } else { ENGINE_LIMIT };
    let log = read_log(docker, id, LINES_BEFORE, runs, |line| feed.push(Seen::Line(line)));
    let log = ask(context, Subject::of("reading the log", &info.name), limit, log);
    let usages = async {
        let on_usage = |usage| {
            feed.push(Seen::Usage(usage));
            true
        };
        // Some engines cannot tell, and the log is still worth reading.
        if runs && let Err(error) = read_usages(docker, id, on_usage).await {
            let error = RunError::from_engine(Subject::of("measuring the container", &info.name), &error);
            feed.push(Seen::NoUsage(error.to_string()));
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        read = log => read?,
        () = usages => {}
    }
    loop {
        sleep(LOOK_EVERY).await;
        let now = look(engine, id, &info.name, context).await?;
        if now.is_running() || now.started != info.started {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_feed_that_nobody_takes_keeps_the_newest() {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let feed = Feed::new(Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        for n in 0..MOST_UNTAKEN + 3 {
            feed.push(Seen::Line(n.to_string()));
        }
        let taken = feed.take();
        assert_eq!((taken.len(), &taken[0]), (MOST_UNTAKEN, &Seen::Line("3".to_owned())));
        assert_eq!(woken.load(Ordering::Relaxed), MOST_UNTAKEN + 3);
        assert!(feed.take().is_empty());
    }
}
