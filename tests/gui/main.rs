//! The window through its accessibility tree: no display, no driver.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod app;
mod driver;
mod learn;
mod palette;
mod widgets;
