//! The drawer itself: what it shows, the way back, and the index.

use egui::{
    Align, CornerRadius, CursorIcon, Frame, Key, Layout, Margin, Modifiers, Panel, Role, ScrollArea, Sense, Ui,
    WidgetInfo, vec2,
};

use super::{CHAPTERS, Concept, concept};
use crate::gui::text;
use crate::gui::theme::{ACTIVITY_HEIGHT, LEARN_WIDTH, Look as _, RADIUS, size, space};
use crate::gui::ui_command::{Outbox, UiCommand};
use crate::gui::widgets::{Button, Field, Icon, Tone, focus_ring, heading_label, icon_button, quiet_button, row};

/// Pages that lead back, at most.
const MAX_TRAIL: usize = 100;

const MARGIN: Margin = Margin { left: 18, right: 18, top: 12, bottom: 12 };

/// What the drawer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Index,
    Concept(&'static str),
}

/// The drawer.
#[derive(Debug)]
pub(in crate::gui) struct LearnView {
    /// Whether there is room for the drawer beside the page.
    pub(in crate::gui) is_wide: bool,
    /// Whether it lies over the page, where there is no room beside it.
    pub(in crate::gui) is_over: bool,
    /// What was opened since the page changed; what it shows is the last.
    trail: Vec<Place>,
    search: String,
    /// The search was not shown yet, and wants the keyboard.
    fresh: bool,
}

impl Default for LearnView {
    fn default() -> Self {
        Self { is_wide: true, is_over: false, trail: Vec::new(), search: String::new(), fresh: false }
    }
}

impl LearnView {
    /// Opens a concept; an unknown name changes nothing.
    pub(in crate::gui) fn open(&mut self, name: &str) {
        if let Some(concept) = concept(name) {
            self.go(Place::Concept(concept.name));
        }
    }

    /// Opens the index.
    pub(in crate::gui) fn open_index(&mut self) {
        self.search.clear();
        self.fresh = true;
        self.go(Place::Index);
    }

    /// Shows the concept of the page again.
    pub(in crate::gui) fn reset(&mut self) {
        self.trail.clear();
    }

    fn go(&mut self, place: Place) {
        if self.trail.last() != Some(&place) {
            self.trail.push(place);
        }
        if MAX_TRAIL < self.trail.len() {
            self.trail.remove(0);
        }
    }

    /// Shows the drawer beside the page if it is open and there is room; `first` names the concept of the page.
    pub(in crate::gui) fn beside_ui(&mut self, ui: &mut Ui, open: bool, first: &'static str, outbox: &mut Outbox) {
        // Below this width the page needs the room more than the explanation does.
        self.is_wide = 1_000.0 <= ui.available_width();
        self.is_over &= !self.is_wide;
        if open && self.is_wide {
            let frame = Frame::new().fill(ui.tokens().panel).inner_margin(MARGIN);
            let panel = Panel::right("learn").exact_size(LEARN_WIDTH).resizable(false).frame(frame);
            panel.show(ui, |ui| self.ui(ui, first, outbox));
        }
    }

