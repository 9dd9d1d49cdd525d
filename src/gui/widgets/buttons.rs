//! Buttons: one primary a page, everything else quieter.

use egui::{
    Color32, CornerRadius, CursorIcon, Response, Role, Sense, Stroke, StrokeKind, Ui, Widget, WidgetInfo, WidgetText,
    vec2,
};

use super::glyphs::{Icon, square};
use crate::gui::text;
use crate::gui::theme::{CONTROL_HEIGHT, Look as _, RADIUS, RADIUS_SMALL, Tokens, space};

/// Height of small buttons.
pub(super) const SMALL_HEIGHT: f32 = 24.0;

/// How loud a button is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The one action the page is about.
    Primary,
    /// An action beside it.
    Secondary,
    /// An action that takes something away, before it is confirmed.
    Danger,
    /// The confirmation of such an action.
    DangerPrimary,
    /// An action inside text or a bar: no border until it is under the pointer.
    Quiet,
}

/// A button with a word, perhaps an icon.
#[must_use = "You should put this widget in a ui with `ui.add(widget)`"]
pub struct Button<'a> {
    tone: Tone,
    label: &'a str,
    icon: Option<Icon>,
    name: Option<&'a str>,
    small: bool,
    flush: bool,
    selected: Option<bool>,
}

impl<'a> Button<'a> {
    /// A button of a tone.
    pub fn new(tone: Tone, label: &'a str) -> Self {
        Self { tone, label, icon: None, name: None, small: false, flush: false, selected: None }
    }

    /// With an icon before the word.
    pub fn icon(self, icon: Icon) -> Self {
        Self { icon: Some(icon), ..self }
    }

    /// What a screen reader says instead of the label.
    pub fn name(self, name: &'a str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// As high as a line of text with a little air, for bars and tables.
    pub fn small(self) -> Self {
        Self { small: true, ..self }
    }

    /// A quiet button whose icon stands on the left edge of what is around it.
    pub fn flush(self) -> Self {
        Self { flush: true, ..self }
    }

    /// A toggle that is on or off.
    pub fn selected(self, selected: bool) -> Self {
        Self { selected: Some(selected), ..self }
    }
}

/// Fill, border and text.
struct Paint {
    fill: Color32,
    line: Color32,
    text: Color32,
}

impl Paint {
    fn of(tone: Tone, t: &Tokens, raised: bool) -> Self {
        let (fill, line, text) = match tone {
            Tone::Primary => {
                let fill = if raised { t.accent_hover } else { t.accent };
                (fill, fill, t.on_accent)
            }
            Tone::DangerPrimary => {
                let fill = if raised { t.fail.lerp_to_gamma(t.text, 0.1) } else { t.fail };
                (fill, fill, t.on_accent)
            }
            Tone::Secondary if raised => (t.raise, t.line_strong, t.text),
            Tone::Secondary => (t.card, t.line, t.text),
            Tone::Danger if raised => (t.tint(t.fail), t.fail, t.fail),
            Tone::Danger => (t.card, t.line, t.fail),
            Tone::Quiet if raised => (t.raise, Color32::TRANSPARENT, t.text),
            Tone::Quiet => (Color32::TRANSPARENT, Color32::TRANSPARENT, t.mute),
        };
        Self { fill, line, text }
    }

    fn pressed(self, t: &Tokens) -> Self {
        Self { fill: self.fill.lerp_to_gamma(t.bg, 0.2), ..self }
    }

