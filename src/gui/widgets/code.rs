//! Code, commands and output, to be read and copied.

use egui::{Label, Margin, Response, ScrollArea, Ui, UiBuilder};

use super::buttons::{Button, Tone};
use super::glyphs::Icon;
use crate::gui::text;
use crate::gui::theme::{Look as _, RADIUS};

/// Seconds for which the button says that it has copied.
const COPIED_SECONDS: f64 = 1.5;

/// Code in a frame with a button that copies it; `name` is what a screen reader says.
pub fn code_block(ui: &mut Ui, name: &str, code: &str) -> Response {
    let t = ui.tokens();
    let frame = egui::Frame::new().fill(t.bg).stroke(t.hairline()).corner_radius(RADIUS).inner_margin(Margin {
        left: 10,
        right: 4,
        top: 6,
        bottom: 6,
    });
    let builder = UiBuilder::new().id_salt(name).accessibility_label(name).accessibility_role(egui::Role::Code);
    ui.scope_builder(builder, |ui| {
        frame.show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
                copy_button(ui, code);
                ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
                    ui.add_space(3.0);
                    ScrollArea::horizontal().id_salt("code").show(ui, |ui| {
                        let code = text::mono(code.trim_end()).line_height(Some(18.0));
                        ui.add(Label::new(code).extend().selectable(true));
                    });
                    ui.add_space(3.0);
                });
            });
        });
    })
    .response
}

fn copy_button(ui: &mut Ui, code: &str) {
    let id = ui.unique_id().with("copied");
    let now = ui.input(|input| input.time);
    let copied = ui.data(|data| data.get_temp::<f64>(id)).is_some_and(|at| now < at + COPIED_SECONDS);
    let icon = if copied { Icon::Tick } else { Icon::Copy };
    let name = if copied { "Copied" } else { "Copy" };
    if ui.add(Button::new(Tone::Quiet, "").icon(icon).small().name(name)).on_hover_text(name).clicked() {
        ui.copy_text(code.to_owned());
        ui.data_mut(|data| data.insert_temp(id, now));
        ui.request_repaint_after(std::time::Duration::from_secs_f64(COPIED_SECONDS));
    }
}
