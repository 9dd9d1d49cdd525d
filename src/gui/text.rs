//! Kinds of text, by their place on a page; each fixes face, weight, size and line height.

use std::sync::Arc;

use egui::text::LayoutJob;
use egui::{FontFamily, Galley, RichText, TextStyle, TextWrapMode, Ui, WidgetText};

use super::{fonts, theme::size};

fn styled(text: impl Into<String>, points: f32, family: FontFamily) -> RichText {
    let text = RichText::new(text).size(points).family(family).line_height(Some(size::line(points)));
    // Inter draws large letters finer than small ones.
    if size::CARD < points { text.variation(b"opsz", points) } else { text }
}

/// A page's title.
pub fn title(text: impl Into<String>) -> RichText {
    styled(text, size::TITLE, fonts::semibold())
}

/// A drawer's or dialog's title.
pub fn heading(text: impl Into<String>) -> RichText {
    styled(text, size::HEADING, fonts::semibold())
}

/// A card's title.
pub fn card_title(text: impl Into<String>) -> RichText {
    styled(text, size::CARD, fonts::semibold())
}

/// Running text.
pub fn body(text: impl Into<String>) -> RichText {
    styled(text, size::BODY, FontFamily::Proportional)
}

/// Running text that names something.
pub fn medium(text: impl Into<String>) -> RichText {
    styled(text, size::BODY, fonts::medium())
}

/// Running text that must be seen.
pub fn strong(text: impl Into<String>) -> RichText {
    styled(text, size::BODY, fonts::semibold())
}

/// Running text that steps back.
pub fn weak(text: impl Into<String>) -> RichText {
    body(text).weak()
}

/// Labels, hints and remarks.
pub fn small(text: impl Into<String>) -> RichText {
    styled(text, size::SMALL, FontFamily::Proportional).weak()
}

/// The part of a hint or remark that carries the answer.
pub fn small_medium(text: impl Into<String>) -> RichText {
    styled(text, size::SMALL, fonts::medium())
}

/// Words of chips.
pub fn small_strong(text: impl Into<String>) -> RichText {
    styled(text, size::SMALL, fonts::semibold())
}

/// Figures in a column.
pub fn figures(text: impl Into<String>) -> RichText {
    styled(text, size::BODY, fonts::tabular())
}

/// The large number of a stat.
pub fn number(text: impl Into<String>) -> RichText {
    styled(text, size::NUMBER, fonts::tabular_semibold())
}

/// The unit beside a large number.
pub fn unit(text: impl Into<String>) -> RichText {
    styled(text, size::CARD, fonts::medium()).weak()
}

/// Code, paths, hashes.
pub fn mono(text: impl Into<String>) -> RichText {
    styled(text, size::SMALL, FontFamily::Monospace)
}

/// Several texts as one paragraph.
pub fn join(ui: &Ui, parts: impl IntoIterator<Item = RichText>) -> LayoutJob {
    let mut job = LayoutJob::default();
    for part in parts {
        part.append_to(&mut job, ui.style(), TextStyle::Body.into(), egui::Align::Center);
    }
    job
}

/// Text laid out for the painter: on one line, cut off with an ellipsis at `width`.
pub fn line(ui: &Ui, text: impl Into<WidgetText>, width: f32) -> Arc<Galley> {
    text.into().into_galley(ui, Some(TextWrapMode::Truncate), width, TextStyle::Body)
}

/// How far below its top the first line of a galley has its baseline.
pub fn baseline(galley: &Galley) -> f32 {
    galley.rows.first().map_or(0.0, |row| row.pos.y + row.glyphs.first().map_or(row.size.y, |glyph| glyph.pos.y))
}
