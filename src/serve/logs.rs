//! Structured logs: one JSON object a line on standard error.

use tracing_subscriber::EnvFilter;

/// The environment variable that filters the logs, such as `warn` or `info,trestle::request=off`.
const VARIABLE: &str = "TRESTLE_LOG";

/// Sends the process's logs to standard error as JSON lines, `info` and above unless `TRESTLE_LOG` says otherwise.
///
/// Does nothing when logs go somewhere already.
pub fn init_logs() {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .finish();
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("logs were set up before");
    }
}
