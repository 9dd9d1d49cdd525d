//! The command line: the same commands as the window, with one JSON object and an exit code.
//!
//! What only serves has [`small`] in place of it.

mod logging;
mod report;
mod serve;
mod serve_args;
pub mod small;

#[cfg(feature = "headless")]
mod args;
#[cfg(feature = "headless")]
mod bench;
#[cfg(feature = "headless")]
mod check;
#[cfg(feature = "headless")]
mod deploy;
#[cfg(feature = "headless")]
mod drift;
#[cfg(feature = "headless")]
mod evaluate;
#[cfg(feature = "headless")]
mod foreign;
#[cfg(feature = "headless")]
mod golden;
#[cfg(feature = "headless")]
mod models;
#[cfg(feature = "headless")]
mod profile;
#[cfg(feature = "headless")]
mod progress;
#[cfg(feature = "headless")]
mod projects;
#[cfg(feature = "headless")]
mod run;
#[cfg(feature = "headless")]
mod running;
#[cfg(feature = "headless")]
mod scoring;

pub use logging::start_log;

#[cfg(feature = "headless")]
pub use args::{Action, Cli};
#[cfg(feature = "headless")]
pub use run::run;
#[cfg(feature = "headless")]
use run::{need_report, open, report_on};
