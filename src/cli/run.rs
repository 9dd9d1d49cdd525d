//! One command after another: which function does which.

use std::path::Path;
use std::process::ExitCode;

use super::args::Action;
use super::report::{Report, finish};
use super::{bench, check, deploy, drift, evaluate, golden, models, profile, projects, running, scoring, serve};
use crate::jobs::JobError;
use crate::problem::Problem;
use crate::workbench::{Environment, OfVersion, Workbench};

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
        Action::Build { dir, tag, runs, which, output } => {
            finish(output, || projects::build(environment, dir, tag, runs, which.version.as_deref(), output))
        }
        Action::Export { dir, kind, out, tag, runs, which, output } => finish(output, || {
            let what = projects::Exporting { kind: &kind, out, tag, runs };
            projects::export(environment, dir, what, which.version.as_deref(), output)
        }),
        Action::Run(args) => finish(args.output, || running::run(environment, args)),
        Action::Containers(args) => finish(args.output, || running::containers(environment, &args)),
        Action::Push { dir, to, which, output } => {
            finish(output, || deploy::push(environment, dir, to, which.version.as_deref(), output))
        }
        Action::Deploy { dir, deploy: args, which, output } => {
            finish(output, || deploy::deploy(environment, dir, args, which.version.as_deref(), output))
        }
        Action::Serve(args) => serve::serve(&environment.runtime, args),
        Action::Health(args) => serve::health(&environment.runtime, args),
        #[cfg(feature = "pictures")]
        Action::Pictures { out } => {
            finish(super::serve_args::OutputArgs::default(), || projects::pictures(&environment, &out))
        }
        Action::Worker => crate::engine::run_worker(),
    }
}

/// A workbench with a project open; `version` is selected.
pub(super) fn open(
    environment: Environment,
    dir: std::path::PathBuf,
    version: Option<&str>,
) -> Result<Workbench, JobError> {
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
pub(super) fn need_report<R: OfVersion>(workbench: &Workbench, place: &Path, command: &str) -> Result<(), Problem> {
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
pub(super) fn report_on(command: &str, workbench: &Workbench) -> Report {
    let mut report = Report::new(command);
    if let Some(project) = workbench.project() {
        report.set("project", project.slug());
    }
    if let Some(version) = workbench.version() {
        report.set("version", &version.record.version);
    }
    report
}
