//! How far a rollout is: a pure reading of the service's state, with the reason in words.

use crate::project::deployment::{DeployedService, DeployedTask, UpdatePhase};

/// Failures of a service's first tasks, with none running, that show that it will not run.
const HOPELESS_FAILURES: usize = 3;

/// What is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first tasks of a service.
    First,
    /// A change, which the engine puts back when it fails.
    Change,
    /// Putting a change back.
    Back,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It goes on.
    Waiting(String),
    /// It does not go on as long as this is so.
    Blocked(Vec<String>),
    /// Every task runs in the form that was asked for.
    Converged,
    /// The engine put it back.
    RolledBack(String),
    /// It will not get there.
    Hopeless(String),
}

/// How far a service is.
pub(super) fn phase(service: &DeployedService, kind: Kind) -> Phase {
    let update = service.update.as_ref();
    let message = || update.map(|update| update.message.clone()).unwrap_or_default();
    match update.map(|update| update.phase) {
        Some(UpdatePhase::RolledBack) if kind == Kind::Change => return Phase::RolledBack(message()),
        Some(UpdatePhase::Paused | UpdatePhase::RollbackPaused) => {
            return Phase::Hopeless(format!("The engine stopped in the middle: {}", message()));
        }
        Some(UpdatePhase::RollingBack) => return Phase::Waiting(format!("Going back: {}", progress(service))),
        Some(UpdatePhase::Updating | UpdatePhase::Completed | UpdatePhase::RolledBack) | None => {}
    }
    let current: Vec<&DeployedTask> = service.tasks.iter().filter(|task| task.current).collect();
    let n_failed = current.iter().filter(|task| task.failed()).count();
    if kind == Kind::First && service.running == 0 && HOPELESS_FAILURES <= n_failed {
        return Phase::Hopeless("The tasks fail one after the other".to_owned());
    }
    let mut blocked: Vec<String> = current
        .iter()
        .filter(|task| task.state == "pending" && task.wanted() && !task.error.is_empty())
        .map(|task| task.error.clone())
        .collect();
    if !blocked.is_empty() {
        blocked.sort();
        blocked.dedup();
        return Phase::Blocked(blocked);
    }
    let updating = update.is_some_and(|update| update.phase == UpdatePhase::Updating);
    // A task that is still there beside the wanted ones is one of an earlier form, or one too many.
    let n_runs = service.tasks.iter().filter(|task| task.runs()).count() as u64;
    if !updating && service.running == service.replicas && n_runs == service.replicas {
        return Phase::Converged;
    }
    Phase::Waiting(progress(service))
}

/// How many of the tasks are there, in words.
pub(super) fn progress(service: &DeployedService) -> String {
    let DeployedService { running, replicas, version, .. } = service;
    format!("{running} of {replicas} tasks run version {version}")
}

/// Why the tasks of one form failed, each reason once.
pub(super) fn failures(service: &DeployedService, deployment: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for task in service.tasks.iter().filter(|task| task.deployment == deployment && !task.error.is_empty()) {
        if !seen.contains(&task.error) {
            seen.push(task.error.clone());
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::deployment::ServiceUpdate;

    fn task(state: &str, error: &str, current: bool) -> DeployedTask {
        let ended = matches!(state, "failed" | "rejected" | "shutdown");
        DeployedTask {
            state: state.to_owned(),
            desired: if ended { "shutdown" } else { "running" }.to_owned(),
            error: error.to_owned(),
            current,
            deployment: if current { "d2" } else { "d1" }.to_owned(),
            ..DeployedTask::default()
        }
    }

    fn service(update: Option<UpdatePhase>, tasks: &[(&str, &str, bool)]) -> DeployedService {
        let tasks: Vec<DeployedTask> =
            tasks.iter().map(|(state, error, current)| task(state, error, *current)).collect();
        DeployedService {
            version: "1.1.0".to_owned(),
            replicas: 2,
            running: tasks.iter().filter(|task| task.current && task.runs() && task.wanted()).count() as u64,
            update: update.map(|phase| ServiceUpdate { phase, message: "because".to_owned() }),
            tasks,
            ..DeployedService::default()
        }
    }

    #[test]
    fn a_rollout_is_over_when_nothing_but_its_own_tasks_run() {
        use UpdatePhase::{Completed, RolledBack, RollingBack, Updating};
        let waiting = |n: u64| Phase::Waiting(format!("{n} of 2 tasks run version 1.1.0"));
        #[track_caller]
        fn check(kind: Kind, update: Option<UpdatePhase>, tasks: &[(&str, &str, bool)], expected: Phase) {
            assert_eq!(phase(&service(update, tasks), kind), expected, "{kind:?} {update:?} {tasks:?}");
        }
        let both = [("running", "", true), ("running", "", true)];
        let half = [("running", "", true), ("running", "", false)];
        let old = [("running", "", false), ("running", "", false)];
        check(Kind::First, None, &[], waiting(0));
        check(Kind::First, None, &[("starting", "", true), ("running", "", true)], waiting(1));
        check(Kind::First, None, &both, Phase::Converged);
        // Right after the change, before the engine began with it.
        check(Kind::Change, None, &old, waiting(0));
        check(Kind::Change, Some(Updating), &half, waiting(1));
        // The last task is watched for a while.
        check(Kind::Change, Some(Updating), &both, waiting(2));
        check(Kind::Change, Some(Completed), &both, Phase::Converged);
        check(Kind::Change, Some(Completed), &[both[0], both[1], old[0]], waiting(2));
        check(Kind::Change, Some(RolledBack), &both, Phase::RolledBack("because".to_owned()));
        check(Kind::Back, Some(RolledBack), &both, Phase::Converged);
        check(Kind::Back, Some(RolledBack), &half, waiting(1));
        let back = Phase::Waiting("Going back: 1 of 2 tasks run version 1.1.0".to_owned());
        check(Kind::Change, Some(RollingBack), &half, back.clone());
        check(Kind::Back, Some(RollingBack), &half, back);
    }

    #[test]
    fn what_will_not_get_there_is_told_with_its_reason() {
        let failing = [("failed", "exit 2", true); 3];
        assert!(matches!(phase(&service(None, &failing), Kind::First), Phase::Hopeless(_)));
        assert!(matches!(phase(&service(None, &failing[..2]), Kind::First), Phase::Waiting(_)));
        let one_runs = [failing[0], failing[1], failing[2], ("running", "", true)];
        assert!(matches!(phase(&service(None, &one_runs), Kind::First), Phase::Waiting(_)));
        // The engine counts these itself.
        assert!(matches!(phase(&service(Some(UpdatePhase::Updating), &failing), Kind::Change), Phase::Waiting(_)));
        for paused in [UpdatePhase::Paused, UpdatePhase::RollbackPaused] {
            let phase = phase(&service(Some(paused), &[]), Kind::Change);
            assert!(matches!(&phase, Phase::Hopeless(why) if why.contains("because")), "{phase:?}");
        }
        let blocked = [("running", "", true), ("pending", "no suitable node", true)];
        let expected = Phase::Blocked(vec!["no suitable node".to_owned()]);
        assert_eq!(phase(&service(None, &blocked), Kind::First), expected);
        assert_eq!(phase(&service(Some(UpdatePhase::Updating), &blocked), Kind::Change), expected);
    }

    #[test]
    fn each_reason_is_told_once_and_only_those_of_the_form_that_was_tried() {
        let tasks = [("failed", "a", true), ("failed", "a", true), ("failed", "b", true), ("failed", "c", false)];
        assert_eq!(failures(&service(None, &tasks), "d2"), ["a", "b"]);
    }
}
