//! The command palette: every command and every concept, found by a few letters.

use std::ops::Range;

use egui::text::LayoutJob;
use egui::{
    Align, Align2, Color32, Context, CornerRadius, CursorIcon, Id, Key, Layout, Margin, Modal, Modifiers, Rect, Role,
    ScrollArea, Sense, Stroke, StrokeKind, TextEdit, Ui, WidgetInfo, pos2, vec2,
};

use super::actions::{Action, actions};
use super::text;
use super::theme::{Look as _, RADIUS, RADIUS_SMALL, size, space};
use super::ui_command::Outbox;
use super::widgets::{Icon, focus_ring, hairline, icon_ui, row};
use super::{fonts, fuzzy};
use crate::workbench::Workbench;

const WIDTH: f32 = 620.0;
const ROW_HEIGHT: f32 = 32.0;
/// Rows in view at once.
const N_ROWS: usize = 10;

/// The palette; closed until it is toggled.
#[derive(Debug, Default)]
pub(super) struct Palette {
    open: Option<Open>,
}

#[derive(Debug, Default)]
struct Open {
    query: String,
    selected: usize,
    /// How far the list is scrolled, in points.
    offset: f32,
    /// Whether the selection moved by key, so that the list follows it.
    follow: bool,
    /// The pointer as it was last; only a moving one selects.
    pointer: Option<egui::Pos2>,
}

/// An action that answers the query.
struct Found {
    action: Action,
    /// Letters of the label that answer, counted in characters.
    positions: Vec<usize>,
}

impl Palette {
    pub(super) fn toggle(&mut self) {
        self.open = if self.open.is_some() { None } else { Some(Open::default()) };
    }

    /// Opens the palette with something typed into it.
    #[cfg(feature = "pictures")]
    pub(super) fn look_for(&mut self, query: &str) {
        self.open = Some(Open { query: query.to_owned(), ..Open::default() });
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Shows the palette while it is open, and asks for what is chosen.
    pub(super) fn ui(&mut self, ctx: &Context, workbench: &Workbench, outbox: &mut Outbox) {
        let Some(open) = &mut self.open else { return };
        let t = ctx.tokens();
        let frame = egui::Frame::new()
            .fill(t.card)
            .stroke(Stroke::new(1.0, t.line_strong))
            .corner_radius(CornerRadius::same(RADIUS + 2))
            .shadow(ctx.global_style().visuals.window_shadow);
        let id = Id::unique("palette");
        let top = (ctx.content_rect().height() * 0.12).min(96.0);
        let area = Modal::default_area(id).anchor(Align2::CENTER_TOP, vec2(0.0, top));
        let area = area.accessible_name("Commands").role(Role::Dialog);
        let modal = Modal::new(id).area(area).backdrop_color(t.dim).frame(frame);
        let shown = modal.show(ctx, |ui| {
            ui.set_width(WIDTH.min(ctx.content_rect().width() - 2.0 * space::L));
            ui.spacing_mut().item_spacing = vec2(space::S, 0.0);
            open.ui(ui, workbench)
        });
        let left = shown.should_close();
        if let Some(action) = shown.inner {
            self.open = None;
            outbox.request(action.request);
        } else if left {
            self.open = None;
        }
    }
}

impl Open {
    /// The action that was chosen, if one was.
    fn ui(&mut self, ui: &mut Ui, workbench: &Workbench) -> Option<Action> {
        let entered = self.keys(ui);
        self.query_ui(ui);
        hairline(ui);
        let found = found(&self.query, workbench);
        self.selected = self.selected.min(found.len().saturating_sub(1));
        let clicked = self.list_ui(ui, &found);
        if let Some(found) = found.get(self.selected) {
            foot_ui(ui, &found.action);
        }
        let chosen = clicked.or(entered.then_some(self.selected))?;
        found.into_iter().nth(chosen).map(|found| found.action).filter(|action| action.refused.is_none())
    }

