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
//! - [`identity`]: what an executable says of itself, to be read without running it.
//!
//! # Builds
//!
//! - `gui`, the default: everything.
//! - `--no-default-features --features headless`: every command, without the window.
//! - `--no-default-features --features serve`: the executable `trestle-serve` with [`cli::small`] in front of [`serve`],
//!   the engine, features and documents, for the smallest image. What it leaves out is left out by module, here and in
//!   [`cli`], [`engine`] and [`table`].
//!
//! # Invariants
//!
//! - No step imports another step; what one needs from another is data in [`project`].
//! - `main → gui | cli → workbench → steps → judge, statistics, features, engine, table`; [`serve`] never names the workbench or a step.
//! - A user's model is loaded and run only in the worker process or in the server, never in the window.
//! - State changes on the main thread only; jobs return values.
//! - A document that cannot be read, is newer, or was changed by another program is never overwritten.
//! - Time is a parameter; only [`clock`] reads it.

#![cfg_attr(
    not(feature = "headless"),
    expect(dead_code, unused_imports, reason = "the build that only serves leaves out who asks for the rest")
)]

#[cfg(feature = "headless")]
pub mod benchmark;
#[cfg(feature = "headless")]
pub mod brief;
pub mod cli;
pub mod clock;
#[cfg(feature = "headless")]
pub mod command;
#[cfg(feature = "headless")]
pub mod drift;
pub mod engine;
#[cfg(feature = "headless")]
pub mod evaluation;
#[cfg(feature = "headless")]
mod example;
pub mod features;
#[cfg(feature = "headless")]
pub mod foreign;
#[cfg(feature = "gui")]
pub mod gui;
pub mod identity;
pub mod jobs;
#[cfg(feature = "headless")]
pub mod judge;
#[cfg(feature = "headless")]
pub mod model;
#[cfg(feature = "headless")]
pub mod package;
pub mod problem;
pub mod project;
#[cfg(feature = "headless")]
pub mod readiness;
#[cfg(feature = "headless")]
pub mod scoring;
pub mod serve;
#[cfg(feature = "headless")]
pub mod session;
#[cfg(feature = "headless")]
pub mod statistics;
#[cfg(feature = "headless")]
pub mod step;
pub mod table;
#[cfg(feature = "headless")]
pub mod workbench;
