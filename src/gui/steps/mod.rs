//! One view per step, named like its module; each draws every face of its step and sends commands.

pub(super) mod benchmark;
pub(super) mod brief;
pub(super) mod container;
mod container_load;
mod cost;
mod cost_tables;
pub(super) mod deploy_push;
pub(super) mod deploy_swarm;
mod deploy_tasks;
#[cfg(test)]
mod deploy_tests;
mod doctor;
pub(super) mod drift;
mod drift_figure;
mod drift_settings;
mod evaluation;
mod evaluation_figures;
mod executable_card;
mod golden;
pub(super) mod model;
mod model_cards;
pub(super) mod readiness;
mod readiness_dialogs;
mod readiness_items;
pub(super) mod running;
mod running_figures;
mod running_form;
mod try_form;
