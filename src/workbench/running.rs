//! Commands on containers that run: an image of the version at hand is run, and containers are looked at.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::outcome::{Outcome, Slot};
use super::{Workbench, need_version, no_project};
use crate::jobs::JobContext;
use crate::package::running::{self, Feed, RunPlan, Seen};
use crate::package::{self, Engine, PackageError};
use crate::problem::Problem;
use crate::project::running::{ContainerAction, ContainerInfo, RunSettings, Usage};
use crate::step::{Activity, StepState};

/// How far back what a container uses is kept.
const KEPT_SECONDS: i64 = 300;

/// Measurements kept in any case at most; one comes about every second.
const MOST_USAGES: usize = 600;

/// Lines of a log that are kept.
const MOST_LINES: usize = 1_000;

/// The containers of Trestle's images, and what is going on with them.
#[derive(Debug, Default)]
pub struct Containers {
    /// Every one there is, by name, as listed last.
    pub list: StepState<Vec<ContainerInfo>>,
    /// The one that was run last.
    pub ran: StepState<ContainerInfo>,
    /// The one that something was done with last.
    pub acted: StepState<ContainerInfo>,
    /// How many orphans went last.
    pub n_cleaned: Option<usize>,
    /// Whether somebody looks, or why that came to an end.
    pub watching: Activity,
    /// The one that is looked at.
    pub watched: Option<Watched>,
    /// What the job that looks has seen.
    feed: Option<Arc<Feed>>,
}

impl Containers {
    /// The container that is looked at, if it is still there.
    pub fn at_hand(&self) -> Option<&ContainerInfo> {
        let watched = self.watched.as_ref()?;
        self.list.last.iter().flatten().find(|container| container.id == watched.id)
    }

    /// Whether somebody looks.
    pub fn is_watching(&self) -> bool {
        matches!(self.watching, Activity::Running(_))
    }

    /// Whether something is being done with a container, so that nothing else can be.
    pub fn is_busy(&self) -> bool {
        self.ran.running().is_some() || self.acted.running().is_some()
    }

    fn take(&mut self, seen: Seen) {
        match (seen, &mut self.watched) {
            (Seen::Containers(all), _) => self.list.last = Some(all),
            (Seen::Opened, Some(watched)) => watched.lines.clear(),
            (Seen::Line(line), Some(watched)) => watched.add_line(line),
            (Seen::Usage(usage), Some(watched)) => watched.add_usage(usage),
            (Seen::NoUsage(reason), Some(watched)) => watched.no_usage = Some(reason),
            (Seen::Gone, watched) => *watched = None,
            (_, None) => {}
        }
    }
}

/// What was seen of one container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    /// Its identity.
    pub id: String,
    /// The end of its log.
    pub lines: VecDeque<String>,
    /// What it used in the last minutes.
    pub usage: VecDeque<Usage>,
    /// Why it is not known what it uses.
    pub no_usage: Option<String>,
}

