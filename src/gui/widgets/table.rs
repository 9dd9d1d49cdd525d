//! Tables: hairlines, no boxes, no stripes; numbers right-aligned in figures of equal width; virtual when long.

use egui::{
    Align, CornerRadius, CursorIcon, Label, Layout, Rect, Response, RichText, Role, ScrollArea, Sense, Stroke,
    StrokeKind, Ui, UiBuilder, accesskit, pos2, vec2,
};

use super::buttons::focus_ring;
use super::glyphs::{Icon, square};

use crate::gui::text;
use crate::gui::theme::{Look as _, RADIUS_SMALL, size, space};

/// From this many rows on only those in view are laid out.
const VIRTUAL_FROM: usize = 200;
/// Height of a row of a virtual table, where all rows are equally high.
const ROW_HEIGHT: f32 = 32.0;
/// Between the text and the hairlines above and below it.
const PAD: f32 = 6.5;

/// A column that shares what is left wants at least this much of it.
const MIN_SHARE: f32 = 120.0;

/// How wide a column is.
#[derive(Clone, Copy, Debug)]
enum Width {
    /// So many points.
    Exact(f32),
    /// A share of what the others leave.
    Share(f32),
}

/// A column: its head, its side and its width.
#[derive(Clone, Debug)]
pub struct Column {
    title: String,
    right: bool,
    width: Width,
}

impl Column {
    /// Words, left-aligned, of a share of the width.
    pub fn text(title: impl Into<String>) -> Self {
        Self { title: title.into(), right: false, width: Width::Share(1.0) }
    }

    /// Numbers, right-aligned, 96 points wide.
    pub fn number(title: impl Into<String>) -> Self {
        Self { title: title.into(), right: true, width: Width::Exact(96.0) }
    }

    /// So many points wide.
    #[must_use]
    pub fn exact(self, points: f32) -> Self {
        Self { width: Width::Exact(points), ..self }
    }

    /// A share of what the others leave.
    #[must_use]
    pub fn share(self, weight: f32) -> Self {
        Self { width: Width::Share(weight), ..self }
    }

    /// Right-aligned.
    #[must_use]
    pub fn right(self) -> Self {
        Self { right: true, ..self }
    }
}

/// What a table is sorted by: a column, and whether the most comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sorting {
    /// The column.
    pub column: usize,
    /// Whether the most comes first.
    pub descending: bool,
}

/// A table; `show` draws each cell through a closure.
#[derive(Debug)]
#[must_use = "call `show`"]
pub struct Table<'a> {
    id: &'a str,
    columns: &'a [Column],
    head: bool,
    pickable: bool,
    picked: Option<usize>,
    names: &'a [String],
    max_height: f32,
    sorting: Option<&'a mut Sorting>,
}

impl<'a> Table<'a> {
    /// A table whose `id` is unique within its card; it is also what a screen reader says.
    pub fn new(id: &'a str, columns: &'a [Column]) -> Self {
        let head = columns.iter().any(|column| !column.title.is_empty());
        Self { id, columns, head, pickable: false, picked: None, names: &[], max_height: 480.0, sorting: None }
    }

    /// Rows can be picked; `selected` is the one that is.
    pub fn pick(self, selected: Option<usize>) -> Self {
        Self { pickable: true, picked: selected, ..self }
    }

    /// What a screen reader says for each row that can be picked; without it, the row's number.
    pub fn named(self, names: &'a [String]) -> Self {
        Self { names, ..self }
    }

    /// A click on a column's head sorts by it, another one the other way round; whoever shows the rows sorts them.
    ///
    /// Numbers begin with the most, words with the first.
    pub fn sorted(self, sorting: &'a mut Sorting) -> Self {
        Self { sorting: Some(sorting), ..self }
    }

    /// How high a long table may grow before it scrolls.
    pub fn max_height(self, max_height: f32) -> Self {
        Self { max_height, ..self }
    }

