//! A real engine with something in front of it: it is never restarted, and yet goes away, refuses, or is reached by TLS.
#![expect(clippy::print_stderr, reason = "what did not run is told whoever runs the tests")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::query_parameters::RemoveContainerOptionsBuilder;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use trestle::jobs::{JobContext, no_wake};
use trestle::package::{self, BuildPlan, Environment, PackageError};

use super::super::docker::Stage;
use super::tls::{self, Authority};

/// What stands in front of the engine.
#[derive(Clone, Copy)]
enum Front {
    /// Answers builds as an engine without the classic builder does.
    NoBuilder,
    /// Hangs up in the middle of the build's answer.
    CutsBuild,
}

/// The socket of the engine that answers, when it is a local one.
fn socket(stage: &Stage, test: &str) -> Option<PathBuf> {
    let address = stage.engine().info().socket;
    let socket = address.strip_prefix("unix://").map(PathBuf::from);
    if socket.is_none() {
        eprintln!("\nNOT RUN, because it needs an engine at a local socket: engines::{test}\n");
    }
    socket
}

/// Listens at `path` in front of the engine at `socket`, for as long as the runtime lives.
fn stand(front: Front, path: &Path, socket: PathBuf) {
    let listener = UnixListener::bind(path).unwrap();
    drop(tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            drop(tokio::spawn(pass(front, stream, socket.clone())));
        }
    }));
}

/// One connection, which is one request: the client keeps none.
async fn pass(front: Front, mut client: UnixStream, socket: PathBuf) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let is_build = head.starts_with(b"POST ") && head.windows(7).any(|window| window == b"/build?");
    let mut engine = UnixStream::connect(socket).await?;
    match front {
        Front::NoBuilder if is_build => {
            let body = "{\"message\":\"the classic builder is gone\"}";
            let head = "HTTP/1.1 501 Not Implemented\r\nContent-Type: application/json\r\nConnection: close\r\n";
            client.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
            // Read to the end, so that the answer is not lost with the connection.
            tokio::io::copy(&mut client, &mut tokio::io::sink()).await?;
            return Ok(());
        }
        Front::CutsBuild if is_build => {
            engine.write_all(&head).await?;
            let (mut from_client, mut to_client) = client.split();
            let (mut from_engine, mut to_engine) = engine.split();
            let sent = async { tokio::io::copy(&mut from_client, &mut to_engine).await.map(drop) };
            let answered = async {
                let mut answer = Vec::new();
                while !answer.windows(6).any(|window| window == b"Step 3") {
                    if from_engine.read_buf(&mut answer).await? == 0 {
                        break;
                    }
                }
                to_client.write_all(&answer).await
            };
            // The answer ends it, whatever was sent.
            let mut sent = std::pin::pin!(sent);
            let mut answered = std::pin::pin!(answered);
            let mut is_sent = false;
            loop {
                tokio::select! {
                    answered = &mut answered => return answered,
                    _ = &mut sent, if !is_sent => is_sent = true,
                }
            }
        }
        _ => {}
    }
    engine.write_all(&head).await?;
    copy(&mut client, &mut engine).await
}

