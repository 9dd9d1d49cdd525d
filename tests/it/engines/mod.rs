//! Engines of every kind and in every trouble: an image is built and verified, or there is one clear error, the earlier
//! tag is where it was, and nothing is left.

mod fake;
mod real;
mod tls;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use trestle::jobs::{JobContext, no_wake};
use trestle::package::{self, BuildPlan, Environment, PackageError};
use trestle::problem::Problem;
use trestle::project::reports::PackageReport;

use self::fake::{EARLIER, Engine, Fault};
use super::docker::Stage;

/// An engine that misbehaves in one way, and a plan for it.
struct Scene {
    engine: Arc<Engine>,
    environment: Environment,
    plan: BuildPlan,
    _folder: TempDir,
}

impl Scene {
    fn set(fault: Fault) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let engine = Engine::new(fault);
        engine.keep(&plan.tag);
        let socket = folder.path().join("engine.sock");
        engine.listen(&socket);
        let environment =
            Environment { docker_host: Some(format!("unix://{}", socket.display())), ..Environment::default() };
        Self { engine, environment, plan, _folder: folder }
    }

    async fn build(&self) -> (Result<PackageReport, PackageError>, Vec<String>) {
        let context = JobContext::new(no_wake());
        let result = package::build_in(&self.plan, &context, &self.environment).await;
        (result, context.log_lines())
    }

    #[track_caller]
    fn check_as_before(&self) {
        let before = [(EARLIER.to_owned(), vec![self.plan.tag.clone()])];
        assert_eq!(self.engine.tags(), before);
        assert_eq!(self.engine.n_containers(), 0);
    }
}

/// The example's plan with an executable that is quickly sent; the engine runs the program under test in its place.
fn plan(folder: &Path) -> BuildPlan {
    let plan = Stage::plan_in(folder, "churn", "1.0.0", "1.0.0");
    BuildPlan { executable: PathBuf::from("/bin/sh"), load_time: Duration::from_millis(100), ..plan }
}

