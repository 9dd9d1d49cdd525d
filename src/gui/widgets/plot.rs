//! The common style of plots: calm axes with units, no dragging, hairline grids.

use egui::{Color32, FontFamily, FontId, Sense, Stroke, Ui, Vec2b, vec2};
use egui_plot::{AxisHints, LineStyle, Plot, VLine};

use crate::gui::text;
use crate::gui::theme::{Look as _, size, space};
use crate::gui::widgets::row;

/// A plot in the window's style: it does not move under the pointer, so that the page scrolls over it.
///
/// `x` and `y` name the axes with their units.
pub fn plot<'a>(ui: &Ui, id: &str, height: f32, x: &str, y: &str) -> Plot<'a> {
    let t = ui.tokens();
    let axis = |hints: AxisHints<'a>, words: &str| {
        let font = FontId::new(size::SMALL, FontFamily::Proportional);
        hints.label(text::small(words)).tick_label_color(t.mute).tick_label_font(font)
    };
    Plot::new(id)
        .height(height)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_axis_zoom_drag(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_crosshair(false)
        .show_background(false)
        .show_grid(Vec2b::new(false, true))
        .grid_color(t.line)
        .sense(Sense::hover())
        .custom_x_axes(vec![axis(AxisHints::new_x(), x)])
        .custom_y_axes(vec![axis(AxisHints::new_y(), y)])
}

/// A line across the plot at a limit or a measured value.
pub fn marker(name: &str, x: f64, color: Color32, dashed: bool) -> VLine {
    let style = if dashed { LineStyle::Dashed { length: 5.0 } } else { LineStyle::Solid };
    VLine::new(name, x).stroke(Stroke::new(if dashed { 1.0 } else { 2.0 }, color)).style(style)
}

/// What the colours of a plot mean, in one line above it.
pub fn legend(ui: &mut Ui, entries: &[(&str, Color32)]) {
    row(ui, 18.0, |ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        for (name, color) in entries {
            let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
            ui.painter().rect_filled(rect, 2.0, *color);
            ui.label(text::small(*name));
            ui.add_space(space::S);
        }
    });
}
