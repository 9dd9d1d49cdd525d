//! What stands where there is nothing yet, where something went wrong, and where something must be asked or said.

use egui::{Align2, Context, CornerRadius, Id, Layout, Margin, Modal, Order, Response, Role, Stroke, Ui, UiBuilder};

use super::buttons::{Button, SMALL_HEIGHT, Tone, small_button};
use super::code::code_block;
use super::glyphs::{Icon, icon_ui, lead_icon};
use super::layout::heading_label;
use crate::gui::text;
use crate::gui::theme::{Look as _, RADIUS, Verdict, size, space};
use crate::problem::Problem;

/// A page or card with nothing in it yet: what to do, and an offer to do it.
pub fn empty_state<R>(ui: &mut Ui, icon: Icon, title: &str, what_to_do: &str, offers: impl FnOnce(&mut Ui) -> R) -> R {
    let t = ui.tokens();
    ui.add_space(space::XXL);
    let result = ui
        .vertical_centered(|ui| {
            ui.set_max_width(460.0_f32.min(ui.available_width()));
            icon_ui(ui, icon, 28.0, t.mute, "");
            ui.add_space(space::XS);
            heading_label(ui, text::heading(title));
            ui.label(text::weak(what_to_do));
            ui.add_space(space::S);
            centered_row(ui, offers)
        })
        .inner;
    ui.add_space(space::XXL);
    result
}

/// A row as wide as its content, in the middle; the width is that of the pass before.
fn centered_row<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> R {
    let id = ui.unique_id().with("centered");
    let width: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(0.0);
    let room = ui.available_width();
    let shown = ui.allocate_ui_with_layout(egui::vec2(room, 32.0), Layout::left_to_right(egui::Align::Center), |ui| {
        ui.add_space(((room - width) / 2.0).max(0.0));
        ui.scope(content)
    });
    let measured = shown.inner.response.rect.width();
    if 0.5 < (measured - width).abs() {
        ui.data_mut(|data| data.insert_temp(id, measured));
        ui.ctx().request_discard("a centred row learned its width");
    }
    shown.inner.inner
}

/// The label of a button that only puts a problem away.
pub const DISMISS: &str = "Dismiss";

/// What could not be done, where, and how to go on; `true` when the button `retry` was pressed.
pub fn problem_panel(ui: &mut Ui, problem: &Problem, retry: Option<&str>) -> bool {
    let color = ui.tokens().fail;
    let mut pressed = false;
    let _shown = notice_frame(ui, color, Role::Alert, &problem.what, |ui| {
        lead_icon(ui, Icon::Fail, color, SMALL_HEIGHT);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            ui.add_space((SMALL_HEIGHT - size::line(size::BODY)) / 2.0);
            ui.label(text::strong(&problem.what));
            if !problem.place.is_empty() {
                ui.add(egui::Label::new(text::mono(&problem.place).weak()).selectable(true));
            }
            if !problem.fix.is_empty() {
                ui.label(text::body(&problem.fix));
            }
            if let Some(retry) = retry {
                ui.add_space(space::XS);
                let icon = if retry == DISMISS { Icon::Close } else { Icon::Retry };
                pressed = ui.add(Button::new(Tone::Secondary, retry).icon(icon).small()).clicked();
            }
            ui.add_space(2.0);
        });
    });
    pressed
}

/// A word beside the work: what changed, what is stale, what was saved.
pub fn notice(ui: &mut Ui, verdict: Verdict, words: &str) -> Response {
    notice_with(ui, verdict, words, |_| ()).1
}

/// A notice with something to press at its right.
pub fn notice_with<R>(ui: &mut Ui, verdict: Verdict, words: &str, action: impl FnOnce(&mut Ui) -> R) -> (R, Response) {
    let color = verdict.color(ui.tokens());
    let icon = if verdict == Verdict::None { Icon::Info } else { verdict.icon() };
    notice_frame(ui, color, Role::Status, words, |ui| {
        ui.with_layout(Layout::right_to_left(egui::Align::Min), |ui| {
            let result = action(ui);
            lead_ui(ui, icon, color, words);
            result
        })
        .inner
    })
}

/// An icon and words whose first line is as high as a small button, so that both stand on one line.
pub(super) fn lead_ui(ui: &mut Ui, icon: Icon, color: egui::Color32, words: &str) {
    ui.with_layout(Layout::left_to_right(egui::Align::Min), |ui| {
        lead_icon(ui, icon, color, SMALL_HEIGHT);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.add_space((SMALL_HEIGHT - size::line(size::BODY)) / 2.0);
            ui.add(egui::Label::new(text::body(words)).wrap());
            ui.add_space((SMALL_HEIGHT - size::line(size::BODY)) / 2.0);
        });
    });
}

fn notice_frame<R>(
    ui: &mut Ui,
    color: egui::Color32,
    role: Role,
    said: &str,
    content: impl FnOnce(&mut Ui) -> R,
) -> (R, Response) {
    let t = ui.tokens();
    let frame = egui::Frame::new()
        .fill(t.tint(color))
        .stroke(Stroke::new(1.0, t.card.lerp_to_gamma(color, 0.35)))
        .corner_radius(RADIUS)
        .inner_margin(Margin::symmetric(11, 5));
    let builder = UiBuilder::new().accessibility_role(role).accessibility_label(said);
    let shown = ui.scope_builder(builder, |ui| {
        frame
            .show(ui, |ui| {
                ui.set_min_width(ui.available_width());
                ui.with_layout(Layout::left_to_right(egui::Align::Min), content).inner
            })
            .inner
    });
    ui.add_space(space::M - ui.spacing().item_spacing.y);
    (shown.inner, shown.response)
}