#[track_caller]
fn check_verified(scene: &Scene, result: Result<PackageReport, PackageError>, log: &[String]) -> PackageReport {
    let report = result.unwrap_or_else(|error| panic!("{error}\n{log:#?}"));
    assert!(report.passed(), "{:#?}", report.checks);
    assert_eq!(report.tags, [scene.plan.tag.as_str()]);
    let tags = scene.engine.tags();
    let of = |id: &str| tags.iter().find(|(known, _)| known == id).map(|(_, tags)| tags.clone());
    assert_eq!(of(&report.image_id), Some(vec![scene.plan.tag.clone()]), "{tags:?}");
    assert_eq!(of(EARLIER), Some(Vec::new()), "the tag has moved");
    assert_eq!((tags.len(), scene.engine.n_containers()), (2, 0));
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_built_verified_put_under_load_and_tagged() {
    let mut scene = Scene::set(Fault::None);
    scene.plan.executable = PathBuf::from(env!("CARGO_BIN_EXE_trestle"));
    let (result, log) = scene.build().await;
    let report = check_verified(&scene, result, &log);
    let detail = |name: &str| {
        let check = report.checks.iter().find(|check| check.name == name);
        check.unwrap_or_else(|| panic!("{name} is not in {:#?}", report.checks)).detail.clone()
    };
    assert!(detail("Refuses what is malformed").starts_with("19 kinds, with 400, 404, 405, 413, 415, 422, 431 as"));
    assert!(detail("Metrics count what was asked").starts_with("21 answers and 19 refusals, in "));
    assert!(detail("Finishes what is under way").starts_with("readiness turned false, and a request whose body came"));
    assert!(detail("Stops when asked").starts_with("exit code 0 "));
    let load = report.load.unwrap();
    assert_eq!(load.outside_missing, "");
    for run in [&load.inside, load.outside.as_ref().unwrap()] {
        assert!(0 < run.run.n && run.n_failed == 0 && run.resident_bytes.is_some(), "{run:#?}");
        assert_eq!(trestle::judge::percentile_ms(&run.run, 50.0).is_some(), 20 <= run.run.n);
    }
    assert_eq!(load.peak_memory_bytes, Some(20 << 20));
    assert_eq!(scene.engine.asked().iter().filter(|asked| asked.ends_with("/images/load")).count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_does_not_build_is_given_the_image() {
    let scene = Scene::set(Fault::RefusesBuild);
    let (result, log) = scene.build().await;
    let report = check_verified(&scene, result, &log);
    let said = |begins: &str| assert!(log.iter().any(|line| line.starts_with(begins)), "{begins}: {log:#?}");
    said("The engine does not build it (status 501: the legacy builder has been removed, use BuildKit)");
    said("Sending an image of ");
    said("Loaded image: trestle-build:");
    // What an engine cannot run here has no side outside, and says why.
    let load = report.load.unwrap();
    assert_eq!((load.outside, load.outside_missing.as_str()), (None, "the executable ended before it listened"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_trouble_is_one_clear_error_and_leaves_everything_as_it_was() {
    for (fault, what, fix) in [
        (
            Fault::FullWhileBuilding,
            "The image could not be built, at `ADD exe.tar /`: write /trestle: no space left on device",
            "The engine's disk is full",
        ),
        (
            Fault::FullWhileLoading,
            "The container engine refused while loading the image: write /x: no space left on device",
            "The engine's disk is full",
        ),
        (
            Fault::LosesImageAt("/create"),
            "Somebody removed what is being built while starting the container: No such image: x",
            "An earlier image is unchanged",
        ),
        (
            Fault::LosesImageAt("/tag"),
            "Somebody removed what is being built while tagging the image: No such image: x",
            "An earlier image is unchanged",
        ),
        (
            Fault::LosesContainerAt("/start"),
            "Somebody removed what is being built while starting the container: No such container: x",
            "An earlier image is unchanged",
        ),
        (
            Fault::LosesContainerAt("/logs"),
            "Somebody removed what is being built while reading the container's log: No such container: x",
            "An earlier image is unchanged",
        ),
        (
            Fault::LosesContainerAt("/stats"),
            "Somebody removed what is being built while inspecting the container: No such container: x",
            "An earlier image is unchanged",
        ),
    ] {
        let scene = Scene::set(fault);
        let (result, log) = scene.build().await;
        let error = result.map(|report| report.checks).unwrap_err();
        let problem = Problem::from(error);
        assert_eq!(problem.what, what, "{fault:?}\n{log:#?}");
        assert!(problem.fix.starts_with(fix), "{fault:?}: {}", problem.fix);
        scene.check_as_before();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_engine_that_went_away_has_left_is_taken_by_the_next_build() {
    for fault in [
        Fault::DiesWhileBuilding,
        Fault::DiesAt("/containers/create"),
        Fault::DiesAt("/start"),
        Fault::DiesAt("/logs"),
        Fault::DiesAt("/stats"),
        Fault::DiesAt("/kill"),
        Fault::DiesAt("/tag"),
    ] {
        let scene = Scene::set(fault);
        let (result, log) = scene.build().await;
        let error = result.map(|report| report.checks).unwrap_err();
        assert!(matches!(error, PackageError::Vanished { .. }), "{fault:?}: {error:?}\n{log:#?}");
        let fix = Problem::from(error).fix;
        assert!(fix.contains("what is left of this build is removed then"), "{fault:?}: {fix}");
        let earlier = (EARLIER.to_owned(), vec![scene.plan.tag.clone()]);
        assert!(scene.engine.tags().contains(&earlier), "{fault:?}");
        scene.engine.revive();
        if fault == Fault::DiesWhileBuilding {
            scene.check_as_before();
            continue;
        }
        let (result, log) = scene.build().await;
        check_verified(&scene, result, &log);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_health_check_that_the_engine_does_not_run_is_run_once() {
    for (exit_code, passed) in [(0, true), (1, false)] {
        let scene = Scene::set(Fault::RunsNoHealthCheck(exit_code));
        let (result, log) = scene.build().await;
        let report = result.unwrap_or_else(|error| panic!("{error}\n{log:#?}"));
        let check = report.checks.iter().find(|check| check.name == "Health check of the image").unwrap();
        let detail = format!("exit code {exit_code}, run once by Trestle, as the engine does not run it");
        assert_eq!((check.pass, &check.detail), (passed, &detail));
        assert_eq!(report.passed(), passed, "{:#?}", report.checks);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_holds_for_a_moment_is_waited_out() {
    let scene = Scene::set(Fault::SaysStopped);
    let (result, log) = scene.build().await;
    check_verified(&scene, result, &log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_under_load_fails_the_verification() {
    let mut scene = Scene::set(Fault::KillsServerAt("/stats"));
    // It ends with the server, and not before.
    scene.plan.load_time = Duration::from_hours(1);
    let (result, log) = scene.build().await;
    let report = result.unwrap_or_else(|error| panic!("{error}\n{log:#?}"));
    assert!(report.tags.is_empty());
    let failed: Vec<&str> = report.checks.iter().filter(|check| !check.pass).map(|check| check.name.as_str()).collect();
    assert_eq!(failed, ["Holds under load", "Stops when asked"], "{:#?}", report.checks);
    let last = report.checks.last().unwrap();
    assert_eq!(last.detail, "it had ended before, with exit code 137");
    scene.check_as_before();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_can_be_cancelled_and_leaves_nothing() {
    let scene = Scene::set(Fault::HangsWhileLoading);
    let context = JobContext::new(no_wake());
    let cancel = async {
        while !context.log_lines().iter().any(|line| line == "Loading layer") {
            tokio::task::yield_now().await;
        }
        assert_eq!((context.fraction(), context.stage().as_str()), (Some(0.5), "Sending the image"));
        context.cancel();
    };
    let (result, ()) = tokio::join!(package::build_in(&scene.plan, &context, &scene.environment), cancel);
    assert!(matches!(result, Err(PackageError::Cancelled)), "{result:?}");
    scene.check_as_before();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_can_be_cancelled_and_leaves_nothing() {
    let mut scene = Scene::set(Fault::None);
    scene.plan.load_time = Duration::from_hours(1);
    let context = JobContext::new(no_wake());
    let cancel = async {
        while !context.stage().starts_with("Under load: ") {
            tokio::task::yield_now().await;
        }
        context.cancel();
    };
    let (result, ()) = tokio::join!(package::build_in(&scene.plan, &context, &scene.environment), cancel);
    assert!(matches!(result, Err(PackageError::Cancelled)), "{result:?}");
    scene.check_as_before();
}
