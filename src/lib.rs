//! Trestle carries a trained model across the gap between a notebook and production.
//!
//! # Bird's-eye view
//!
//! A project is a folder of documents. People and pipelines send [`command::Command`]s to a [`workbench::Workbench`],
//! which runs the steps as [`jobs`] and keeps what they report. The window, the command line and the server are front
//! ends over the same core.
//!
//! # Code map, in reading order
//!
//! - [`project`]: documents, formats, atomic saving, undo, ledger, registry, evidence hashes.
//! - [`problem`], [`jobs`], [`step`], [`command`], [`clock`]: the words everything else is written in.
//! - [`engine`]: loading and running models, our operators, the worker. The only module that names tract.
//! - [`foreign`]: model files of other frameworks: what they hold and how to convert them, without loading any.
//! - [`table`], [`features`]: columns in and out; the feature contract between named values and tensors.
//! - [`session`]: one worker that keeps a model loaded between the questions of the steps.
//! - [`scoring`]: tables of any size through a model, resumable.
//! - [`statistics`]: distributions, tests, intervals. [`judge`]: what measurements come to under today's brief.
//! - [`brief`], [`model`], [`evaluation`], [`benchmark`], [`readiness`], [`drift`], [`package`]: the steps. Only
//!   [`package`] names bollard.
//! - [`serve`]: the inference server. The only module that names axum.
//! - [`workbench`]: one project, the state of its steps, the jobs that run.
//! - [`cli`] and `gui`: the front ends. Only `gui` names egui.
//!
//! # Invariants
//!
//! - No step imports another step; what one needs from another is data in [`project`].
//! - `main → gui | cli → workbench → steps → judge, statistics, features, engine, table`; [`serve`] never names the workbench or a step.
//! - A user's model is loaded and run only in the worker process or in the server, never in the window.
//! - State changes on the main thread only; jobs return values.
//! - A document that cannot be read, is newer, or was changed by another program is never overwritten.
//! - Time is a parameter; only [`clock`] reads it.

pub mod benchmark;
pub mod brief;
pub mod cli;
pub mod clock;
pub mod command;
pub mod drift;
pub mod engine;
pub mod evaluation;
mod example;
pub mod features;
pub mod foreign;
#[cfg(feature = "gui")]
pub mod gui;
pub mod jobs;
pub mod judge;
pub mod model;
pub mod package;
pub mod problem;
pub mod project;
pub mod readiness;
pub mod scoring;
pub mod serve;
pub mod session;
pub mod statistics;
pub mod step;
pub mod table;
pub mod workbench;
