//! The left rail: the project at the top, then the steps, each with a state and one line of substance.

use egui::{CornerRadius, CursorIcon, Rect, Response, Role, Sense, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::buttons::focus_ring;
use super::glyphs::{Icon, square};
use crate::gui::text;
use crate::gui::theme::{Look as _, RADIUS, Verdict, space};

/// Height of a line at the foot of the rail.
const FOOT_HEIGHT: f32 = 26.0;

/// One step in the rail.
#[derive(Clone, Copy, Debug)]
#[must_use = "call `show`"]
pub struct RailItem<'a> {
    number: usize,
    name: &'a str,
    substance: &'a str,
    verdict: Verdict,
    selected: bool,
}

impl<'a> RailItem<'a> {
    /// A step: its place, its name and what there is to say about it.
    pub fn new(number: usize, name: &'a str, substance: &'a str) -> Self {
        Self { number, name, substance, verdict: Verdict::None, selected: false }
    }

    /// The state of the step.
    pub fn verdict(self, verdict: Verdict) -> Self {
        Self { verdict, ..self }
    }

    /// Whether its page is open.
    pub fn selected(self, selected: bool) -> Self {
        Self { selected, ..self }
    }

    /// Shows it in the width there is.
    pub fn show(self, ui: &mut Ui) -> Response {
        let t = ui.tokens();
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 50.0), Sense::click());
        let said = format!("{} {}, {}, {}", self.number, self.name, self.verdict.word(), self.substance);
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, self.selected, said.as_str()));
        if ui.is_rect_visible(rect) {
            let radius = CornerRadius::same(RADIUS);
            if self.selected || response.hovered() {
                let fill = if self.selected { t.raise } else { t.panel.lerp_to_gamma(t.raise, 0.6) };
                ui.painter().rect_filled(rect, radius, fill);
            }
            if self.selected {
                // The bar follows the corners: the accent shows through a strip two points wide.
                let strip = Rect::from_min_max(rect.min, pos2(rect.left() + 2.0, rect.bottom()));
                ui.painter().with_clip_rect(strip).rect_filled(rect, radius, t.accent);
            }
            focus_ring(ui, &response, radius);
            let glyph = square(pos2(rect.left() + 16.0, rect.top() + 16.5), 16.0);
            self.verdict.icon().paint(ui.painter(), glyph, self.verdict.color(t));
            let left = rect.left() + 38.0;
            let room = rect.right() - space::S - left;
            let name = format!("{}  {}", self.number, self.name);
            let name = if self.selected { text::strong(name) } else { text::medium(name) };
            let name = text::line(ui, name, room);
            let substance = text::line(ui, text::small(self.substance), room);
            let truncated = substance.elided;
            ui.painter().galley(pos2(left, rect.top() + 7.0), name, t.text);
            ui.painter().galley(pos2(left, rect.top() + 26.0), substance, t.mute);
            if truncated {
                return response.on_hover_text(self.substance).on_hover_cursor(CursorIcon::PointingHand);
            }
        }
        response.on_hover_cursor(CursorIcon::PointingHand)
    }
}

/// The project at the top of the rail; pressing it opens the list of projects.
pub fn project_button(ui: &mut Ui, name: &str, place: &str) -> Response {
    let t = ui.tokens();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 54.0), Sense::click());
    let said = format!("Project {name}, {place}");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, said.as_str()));
    let radius = CornerRadius::same(RADIUS);
    let (fill, line) = if response.hovered() { (t.raise, t.line_strong) } else { (t.card, t.line) };
    ui.painter().rect(rect, radius, fill, egui::Stroke::new(1.0, line), StrokeKind::Inside);
    focus_ring(ui, &response, radius);
    Icon::Trestle.paint(ui.painter(), square(pos2(rect.left() + 20.0, rect.center().y), 22.0), t.accent);
    Icon::ChevronDown.paint(ui.painter(), square(pos2(rect.right() - 14.0, rect.center().y), 12.0), t.mute);
    let left = rect.left() + 38.0;
    let room = rect.right() - 26.0 - left;
    let name = text::line(ui, text::strong(name), room);
    let place = text::line(ui, text::small(place), room);
    ui.painter().galley(pos2(left, rect.top() + 9.0), name, t.text);
    ui.painter().galley(pos2(left, rect.top() + 28.0), place, t.mute);
    response.on_hover_cursor(CursorIcon::PointingHand)
}

/// A line at the foot of the rail that tells something.
pub fn rail_line(ui: &mut Ui, icon: Icon, words: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), FOOT_HEIGHT), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    foot_ui(ui, rect, icon, words, "", ui.tokens().mute);
    response.on_hover_text(words)
}

/// A line at the foot of the rail that can be pressed, with the keys that do the same.
pub fn rail_button(ui: &mut Ui, icon: Icon, words: &str, keys: &str) -> Response {
    let t = ui.tokens();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), FOOT_HEIGHT), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, words));
    if response.hovered() {
        ui.painter().rect_filled(rect, RADIUS, t.raise);
    }
    focus_ring(ui, &response, CornerRadius::same(RADIUS));
    foot_ui(ui, rect, icon, words, keys, if response.hovered() { t.text } else { t.mute });
    response.on_hover_cursor(CursorIcon::PointingHand)
}

fn foot_ui(ui: &Ui, rect: Rect, icon: Icon, words: &str, keys: &str, color: egui::Color32) {
    icon.paint(ui.painter(), square(pos2(rect.left() + 16.0, rect.center().y), 14.0), color);
    let keys = text::line(ui, text::small(keys), 80.0);
    let right = rect.right() - if keys.is_empty() { 0.0 } else { space::S + keys.size().x };
    let left = rect.left() + 38.0;
    let words = text::line(ui, text::small(words), right - left - space::XS);
    let top = rect.center().y - words.size().y / 2.0;
    ui.painter().galley_with_override_text_color(pos2(left, top), words, color);
    ui.painter().galley(pos2(right, top), keys, ui.tokens().mute);
}
