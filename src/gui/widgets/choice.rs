//! One of several, and yes or no.

use egui::{
    Align2, ComboBox, CornerRadius, CursorIcon, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2,
};

use super::buttons::focus_ring;
use super::glyphs::{Icon, square};
use crate::gui::text;
use crate::gui::theme::{Look as _, RADIUS_SMALL, space};

/// One of several, under its label; `true` when it was changed.
pub fn select(ui: &mut Ui, label: &str, selected: &mut usize, choices: &[&str]) -> bool {
    let before = *selected;
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        let label_id = ui.label(text::small(label)).id;
        let chosen = choices.get(*selected).copied().unwrap_or_default();
        let shown = ComboBox::from_id_salt(label)
            .selected_text(chosen)
            .width(ui.available_width().min(280.0))
            .icon(|ui, rect, _, _| {
                let color = ui.tokens().mute;
                Icon::ChevronDown.paint(ui.painter(), square(rect.center(), 14.0), color);
            })
            .show_ui(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                for (idx, choice) in choices.iter().enumerate() {
                    if menu_item(ui, choice, idx == *selected).clicked() {
                        *selected = idx;
                        ui.close();
                    }
                }
            });
        shown.response.labelled_by(label_id);
    });
    *selected != before
}

/// A line of a menu, ticked when it is the one that holds.
pub fn menu_item(ui: &mut Ui, label: &str, on: bool) -> Response {
    let t = ui.tokens();
    let enabled = ui.is_enabled();
    let galley = text::line(ui, text::body(label), 320.0);
    let width = (galley.size().x + 2.0 * space::S + 24.0).max(ui.available_width());
    let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::MenuItemRadio, enabled, on, label));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, RADIUS_SMALL, t.raise);
    }
    focus_ring(ui, &response, CornerRadius::same(RADIUS_SMALL));
    let at = egui::pos2(rect.left() + space::S, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, t.text);
    if on {
        let center = egui::pos2(rect.right() - space::S - 7.0, rect.center().y);
        Icon::Tick.paint(ui.painter(), square(center, 14.0), t.accent);
    }
    response.on_hover_cursor(CursorIcon::PointingHand)
}

/// Yes or no.
pub fn check(ui: &mut Ui, on: &mut bool, label: &str) -> Response {
    let t = ui.tokens();
    let enabled = ui.is_enabled();
    let (square_size, gap) = (16.0, space::S);
    let galley = text::line(ui, text::body(label), ui.available_width() - square_size - gap);
    let size = vec2(square_size + gap + galley.size().x, galley.size().y.max(square_size));
    let (rect, mut response) = ui.allocate_exact_size(size, Sense::click());
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, enabled, *on, label));
    if ui.is_rect_visible(rect) {
        let place = Align2::LEFT_CENTER.align_size_within_rect(vec2(square_size, square_size), rect);
        let line = if response.hovered() { t.line_strong } else { t.mute.lerp_to_gamma(t.line, 0.5) };
        let (fill, line) = if *on { (t.accent, t.accent) } else { (t.bg, line) };
        ui.painter().rect(place, RADIUS_SMALL, fill, Stroke::new(1.0, line), StrokeKind::Inside);
        if *on {
            Icon::Tick.paint(ui.painter(), place.shrink(2.0), t.on_accent);
        }
        focus_ring(ui, &response, CornerRadius::same(RADIUS_SMALL));
        let at = egui::pos2(place.right() + gap, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, t.text);
    }
    response.on_hover_cursor(CursorIcon::PointingHand)
}
