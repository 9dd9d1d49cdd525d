//! Containers of the images that were built: started and stopped like anybody would, listed, looked at, taken away.
//!
//! A container gets the lock-down of the verification, its limits and its port; it is told apart by labels, and works on
//! without Trestle. [`watch`](fn@watch) looks at one for as long as somebody wants to see it.
//!
//! **Invariant:** a run that fails or is cancelled leaves no container; a container that carries no label of Trestle's
//! is never touched.

mod create;
mod error;
mod lines;
mod list;
mod stats;
mod watch;

use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder, RestartContainerOptionsBuilder,
    StatsOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::time::{sleep, timeout};

pub use create::RunPlan;
pub use error::RunError;
pub use watch::{Feed, Seen, watch};

use self::error::Subject;
use self::lines::Lines;
use self::stats::Meter;
use super::build::guarded;
use super::container::{READY_LIMIT, STOP_LIMIT, addresses};
use super::discover::Engine;
use super::error::PackageError;
use super::http::Client;
use super::leftovers::{build_name, remove_container, remove_containers};
use crate::jobs::JobContext;
use crate::project::running::{ContainerAction, ContainerInfo, Usage};

/// How long one request to the engine may take.
const ENGINE_LIMIT: Duration = Duration::from_mins(1);

/// How long the server may take for one answer about its readiness.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Names that are tried until one is free.
const NAMES_TRIED: usize = 50;

/// Lines of the log that an error shows.
const LOG_TAIL: &str = "20";

/// Letters of an identity that name a container.
const SHORTEST_ID: usize = 6;

