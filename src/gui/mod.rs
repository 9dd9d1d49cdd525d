//! The window: the only module that names egui.
//!
//! Views borrow, draw and send commands; they never call a step and never block.
//! [`theme`] holds every colour and distance, [`text`] every kind of text, [`widgets`] everything that is drawn twice.

mod fonts;
#[cfg(feature = "pictures")]
pub mod gallery;
#[cfg(feature = "pictures")]
pub mod pictures;
pub mod text;
pub mod theme;
pub mod widgets;