    /// Shows rows of cells; returns the row that was picked just now.
    ///
    /// A cell is given its row, its column and a place to draw: use [`cell`], or any widget.
    pub fn show(mut self, ui: &mut Ui, n_rows: usize, mut cell: impl FnMut(&mut Ui, usize, usize)) -> Option<usize> {
        let builder = UiBuilder::new().id_salt(self.id).accessibility_label(self.id).accessibility_role(Role::Table);
        ui.scope_builder(builder, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let edges = self.edges(ui.available_width());
            if self.head {
                self.head_ui(ui, &edges);
            }
            let mut picked = None;
            if n_rows < VIRTUAL_FROM {
                for row in 0..n_rows {
                    self.row_ui(ui, &edges, row, None, &mut cell, &mut picked);
                }
            } else {
                let area =
                    ScrollArea::vertical().id_salt("rows").max_height(self.max_height).auto_shrink([false, true]);
                area.show_rows(ui, ROW_HEIGHT, n_rows, |ui, rows| {
                    for row in rows {
                        self.row_ui(ui, &edges, row, Some(ROW_HEIGHT), &mut cell, &mut picked);
                    }
                });
            }
            picked
        })
        .inner
    }

    /// Where each column begins and ends, from the left of the table.
    fn edges(&self, room: f32) -> Vec<(f32, f32)> {
        let gaps = space::L * self.columns.len().saturating_sub(1) as f32;
        let exact =
            self.columns.iter().map(|column| if let Width::Exact(points) = column.width { points } else { 0.0 });
        let shares =
            self.columns.iter().map(|column| if let Width::Share(weight) = column.width { weight } else { 0.0 });
        let (exact, shares): (f32, f32) = (exact.sum(), shares.sum());
        // In a narrow page the exact columns give up to two fifths of their width before the others become unreadable.
        let wanted = MIN_SHARE * shares;
        let shrink = if 0.0 < exact { ((room - gaps - wanted) / exact).clamp(0.6, 1.0) } else { 1.0 };
        let rest = (room - gaps - exact * shrink).max(0.0);
        let mut left = 0.0;
        self.columns
            .iter()
            .map(|column| {
                let width = match column.width {
                    Width::Exact(points) => (points * shrink).floor(),
                    Width::Share(weight) => (rest * weight / shares).floor().max(40.0),
                };
                let edge = (left, left + width);
                left += width + space::L;
                edge
            })
            .collect()
    }

    fn head_ui(&mut self, ui: &mut Ui, edges: &[(f32, f32)]) {
        let area = ui.available_rect_before_wrap();
        for (idx, (column, &(left, right))) in self.columns.iter().zip(edges).enumerate() {
            let rect = Rect::from_min_max(
                pos2(area.left() + left, area.top()),
                pos2(area.left() + right, area.top() + size::line(size::SMALL)),
            );
            if let Some(sorting) = self.sorting.as_deref_mut().filter(|_| !column.title.is_empty()) {
                sortable_head_ui(ui, rect, idx, column, sorting);
                continue;
            }
            let layout =
                if column.right { Layout::right_to_left(Align::Min) } else { Layout::left_to_right(Align::Min) };
            let title = text::small_medium(column.title.as_str()).color(ui.tokens().mute);
            let mut head = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
            let response = head.add(Label::new(title).truncate());
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_role(Role::ColumnHeader);
                node.set_label(column.title.as_str());
                node.clear_value();
            });
        }
        ui.add_space(size::line(size::SMALL) + PAD);
    }

    fn row_ui(
        &self,
        ui: &mut Ui,
        edges: &[(f32, f32)],
        row: usize,
        height: Option<f32>,
        cell: &mut impl FnMut(&mut Ui, usize, usize),
        picked: &mut Option<usize>,
    ) {
        let t = ui.tokens();
        let area = ui.available_rect_before_wrap();
        let sense = if self.pickable { Sense::click() } else { Sense::hover() };
        let builder = UiBuilder::new().id_salt(row).sense(sense).max_rect(area).accessibility_role(Role::Row);
        let mut line = ui.new_child(builder);
        let response = line.response();
        let ground = line.painter().add(egui::Shape::Noop);
        let mut bottom = area.top() + height.unwrap_or(0.0);
        for (idx, (column, &(left, right))) in self.columns.iter().zip(edges).enumerate() {
            let rect = Rect::from_min_max(
                pos2(area.left() + left, area.top() + PAD),
                pos2(area.left() + right, area.top() + height.unwrap_or(f32::INFINITY)),
            );
            let align = if column.right { Align::Max } else { Align::Min };
            let builder = UiBuilder::new().id_salt(idx).max_rect(rect).layout(Layout::top_down(align));
            let mut place = line.new_child(builder);
            place.spacing_mut().item_spacing.y = space::XS;
            if height.is_some() {
                place.set_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
            }
            cell(&mut place, row, idx);
            if height.is_none() {
                bottom = bottom.max(place.min_rect().bottom() + PAD);
            }
        }
        let rect = Rect::from_min_max(area.min, pos2(area.right(), bottom));
        line.expand_to_include_rect(rect);
        drop(line);
        ui.allocate_rect(rect, Sense::hover());
        if self.pickable {
            let on = self.picked == Some(row);
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_label(self.names.get(row).cloned().unwrap_or_else(|| format!("Row {}", row + 1)));
                node.set_selected(on);
                // egui knows only now how high the row became, and told assistive technology of nothing until here.
                let (min, max) = (rect.min, rect.max);
                node.set_bounds(egui::accesskit::Rect::new(min.x.into(), min.y.into(), max.x.into(), max.y.into()));
            });
            if on || response.hovered() {
                // The ground reaches a little beyond the text on both sides.
                let fill = if on { t.raise } else { t.card.lerp_to_gamma(t.raise, 0.6) };
                let beyond = rect.expand2(vec2(space::S, 0.0));
                ui.painter().set(ground, egui::Shape::rect_filled(beyond, CornerRadius::ZERO, fill));
                if on {
                    let bar = Rect::from_min_max(beyond.min, pos2(beyond.left() + 2.0, beyond.bottom()));
                    ui.painter().rect_filled(bar, 0.0, t.accent);
                }
            }
            if response.has_focus() {
                let stroke = Stroke::new(1.5, t.accent);
                ui.painter().rect_stroke(rect.expand2(vec2(space::S, 0.0)), RADIUS_SMALL, stroke, StrokeKind::Inside);
            }
            if response.clicked() {
                *picked = Some(row);
            }
            response.on_hover_cursor(CursorIcon::PointingHand);
        }
        if self.head || row != 0 {
            ui.painter().hline(rect.x_range(), rect.top() + 0.5, t.hairline());
        }
    }
}

