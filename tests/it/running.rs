//! Containers against a real engine: run, looked at, stopped, cleaned; whenever an engine answers.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trestle::jobs::{JobContext, no_wake};
use trestle::package::running::{self, Feed, RunError, RunPlan, Seen};
use trestle::package::{BuildPlan, PackageError};
use trestle::project::documents::Value;
use trestle::project::running::{ContainerAction, ContainerInfo, Maker, Phase, RunSettings};

use crate::docker::{Stage, build};

fn context() -> JobContext {
    JobContext::new(no_wake())
}

fn run_plan(plan: &BuildPlan, settings: RunSettings) -> RunPlan {
    RunPlan {
        image: plan.tag.clone(),
        slug: plan.slug.clone(),
        version: plan.version.to_string(),
        model_bytes: 1 << 20,
        request_log: None,
        settings,
    }
}

/// Identities of the stage's containers.
async fn containers(stage: &Stage) -> Vec<ContainerInfo> {
    let mut all = running::containers(stage.engine(), &context()).await.unwrap();
    all.retain(|container| container.project == stage.slug());
    all
}

/// The status of an answer, and the rest of it.
async fn ask(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default(), answer)
}

#[tokio::test]
async fn a_container_lives_from_its_run_to_its_removal() {
    let Some(stage) = Stage::set("run").await else { return };
    let (engine, context) = (stage.engine(), &context());
    let plan = stage.plan("1.0.0", "1.0.0");
    assert!(build(&plan).await.unwrap().passed());
    let log_folder = stage.folder().join(".trestle/requests/1.0.0");
    let settings = RunSettings {
        cpus: Some(1.0),
        variables: vec![("TRESTLE_SERVE_MAX_IN_FLIGHT".to_owned(), "7".to_owned())],
        request_log: true,
        ..RunSettings::default()
    };
    let asked = RunPlan { request_log: Some(log_folder.clone()), ..run_plan(&plan, settings) };
    let made = running::run(engine, &asked, context).await.unwrap();
    assert_eq!((made.maker, made.phase, made.orphan), (Maker::Run, Phase::Running, false));
    assert_eq!((made.image.as_str(), made.version.as_str()), (plan.tag.as_str(), "1.0.0"));
    assert_eq!((made.memory_limit_bytes, made.cpu_limit), (Some(514 << 20), Some(1.0)));
    let id = made.id.as_str();
    assert_eq!(containers(&stage).await.len(), 1);

    // Its log and what it uses.
    let mut lines = Vec::new();
    running::logs(engine, &made, 100, false, context, |line| lines.push(line)).await.unwrap();
    let told = |line: &&String| line.contains("configured") && line.contains("max_in_flight");
    assert!(
        lines.iter().find(told).is_some_and(|line| line.replace('\\', "").contains("\"max_in_flight\":7")),
        "{lines:?}"
    );
    let mut usages = Vec::new();
    running::usages(engine, &made, context, |usage| {
        usages.push(usage);
        usages.len() < 3
    })
    .await
    .unwrap();
    let last = usages[2];
    assert!(last.cpu_percent.is_some_and(|percent| (0.0..400.0).contains(&percent)), "{usages:?}");
    assert!((1 << 20..514 << 20).contains(&last.memory_bytes) && last.memory_limit_bytes == 514 << 20, "{usages:?}");
    assert!(last.received_per_second.is_some_and(|bytes| 0.0 <= bytes), "{usages:?}");

    // The request log is written by the image's user into the project's folder.
    let address = made.addresses[0].as_str();
    let (port, row) = (address.rsplit_once(':').unwrap().1.parse().unwrap(), row_of(&plan));
    let request = format!(
        "POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{row}",
        row.len()
    );
    let (status, answer) = ask(address, &request).await;
    assert_eq!(status, 200, "{answer}");

    // What cannot be done while it runs.
    let taken = RunSettings { port: Some(port), ..RunSettings::default() };
    let error = running::run(engine, &run_plan(&plan, taken), context).await.unwrap_err();
    assert!(
        matches!(&error, PackageError::Running(RunError::PortInUse { port: told, .. }) if *told == port),
        "{error}"
    );
    let named = RunSettings { name: Some(made.name.clone()), ..RunSettings::default() };
    let error = running::run(engine, &run_plan(&plan, named), context).await.unwrap_err();
    assert!(matches!(error, PackageError::Running(RunError::NameTaken { .. })), "{error}");
    let error = running::act(engine, ContainerAction::Remove, id, context).await.unwrap_err();
    assert!(matches!(error, PackageError::Running(RunError::StillRunning { .. })), "{error}");
    assert_eq!(containers(&stage).await.len(), 1, "what failed left nothing");

    // It drains and ends well, runs again, and goes.
    let stopped = running::act(engine, ContainerAction::Stop, id, context).await.unwrap();
    assert_eq!((stopped.phase, stopped.exit_code, stopped.words().as_str()), (Phase::Exited, Some(0), "stopped"));
    let logged: String = std::fs::read_dir(&log_folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(logged.contains("\"features\""), "{logged}");
    let again = running::act(engine, ContainerAction::Start, &made.name, context).await.unwrap();
    assert_eq!((again.phase, again.id.as_str()), (Phase::Running, id));
    let restarted = running::act(engine, ContainerAction::Restart, &id[..12], context).await.unwrap();
    assert!(again.started < restarted.started);
    running::act(engine, ContainerAction::Stop, id, context).await.unwrap();
    running::act(engine, ContainerAction::Remove, id, context).await.unwrap();
    assert_eq!(containers(&stage).await, []);
    let error = running::act(engine, ContainerAction::Stop, &made.name, context).await.unwrap_err();
    assert!(matches!(error, PackageError::Running(RunError::Gone { .. })), "{error}");
    stage.strike().await;
}

/// The first golden row, by name.
fn row_of(plan: &BuildPlan) -> String {
    let values = plan.golden.features.iter().zip(&plan.golden.rows[0].values);
    let fields: serde_json::Map<String, serde_json::Value> =
        values.map(|(name, value)| (name.clone(), json_of(value))).collect();
    serde_json::Value::Object(fields).to_string()
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Missing => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(value) => (*value).into(),
        Value::Text(value) => value.as_str().into(),
    }
}