/// Waits for an answer of the engine, but neither beyond `limit` nor beyond cancellation.
async fn ask<T>(
    context: &JobContext,
    subject: Subject<'_>,
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, PackageError> {
    match guarded(context, subject.stage, limit, work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(RunError::from_engine(subject, &error).into()),
        Err(PackageError::TimedOut { stage, limit }) => Err(RunError::Silent { stage, limit }.into()),
        Err(other) => Err(other),
    }
}

/// Every container of Trestle's images, by name.
pub async fn containers(engine: &Engine, context: &JobContext) -> Result<Vec<ContainerInfo>, PackageError> {
    let subject = Subject::of("listing the containers", "");
    ask(context, subject, ENGINE_LIMIT, list::all(&engine.docker, engine.host())).await
}

/// The container of Trestle's with this name or beginning of an identity.
pub async fn find(engine: &Engine, name: &str, context: &JobContext) -> Result<ContainerInfo, PackageError> {
    let all = containers(engine, context).await?;
    let exact = all.iter().find(|container| container.name == name || container.id == name);
    let is_meant = |container: &&ContainerInfo| SHORTEST_ID <= name.len() && container.id.starts_with(name);
    if let Some(found) = exact.or_else(|| all.iter().find(is_meant)) {
        return Ok(found.clone());
    }
    let known = all.into_iter().map(|container| container.name).collect();
    Err(RunError::Gone { name: name.to_owned(), known }.into())
}

/// What the engine says about one now.
async fn look(engine: &Engine, id: &str, name: &str, context: &JobContext) -> Result<ContainerInfo, PackageError> {
    let inspection = engine.docker.inspect_container(id, None);
    let inspected = ask(context, Subject::of("inspecting the container", name), ENGINE_LIMIT, inspection).await?;
    Ok(list::info(&inspected, engine.host()))
}

/// Makes a container of the image, starts it and waits until its server is ready.
pub async fn run(engine: &Engine, plan: &RunPlan, context: &JobContext) -> Result<ContainerInfo, PackageError> {
    plan.check()?;
    if let Some(folder) = &plan.request_log {
        if engine.host() != "127.0.0.1" {
            return Err(RunError::FolderElsewhere.into());
        }
        create::make_log_folder(folder)?;
    }
    let owner = build_name();
    let result = make_and_start(engine, plan, &owner, context).await;
    if result.is_err() {
        context.progress(None, "Cleaning up");
        // A request that was cut off may have taken effect.
        let removal = timeout(ENGINE_LIMIT, remove_containers(&engine.docker, &owner)).await;
        if !matches!(removal, Ok(Ok(_))) {
            tracing::warn!(owner, "the container that did not start could not be removed");
        }
    }
    result
}

async fn make_and_start(
    engine: &Engine,
    plan: &RunPlan,
    owner: &str,
    context: &JobContext,
) -> Result<ContainerInfo, PackageError> {
    context.progress(None, format!("Making a container of {}", plan.image));
    let (id, name) = make(&engine.docker, plan, owner, context).await?;
    let address = plan.settings.address.to_string();
    let binding = plan.settings.port.map(|port| (address.as_str(), port));
    start(engine, Subject { binding, ..Subject::of("starting the container", &name) }, &id, context).await
}

/// Makes the container, under the first name that is free unless one was chosen.
async fn make(
    docker: &Docker,
    plan: &RunPlan,
    owner: &str,
    context: &JobContext,
) -> Result<(String, String), PackageError> {
    let mut n = 1;
    loop {
        let name = plan.settings.name.clone().unwrap_or_else(|| plan.name(n));
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let subject = Subject { image: &plan.image, ..Subject::of("making the container", &name) };
        match ask(context, subject, ENGINE_LIMIT, docker.create_container(Some(options), plan.body(owner))).await {
            Err(PackageError::Running(RunError::NameTaken { .. }))
                if plan.settings.name.is_none() && n < NAMES_TRIED =>
            {
                n += 1;
            }
            made => return Ok((made?.id, name)),
        }
    }
}

/// Starts a container that is there and waits until its server is ready.
async fn start(
    engine: &Engine,
    subject: Subject<'_>,
    id: &str,
    context: &JobContext,
) -> Result<ContainerInfo, PackageError> {
    context.progress(None, format!("Starting {}", subject.name));
    ask(context, subject, ENGINE_LIMIT, engine.docker.start_container(id, None)).await?;
    wait_ready(engine, id, subject.name, context).await
}

/// Waits until the server says that it is ready, or else its image's check.
async fn wait_ready(
    engine: &Engine,
    id: &str,
    name: &str,
    context: &JobContext,
) -> Result<ContainerInfo, PackageError> {
    const STAGE: &str = "waiting for the server";
    context.progress(None, format!("Waiting until {name} is ready"));
    let started = Instant::now();
    let mut pause = Duration::from_millis(10);
    while started.elapsed() < READY_LIMIT {
        let inspection = engine.docker.inspect_container(id, None);
        let inspected = ask(context, Subject::of(STAGE, name), ENGINE_LIMIT, inspection).await?;
        let info = list::info(&inspected, engine.host());
        if !info.is_running() {
            let limit_mebibytes = info.memory_limit_bytes.unwrap_or(0) >> 20;
            if info.out_of_memory {
                return Err(RunError::OutOfMemory { limit_mebibytes }.into());
            }
            let log = tail(&engine.docker, id).await;
            return Err(RunError::Ended { exit_code: info.exit_code.unwrap_or(-1), log }.into());
        }
        // Published on an address that is not reached from here, only the engine knows.
        let mut is_ready = info.health == Some(crate::project::running::Health::Healthy);
        for address in addresses(&inspected, engine.host()) {
            let mut client = Client::new(address, ANSWER_LIMIT);
            let answer = guarded(context, STAGE, ENGINE_LIMIT, client.get("/v2/health/ready")).await?;
            is_ready |= answer.is_ok_and(|answer| answer.status == 200);
        }
        if is_ready {
            return Ok(info);
        }
        guarded(context, STAGE, READY_LIMIT, sleep(pause)).await?;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
    Err(RunError::NotReady { limit: READY_LIMIT, log: tail(&engine.docker, id).await }.into())
}

/// The end of a log in one line, for an error; empty when it cannot be had.
async fn tail(docker: &Docker, id: &str) -> String {
    let mut all = Vec::new();
    let read = read_log(docker, id, LOG_TAIL, false, |line| all.push(line));
    // The error at hand is the one to tell.
    drop(timeout(ENGINE_LIMIT, read).await);
    all.join(" | ")
}

/// Does something with a container that is there, and tells how it stands then, or how it stood when it is gone.
pub async fn act(
    engine: &Engine,
    action: ContainerAction,
    name: &str,
    context: &JobContext,
) -> Result<ContainerInfo, PackageError> {
    let found = find(engine, name, context).await?;
    let (id, name) = (found.id.as_str(), found.name.as_str());
    let (docker, seconds) = (&engine.docker, STOP_LIMIT.as_secs() as i32);
    context.progress(None, format!("{} {name}", action.doing()));
    match action {
        ContainerAction::Start if found.is_running() => Ok(found),
        ContainerAction::Start => start(engine, Subject::of("starting the container", name), id, context)
            .await
            .map_err(|error| at(error, &found)),
        ContainerAction::Stop => {
            if found.is_running() {
                let options = StopContainerOptionsBuilder::new().t(seconds).build();
                let subject = Subject::of("stopping the container", name);
                ask(context, subject, STOP_LIMIT + ENGINE_LIMIT, docker.stop_container(id, Some(options))).await?;
            }
            look(engine, id, name, context).await
        }
        ContainerAction::Restart => {
            let options = RestartContainerOptionsBuilder::new().t(seconds).build();
            let subject = Subject::of("restarting the container", name);
            ask(context, subject, STOP_LIMIT + ENGINE_LIMIT, docker.restart_container(id, Some(options)))
                .await
                .map_err(|error| at(error, &found))?;
            wait_ready(engine, id, name, context).await
        }
        ContainerAction::Remove if found.is_running() => Err(RunError::StillRunning { name: name.to_owned() }.into()),
        ContainerAction::Remove => {
            let options = RemoveContainerOptionsBuilder::new().v(true).build();
            let subject = Subject::of("removing the container", name);
            ask(context, subject, ENGINE_LIMIT, docker.remove_container(id, Some(options))).await?;
            Ok(found)
        }
    }
}

/// A port that is taken is named by where the container had it, as the request to start it does not say.
fn at(error: PackageError, found: &ContainerInfo) -> PackageError {
    let had = found.addresses.first().and_then(|address| address.rsplit_once(':'));
    match (error, had) {
        (PackageError::Running(RunError::PortInUse { port: 0, .. }), Some((address, port))) => {
            let (address, port) = (address.to_owned(), port.parse().unwrap_or(0));
            RunError::PortInUse { address, port }.into()
        }
        (error, _) => error,
    }
}

/// Removes what dead processes left: containers and images of builds, and containers that were never started.
///
/// Tells how many of them went.
pub async fn clean(engine: &Engine, now: Timestamp, context: &JobContext) -> Result<usize, PackageError> {
    const STAGE: &str = "removing what was left";
    context.progress(None, "Removing what was left");
    let mut removed = guarded(context, STAGE, ENGINE_LIMIT, super::cleanup(engine, now)).await??;
    for orphan in containers(engine, context).await?.into_iter().filter(|container| container.orphan) {
        let removal = remove_container(&engine.docker, &orphan.id);
        removed += usize::from(ask(context, Subject::of(STAGE, &orphan.name), ENGINE_LIMIT, removal).await?);
    }
    Ok(removed)
}

/// Gives the last lines of a container's log, and with `follow` also those to come until it ends.
pub async fn logs(
    engine: &Engine,
    container: &ContainerInfo,
    n_last: usize,
    follow: bool,
    context: &JobContext,
    on_line: impl FnMut(String),
) -> Result<(), PackageError> {
    let subject = Subject::of("reading the log", &container.name);
    // There is no limit: a quiet server has nothing to say.
    let limit = if follow { Duration::MAX } else { ENGINE_LIMIT };
    ask(context, subject, limit, read_log(&engine.docker, &container.id, &n_last.to_string(), follow, on_line)).await
}

async fn read_log(
    docker: &Docker,
    id: &str,
    tail: &str,
    follow: bool,
    mut on_line: impl FnMut(String),
) -> Result<(), Error> {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(tail).follow(follow).build();
    let mut pieces = Box::pin(docker.logs(id, Some(options)));
    let mut lines = Lines::default();
    while let Some(piece) = pieces.next().await {
        for line in lines.take(&piece?) {
            on_line(line);
        }
    }
    lines.end().into_iter().for_each(on_line);
    Ok(())
}

/// Gives what a container uses, about once a second, until it ends or `on_usage` wants no more.
pub async fn usages(
    engine: &Engine,
    container: &ContainerInfo,
    context: &JobContext,
    on_usage: impl FnMut(Usage) -> bool,
) -> Result<(), PackageError> {
    let subject = Subject::of("measuring the container", &container.name);
    ask(context, subject, Duration::MAX, read_usages(&engine.docker, &container.id, on_usage)).await
}

async fn read_usages(docker: &Docker, id: &str, mut on_usage: impl FnMut(Usage) -> bool) -> Result<(), Error> {
    let options = StatsOptionsBuilder::new().stream(true).build();
    let mut samples = Box::pin(docker.stats(id, Some(options)));
    let mut meter = Meter::default();
    while let Some(sample) = samples.next().await {
        match meter.take(&sample?) {
            Some(usage) if on_usage(usage) => {}
            _ => return Ok(()),
        }
    }
    Ok(())
}