    /// Shows the drawer over the right of the page if it is open there.
    pub(in crate::gui) fn over_ui(&mut self, ui: &Ui, first: &'static str, outbox: &mut Outbox) {
        if !self.is_over {
            return;
        }
        let (ctx, t) = (ui.ctx().clone(), ui.tokens());
        let mut place = ctx.content_rect();
        place.max.y -= ACTIVITY_HEIGHT;
        place.min.x = place.max.x - LEARN_WIDTH;
        let shadow = ui.visuals().window_shadow;
        let frame = Frame::new().fill(t.panel).stroke(t.hairline()).shadow(shadow).inner_margin(MARGIN);
        egui::Area::new(egui::Id::unique("learn")).fixed_pos(place.min).constrain(false).show(&ctx, |ui| {
            frame.show(ui, |ui| {
                ui.set_min_size(place.size() - MARGIN.sum());
                ui.set_max_size(place.size() - MARGIN.sum());
                self.ui(ui, first, outbox);
            });
        });
        let is_top = ctx.memory(|memory| memory.top_modal_layer().is_none());
        if is_top && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            self.is_over = false;
        }
    }

    /// Shows what is open; `first` names the concept where nothing else was opened.
    fn ui(&mut self, ui: &mut Ui, first: &'static str, outbox: &mut Outbox) {
        let place = self.trail.last().copied().unwrap_or(Place::Concept(first));
        self.head_ui(ui, place, outbox);
        match place {
            Place::Index => self.index_ui(ui),
            Place::Concept(name) => {
                let Some(concept) = concept(name) else { return };
                // A scroll position belongs to its page.
                let scroll = ScrollArea::vertical().id_salt(name).auto_shrink(false);
                if let Some(term) = scroll.show(ui, |ui| concept.ui(ui)).inner {
                    self.open(term);
                }
            }
        }
    }

    fn head_ui(&mut self, ui: &mut Ui, place: Place, outbox: &mut Outbox) {
        row(ui, 24.0, |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            if self.trail.is_empty() {
                ui.label(text::small("Learn"));
            } else if quiet_back(ui) {
                self.trail.pop();
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, Icon::Close, "Close the drawer").clicked() {
                    outbox.ask(UiCommand::ToggleLearn);
                }
                if place != Place::Index && quiet_button(ui, "All concepts").clicked() {
                    self.open_index();
                }
            });
        });
        ui.add_space(space::S - ui.spacing().item_spacing.y);
    }

    fn index_ui(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.y = space::S;
        heading_label(ui, text::heading("All concepts"));
        let response =
            Field::new("Find a concept", &mut self.search).unlabelled().placeholder("Find a concept").show(ui);
        if std::mem::take(&mut self.fresh) {
            response.request_focus();
        }
        let looked_for = self.search.trim().to_lowercase();
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let mut opened = None;
        let mut n_found = 0;
        ScrollArea::vertical().id_salt("index").auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for chapter in CHAPTERS {
                let found = || chapter.concepts.iter().filter(|concept| concept.matches(&looked_for));
                if found().next().is_none() {
                    continue;
                }
                ui.add_space(if n_found == 0 { 0.0 } else { space::M });
                ui.label(text::small_medium(chapter.title).weak().line_height(Some(24.0)));
                for concept in found() {
                    let pressed = entry_ui(ui, concept);
                    if pressed || (entered && n_found == 0 && !looked_for.is_empty()) {
                        opened = Some(concept.name);
                    }
                    n_found += 1;
                }
            }
            if n_found == 0 {
                ui.label(text::weak(format!("No page speaks of “{}”", self.search.trim())));
            }
        });
        if let Some(name) = opened {
            self.open(name);
        }
    }
}

/// Whether the way back was pressed.
fn quiet_back(ui: &mut Ui) -> bool {
    ui.add(Button::new(Tone::Quiet, "Back").icon(Icon::ChevronLeft).small().flush()).clicked()
}

/// A line of the index; whether it was pressed.
fn entry_ui(ui: &mut Ui, concept: &Concept) -> bool {
    let t = ui.tokens();
    let height = size::line(size::BODY) + 7.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width() - space::XS, height), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, concept.name));
    if ui.is_rect_visible(rect) {
        if response.hovered() {
            ui.painter().rect_filled(rect, RADIUS, t.raise);
        }
        focus_ring(ui, &response, CornerRadius::same(RADIUS));
        let galley = text::line(ui, text::body(capitalised(concept.name)), rect.width() - 2.0 * space::S);
        let at = egui::pos2(rect.left() + space::S, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, t.text);
    }
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(concept.title).clicked()
}

/// A name as the beginning of a line.
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trail_leads_back_and_an_unknown_name_leads_nowhere() {
        let mut view = LearnView::default();
        view.open("canary");
        view.open("canary");
        view.open("zebra");
        view.open_index();
        assert_eq!(view.trail, [Place::Concept("canary"), Place::Index]);
        for _ in 0..200 {
            view.open("shadow");
            view.open("canary");
        }
        assert_eq!(view.trail.len(), MAX_TRAIL);
        view.reset();
        assert!(view.trail.is_empty());
    }
}
