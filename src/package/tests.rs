//! Engines that refuse, hang, answer garbage or go away: each gives one clear message.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::testing::plan;
use super::*;
use crate::jobs::no_wake;
use crate::problem::Problem;

/// A line of a build.
const FIRST_STEP: &str = "{\"stream\":\"Step 1/9 : FROM scratch\\n\"}\n";

/// How an engine behaves.
#[derive(Clone, Copy)]
enum FakeEngine {
    /// Accepts and says nothing.
    Hangs,
    /// Answers something that is not HTTP.
    TalksSsh,
    /// Is a web server.
    ServesPages,
    /// Answers `/build` like this, and then closes the connection.
    Builds(&'static str),
    /// Sends a line of a build and then nothing more.
    HangsWhileBuilding,
}

/// Lets a fake engine listen at `path` for as long as the runtime lives.
fn listen(path: &Path, engine: FakeEngine) {
    let listener = UnixListener::bind(path).unwrap();
    drop(tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            drop(tokio::spawn(answer(stream, engine)));
        }
    }));
}

async fn answer(mut stream: UnixStream, engine: FakeEngine) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let arch = std::env::consts::ARCH;
    let version = format!("{{\"Version\":\"20.0\",\"ApiVersion\":\"1.41\",\"Os\":\"linux\",\"Arch\":\"{arch}\"}}");
    let body = match (engine, path) {
        (FakeEngine::Hangs, _) => return std::future::pending().await,
        (FakeEngine::TalksSsh, _) => return stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await,
        (FakeEngine::ServesPages, _) => "<html></html>",
        (_, path) if path.starts_with("/build") => {
            let text = if let FakeEngine::Builds(text) = engine { text } else { FIRST_STEP };
            let chunk = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n", text.len());
            stream.write_all(chunk.as_bytes()).await?;
            if matches!(engine, FakeEngine::HangsWhileBuilding) {
                return std::future::pending().await;
            }
            return Ok(());
        }
        (_, "/_ping") => "OK",
        (_, "/version") => &version,
        (_, path) if head.starts_with("GET") && path.contains("/json") => "[]",
        _ => return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}").await,
    };
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await
}

fn at(path: &Path) -> Environment {
    Environment { docker_host: Some(format!("unix://{}", path.display())), ..Environment::default() }
}

/// What is told of an engine that does not answer.
async fn reason(path: &Path) -> Unreachable {
    let error = discover_in(&at(path)).await.unwrap_err();
    let PackageError::NoEngine { tried, chosen: true } = error else { panic!("{error}") };
    assert_eq!(tried.len(), 1);
    tried[0].reason.clone()
}

#[tokio::test]
async fn each_way_not_to_answer_has_its_own_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert_eq!(reason(&path("missing")).await, Unreachable::Missing);
    std::fs::write(path("file"), "").unwrap();
    assert_eq!(reason(&path("file")).await, Unreachable::Refused);
    drop(UnixListener::bind(path("refuses")).unwrap());
    assert_eq!(reason(&path("refuses")).await, Unreachable::Refused);
    listen(&path("ssh"), FakeEngine::TalksSsh);
    assert!(matches!(reason(&path("ssh")).await, Unreachable::NotAnEngine(_)));
    listen(&path("pages"), FakeEngine::ServesPages);
    assert!(matches!(reason(&path("pages")).await, Unreachable::NotAnEngine(_)));
    listen(&path("hangs"), FakeEngine::Hangs);
    let started = Instant::now();
    assert_eq!(reason(&path("hangs")).await, Unreachable::TimedOut);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_socket_of_somebody_else_is_a_permission_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine");
    listen(&path, FakeEngine::Builds(""));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if UnixStream::connect(&path).await.is_ok() {
        return; // For root there is no such problem.
    }
    assert_eq!(reason(&path).await, Unreachable::PermissionDenied);
}

#[tokio::test]
async fn an_engine_that_answers_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine");
    listen(&path, FakeEngine::Builds(""));
    let engine = discover_in(&at(&path)).await.unwrap();
    assert_eq!(engine.info().description, "Docker 20.0, API 1.41");
    assert_eq!(list(&engine).await.unwrap(), []);
}