    /// Takes the keys of the list before the field sees them; whether Enter was pressed.
    fn keys(&mut self, ui: &Ui) -> bool {
        let before = self.selected;
        let entered = ui.input_mut(|input| {
            let mut times = |key| input.count_and_consume_key(Modifiers::NONE, key);
            let down = times(Key::ArrowDown) + times(Key::PageDown) * (N_ROWS - 1);
            let up = times(Key::ArrowUp) + times(Key::PageUp) * (N_ROWS - 1);
            self.selected = self.selected.saturating_add(down).saturating_sub(up);
            0 < times(Key::Enter)
        });
        self.follow |= before != self.selected;
        entered
    }

    fn query_ui(&mut self, ui: &mut Ui) {
        let t = ui.tokens();
        row(ui, 44.0, |ui| {
            ui.add_space(14.0);
            icon_ui(ui, Icon::Search, 15.0, t.mute, "");
            let edit = TextEdit::singleline(&mut self.query)
                .id_salt("query")
                .hint_text(text::weak("Find a command or a concept"))
                .frame(egui::Frame::new())
                .char_limit(fuzzy::MAX_QUERY)
                .margin(Margin::symmetric(2, 6))
                .min_size(vec2(24.0, 32.0))
                .align(Align2::LEFT_CENTER)
                .desired_width(ui.available_width() - 14.0);
            let response = ui.add(edit).accessible_name("Find a command or a concept");
            // The keyboard belongs to the field while the palette is open.
            response.request_focus();
            if response.changed() {
                self.selected = 0;
                self.offset = 0.0;
            }
        });
    }

    /// The rows; the one that was clicked.
    fn list_ui(&mut self, ui: &mut Ui, found: &[Found]) -> Option<usize> {
        if found.is_empty() {
            ui.allocate_ui_with_layout(vec2(ui.available_width(), 56.0), Layout::top_down(Align::Center), |ui| {
                ui.set_min_height(56.0);
                ui.add_space(18.0);
                ui.label(text::weak("Nothing is called so"));
            });
            return None;
        }
        ui.add_space(space::XS + 2.0);
        let view = ROW_HEIGHT * found.len().min(N_ROWS) as f32;
        let top = ROW_HEIGHT * self.selected as f32;
        if std::mem::take(&mut self.follow) {
            self.offset = self.offset.clamp(top + ROW_HEIGHT - view, top).max(0.0);
        }
        let pointer = ui.input(|input| input.pointer.hover_pos());
        let moved = self.pointer.is_some() && pointer != self.pointer;
        self.pointer = pointer;
        let scroll = ScrollArea::vertical().max_height(view).auto_shrink(false).vertical_scroll_offset(self.offset);
        let shown = scroll.show_rows(ui, ROW_HEIGHT, found.len(), |ui, rows: Range<usize>| {
            let mut clicked = None;
            for idx in rows {
                let Some(found) = found.get(idx) else { continue };
                let response = row_ui(ui, found, idx == self.selected);
                if response.clicked() {
                    clicked = Some(idx);
                }
                if moved && response.hovered() {
                    self.selected = idx;
                }
            }
            clicked
        });
        self.offset = shown.state.clamped_offset().y;
        ui.add_space(space::XS + 2.0);
        shown.inner
    }
}

/// What answers a query, the best first; everything, in its own order, for none.
fn found(query: &str, workbench: &Workbench) -> Vec<Found> {
    let query = query.trim();
    let looked_for = query.to_lowercase();
    let mut scored: Vec<(i32, Found)> = actions(workbench)
        .into_iter()
        .filter_map(|action| {
            if let Some(found) = fuzzy::find(query, &action.label) {
                return Some((found.score, Found { positions: found.positions, action }));
            }
            // What is explained by these words comes after what is called so.
            let explained = action.explanation.to_lowercase().contains(&looked_for);
            explained.then_some((i32::MIN, Found { positions: Vec::new(), action }))
        })
        .collect();
    if !query.is_empty() {
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        // Letters strewn over a line are noise beside a word that begins with them.
        let least = scored.first().map_or(0, |(best, _)| best / 2);
        scored.retain(|(score, _)| least <= *score || *score == i32::MIN);
    }
    scored.into_iter().map(|(_, found)| found).collect()
}

fn row_ui(ui: &mut Ui, found: &Found, selected: bool) -> egui::Response {
    let t = ui.tokens();
    let action = &found.action;
    let (full, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::click());
    let remark = action.refused.unwrap_or(&action.explanation);
    let said = format!("{}, {remark}", action.label);
    response
        .widget_info(|| WidgetInfo::selected(Role::ListBoxOption, action.refused.is_none(), selected, said.as_str()));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.clear_toggled();
        node.set_selected(selected);
    });
    if !ui.is_rect_visible(full) {
        return response;
    }
    let rect = full.shrink2(vec2(6.0, 0.0));
    if selected {
        ui.painter().rect_filled(rect, RADIUS, t.raise);
    }
    focus_ring(ui, &response, CornerRadius::same(RADIUS));
    let (left, mut right) = (rect.left() + 10.0, rect.right() - 10.0);
    if let Some(reason) = action.refused {
        let galley = text::line(ui, text::small(reason), rect.width() * 0.5);
        right -= galley.size().x;
        ui.painter().galley(pos2(right, rect.center().y - galley.size().y / 2.0), galley, t.mute);
    } else {
        for key in action.keys.split(' ').rev().filter(|key| !key.is_empty()) {
            right = key_ui(ui, key, pos2(right, rect.center().y)) - space::XS;
        }
    }
    let color = if action.refused.is_some() { t.mute } else { t.text };
    let stands_out = if action.refused.is_some() { t.text } else { t.accent };
    let label = emphasised(ui, &action.label, &found.positions, color, stands_out);
    let galley = text::line(ui, label, right - space::M - left);
    ui.painter().galley(pos2(left, rect.center().y - galley.size().y / 2.0), galley, color);
    let cursor = if action.refused.is_some() { CursorIcon::Default } else { CursorIcon::PointingHand };
    response.on_hover_cursor(cursor)
}