#[tokio::test]
async fn what_does_not_start_is_told_and_leaves_nothing() {
    let Some(stage) = Stage::set("run-fails").await else { return };
    let (engine, context) = (stage.engine(), &context());
    let plan = stage.plan("1.0.0", "1.0.0");
    assert!(build(&plan).await.unwrap().passed());
    let wrong = vec![("TRESTLE_SERVE_MAX_INFLIGHT".to_owned(), "7".to_owned())];
    let wrong = RunSettings { variables: wrong, ..RunSettings::default() };
    let error = running::run(engine, &run_plan(&plan, wrong), context).await.unwrap_err();
    let PackageError::Running(RunError::Ended { exit_code: 2, log }) = &error else { panic!("{error}") };
    assert!(log.contains("no such setting"), "{log}");
    let missing = RunPlan { image: "trestle-it-no-such-image:1".to_owned(), ..run_plan(&plan, RunSettings::default()) };
    let error = running::run(engine, &missing, context).await.unwrap_err();
    assert!(matches!(error, PackageError::Running(RunError::ImageMissing { .. })), "{error}");
    let cancelled = self::context();
    let cancel = async {
        while !cancelled.stage().starts_with("Waiting") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancelled.cancel();
    };
    let settings = run_plan(&plan, RunSettings::default());
    let (result, ()) = tokio::join!(running::run(engine, &settings, &cancelled), cancel);
    // Where the server is ready before anybody can cancel, there is nothing to test.
    match result {
        Err(PackageError::Cancelled) => {}
        Err(error) => panic!("{error}"),
        Ok(container) => {
            eprintln!("\nThe server was ready before the run was cancelled\n");
            running::act(engine, ContainerAction::Stop, &container.id, context).await.unwrap();
            running::act(engine, ContainerAction::Remove, &container.id, context).await.unwrap();
        }
    }
    assert_eq!(containers(&stage).await, []);
    stage.strike().await;
}

#[tokio::test]
async fn a_container_is_looked_at_until_nobody_wants_to_and_orphans_are_cleaned() {
    let Some(stage) = Stage::set("watch").await else { return };
    let (engine, context) = (stage.engine(), &context());
    let plan = stage.plan("1.0.0", "1.0.0");
    assert!(build(&plan).await.unwrap().passed());
    let made = running::run(engine, &run_plan(&plan, RunSettings::default()), context).await.unwrap();
    let (feed, looking) = (Feed::new(no_wake()), self::context());
    let mut seen = Vec::new();
    let look = async {
        // The list, the log, two measurements; then it is stopped, and the list says so.
        let count = |seen: &[Seen], is: fn(&Seen) -> bool| seen.iter().filter(|seen| is(seen)).count();
        loop {
            seen.extend(feed.take());
            let usages = count(&seen, |seen| matches!(seen, Seen::Usage(_)));
            let lines = count(&seen, |seen| matches!(seen, Seen::Line(_)));
            if 2 <= usages && 1 <= lines {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running::act(engine, ContainerAction::Stop, &made.id, context).await.unwrap();
        let has_ended = |seen: &Seen| match seen {
            Seen::Containers(all) => all.iter().any(|one| one.id == made.id && one.phase == Phase::Exited),
            _ => false,
        };
        while !seen.iter().any(has_ended) {
            seen.extend(feed.take());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running::act(engine, ContainerAction::Remove, &made.id, context).await.unwrap();
        while !seen.contains(&Seen::Gone) {
            seen.extend(feed.take());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        looking.cancel();
    };
    let (ended, ()) = tokio::join!(running::watch(engine, Some(&made.id), &feed, &looking), look);
    assert!(matches!(ended, Err(PackageError::Cancelled)), "{ended:?}");

    // A container of a build whose process ended.
    let owner = own_name(&stage, &plan).await;
    let mut parts: Vec<&str> = owner.split('-').collect();
    parts[4] = "x";
    let labels = HashMap::from([
        ("io.trestle".to_owned(), "verification".to_owned()),
        ("io.trestle.owner".to_owned(), parts.join("-")),
    ]);
    let body = ContainerCreateBody { image: Some(plan.tag.clone()), labels: Some(labels), ..Default::default() };
    let options = None::<bollard::query_parameters::CreateContainerOptions>;
    let orphan = engine.docker.create_container(options, body).await.unwrap().id;
    let listed = containers(&stage).await;
    assert!(listed.iter().any(|one| one.id == orphan && one.orphan && one.maker == Maker::Build), "{listed:#?}");
    assert!(1 <= running::clean(engine, trestle::clock::now(), context).await.unwrap());
    assert_eq!(containers(&stage).await, []);
    stage.strike().await;
}

/// How this process names itself on what it makes.
async fn own_name(stage: &Stage, plan: &BuildPlan) -> String {
    let (engine, context) = (stage.engine(), &context());
    let made = running::run(engine, &run_plan(plan, RunSettings::default()), context).await.unwrap();
    let inspected = engine.docker.inspect_container(&made.id, None).await.unwrap();
    running::act(engine, ContainerAction::Stop, &made.id, context).await.unwrap();
    running::act(engine, ContainerAction::Remove, &made.id, context).await.unwrap();
    inspected.config.unwrap().labels.unwrap()["io.trestle.owner"].clone()
}
