//! The window through its accessibility tree: no display, no driver.

mod app;
mod driver;
mod widgets;
