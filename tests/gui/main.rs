//! The window through its accessibility tree: no display, no driver.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod app;
mod benchmark;
mod cost;
mod drift;
mod driver;
#[cfg(unix)]
mod engine;
mod evaluation;
mod executable;
mod learn;
mod palette;
mod readiness;
#[cfg(unix)]
mod running;
mod widgets;
