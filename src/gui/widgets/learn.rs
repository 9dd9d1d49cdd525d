//! A section of the learn drawer: a concept in plain words, a picture of it, and its terms.

use egui::{CursorIcon, Label, Response, Sense, Ui, pos2};

use super::layout::heading_label;
use crate::gui::text;
use crate::gui::theme::Look as _;

/// One part of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage<'a> {
    /// Plain words.
    Text(&'a str),
    /// The picture: bridge, restaurant or buffet.
    Quote(&'a str),
}

/// A concept: title, passages, and the terms it brings.
#[derive(Clone, Copy, Debug)]
pub struct LearnSection<'a> {
    /// What it is about.
    pub title: &'a str,
    /// The words, in order.
    pub passages: &'a [Passage<'a>],
    /// Terms that lead further; pressed ones are returned by [`LearnSection::show`].
    pub terms: &'a [&'a str],
}

impl LearnSection<'_> {
    /// Shows the section; the index of the term that was pressed.
    pub fn show(&self, ui: &mut Ui) -> Option<usize> {
        self.show_with(ui, |_| ())
    }

    /// Shows the section with a drawing under its title.
    pub fn show_with(&self, ui: &mut Ui, drawing: impl FnOnce(&mut Ui)) -> Option<usize> {
        ui.spacing_mut().item_spacing.y = 10.0;
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            heading_label(ui, text::heading(self.title));
        });
        drawing(ui);
        for passage in self.passages {
            match passage {
                Passage::Text(words) => {
                    ui.label(text::body(*words));
                }
                Passage::Quote(words) => {
                    quote(ui, words);
                }
            }
        }
        if self.terms.is_empty() { None } else { ui.scope(|ui| terms_ui(ui, self.terms)).inner }
    }
}

/// Words set off by an accent bar.
pub fn quote(ui: &mut Ui, words: &str) -> Response {
    let t = ui.tokens();
    let indent = 12.0;
    let shown = ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(indent);
        ui.add(Label::new(text::weak(words)).wrap())
    });
    let rect = shown.inner.rect;
    let bar = egui::Rect::from_min_max(
        pos2(rect.left() - indent, rect.top()),
        pos2(rect.left() - indent + 2.0, rect.bottom()),
    );
    ui.painter().rect_filled(bar, 0.0, t.accent);
    shown.inner
}

fn terms_ui(ui: &mut Ui, terms: &[&str]) -> Option<usize> {
    let mut pressed = None;
    // A wrapped row is at least as high as a control.
    ui.spacing_mut().interact_size.y = 17.0;
    ui.spacing_mut().item_spacing = egui::vec2(0.0, 2.0);
    ui.horizontal_wrapped(|ui| {
        ui.label(text::small("See also "));
        for (idx, word) in terms.iter().enumerate() {
            let is_last = idx + 1 == terms.len();
            if term_with(ui, word, if is_last { "" } else { ", " }).clicked() {
                pressed = Some(idx);
            }
        }
    });
    pressed
}

/// A term that leads to its explanation.
pub fn term(ui: &mut Ui, word: &str) -> Response {
    term_with(ui, word, "")
}

/// A term with what follows it, so that no line begins with a comma.
fn term_with(ui: &mut Ui, word: &str, after: &str) -> Response {
    let t = ui.tokens();
    let parts = [text::small(word).color(t.accent), text::small(after)];
    let words = text::join(ui, parts.into_iter().filter(|part| !part.is_empty()));
    let response = ui.add(Label::new(words).sense(Sense::click()));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Link, true, word));
    if response.hovered() || response.has_focus() {
        let y = response.rect.bottom() - 2.0;
        ui.painter().hline(response.rect.x_range(), y, egui::Stroke::new(1.0, t.accent));
    }
    response.on_hover_cursor(CursorIcon::PointingHand)
}