async fn copy(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    engine: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> std::io::Result<()> {
    tokio::io::copy_bidirectional(client, engine).await.map(drop)
}

fn behind(path: &Path) -> Environment {
    Environment { docker_host: Some(format!("unix://{}", path.display())), ..Environment::default() }
}

/// Builds once through the engine itself, so that there is an earlier tag.
async fn earlier(stage: &Stage, plan: &BuildPlan) -> Option<String> {
    let report = package::build(plan, &JobContext::new(no_wake())).await.unwrap();
    assert!(report.passed(), "{:#?}", report.checks);
    let image = stage.image(&plan.tag).await;
    assert!(image.is_some());
    image
}

#[tokio::test]
async fn an_engine_without_the_classic_builder_loads_runs_and_tags_the_image() {
    const TEST: &str = "loaded";
    let Some(stage) = Stage::set(TEST).await else { return };
    let Some(socket) = socket(&stage, TEST) else { return };
    let plan = stage.plan("1.0.0", "1.0.0");
    let front = stage.folder().join("front.sock");
    stand(Front::NoBuilder, &front, socket);
    let context = JobContext::new(no_wake());
    let report = package::build_in(&plan, &context, &behind(&front)).await.unwrap();
    assert!(report.passed(), "{:#?}", report.checks);
    assert!(context.log_lines().iter().any(|line| line.contains("Loaded image")), "{:#?}", context.log_lines());
    assert_eq!(stage.image(&plan.tag).await.as_ref(), Some(&report.image_id));
    assert_eq!(stage.left().await.len(), 1);
    stage.strike().await;
}

#[tokio::test]
async fn an_engine_that_hangs_up_in_the_build_leaves_the_earlier_tag_and_nothing_else() {
    const TEST: &str = "cut";
    let Some(stage) = Stage::set(TEST).await else { return };
    let Some(socket) = socket(&stage, TEST) else { return };
    let plan = stage.plan("1.0.0", "1.0.0");
    let image = earlier(&stage, &plan).await;
    let before = stage.left().await;
    std::fs::write(plan.version_folder.join("notes.txt"), "another layer").unwrap();
    let front = stage.folder().join("front.sock");
    stand(Front::CutsBuild, &front, socket);
    let result = package::build_in(&plan, &JobContext::new(no_wake()), &behind(&front)).await;
    let error = result.map(|report| report.checks).unwrap_err();
    assert!(matches!(error, PackageError::Vanished { stage: "building the image", .. }), "{error:?}");
    assert_eq!((stage.left().await, stage.image(&plan.tag).await), (before, image));
    stage.strike().await;
}

#[tokio::test]
async fn a_container_that_is_removed_while_it_is_verified_is_told() {
    const TEST: &str = "removed";
    let Some(stage) = Stage::set(TEST).await else { return };
    let mut plan = stage.plan("1.0.0", "1.0.0");
    let image = earlier(&stage, &plan).await;
    let before = stage.left().await;
    std::fs::write(plan.version_folder.join("notes.txt"), "another layer").unwrap();
    // It ends with the container.
    plan.load_time = Duration::from_mins(1);
    let context = JobContext::new(no_wake());
    let remove = async {
        while !context.stage().starts_with("Under load: ") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for container in package::list(stage.engine()).await.unwrap() {
            if container.kind == package::LabelledKind::Verification && container.project == stage.slug() {
                let options = RemoveContainerOptionsBuilder::new().force(true).build();
                stage.engine().docker.remove_container(&container.id, Some(options)).await.unwrap();
            }
        }
    };
    let (result, ()) = tokio::join!(package::build(&plan, &context), remove);
    let error = result.map(|report| report.checks).unwrap_err();
    assert!(matches!(error, PackageError::Removed { .. }), "{error:?}");
    assert_eq!((stage.left().await, stage.image(&plan.tag).await), (before, image));
    stage.strike().await;
}

#[tokio::test]
async fn a_real_engine_is_reached_by_tls() {
    const TEST: &str = "tls";
    let Some(stage) = Stage::set(TEST).await else { return };
    let Some(socket) = socket(&stage, TEST) else { return };
    let authority = Authority::new();
    authority.write_user(stage.folder());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, acceptor) = (listener.local_addr().unwrap(), authority.acceptor());
    drop(tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            drop(tokio::spawn(async move {
                let mut client = acceptor.accept(stream).await?;
                copy(&mut client, &mut UnixStream::connect(socket).await?).await
            }));
        }
    }));
    let plan = stage.plan("1.0.0", "1.0.0");
    let environment = tls::at(&address.to_string(), stage.folder());
    let report = package::build_in(&plan, &JobContext::new(no_wake()), &environment).await.unwrap();
    assert!(report.passed(), "{:#?}", report.checks);
    assert_eq!(stage.image(&plan.tag).await.as_ref(), Some(&report.image_id));
    stage.strike().await;
}
