//! Everything that is drawn on more than one page.
//!
//! Every interactive widget has an accessible name and shows the keyboard's focus;
//! a verdict is always glyph, word and colour together.

mod buttons;
mod chip;
mod choice;
mod code;
mod field;
mod glyphs;
mod layout;
mod learn;
mod plot;
mod rail;
mod stat;
mod states;
mod table;
mod toasts;

pub(in crate::gui) use buttons::focus_ring;
pub use buttons::{
    Button, Tone, danger_button, icon_button, primary_button, quiet_button, secondary_button, segmented, small_button,
};
pub use chip::{chip, judgement_chip, verdict_line};
pub use choice::{check, menu_item, select};
pub use code::code_block;
pub use field::{Field, understood_line};
pub use glyphs::{Icon, icon_ui};
pub(in crate::gui) use layout::heading_label;
pub use layout::{Card, KeyValues, columns, hairline, next_step, page_header, row, title_line};
pub use learn::{LearnSection, Passage, quote, term};
pub use plot::{legend, marker, plot};
pub use rail::{RailItem, project_button, rail_button, rail_line};
pub use stat::{Stat, progress_bar};
pub use states::{
    Answer, Confirm, DISMISS, activity, details, dialog, drop_overlay, empty_state, notice, notice_with, problem_panel,
};
pub use table::{Column, Sorting, Table, cell, cell_number, cell_wrapped};
pub use toasts::Toasts;
