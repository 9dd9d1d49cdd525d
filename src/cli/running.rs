//! Commands on containers: run, and what is done with those there are.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;

use super::args::{OutputArgs, VersionArgs};
use super::progress::Progress;
use super::report::{Report, table, write_line};
use super::{open, report_on};
use crate::command::Command;
use crate::jobs::{JobContext, JobError, no_wake};
use crate::package::running;
use crate::package::{self, PackageError};
use crate::problem::Problem;
use crate::project::running::{ContainerAction, ContainerInfo, RunSettings, Usage, check_variable};
use crate::workbench::{Environment, Workbench};

/// What is run, and how.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// The project.
    pub dir: PathBuf,
    /// The port of this machine; a free one without it.
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// The address of this machine; 0.0.0.0 lets every machine ask that reaches this one.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub address: IpAddr,
    /// Most memory, in MiB and without swap; by the model's size without it.
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u64>,
    /// Processors it may use, such as 0.5; no limit without it.
    #[arg(long, value_name = "N")]
    pub cpus: Option<f64>,
    /// A variable of its environment; `TRESTLE_SERVE_NAME` is a setting of the server, see `trestle serve --help`.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub variables: Vec<(String, String)>,
    /// Keep rows and answers in the project, under .trestle/requests/VERSION.
    #[arg(long)]
    pub request_log: bool,
    /// The container's name; trestle-PROJECT-VERSION without it.
    #[arg(long)]
    pub name: Option<String>,
    /// Which version is meant.
    #[command(flatten)]
    pub which: VersionArgs,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a variable is written NAME=VALUE")?;
    check_variable(name, value)?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What is done with containers.
#[derive(Args, Clone, Debug)]
pub struct ContainersArgs {
    /// What to do.
    #[arg(value_enum, default_value_t)]
    pub action: ContainersAction,
    /// The container's name, or the beginning of its identity.
    pub name: Option<String>,
    /// Lines of the log that are shown.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub tail: usize,
    /// Go on showing the log or the use until the container ends.
    #[arg(long, conflicts_with = "json")]
    pub follow: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Something that is done with containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ContainersAction {
    /// Show every container of Trestle's images, of every project.
    #[default]
    List,
    /// Start one again.
    Start,
    /// Stop one; what it answers it answers.
    Stop,
    /// Stop and start one.
    Restart,
    /// Remove one that has stopped.
    Remove,
    /// Show its log.
    Logs,
    /// Show what it uses: processor time, memory, network.
    Stats,
    /// Remove what builds and runs left that were killed.
    Clean,
}

impl ContainersAction {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

pub(super) fn run(environment: Environment, args: RunArgs) -> Result<Report, JobError> {
    let RunArgs { dir, port, address, memory, cpus, variables, request_log, name, which, output } = args;
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, which.version.as_deref())?;
    let settings = RunSettings { name, address, port, memory_mebibytes: memory, cpus, variables, request_log };
    workbench.run(Command::RunImage(settings), |jobs| progress.show(jobs))?;
    drop(progress);
    let mut report = report_on("run", &workbench);
    let Some(container) = &workbench.containers().ran.last else { return Err(JobError::Cancelled) };
    report.set("container", container);
    report.say(format!("{} runs {}", container.name, container.image));
    if let Some(address) = container.addresses.first() {
        report.say(format!("Ask it at http://{address}, described at http://{address}/docs"));
    }
    report.say(format!("Stop it with: trestle containers stop {}", container.name));
    Ok(report)
}

pub(super) fn containers(environment: Environment, args: &ContainersArgs) -> Result<Report, JobError> {
    match args.action {
        ContainersAction::List => list(environment, args.output),
        ContainersAction::Clean => clean(environment, args.output),
        ContainersAction::Start => act(environment, ContainerAction::Start, args),
        ContainersAction::Stop => act(environment, ContainerAction::Stop, args),
        ContainersAction::Restart => act(environment, ContainerAction::Restart, args),
        ContainersAction::Remove => act(environment, ContainerAction::Remove, args),
        ContainersAction::Logs => logs(&environment, args),
        ContainersAction::Stats => stats(&environment, args),
    }
}

fn report_of(action: ContainersAction) -> Report {
    let mut report = Report::new("containers");
    report.set("action", action.name());
    report
}

/// A workbench without a project, which leaves no traces.
fn bare(environment: Environment) -> Workbench {
    Workbench::new(Environment { settings: None, ..environment })
}

/// The name that was given; every action on one container needs it.
fn named(args: &ContainersArgs) -> Result<&str, Problem> {
    args.name.as_deref().ok_or_else(|| {
        let fix = "`trestle containers` lists those there are.";
        Problem::new(format!("Which container is to {}", args.action.name()), "", fix)
    })
}

fn list(environment: Environment, output: OutputArgs) -> Result<Report, JobError> {
    let now = (environment.now)();
    let mut progress = Progress::new(&environment, output);
    let mut workbench = bare(environment);
    workbench.run(Command::ListContainers, |jobs| progress.show(jobs))?;
    drop(progress);
    let mut report = report_of(ContainersAction::List);
    let all = workbench.containers().list.last.clone().unwrap_or_default();
    report.set("containers", &all);
    if all.is_empty() {
        report.say("No container of Trestle's; `trestle run DIR` makes one");
    }
    let rows: Vec<Vec<String>> = all.iter().map(|container| row(container, now)).collect();
    for line in table(&rows) {
        report.say(line);
    }
    if all.iter().any(|container| container.orphan) {
        report.say("Some were left by a process that was killed; remove them with: trestle containers clean");
    }
    Ok(report)
}

fn row(container: &ContainerInfo, now: Timestamp) -> Vec<String> {
    let whose = if container.orphan { "left over" } else { container.maker.words() };
    let since = if container.is_running() { container.started } else { container.finished };
    vec![
        container.name.clone(),
        container.words(),
        since.map(|at| ago(at, now)).unwrap_or_default(),
        container.addresses.first().cloned().unwrap_or_default(),
        container.image.clone(),
        whose.to_owned(),
    ]
}

/// How long ago, in the largest unit.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn act(environment: Environment, action: ContainerAction, args: &ContainersArgs) -> Result<Report, JobError> {
    let name = named(args)?.to_owned();
    let mut progress = Progress::new(&environment, args.output);
    let mut workbench = bare(environment);
    workbench.run(Command::ActOnContainer(action, name), |jobs| progress.show(jobs))?;
    drop(progress);
    let mut report = report_of(args.action);
    let Some(container) = &workbench.containers().acted.last else { return Err(JobError::Cancelled) };
    report.set("container", container);
    for notice in workbench.take_notices() {
        report.say(notice.text);
    }
    Ok(report)
}

