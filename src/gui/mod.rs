//! The window: the only module that names egui.
//!
//! Views borrow, draw and send commands; they never call a step and never block.
//! [`theme`] holds every colour and distance, [`text`] every kind of text, [`widgets`] everything that is drawn twice.

mod actions;
mod app;
mod dialogs;
mod dropping;
pub mod figure;
mod fonts;
mod fuzzy;
#[cfg(feature = "pictures")]
mod gallery;
#[cfg(feature = "pictures")]
mod gallery_deploy;
mod learn;
#[cfg(feature = "pictures")]
mod pages;
mod palette;
pub mod pictures;
mod shell;
mod start;
mod steps;
pub mod text;
pub mod theme;
pub mod ui_command;
pub mod widgets;
mod window;

pub use app::App;
pub use dialogs::Picker;
#[cfg(feature = "pictures")]
pub use pages::pictures;
pub use window::run;