#[test]
fn the_message_names_what_was_tried_and_what_to_do() {
    let tried = |address: &str, reason: Unreachable| Tried {
        address: address.to_owned(),
        source: "DOCKER_HOST".to_owned(),
        reason,
    };
    let tried = vec![tried("unix:///a", Unreachable::Missing), tried("unix:///b", Unreachable::PermissionDenied)];
    let problem = Problem::from(PackageError::NoEngine { tried: tried.clone(), chosen: false });
    assert_eq!(problem.what, "No container engine answered (unix:///a: missing; unix:///b: permission denied)");
    assert!(problem.fix.contains("usermod"), "{}", problem.fix);
    let problem = Problem::from(PackageError::NoEngine { tried, chosen: true });
    assert!(problem.fix.ends_with("Only this address was tried because DOCKER_HOST names it."), "{}", problem.fix);
}

/// What a build with such an engine ends in.
async fn built(engine: FakeEngine) -> PackageError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine");
    listen(&path, engine);
    let context = JobContext::new(no_wake());
    build_in(&plan(folder.path()), &context, &at(&path)).await.unwrap_err()
}

#[tokio::test]
async fn an_engine_that_goes_away_while_building_is_one_clear_error() {
    let error = built(FakeEngine::Builds(FIRST_STEP)).await;
    assert!(matches!(error, PackageError::Vanished { stage: "building the image", .. }), "{error:?}");
    let problem = Problem::from(error);
    assert!(problem.what.starts_with("The container engine went away while building the image ("), "{problem}");
}

#[tokio::test]
async fn a_build_that_the_engine_refuses_names_the_step() {
    let error = built(FakeEngine::Builds(
        "{\"stream\":\"Step 3/9 : ADD exe.tar /\\n\"}\n{\"errorDetail\":{\"message\":\"no space left on device\"}}\n",
    ))
    .await;
    let problem = Problem::from(error);
    assert_eq!(problem.what, "The image could not be built, at `ADD exe.tar /`: no space left on device");
    assert!(problem.fix.contains("docker system prune"), "{problem}");
}

#[tokio::test]
async fn garbage_while_building_is_one_clear_error() {
    let error = built(FakeEngine::Builds("<html>\n")).await;
    assert!(matches!(error, PackageError::Engine { stage: "building the image", .. }), "{error:?}");
}

#[tokio::test]
async fn a_build_that_hangs_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine");
    listen(&path, FakeEngine::HangsWhileBuilding);
    let context = JobContext::new(no_wake());
    let (plan, environment) = (plan(folder.path()), at(&path));
    let cancel = async {
        while !context.log_lines().iter().any(|line| line.starts_with("Step 1/9")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        context.cancel();
        Instant::now()
    };
    let (result, cancelled) = tokio::join!(build_in(&plan, &context, &environment), cancel);
    assert!(matches!(result, Err(PackageError::Cancelled)), "{result:?}");
    assert!(cancelled.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn what_cannot_work_is_told_before_an_engine_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = at(&folder.path().join("missing"));
    let context = JobContext::new(no_wake());
    let wrong_tag = BuildPlan { tag: "Not A Tag".to_owned(), ..plan(folder.path()) };
    assert!(matches!(build_in(&wrong_tag, &context, &nowhere).await, Err(PackageError::Tag { .. })));
    let mut no_golden = plan(folder.path());
    no_golden.golden.rows.clear();
    assert!(matches!(build_in(&no_golden, &context, &nowhere).await, Err(PackageError::Golden { .. })));
    let mut other_features = plan(folder.path());
    other_features.golden.features = vec!["b".to_owned()];
    let error = build_in(&other_features, &context, &nowhere).await.unwrap_err();
    assert_eq!(error.to_string(), "The golden rows do not fit the model: they have no value for a");
    let error = build_in(&plan(folder.path()), &context, &nowhere).await.unwrap_err();
    assert!(matches!(error, PackageError::NoEngine { .. }), "{error}");
}
