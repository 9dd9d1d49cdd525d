//! The left rail: the project at the top, then the steps, each with a state and one line of substance.

use egui::{CornerRadius, CursorIcon, Rect, Response, Role, Sense, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::buttons::focus_ring;
use super::glyphs::{Icon, square};
use crate::gui::text;
use crate::gui::theme::{Look as _, RADIUS, Verdict, space};

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

/// A line at the foot of the rail: an icon and words; a button when `pressable`.
pub fn rail_line(ui: &mut Ui, icon: Icon, words: &str, pressable: bool) -> Response {
    let t = ui.tokens();
    let sense = if pressable { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), sense);
    let role = if pressable { Role::Button } else { Role::Label };
    response.widget_info(|| WidgetInfo::labeled(role, true, words));
    let raised = pressable && response.hovered();
    if raised {
        ui.painter().rect_filled(rect, RADIUS, t.raise);
    }
    focus_ring(ui, &response, CornerRadius::same(RADIUS));
    let color = if raised { t.text } else { t.mute };
    icon.paint(ui.painter(), square(pos2(rect.left() + 16.0, rect.center().y), 14.0), color);
    let galley = text::line(ui, text::small(words), rect.width() - 46.0);
    let at = pos2(rect.left() + 38.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley_with_override_text_color(at, galley, color);
    if pressable { response.on_hover_cursor(CursorIcon::PointingHand) } else { response }
}
