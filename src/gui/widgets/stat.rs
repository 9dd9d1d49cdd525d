//! Numbers that are looked at first, and progress.

use std::ops::RangeInclusive;
use std::time::Duration;

use egui::{Rangef, Response, Role, Sense, Ui, WidgetInfo, vec2};

use super::chip::chip;
use crate::gui::text;
use crate::gui::theme::{Look as _, Verdict, space};

/// A large number with its unit, what it is above it, and what it came to below.
#[derive(Clone, Copy, Debug)]
#[must_use = "call `show`"]
pub struct Stat<'a> {
    label: &'a str,
    number: &'a str,
    unit: &'a str,
    verdict: Option<(Verdict, &'a str)>,
}

impl<'a> Stat<'a> {
    /// A number and the label above it: where there is one, the brief's value.
    pub fn new(label: &'a str, number: &'a str) -> Self {
        Self { label, number, unit: "", verdict: None }
    }

    /// The unit, small beside the number.
    pub fn unit(self, unit: &'a str) -> Self {
        Self { unit, ..self }
    }

    /// What the number came to.
    pub fn verdict(self, verdict: Verdict, words: &'a str) -> Self {
        Self { verdict: Some((verdict, words)), ..self }
    }

    /// Shows it in the width there is.
    pub fn show(self, ui: &mut Ui) -> Response {
        let t = ui.tokens();
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.add(egui::Label::new(text::small(self.label)).truncate());
            let room = ui.available_width();
            let number = text::line(ui, text::number(self.number), room);
            let unit = text::line(ui, text::unit(self.unit), (room - number.size().x - 7.0).max(0.0));
            let size = vec2(number.size().x + 7.0 + unit.size().x, number.size().y);
            let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
            let said = format!("{} {}", self.number, self.unit);
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, said.trim()));
            let down = text::baseline(&number) - text::baseline(&unit);
            let beside = rect.left_top() + vec2(number.size().x + 7.0, down);
            // The unit goes when there is no room for it: a number without its unit beats half of both.
            ui.painter().galley(rect.left_top(), number, t.text);
            ui.painter().galley(beside, unit, t.mute);
            if let Some((verdict, words)) = self.verdict {
                ui.add_space(space::XS + 3.0);
                chip(ui, verdict, words);
                ui.add_space(1.0);
            }
            response
        })
        .inner
    }
}

/// Where a short piece is that wanders at the pace of the clock, for work of unknown length.
fn wandering(ui: &Ui, range: Rangef) -> RangeInclusive<f32> {
    let moving = 0.0 < ui.style().animation_time;
    let phase = if moving { (ui.input(|input| input.time) * 0.6).fract() as f32 } else { 0.35 };
    if moving {
        ui.request_repaint_after(Duration::from_millis(33));
    }
    let piece = 0.3 * range.span();
    let from = range.min - piece + phase * (range.span() + piece);
    from.max(range.min)..=(from + piece).min(range.max)
}

/// How much is done, as a bar of a width; without a fraction a piece of it wanders.
pub fn progress_bar(ui: &mut Ui, name: &str, fraction: Option<f32>, width: f32) -> Response {
    let t = ui.tokens();
    let (rect, response) = ui.allocate_exact_size(vec2(width, 6.0), Sense::hover());
    let fraction = fraction.map(|fraction| fraction.clamp(0.0, 1.0));
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, name);
        info.value = fraction.map(|fraction| f64::from(fraction * 100.0).round());
        info
    });
    if ui.is_rect_visible(rect) {
        ui.painter().rect_filled(rect, 3.0, t.line);
        let done = fraction.map_or_else(
            || wandering(ui, rect.x_range()),
            |fraction| rect.left()..=rect.left() + rect.width() * fraction,
        );
        if *done.start() + 1.0 < *done.end() {
            ui.painter().rect_filled(egui::Rect::from_x_y_ranges(done, rect.y_range()), 3.0, t.accent);
        }
    }
    response
}
