//! Picks a front end: window, command line, server or worker; and makes the one tokio runtime.

use std::process::ExitCode;

use clap::Parser as _;
use trestle::cli::{self, Action, Cli};
use trestle::identity;
use trestle::workbench::Environment;

fn main() -> ExitCode {
    identity::keep();
    let arguments = Cli::parse();
    // The worker speaks frames on its standard streams and needs neither a runtime nor settings.
    if matches!(arguments.command, Some(Action::Worker)) {
        return trestle::engine::run_worker();
    }
    let serve = match &arguments.command {
        Some(Action::Serve(args)) => Some(args),
        _ => None,
    };
    if let Err(code) = cli::start_log(serve) {
        return code;
    }
    match start(arguments) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn start(arguments: Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("network").build()?;
    let environment = Environment::real(runtime.handle().clone())?;
    let code = match arguments.command {
        Some(action) => Ok(cli::run(action, environment)),
        None => window(arguments.project, environment),
    };
    // A model that never returns must not keep the process.
    runtime.shutdown_background();
    code
}

#[cfg(feature = "gui")]
fn window(project: Option<std::path::PathBuf>, environment: Environment) -> anyhow::Result<ExitCode> {
    if let Some(missing) = project.as_ref().filter(|project| !project.exists()) {
        anyhow::bail!("there is no folder and no command “{}”; see `trestle --help`", missing.display());
    }
    trestle::gui::run(project, environment)
}

#[cfg(not(feature = "gui"))]
fn window(_project: Option<std::path::PathBuf>, _environment: Environment) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this build has no window; see `trestle --help` for what it does")
}
