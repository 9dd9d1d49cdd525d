//! Trestle carries a trained model across the gap between a notebook and production.

pub mod brief;
pub mod clock;
pub mod command;
pub mod engine;
pub mod jobs;
pub mod problem;
pub mod project;
pub mod step;