/// What was answered to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Do it.
    Yes,
    /// Leave it.
    No,
}

/// A question before something that is not easily taken back.
#[derive(Clone, Copy, Debug)]
#[must_use = "call `show`"]
pub struct Confirm<'a> {
    title: &'a str,
    body: &'a str,
    yes: &'a str,
    danger: bool,
}

impl<'a> Confirm<'a> {
    /// A question, what follows from yes, and the word of the button that says so.
    pub fn new(title: &'a str, body: &'a str, yes: &'a str) -> Self {
        Self { title, body, yes, danger: false }
    }

    /// Yes takes something away.
    pub fn danger(self) -> Self {
        Self { danger: true, ..self }
    }

    /// Asks over a dimmed window; Escape and a click outside mean no.
    pub fn show(self, ctx: &Context) -> Option<Answer> {
        dialog(ctx, self.title, 420.0, |ui| {
            ui.label(text::body(self.body));
            ui.add_space(space::S);
            ui.allocate_ui_with_layout(
                egui::vec2(ui.available_width(), 32.0),
                Layout::right_to_left(egui::Align::Center),
                |ui| {
                    let tone = if self.danger { Tone::DangerPrimary } else { Tone::Primary };
                    if ui.add(Button::new(tone, self.yes)).clicked() {
                        return Some(Answer::Yes);
                    }
                    ui.add(Button::new(Tone::Secondary, "Cancel")).clicked().then_some(Answer::No)
                },
            )
            .inner
        })
        .unwrap_or(Some(Answer::No))
    }
}

/// A titled dialog over a dimmed window; `None` when it was left by Escape or a click outside.
pub fn dialog<R>(ctx: &Context, title: &str, width: f32, content: impl FnOnce(&mut Ui) -> R) -> Option<R> {
    let t = ctx.tokens();
    let frame = egui::Frame::new()
        .fill(t.card)
        .stroke(Stroke::new(1.0, t.line_strong))
        .corner_radius(CornerRadius::same(RADIUS + 2))
        .shadow(ctx.global_style().visuals.window_shadow)
        .inner_margin(Margin::same(20));
    let id = Id::unique(("dialog", title));
    let area = Modal::default_area(id).accessible_name(title).role(Role::Dialog);
    let modal = Modal::new(id).area(area).backdrop_color(t.dim).frame(frame).show(ctx, |ui| {
        ui.set_width(width);
        heading_label(ui, text::heading(title));
        content(ui)
    });
    if modal.should_close() { None } else { Some(modal.inner) }
}

/// Over the whole window while a file hangs above it: what will happen when it is let go.
pub fn drop_overlay(ctx: &Context, what: &str, detail: &str) {
    let t = ctx.tokens();
    let rect = ctx.content_rect();
    let layer = egui::LayerId::new(Order::Foreground, Id::unique("drop overlay"));
    ctx.layer_painter(layer).rect_filled(rect, 0.0, t.dim);
    egui::Area::new(Id::unique("drop message"))
        .order(Order::Tooltip)
        .anchor(Align2::CENTER_CENTER, egui::Vec2::ZERO)
        .interactable(false)
        .accessible_name(what)
        .role(Role::Status)
        .show(ctx, |ui| {
            let frame = egui::Frame::new().fill(t.card).corner_radius(RADIUS + 2).inner_margin(Margin::same(28));
            let shown = frame.show(ui, |ui| {
                ui.set_width(360.0);
                ui.vertical_centered(|ui| {
                    icon_ui(ui, Icon::Drop, 28.0, t.accent, "");
                    ui.add_space(space::XS);
                    ui.label(text::heading(what));
                    ui.label(text::weak(detail));
                });
            });
            dashed_border(ui, shown.response.rect, t.accent);
        });
}

fn dashed_border(ui: &Ui, rect: egui::Rect, color: egui::Color32) {
    let rect = rect.shrink(8.0);
    let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    ui.painter().extend(egui::Shape::dashed_line(&corners, Stroke::new(1.5, color), 6.0, 4.0));
}

/// A failed job's log or a tool's output under its problem, folded away.
pub fn details(ui: &mut Ui, title: &str, log: &str) {
    let id = ui.make_persistent_id(("details", title));
    let open: bool = ui.data(|data| data.get_temp(id)).unwrap_or(false);
    let icon = if open { Icon::ChevronDown } else { Icon::ChevronRight };
    if ui.add(Button::new(Tone::Quiet, title).icon(icon).small().flush()).clicked() {
        ui.data_mut(|data| data.insert_temp(id, !open));
    }
    if open {
        code_block(ui, title, log);
    }
}

/// A running job in the activity bar: what, how far, how long, and a way to stop it; `true` when that was pressed.
pub fn activity(ui: &mut Ui, stage: &str, fraction: Option<f32>, elapsed: &str) -> bool {
    ui.spacing_mut().item_spacing.x = space::M;
    ui.add(egui::Label::new(text::small(stage)).truncate());
    super::stat::progress_bar(ui, stage, fraction, 180.0);
    let done = fraction.map(|fraction| format!("{:.0} %", fraction.clamp(0.0, 1.0) * 100.0));
    let words = [done.as_deref(), Some(elapsed)].into_iter().flatten().filter(|part| !part.is_empty());
    let words = words.collect::<Vec<_>>().join(", ");
    ui.label(text::small(words).family(crate::gui::fonts::tabular()));
    small_button(ui, "Cancel").clicked()
}
