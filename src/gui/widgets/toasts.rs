//! Words that come by themselves, at the lower right; good news goes by itself, bad news is closed.

use egui::{Align2, Context, Id, Key, Layout, Margin, Modifiers, Order, Role, ScrollArea, UiBuilder};

use super::buttons::{SMALL_HEIGHT, icon_button, small_button};
use super::glyphs::Icon;
use super::layout::row;
use super::states::lead_ui;
use crate::gui::theme::{self, Look as _, RADIUS, Verdict, space};

/// Width of a toast, in points.
const WIDTH: f32 = 362.0;
/// How long good news stays, in seconds.
const SHORT_SECONDS: f64 = 6.0;
/// How long a warning stays, in seconds.
const LONG_SECONDS: f64 = 15.0;
/// Toasts on the window at once; older ones wait behind them.
const MAX_SHOWN: usize = 4;
/// Toasts kept at all.
const MAX_KEPT: usize = 50;
/// Long words scroll inside a toast of this height, in points.
const MAX_HEIGHT: f32 = 152.0;

/// Words that come by themselves and go by themselves, at the lower right.
#[derive(Debug, Default)]
pub struct Toasts {
    /// The newest last.
    shown: Vec<Toast>,
}

#[derive(Debug)]
struct Toast {
    verdict: Verdict,
    words: String,
    /// How often the same was said.
    n_said: usize,
    /// When it goes, in egui's time; set when first shown.
    until: Option<f64>,
}

impl Toast {
    /// A failure stays until it is closed.
    fn seconds(&self) -> Option<f64> {
        match self.verdict {
            Verdict::Fail => None,
            Verdict::Warn | Verdict::Stale => Some(LONG_SECONDS),
            Verdict::Pass | Verdict::Running | Verdict::None => Some(SHORT_SECONDS),
        }
    }

    fn said(&self) -> String {
        if self.n_said < 2 { self.words.clone() } else { format!("{} ({} times)", self.words, self.n_said) }
    }
}

impl Toasts {
    /// Says something; a failure stays until it is closed. What is already said is not said twice.
    pub fn say(&mut self, verdict: Verdict, words: impl Into<String>) {
        let words = words.into();
        let same = self.shown.iter().position(|toast| toast.verdict == verdict && toast.words == words);
        let n_said = same.map_or(0, |idx| self.shown.remove(idx).n_said) + 1;
        self.shown.push(Toast { verdict, words, n_said, until: None });
        if MAX_KEPT < self.shown.len() {
            // What would go by itself goes first.
            let idx = self.shown.iter().position(|toast| toast.seconds().is_some()).unwrap_or(0);
            self.shown.remove(idx);
        }
    }

    /// Shows what there is to say, above the activity bar; Escape closes the newest.
    pub fn show(&mut self, ctx: &Context) {
        if self.shown.is_empty() {
            return;
        }
        let is_free = ctx.memory(|memory| memory.top_modal_layer().is_none() && memory.focused().is_none());
        let is_free = is_free && !egui::Popup::is_any_open(ctx);
        if is_free && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            self.shown.pop();
        }
        let now = ctx.input(|input| input.time);
        let first = self.shown.len().saturating_sub(MAX_SHOWN);
        let mut closed = None;
        let mut clear = false;
        let place = egui::vec2(-space::L, -(theme::ACTIVITY_HEIGHT + space::M));
        let shown = egui::Area::new(Id::unique("toasts"))
            .order(Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, place)
            .show(ctx, |ui| {
                ui.spacing_mut().item_spacing.y = space::S;
                ui.set_width(WIDTH);
                if 0 < first {
                    row(ui, SMALL_HEIGHT, |ui| {
                        ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
                            clear = small_button(ui, &format!("Close all {}", self.shown.len())).clicked();
                        });
                    });
                }
                for (idx, toast) in self.shown.iter().enumerate().skip(first) {
                    if toast_ui(ui, toast) {
                        closed = Some(idx);
                    }
                }
            });
        // Whoever reads, or is about to close, is not hurried.
        let is_read = ctx.rect_contains_pointer(shown.response.layer_id, shown.response.rect);
        for toast in &mut self.shown[first..] {
            if let Some(seconds) = toast.seconds() {
                let until = toast.until.get_or_insert(now + seconds);
                if is_read {
                    *until = until.max(now + 2.0);
                }
            }
        }
        if clear {
            self.shown.clear();
        } else if let Some(idx) = closed {
            self.shown.remove(idx);
        }
        self.shown.retain(|toast| toast.until.is_none_or(|until| now < until));
        if self.shown.iter().any(|toast| toast.until.is_some()) {
            ctx.request_repaint_after(std::time::Duration::from_millis(500));
        }
    }

    /// Whether anything is being said.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }
}

/// One toast; whether it was closed.
fn toast_ui(ui: &mut egui::Ui, toast: &Toast) -> bool {
    let t = ui.tokens();
    let color = toast.verdict.color(t);
    let frame = egui::Frame::new()
        .fill(t.card)
        .stroke(egui::Stroke::new(1.0, t.line_strong))
        .corner_radius(RADIUS)
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin { left: 12, right: 8, top: 7, bottom: 7 });
    let said = toast.said();
    let role = if toast.verdict == Verdict::Fail { Role::Alert } else { Role::Status };
    let builder = UiBuilder::new().accessibility_role(role).accessibility_label(said.as_str());
    let icon = if toast.verdict == Verdict::None { Icon::Info } else { toast.verdict.icon() };
    ui.scope_builder(builder, |ui| {
        frame
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.with_layout(Layout::right_to_left(egui::Align::Min), |ui| {
                    let closed = icon_button(ui, Icon::Close, "Close").clicked();
                    let room = egui::vec2(ui.available_width(), MAX_HEIGHT);
                    ui.allocate_ui_with_layout(room, Layout::top_down(egui::Align::Min), |ui| {
                        let scroll = ScrollArea::vertical()
                            .id_salt(&toast.words)
                            .max_height(MAX_HEIGHT)
                            .min_scrolled_height(MAX_HEIGHT);
                        scroll.auto_shrink([false, true]).show(ui, |ui| lead_ui(ui, icon, color, &said));
                    });
                    closed
                })
                .inner
            })
            .inner
    })
    .inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_is_counted_and_failures_outlast_the_rest() {
        let mut toasts = Toasts::default();
        toasts.say(Verdict::Fail, "Disk full");
        toasts.say(Verdict::Fail, "Disk full");
        assert_eq!(toasts.shown.len(), 1);
        assert_eq!(toasts.shown[0].said(), "Disk full (2 times)");
        for n in 0..200 {
            toasts.say(Verdict::Pass, format!("Exported {n}"));
        }
        assert_eq!(toasts.shown.len(), MAX_KEPT);
        assert_eq!(toasts.shown[0].words, "Disk full");
        assert_eq!(toasts.shown[MAX_KEPT - 1].words, "Exported 199");
    }
}
