//! Where log lines go.

use std::process::ExitCode;

use super::serve_args::ServeArgs;

/// Starts the log of a command; `serve` is there when it is that which runs.
///
/// An error has been told, and is the exit code.
pub fn start_log(serve: Option<&ServeArgs>) -> Result<(), ExitCode> {
    match serve {
        Some(args) if !args.check => log_requests_to_stderr(args.log_level.as_deref()).map_err(|reason| {
            log_to_stderr();
            tracing::error!("--log-level: {reason}");
            ExitCode::from(2)
        }),
        _ => {
            log_to_stderr();
            Ok(())
        }
    }
}

/// Sends log lines to standard error: plain ones, warnings and worse.
///
/// `TRESTLE_LOG` sets the level by the usual directives.
fn log_to_stderr() {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second initialisation can only come from a test in the same process; the first stays in force.
    drop(fmt().with_writer(std::io::stderr).with_ansi(ansi()).with_env_filter(filter).with_target(false).try_init());
}

/// Sends log lines to standard error for a server: one JSON object a line, requests included.
///
/// `level`, else `TRESTLE_LOG`, sets the level by the usual directives; an error names what is wrong with `level`.
fn log_requests_to_stderr(level: Option<&str>) -> Result<(), String> {
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