impl Watched {
    /// One of which nothing was seen yet.
    pub fn new(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    fn add_line(&mut self, line: String) {
        if MOST_LINES <= self.lines.len() {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    fn add_usage(&mut self, usage: Usage) {
        let from = usage.at.as_second().saturating_sub(KEPT_SECONDS);
        self.usage.push_back(usage);
        while self.usage.front().is_some_and(|first| first.at.as_second() < from) || MOST_USAGES < self.usage.len() {
            self.usage.pop_front();
        }
    }
}

/// Longest wait for the job that looks to notice that nobody does; it looks for that ten times a second.
const FAREWELL: Duration = Duration::from_millis(300);

impl Drop for Workbench {
    /// The job that looks ends before the runtime that it waits on.
    fn drop(&mut self) {
        self.leave_containers();
        let started = Instant::now();
        self.running.retain(|running| running.slot.is_watching());
        while !self.running.is_empty() && started.elapsed() < FAREWELL {
            self.running.retain_mut(|running| running.job.poll().is_none());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Workbench {
    /// Work on an engine that is looked for first, as it may be another one by now.
    fn spawn_on_engine<W>(&mut self, slot: Slot, name: String, work: W)
    where
        W: AsyncFnOnce(&Engine, &JobContext) -> Result<Outcome, PackageError> + Send + 'static,
    {
        let (runtime, engines) = (self.environment.runtime.clone(), self.environment.engines());
        self.spawn(slot, name, move |context| {
            let done = runtime.block_on(async {
                let engine = package::discover_in(&engines).await?;
                work(&engine, context).await
            });
            Ok(done?)
        });
    }

    /// The reference of the image that was built last of the version at hand, if one was.
    pub fn built_image(&self) -> Option<&str> {
        self.verified_image()?.tags.first().map(String::as_str)
    }

    pub(super) fn run_image(&mut self, settings: RunSettings) -> Result<(), Problem> {
        let version = need_version(self)?;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let number = version.record.version.to_string();
        // Without a report of it, an image of the usual name may still be there.
        let usual = || format!("{}:{number}", project.slug());
        let image = self.built_image().map_or_else(usual, str::to_owned);
        let plan = RunPlan {
            image,
            slug: project.slug(),
            request_log: settings.request_log.then(|| project.root().join(".trestle").join("requests").join(&number)),
            version: number,
            model_bytes: std::fs::metadata(version.model_path()).map_or(0, |metadata| metadata.len()),
            settings,
        };
        let name = format!("Running {}", plan.image);
        self.spawn_on_engine(Slot::Run, name, async move |engine, context| {
            Ok(Outcome::Ran(Box::new(running::run(engine, &plan, context).await?)))
        });
        Ok(())
    }

    pub(super) fn list_containers(&mut self) {
        let name = "Listing the containers".to_owned();
        self.spawn_on_engine(Slot::List, name, async move |engine, context| {
            Ok(Outcome::Listed(running::containers(engine, context).await?))
        });
    }

    pub(super) fn act_on_container(&mut self, action: ContainerAction, container: String) {
        let known = self.containers.list.last.iter().flatten().find(|known| known.id == container);
        let name = known.map_or(container.as_str(), |known| known.name.as_str());
        let name = format!("{} {name}", action.doing());
        self.spawn_on_engine(Slot::Act, name, async move |engine, context| {
            let after = running::act(engine, action, &container, context).await?;
            Ok(Outcome::Acted(action, Box::new(after)))
        });
    }

    pub(super) fn clean_containers(&mut self) {
        let now = self.now();
        self.spawn_on_engine(Slot::Act, "Removing what was left".to_owned(), async move |engine, context| {
            Ok(Outcome::Cleaned(running::clean(engine, now, context).await?))
        });
    }

    pub(super) fn watch_containers(&mut self, id: Option<String>) {
        let feed = Arc::new(Feed::new(Arc::clone(&self.environment.wake)));
        self.containers.feed = Some(Arc::clone(&feed));
        if self.containers.watched.as_ref().map(|watched| &watched.id) != id.as_ref() {
            self.containers.watched = id.clone().map(Watched::new);
        }
        let name = "Looking at the containers".to_owned();
        self.spawn_on_engine(Slot::Watch, name, async move |engine, context| {
            running::watch(engine, id.as_deref(), &feed, context).await?;
            Ok(Outcome::LookedAway)
        });
    }

    /// Ends the job that looks; what was seen stays until somebody looks again.
    pub(super) fn leave_containers(&mut self) {
        for watching in self.running.iter().filter(|running| running.slot.is_watching()) {
            watching.job.context().cancel();
        }
        // Its end is nothing to tell.
        self.containers.watching = Activity::Idle;
        self.containers.feed = None;
    }

    /// Takes over what was seen.
    pub(super) fn take_seen(&mut self) {
        let Some(feed) = &self.containers.feed else { return };
        for seen in feed.take() {
            self.containers.take(seen);
        }
    }

    pub(super) fn take_run(&mut self, container: ContainerInfo) {
        let at = container.addresses.first().map(|address| format!(" at http://{address}")).unwrap_or_default();
        self.told(format!("{} runs{at}", container.name));
        if self.containers.is_watching() {
            self.watch_containers(Some(container.id.clone()));
        }
        self.containers.ran.last = Some(container);
    }

    pub(super) fn take_acted(&mut self, action: ContainerAction, container: ContainerInfo) {
        let (name, words) = (&container.name, container.words());
        self.told(match action {
            ContainerAction::Start => format!("Started {name}"),
            ContainerAction::Stop => format!("{name}: {words}"),
            ContainerAction::Restart => format!("Restarted {name}"),
            ContainerAction::Remove => format!("Removed {name}"),
        });
        if let Some(known) = self.containers.list.last.iter_mut().flatten().find(|known| known.id == container.id) {
            known.clone_from(&container);
        }
        if action == ContainerAction::Remove
            && let Some(all) = &mut self.containers.list.last
        {
            all.retain(|known| known.id != container.id);
        }
        self.containers.acted.last = Some(container);
    }

    pub(super) fn take_cleaned(&mut self, n: usize) {
        self.told(match n {
            0 => "There was nothing to clean".to_owned(),
            1 => "Removed one thing that was left".to_owned(),
            n => format!("Removed {n} things that were left"),
        });
        if let Some(all) = &mut self.containers.list.last {
            all.retain(|container| !container.orphan);
        }
        self.containers.n_cleaned = Some(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(second: i64) -> Usage {
        Usage {
            at: jiff::Timestamp::from_second(1_000_000 + second).unwrap(),
            cpu_percent: Some(1.0),
            memory_bytes: 1,
            memory_limit_bytes: 2,
            received_per_second: None,
            sent_per_second: None,
        }
    }

    fn watching() -> Containers {
        Containers { watched: Some(Watched::new("1".to_owned())), ..Containers::default() }
    }

    #[test]
    fn the_last_minutes_and_the_end_of_the_log_are_kept() {
        let mut containers = watching();
        for second in 0..1_000 {
            containers.take(Seen::Usage(usage(second)));
        }
        for n in 0..MOST_LINES + 7 {
            containers.take(Seen::Line(n.to_string()));
        }
        let watched = containers.watched.as_ref().unwrap();
        assert_eq!((watched.usage.len(), watched.usage[0].at), (301, usage(699).at));
        assert_eq!((watched.lines.len(), watched.lines[0].as_str()), (MOST_LINES, "7"));
        // A clock that stands still or goes back does not fill the memory.
        for _ in 0..2 * MOST_USAGES {
            containers.take(Seen::Usage(usage(0)));
        }
        assert_eq!(containers.watched.as_ref().unwrap().usage.len(), MOST_USAGES);
    }

    #[test]
    fn a_log_that_is_read_anew_begins_anew_and_a_removed_container_is_forgotten() {
        let mut containers = watching();
        containers.take(Seen::Line("before".to_owned()));
        containers.take(Seen::Opened);
        containers.take(Seen::Line("after".to_owned()));
        assert_eq!(containers.watched.as_ref().unwrap().lines, ["after"]);
        containers.take(Seen::NoUsage("no".to_owned()));
        assert_eq!(containers.watched.as_ref().unwrap().no_usage.as_deref(), Some("no"));
        containers.take(Seen::Gone);
        containers.take(Seen::Line("late".to_owned()));
        assert_eq!(containers.watched, None);
    }
}
