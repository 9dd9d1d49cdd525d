//! The command line: the same commands as the window, with one JSON object and an exit code.

mod args;
mod bench;
mod check;
mod deploy;
mod drift;
mod evaluate;
mod foreign;
mod golden;
mod models;
mod profile;
mod progress;
mod projects;
mod report;
mod running;
mod scoring;
mod serve;

use std::path::Path;
use std::process::ExitCode;

pub use args::{Action, Cli};

use crate::jobs::JobError;
use crate::problem::Problem;
use crate::workbench::{Environment, OfVersion, Workbench};
use args::OutputArgs;
use report::{Report, print_error};

/// Runs one command; `environment` is the machine.
pub fn run(action: Action, environment: Environment) -> ExitCode {
    match action {
        Action::New { dir, example, name, output } => {
            finish(output, || projects::new(environment, &dir, example, name.as_deref()))
        }
        Action::Brief { dir, markdown, output } => finish(output, || projects::brief(environment, &dir, markdown)),
        Action::Inspect { model, script, output } => finish(output, || models::inspect(&environment, &model, script)),
        Action::Add { dir, model, bump, why, output } => {
            finish(output, || models::add(environment, dir, model, bump.map(Into::into), why, output))
        }
        Action::Alias { dir, name, target, why, output } => {
            finish(output, || models::alias(environment, dir, name, &target, why))
        }
        Action::Golden { dir, golden: args, which, output } => {
            finish(output, || golden::golden(environment, dir, args, which.version.as_deref(), output))
        }
        Action::Evaluate { dir, which, output } => {
            finish(output, || evaluate::evaluate(environment, dir, which.version.as_deref(), output))
        }
        Action::Predict(args) => finish(args.report, || scoring::predict(&environment, args)),
        Action::Bench { place, bench: args, which, output } => {
            finish(output, || bench::bench(environment, &place, &args, which.version.as_deref(), output))
        }
        Action::Profile { place, profile: args, which, output } => {
            finish(output, || profile::profile(environment, &place, &args, which.version.as_deref(), output))
        }
        Action::Drift(args) => finish(args.output, || drift::drift(environment, args)),
        Action::Check { dir, markdown, which, output } => {
            finish(output, || check::check(environment, dir, which.version.as_deref(), markdown, output))
        }
        Action::Attest { dir, item, note, which, output } => {
            finish(output, || check::attest(environment, dir, item, note, which.version.as_deref(), output))
        }
        Action::Waive { dir, item, reason, until, owner, output } => {
            finish(output, || check::waive(environment, dir, item, reason, owner, &until, output))
        }
        Action::Withdraw { dir, item, why, output } => {
            finish(output, || check::withdraw(environment, dir, item, why, output))
        }
        Action::Build { dir, tag, which, output } => {
            finish(output, || projects::build(environment, dir, tag, which.version.as_deref(), output))
        }
        Action::Export { dir, kind, out, tag, which, output } => {
            finish(output, || projects::export(environment, dir, &kind, out, tag, which.version.as_deref(), output))
        }
        Action::Run(args) => finish(args.output, || running::run(environment, args)),
        Action::Containers(args) => finish(args.output, || running::containers(environment, &args)),
        Action::Push { dir, to, which, output } => {
            finish(output, || deploy::push(environment, dir, to, which.version.as_deref(), output))
        }
        Action::Deploy { dir, deploy: args, which, output } => {
            finish(output, || deploy::deploy(environment, dir, args, which.version.as_deref(), output))
        }
        Action::Serve(args) => serve::serve(&environment, args),
        Action::Health { url, tls_certificate, config } => serve::health(&environment, &url, tls_certificate, config),
        #[cfg(feature = "pictures")]
        Action::Pictures { out } => finish(OutputArgs::default(), || projects::pictures(&environment, &out)),
        Action::Worker => crate::engine::run_worker(),
    }
}

/// Prints the result or the reason for having none.
fn finish(output: OutputArgs, work: impl FnOnce() -> Result<Report, JobError>) -> ExitCode {
    match work() {
        Ok(report) => report.print(output.json),
        Err(error) => print_error(&error, output.json),
    }
}

/// A workbench with a project open; `version` is selected.
fn open(environment: Environment, dir: std::path::PathBuf, version: Option<&str>) -> Result<Workbench, JobError> {
    // The command line leaves no traces in the window's list of recent projects.
    let mut workbench = Workbench::new(Environment { settings: None, ..environment });
    workbench.run(crate::command::Command::OpenProject(dir), |_| {})?;
    if let Some(name) = version {
        let project = workbench.project().ok_or(JobError::Cancelled)?;
        let number = project.select(Some(name)).map_err(crate::problem::Problem::from)?.record.version.clone();
        workbench.run(crate::command::Command::SelectVersion(Some(number)), |_| {})?;
    }
    Ok(workbench)
}

/// Refuses when the version at hand has no report that `command` could show without a run.
fn need_report<R: OfVersion>(workbench: &Workbench, place: &Path, command: &str) -> Result<(), Problem> {
    if workbench.at_hand::<R>().is_some() && workbench.stale::<R>().is_none() {
        return Ok(());
    }
    let done = R::DONE;
    let what = workbench.version().map_or_else(
        || format!("There is no version that could have been {done}"),
        |version| format!("Version {} was not {done} yet", version.record.version),
    );
    let (place, fix) = (place.display(), format!("Leave --last out: `trestle {command} {}`.", place.display()));
    Err(Problem::new(what, place.to_string(), fix))
}

/// A report that names the project and the version.
fn report_on(command: &str, workbench: &Workbench) -> Report {
    let mut report = Report::new(command);
    if let Some(project) = workbench.project() {
        report.set("project", project.slug());
    }
    if let Some(version) = workbench.version() {
        report.set("version", &version.record.version);
    }
    report
}

/// Sends log lines to standard error: plain ones, warnings and worse.
///
/// `TRESTLE_LOG` sets the level by the usual directives.
pub fn log_to_stderr() {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second initialisation can only come from a test in the same process; the first stays in force.
    drop(fmt().with_writer(std::io::stderr).with_ansi(ansi()).with_env_filter(filter).with_target(false).try_init());
}

/// Sends log lines to standard error for a server: one JSON object a line, requests included.
///
/// `level`, else `TRESTLE_LOG`, sets the level by the usual directives; an error names what is wrong with `level`.
pub fn log_requests_to_stderr(level: Option<&str>) -> Result<(), String> {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = match level {
        Some(level) => EnvFilter::try_new(level).map_err(|error| error.to_string())?,
        None => EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info")),
    };
    drop(
        fmt()
            .with_writer(std::io::stderr)
            .with_ansi(ansi())
            .with_env_filter(filter)
            .json()
            .flatten_event(true)
            .try_init(),
    );
    Ok(())
}

const LOG_VARIABLE: &str = "TRESTLE_LOG";

/// Whether colours are understood.
fn ansi() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}
