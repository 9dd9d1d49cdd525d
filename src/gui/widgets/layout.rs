//! Cards, the page's head, columns and rows: where things stand.

use egui::{Align, InnerResponse, Label, Layout, Margin, Rect, Response, RichText, Role, Ui, UiBuilder, pos2, vec2};

use super::secondary_button;
use crate::gui::text;
use crate::gui::theme::{CONTROL_HEIGHT, Look as _, RADIUS, size, space};

/// A titled surface holding one subject, as wide as the page.
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "call `show`"]
pub struct Card<'a> {
    title: &'a str,
    remark: &'a str,
}

impl<'a> Card<'a> {
    /// A card with a title.
    pub fn new(title: &'a str) -> Self {
        Self { title, remark: "" }
    }

    /// A card without a title, for what speaks for itself.
    pub fn bare() -> Self {
        Self::default()
    }

    /// One quiet remark at the right of the title.
    pub fn remark(self, remark: &'a str) -> Self {
        Self { remark, ..self }
    }

    /// Shows the card and what is in it.
    pub fn show<R>(self, ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
        let t = ui.tokens();
        let frame = egui::Frame::new()
            .fill(t.card)
            .stroke(t.hairline())
            .corner_radius(RADIUS)
            .inner_margin(Margin::symmetric(15, 13));
        let name = if self.title.is_empty() { None } else { Some(self.title) };
        let mut builder = UiBuilder::new().accessibility_role(Role::Group);
        if let Some(name) = name {
            builder = builder.accessibility_label(name);
        }
        let shown = ui.scope_builder(builder, |ui| {
            frame
                .show(ui, |ui| {
                    ui.set_min_width(ui.available_width());
                    if let Some(title) = name {
                        title_line(ui, text::card_title(title), self.remark);
                        ui.add_space(10.0 - ui.spacing().item_spacing.y);
                    }
                    content(ui)
                })
                .inner
        });
        ui.add_space(space::M - ui.spacing().item_spacing.y);
        shown
    }
}

/// A title at the left and a quiet remark at the right of one line; the remark gives way first.
pub fn title_line(ui: &mut Ui, title: RichText, remark: &str) -> Response {
    row(ui, size::line(size::CARD), |ui| {
        let title = heading_label(ui, title);
        if !remark.is_empty() {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add(Label::new(text::small(remark)).truncate());
            });
        }
        title
    })
    .inner
}

/// A label that a screen reader takes for a heading.
pub(in crate::gui) fn heading_label(ui: &mut Ui, title: RichText) -> Response {
    let said = title.text().to_owned();
    let response = ui.add(Label::new(title).truncate());
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_role(Role::Heading);
        node.set_label(said);
        node.clear_value();
    });
    response
}

/// A horizontal row of a height, its parts centred.
pub fn row<R>(ui: &mut Ui, height: f32, content: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let layout = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(vec2(ui.available_width(), height), layout, |ui| {
        ui.set_min_height(height);
        content(ui)
    })
}

/// A page's purpose wants at least this much width beside the actions.
const MIN_PURPOSE: f32 = 280.0;

/// The head of a page: title, one sentence of purpose, and its actions at the right, the primary one added first.
///
/// Where there is no room for both, the actions stand under the purpose.
pub fn page_header<R>(ui: &mut Ui, title: &str, purpose: &str, actions: impl FnOnce(&mut Ui) -> R) -> R {
    let id = ui.unique_id().with("actions");
    let measured: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(0.0);
    let area = ui.available_rect_before_wrap();
    let title_ui = |ui: &mut Ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        heading_label(ui, text::title(title));
        ui.label(text::weak(purpose));
    };
    let (result, width) = if area.width() < measured + space::L + MIN_PURPOSE {
        ui.scope(title_ui);
        // The same gaps as above: the width must not depend on where the actions stand.
        ui.spacing_mut().item_spacing.x = space::M;
        let shown = row(ui, CONTROL_HEIGHT, |ui| ui.scope(actions));
        ui.spacing_mut().item_spacing.x = space::S;
        (shown.inner.inner, shown.inner.response.rect.width())
    } else {
        let layout = Layout::right_to_left(Align::Min);
        let mut right = ui.new_child(UiBuilder::new().id_salt("actions").max_rect(area).layout(layout));
        right.spacing_mut().item_spacing.x = space::M;
        let result = actions(&mut right);
        let used = right.min_rect();
        let edge = if used.width() < 1.0 { area.right() } else { used.left() - space::L };
        let rect = Rect::from_min_max(area.min, pos2(edge.max(area.left() + 120.0), area.bottom()));
        let layout = Layout::top_down(Align::Min);
        let mut left = ui.new_child(UiBuilder::new().id_salt("title").max_rect(rect).layout(layout));
        title_ui(&mut left);
        let height = left.min_rect().height().max(used.height());
        ui.allocate_rect(Rect::from_min_size(area.min, vec2(area.width(), height)), egui::Sense::hover());
        (result, used.width())
    };
    if 0.5 < (width - measured).abs() {
        ui.data_mut(|data| data.insert_temp(id, width));
        ui.ctx().request_discard("a page's head learned the width of its actions");
    }
    ui.add_space(space::L - ui.spacing().item_spacing.y);
    result
}