/// A key in its cap, ending at `right`; where it begins.
fn key_ui(ui: &Ui, key: &str, right: egui::Pos2) -> f32 {
    let t = ui.tokens();
    let galley = text::line(ui, text::small(key), 80.0);
    let width = (galley.size().x + 10.0).max(20.0);
    let cap = Rect::from_min_size(pos2(right.x - width, right.y - 10.0).round(), vec2(width.round(), 20.0));
    ui.painter().rect(cap, RADIUS_SMALL, t.bg, Stroke::new(1.0, t.line), StrokeKind::Inside);
    ui.painter().galley(cap.center() - galley.size() / 2.0, galley, t.mute);
    cap.left()
}

/// A label with the letters that answer the query standing out.
fn emphasised(ui: &Ui, label: &str, positions: &[usize], color: Color32, standing_out: Color32) -> LayoutJob {
    let mut parts: Vec<(bool, String)> = Vec::new();
    for (at, letter) in label.chars().enumerate() {
        let stands_out = positions.binary_search(&at).is_ok();
        match parts.last_mut() {
            Some((same, words)) if *same == stands_out => words.push(letter),
            _ => parts.push((stands_out, letter.to_string())),
        }
    }
    let parts = parts.into_iter().map(|(stands_out, words)| {
        if stands_out {
            text::body(words).family(fonts::semibold()).color(standing_out)
        } else {
            text::body(words).color(color)
        }
    });
    text::join(ui, parts)
}

/// What the selected row is about.
fn foot_ui(ui: &mut Ui, action: &Action) {
    hairline(ui);
    row(ui, 34.0, |ui| {
        ui.add_space(space::L);
        let room = vec2(ui.available_width() - space::L, size::line(size::SMALL));
        ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
            ui.add(egui::Label::new(text::small(&action.explanation)).truncate());
        });
    });
}