    /// What cannot be done now has no colour to press.
    fn disabled(tone: Tone, t: &Tokens) -> Self {
        let fill = if tone == Tone::Quiet { Color32::TRANSPARENT } else { t.raise };
        let line = if tone == Tone::Quiet { Color32::TRANSPARENT } else { t.line };
        Self { fill, line, text: t.mute.lerp_to_gamma(t.card, 0.25) }
    }
}

impl Widget for Button<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let Self { tone, label, icon, name, small, flush, selected } = self;
        let t = ui.tokens();
        let enabled = ui.is_enabled();
        let loud = matches!(tone, Tone::Primary | Tone::DangerPrimary);
        let font = match (small, loud) {
            (true, true) => text::small_strong(label),
            (true, false) => text::small_medium(label),
            (false, true) => text::strong(label),
            (false, false) => text::body(label),
        };
        let height = if small { SMALL_HEIGHT } else { CONTROL_HEIGHT };
        let pad = match (small, tone) {
            _ if flush => 0.0,
            (true, _) | (_, Tone::Quiet) => space::S,
            (_, Tone::Primary | Tone::DangerPrimary) => 14.0,
            _ => space::M,
        };
        let icon_size = if small { 12.0 } else { 14.0 };
        let icon_width = icon.map_or(0.0, |_| icon_size + if label.is_empty() { 0.0 } else { 6.0 });
        let galley = text::line(ui, WidgetText::from(font), (ui.available_width() - 2.0 * pad - icon_width).max(24.0));
        let width = if label.is_empty() { height } else { (galley.size().x + icon_width + 2.0 * pad).round() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
        let said = name.unwrap_or(label);
        response.widget_info(|| match selected {
            Some(selected) => WidgetInfo::selected(Role::Button, enabled, selected, said),
            None => WidgetInfo::labeled(Role::Button, enabled, said),
        });
        if ui.is_rect_visible(rect) {
            let raised = response.hovered() || selected == Some(true);
            let paint = if enabled { Paint::of(tone, t, raised) } else { Paint::disabled(tone, t) };
            let paint = if response.is_pointer_button_down_on() { paint.pressed(t) } else { paint };
            let radius = CornerRadius::same(if small { RADIUS_SMALL } else { RADIUS });
            // The layer's fading would wash out a disabled button's words; its own colours say it better.
            let mut painter = ui.painter().clone();
            painter.set_opacity(1.0);
            let ground = if flush { rect.expand2(vec2(6.0, 0.0)) } else { rect };
            painter.rect(ground, radius, paint.fill, Stroke::new(1.0, paint.line), StrokeKind::Inside);
            focus_ring(ui, &response, radius);
            let mut left = rect.left() + if label.is_empty() { (width - icon_size) / 2.0 } else { pad };
            if let Some(icon) = icon {
                let center = egui::pos2(left + icon_size / 2.0, rect.center().y);
                icon.paint(&painter, square(center, icon_size), paint.text);
                left += icon_width;
            }
            let top = rect.center().y - galley.size().y / 2.0;
            painter.galley_with_override_text_color(egui::pos2(left, top), galley, paint.text);
        }
        response.on_hover_cursor(CursorIcon::PointingHand)
    }
}

/// Shows where the keyboard is: a ring just outside the thing.
pub(in crate::gui) fn focus_ring(ui: &Ui, response: &Response, radius: CornerRadius) {
    if response.has_focus() {
        let stroke = Stroke::new(1.5, ui.tokens().accent);
        ui.painter().rect_stroke(response.rect.expand(2.0), radius + 2, stroke, StrokeKind::Outside);
    }
}

/// The page's one action.
pub fn primary_button(ui: &mut Ui, label: &str) -> Response {
    ui.add(Button::new(Tone::Primary, label))
}

/// An action beside the primary one.
pub fn secondary_button(ui: &mut Ui, label: &str) -> Response {
    ui.add(Button::new(Tone::Secondary, label))
}

/// An action that takes something away.
pub fn danger_button(ui: &mut Ui, label: &str) -> Response {
    ui.add(Button::new(Tone::Danger, label))
}

/// A small action in a bar or a table.
pub fn small_button(ui: &mut Ui, label: &str) -> Response {
    ui.add(Button::new(Tone::Secondary, label).small())
}

/// A word that can be pressed, without a border.
pub fn quiet_button(ui: &mut Ui, label: &str) -> Response {
    ui.add(Button::new(Tone::Quiet, label).small())
}

/// An icon that can be pressed; `name` is its tooltip and what a screen reader says.
pub fn icon_button(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    ui.add(Button::new(Tone::Quiet, "").icon(icon).small().name(name)).on_hover_text(name)
}

/// A few choices of which one holds; `true` when it was changed.
pub fn segmented(ui: &mut Ui, name: &str, selected: &mut usize, choices: &[&str]) -> bool {
    let t = ui.tokens();
    let before = *selected;
    let frame = egui::Frame::new().fill(t.bg).stroke(t.hairline()).corner_radius(RADIUS).inner_margin(3);
    ui.scope_builder(egui::UiBuilder::new().accessibility_label(name).accessibility_role(Role::RadioGroup), |ui| {
        frame.show(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.spacing_mut().interact_size.y = 24.0;
            ui.horizontal(|ui| {
                for (idx, choice) in choices.iter().enumerate() {
                    let on = idx == *selected;
                    if ui.add(Segment { label: choice, on }).clicked() {
                        *selected = idx;
                    }
                }
            });
        });
    });
    *selected != before
}

struct Segment<'a> {
    label: &'a str,
    on: bool,
}

impl Widget for Segment<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let t = ui.tokens();
        let galley = text::line(ui, text::small_medium(self.label), f32::INFINITY);
        let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 20.0, 24.0), Sense::click());
        let enabled = ui.is_enabled();
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, enabled, self.on, self.label));
        let color = if self.on || response.hovered() { t.text } else { t.mute };
        if self.on {
            ui.painter().rect(rect, RADIUS_SMALL, t.raise, Stroke::new(1.0, t.line), StrokeKind::Inside);
        }
        focus_ring(ui, &response, CornerRadius::same(RADIUS_SMALL));
        ui.painter().galley_with_override_text_color(rect.center() - galley.size() / 2.0, galley, color);
        response.on_hover_cursor(CursorIcon::PointingHand)
    }
}