/// A column's head that sorts when it is pressed, with a chevron where it does.
fn sortable_head_ui(ui: &Ui, rect: Rect, idx: usize, column: &Column, sorting: &mut Sorting) {
    const CHEVRON: f32 = 12.0;
    let t = ui.tokens();
    let is_on = sorting.column == idx;
    // The chevron stands beyond the words, so that they keep to their edge.
    let room = (rect.width() - if is_on && !column.right { CHEVRON } else { 0.0 }).max(0.0);
    let galley = text::line(ui, text::small_medium(column.title.as_str()), room);
    let left = if column.right { rect.right() - galley.size().x } else { rect.left() };
    let words = Rect::from_min_size(pos2(left, rect.top()), galley.size());
    let response = ui.interact(words.expand2(vec2(4.0, 3.0)), ui.scope_id().with(("head", idx)), Sense::click());
    if response.clicked() {
        let descending = if is_on { !sorting.descending } else { column.right };
        *sorting = Sorting { column: idx, descending };
    }
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_role(Role::ColumnHeader);
        node.set_label(column.title.as_str());
        if is_on {
            let direction = if sorting.descending {
                accesskit::SortDirection::Descending
            } else {
                accesskit::SortDirection::Ascending
            };
            node.set_sort_direction(direction);
        }
    });
    let color = if is_on || response.hovered() { t.text } else { t.mute };
    ui.painter().galley_with_override_text_color(words.min, galley, color);
    if is_on {
        let x = if column.right { words.left() - CHEVRON / 2.0 - 1.0 } else { words.right() + CHEVRON / 2.0 + 1.0 };
        let icon = if sorting.descending { Icon::ChevronDown } else { Icon::ChevronUp };
        icon.paint(ui.painter(), square(pos2(x, words.center().y), CHEVRON), color);
    }
    focus_ring(ui, &response, CornerRadius::same(RADIUS_SMALL));
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text("Sort by this column");
}

/// Text in a cell, cut off with an ellipsis and whole in its tooltip when there is no room.
pub fn cell(ui: &mut Ui, text: impl Into<RichText>) -> Response {
    ui.add(Label::new(text.into()).truncate())
}

/// Text in a cell that wraps.
pub fn cell_wrapped(ui: &mut Ui, text: impl Into<RichText>) -> Response {
    ui.add(Label::new(text.into()).wrap())
}

/// A number in a cell.
pub fn cell_number(ui: &mut Ui, number: &str) -> Response {
    ui.add(Label::new(text::figures(number)).truncate())
}