fn clean(environment: Environment, output: OutputArgs) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = bare(environment);
    workbench.run(Command::CleanContainers, |jobs| progress.show(jobs))?;
    drop(progress);
    let mut report = report_of(ContainersAction::Clean);
    report.set("removed", workbench.containers().n_cleaned);
    for notice in workbench.take_notices() {
        report.say(notice.text);
    }
    Ok(report)
}

/// Finds the engine and the container, and gives both to `work`; Ctrl+C cancels it.
fn look<T>(
    environment: &Environment,
    name: &str,
    work: impl AsyncFnOnce(&package::Engine, &ContainerInfo, &JobContext) -> Result<T, PackageError>,
) -> Result<T, JobError> {
    let context = JobContext::new(no_wake());
    let interrupted = context.clone();
    environment.runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let looked = environment.runtime.block_on(async {
        let engine = package::discover_in(&environment.engines()).await?;
        let container = running::find(&engine, name, &context).await?;
        work(&engine, &container, &context).await
    });
    Ok(looked?)
}

fn logs(environment: &Environment, args: &ContainersArgs) -> Result<Report, JobError> {
    let mut report = report_of(args.action);
    let mut lines = Vec::new();
    look(environment, named(args)?, async |engine, container, context| {
        let on_line = |line: String| {
            if args.follow {
                write_line(&mut io::stdout().lock(), &line);
            } else {
                lines.push(line);
            }
        };
        running::logs(engine, container, args.tail, args.follow && container.is_running(), context, on_line).await
    })?;
    report.set("lines", &lines);
    for line in lines {
        report.say(line);
    }
    Ok(report)
}

fn stats(environment: &Environment, args: &ContainersArgs) -> Result<Report, JobError> {
    let mut last: Option<Usage> = None;
    let name = named(args)?;
    look(environment, name, async |engine, container, context| {
        running::usages(engine, container, context, |usage| {
            // The first has nothing before it to be compared with.
            let is_whole = usage.cpu_percent.is_some();
            if args.follow && is_whole {
                write_line(&mut io::stdout().lock(), &usage_line(&usage));
            }
            last = Some(usage);
            args.follow || !is_whole
        })
        .await
    })?;
    let Some(usage) = last else {
        return Err(Problem::new(format!("{name} does not run"), "", "Start it first.").into());
    };
    let mut report = report_of(args.action);
    report.set("usage", json!(usage));
    if !args.follow {
        report.say(usage_line(&usage));
    }
    Ok(report)
}

fn usage_line(usage: &Usage) -> String {
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let or_dash = |number: Option<f64>, unit: f64| {
        number.map_or_else(|| "–".to_owned(), |number| format!("{:.1}", number / unit))
    };
    format!(
        "CPU {} %  memory {:.1} of {:.0} MiB  received {} kB/s  sent {} kB/s",
        or_dash(usage.cpu_percent, 1.0),
        mebibytes(usage.memory_bytes),
        mebibytes(usage.memory_limit_bytes),
        or_dash(usage.received_per_second, 1e3),
        or_dash(usage.sent_per_second, 1e3),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_a_name_and_a_value() {
        assert_eq!(variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(variable("A="), Ok(("A".to_owned(), String::new())));
        assert!(variable("A").is_err() && variable("=b").is_err() && variable("A B=c").is_err());
    }

    #[test]
    fn times_are_told_in_their_largest_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let before = |seconds: i64| ago(Timestamp::from_second(1_000_000 - seconds).unwrap(), now);
        assert_eq!([before(59), before(61), before(7_300), before(200_000)], ["59 s", "1 min", "2 h", "2 d"]);
        assert_eq!(before(-5), "0 s", "the engine's clock may be ahead");
    }

    #[test]
    fn a_use_is_one_line() {
        let usage = Usage {
            at: Timestamp::UNIX_EPOCH,
            cpu_percent: Some(12.34),
            memory_bytes: 20 << 20,
            memory_limit_bytes: 512 << 20,
            received_per_second: Some(2_500.0),
            sent_per_second: None,
        };
        let line = "CPU 12.3 %  memory 20.0 of 512 MiB  received 2.5 kB/s  sent – kB/s";
        assert_eq!(usage_line(&usage), line);
    }
}
