//! Verdicts in small: glyph, word and colour, never one alone.

use egui::{Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::glyphs::square;
use crate::gui::text;
use crate::gui::theme::{Look as _, RADIUS_SMALL, Verdict, size};
use crate::project::reports::{Judgement, Verdict as Judged};

/// A verdict with its word (or a few) in a thin border.
pub fn chip(ui: &mut Ui, verdict: Verdict, words: &str) -> Response {
    let color = verdict.color(ui.tokens());
    let (pad, glyph, gap) = (8.0, 11.0, 5.0);
    let width = (ui.available_width() - 2.0 * pad - glyph - gap).max(24.0);
    let galley = text::line(ui, text::small_strong(words), width);
    // As high as a line of text, with a border that reaches one point beyond it: words and chips share a baseline.
    let size = vec2((galley.size().x + 2.0 * pad + glyph + gap).round(), size::line(size::BODY));
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let rect = rect.expand2(vec2(0.0, 1.0));
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    if ui.is_rect_visible(rect) {
        ui.painter().rect_stroke(rect, RADIUS_SMALL, Stroke::new(1.0, color), StrokeKind::Inside);
        let center = egui::pos2(rect.left() + pad + glyph / 2.0, rect.center().y);
        verdict.icon().paint(ui.painter(), square(center, glyph), color);
        let at = egui::pos2(rect.left() + pad + glyph + gap, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley_with_override_text_color(at, galley, color);
    }
    response
}

/// What a measurement came to under the brief; its reason is the tooltip.
pub fn judgement_chip(ui: &mut Ui, judgement: &Judgement) -> Response {
    let (verdict, words) = match judgement.verdict {
        Judged::Pass => (Verdict::Pass, "met"),
        Judged::Fail => (Verdict::Fail, "not met"),
        Judged::Undecided => (Verdict::Warn, "undecided"),
        Judged::None if judgement.measured.is_empty() => (Verdict::None, "not measured"),
        Judged::None => (Verdict::None, "no verdict"),
    };
    let response = chip(ui, verdict, words);
    if judgement.reason.is_empty() { response } else { response.on_hover_text(judgement.reason.as_str()) }
}

/// A verdict as glyph and words in the flow of a line, without a border.
pub fn verdict_line(ui: &mut Ui, verdict: Verdict, words: &str) -> Response {
    let color = verdict.color(ui.tokens());
    let (glyph, gap) = (13.0, 6.0);
    let galley = text::line(ui, text::medium(words), (ui.available_width() - glyph - gap).max(24.0));
    let size = vec2(galley.size().x + glyph + gap, galley.size().y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    if ui.is_rect_visible(rect) {
        let center = egui::pos2(rect.left() + glyph / 2.0, rect.center().y);
        verdict.icon().paint(ui.painter(), square(center, glyph), color);
        let at = egui::pos2(rect.left() + glyph + gap, rect.top());
        ui.painter().galley_with_override_text_color(at, galley, color);
    }
    response
}
