//! Trestle carries a trained model across the gap between a notebook and production.

pub mod brief;
pub mod clock;
pub mod command;
pub mod engine;
#[cfg(feature = "gui")]
pub mod gui;
pub mod features;
pub mod jobs;
pub mod problem;
pub mod project;
pub mod serve;
pub mod step;
pub mod table;
