//! A labelled text field: the answer in the user's own words, and under it what was understood.

use egui::{Align2, Margin, Response, TextEdit, Ui, vec2};

use super::chip::verdict_line;
use crate::gui::text;
use crate::gui::theme::{CONTROL_HEIGHT, Look as _, Verdict, space};

/// A text field with its label above and its consequences below.
#[must_use = "call `show`"]
pub struct Field<'a> {
    label: &'a str,
    value: &'a mut String,
    placeholder: &'a str,
    understood: Option<&'a str>,
    hint: Option<&'a str>,
    problem: Option<&'a str>,
    rows: usize,
    wraps: bool,
    label_shown: bool,
    mono: bool,
    width: f32,
}

impl<'a> Field<'a> {
    /// A field of one line.
    pub fn new(label: &'a str, value: &'a mut String) -> Self {
        Self {
            label,
            value,
            placeholder: "",
            understood: None,
            hint: None,
            problem: None,
            rows: 1,
            wraps: false,
            label_shown: true,
            mono: false,
            width: f32::INFINITY,
        }
    }

    /// An example of an answer, shown while there is none.
    pub fn placeholder(self, placeholder: &'a str) -> Self {
        Self { placeholder, ..self }
    }

    /// What the answer was understood as; nothing is shown for `None`.
    pub fn understood(self, understood: Option<&'a str>) -> Self {
        Self { understood, ..self }
    }

    /// A quiet line under the field.
    pub fn hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Why the answer will not do; replaces what was understood.
    pub fn problem(self, problem: Option<&'a str>) -> Self {
        Self { problem, ..self }
    }

    /// At least this many lines; Enter makes a new one.
    pub fn rows(self, rows: usize) -> Self {
        Self { rows, wraps: true, ..self }
    }

    /// One line that grows as the answer does; Enter ends it.
    pub fn wraps(self) -> Self {
        Self { wraps: true, ..self }
    }

    /// The label is said but not shown, for a field in a table.
    pub fn unlabelled(self) -> Self {
        Self { label_shown: false, ..self }
    }

    /// For paths and code.
    pub fn mono(self) -> Self {
        Self { mono: true, ..self }
    }

    /// As wide as this, when there is room.
    pub fn width(self, width: f32) -> Self {
        Self { width, ..self }
    }

    /// Shows the field; the response is that of the text.
    pub fn show(self, ui: &mut Ui) -> Response {
        let Self { label, value, placeholder, understood, hint, problem, rows, wraps, label_shown, mono, width } = self;
        let t = ui.tokens();
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            let label_id = label_shown.then(|| ui.label(text::small(label)).id);
            let edit = if wraps { TextEdit::multiline(value) } else { TextEdit::singleline(value) };
            let edit = edit
                .id_salt(label)
                .desired_width(width.min(ui.available_width()))
                .desired_rows(rows)
                .margin(Margin::symmetric(10, if wraps { 7 } else { 6 }))
                .min_size(vec2(24.0, CONTROL_HEIGHT))
                .align(if wraps { Align2::LEFT_TOP } else { Align2::LEFT_CENTER });
            let edit = if wraps && rows == 1 { edit.return_key(None) } else { edit };
            let edit = if mono { edit.font(egui::TextStyle::Monospace) } else { edit };
            let edit = if placeholder.is_empty() { edit } else { edit.hint_text(text::weak(placeholder)) };
            if problem.is_some() {
                let widgets = &mut ui.visuals_mut().widgets;
                widgets.inactive.bg_stroke.color = t.fail;
                widgets.hovered.bg_stroke.color = t.fail;
            }
            let response = ui.add(edit);
            let response = match label_id {
                Some(id) => response.labelled_by(id),
                None => response.accessible_name(label),
            };
            if wraps && rows == 1 && response.has_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
                response.surrender_focus();
            }
            if let Some(problem) = problem {
                verdict_line(ui, Verdict::Fail, problem);
            } else if let Some(understood) = understood {
                understood_line(ui, understood);
            }
            if let Some(hint) = hint {
                ui.label(text::small(hint));
            }
            response
        })
        .inner
    }
}

/// "Understood as" and what, on its own, for answers in a table.
pub fn understood_line(ui: &mut Ui, understood: &str) -> Response {
    let color = ui.tokens().text;
    let job = text::join(ui, [text::small("Understood as "), text::small_medium(understood).color(color)]);
    ui.label(job)
}