/// What comes after this page, at its foot: the step, why, and a button that goes there; `true` when it was pressed.
pub fn next_step(ui: &mut Ui, step: &str, why: &str, button: &str) -> bool {
    hairline(ui);
    let mut pressed = false;
    row(ui, ui.available_height(), |ui| {
        ui.label(text::small("Next"));
        ui.label(text::medium(step));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            pressed = secondary_button(ui, button).clicked();
            ui.add_space(space::S);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(text::weak(why)).truncate());
            });
        });
    });
    pressed
}

/// Columns narrower than this are put below one another instead.
const MIN_COLUMN: f32 = 148.0;

/// Columns whose widths stand to each other like `weights`; `content` is called for each.
///
/// Where there is no room for all of them side by side, they are shared out over several lines.
pub fn columns(ui: &mut Ui, weights: &[f32], mut content: impl FnMut(&mut Ui, usize)) {
    let gap = space::M;
    let fitting = ((ui.available_width() + gap) / (MIN_COLUMN + gap)).floor().max(1.0) as usize;
    let per_line =
        if weights.len() <= fitting { weights.len() } else { weights.len().div_ceil(weights.len().div_ceil(fitting)) };
    let mut idx = 0;
    for line in weights.chunks(per_line.max(1)) {
        if 0 < idx {
            ui.add_space(gap - ui.spacing().item_spacing.y);
        }
        columns_line(ui, line, idx, &mut content);
        idx += line.len();
    }
}

fn columns_line(ui: &mut Ui, weights: &[f32], first: usize, content: &mut impl FnMut(&mut Ui, usize)) {
    let area = ui.available_rect_before_wrap();
    let gap = space::M;
    let room = area.width() - gap * weights.len().saturating_sub(1) as f32;
    let total: f32 = weights.iter().sum();
    let (mut left, mut bottom) = (area.left(), area.top());
    for (idx, weight) in weights.iter().enumerate() {
        let width = (room * weight / total).floor();
        let rect = Rect::from_min_size(pos2(left, area.top()), vec2(width, area.height()));
        let builder = UiBuilder::new().id_salt(first + idx).max_rect(rect).layout(Layout::top_down(Align::Min));
        let mut column = ui.new_child(builder);
        column.set_width(width);
        content(&mut column, first + idx);
        bottom = f32::max(bottom, column.min_rect().bottom());
        left += width + gap;
    }
    ui.allocate_rect(Rect::from_min_max(area.min, pos2(area.right(), bottom)), egui::Sense::hover());
}

/// A hairline across.
pub fn hairline(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), egui::Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, ui.tokens().hairline());
}

/// Names at the left, values at the right of them, on common edges.
#[derive(Clone, Copy, Debug)]
#[must_use = "call `show`"]
pub struct KeyValues {
    key_width: f32,
}

impl Default for KeyValues {
    fn default() -> Self {
        Self { key_width: 132.0 }
    }
}

impl KeyValues {
    /// With room for names of a width.
    pub fn key_width(self, key_width: f32) -> Self {
        Self { key_width }
    }

    /// Shows pairs of text; a long value wraps beside its name.
    pub fn show<K: AsRef<str>, V: Into<RichText> + Clone>(self, ui: &mut Ui, pairs: &[(K, V)]) {
        for (key, value) in pairs {
            let value = value.clone().into();
            self.pair_ui(ui, key.as_ref(), |ui| {
                ui.label(value.line_height(Some(size::line(size::BODY))));
            });
        }
    }

    /// Shows one name and whatever stands for its value.
    pub fn pair_ui<R>(self, ui: &mut Ui, key: &str, value: impl FnOnce(&mut Ui) -> R) -> R {
        let shown = ui.allocate_ui_with_layout(
            vec2(ui.available_width(), size::line(size::BODY)),
            Layout::left_to_right(Align::Min),
            |ui| {
                ui.spacing_mut().item_spacing.x = space::M;
                let key_width = self.key_width.min(ui.available_width() / 2.0);
                ui.allocate_ui_with_layout(vec2(key_width, 19.0), Layout::left_to_right(Align::Min), |ui| {
                    ui.set_min_width(key_width);
                    ui.add(Label::new(text::small(key).line_height(Some(19.0))).truncate());
                });
                ui.vertical(value).inner
            },
        );
        ui.add_space(6.0 - ui.spacing().item_spacing.y);
        shown.inner
    }
}
