//! Attesting, waiving and withdrawing: the words that a tick needs.

use egui::{Context, Layout, Ui};
use jiff::civil::Date;

use crate::command::Command;
use crate::gui::text;
use crate::gui::theme::space;
use crate::gui::ui_command::Outbox;
use crate::gui::widgets::{Answer, Button, Field, Tone, dialog};
use crate::project::reports::ChecklistItem;

/// Days for which a waiver is proposed.
const PROPOSED_DAYS: i64 = 30;

/// What is being asked about an item.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    item: String,
    label: String,
    words: String,
    kind: Kind,
    /// Whether it was shown already; at first the keyboard goes to its first field.
    shown: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Attest,
    Waive { owner: String, until: String },
    Withdraw,
}

impl Asking {
    fn new(item: &ChecklistItem, kind: Kind) -> Self {
        Self { item: item.id.clone(), label: item.label.clone(), words: String::new(), kind, shown: false }
    }

    pub(super) fn attest(item: &ChecklistItem) -> Self {
        Self::new(item, Kind::Attest)
    }

    pub(super) fn waive(item: &ChecklistItem, (first, last): (Date, Date)) -> Self {
        let until = first.saturating_add(jiff::Span::new().days(PROPOSED_DAYS - 1)).min(last);
        Self::new(item, Kind::Waive { owner: String::new(), until: until.to_string() })
    }

    pub(super) fn withdraw(item: &ChecklistItem) -> Self {
        Self::new(item, Kind::Withdraw)
    }

    /// Asks over the dimmed window; `true` when it is over.
    pub(super) fn ui(&mut self, ctx: &Context, days: (Date, Date), outbox: &mut Outbox) -> bool {
        let (title, yes) = match self.kind {
            Kind::Attest => (format!("Attest: {}", self.label), "Attest"),
            Kind::Waive { .. } => (format!("Waive: {}", self.label), "Waive"),
            Kind::Withdraw => (format!("Withdraw: {}", self.label), "Withdraw"),
        };
        let mut command = None;
        let answer = dialog(ctx, &title, 460.0, |ui| {
            command = self.fields_ui(ui, days);
            ui.add_space(space::S);
            answer_ui(ui, yes, command.is_some())
        });
        // Left by Escape or a click outside.
        let Some(answer) = answer else { return true };
        if answer == Some(Answer::Yes) {
            outbox.commands.extend(command);
        }
        answer.is_some()
    }

    /// The fields; the command they make, when they say enough.
    fn fields_ui(&mut self, ui: &mut Ui, days: (Date, Date)) -> Option<Command> {
        let is_new = !std::mem::replace(&mut self.shown, true);
        let Self { item, words, kind, .. } = self;
        let item = item.clone();
        let begin = |first: egui::Response| {
            if is_new {
                first.request_focus();
            }
        };
        let said = |words: &String| Some(words.trim().to_owned()).filter(|words| !words.is_empty());
        match kind {
            Kind::Attest => {
                ui.label(text::body(
                    "You vouch for it by name. It is kept with the hashes of what it is about, and goes stale when they \
                     change.",
                ));
                let example = "pytest tests: 14 passed";
                begin(Field::new("How do you know", words).placeholder(example).rows(3).show(ui));
                Some(Command::Attest { item, note: said(words)? })
            }
            Kind::Waive { owner, until } => {
                ui.label(text::body(
                    "It is not met, and that is accepted for a while. After the last day it blocks again.",
                ));
                begin(
                    Field::new("Why may it wait", words).placeholder("No users before the pilot ends").rows(2).show(ui),
                );
                Field::new("Who answers for it", owner).placeholder("you").show(ui);
                let (expires, problem) = match until.trim().parse::<Date>() {
                    Ok(day) if day < days.0 || days.1 < day => (None, Some(format!("From {} to {}", days.0, days.1))),
                    Ok(day) => (Some(day), None),
                    Err(_) => (None, Some("Year, month and day, such as 2026-12-31".to_owned())),
                };
                Field::new("Last day", until).problem(problem.as_deref()).width(160.0).show(ui);
                Some(Command::Waive { item, reason: said(words)?, owner: said(owner), expires: expires? })
            }
            Kind::Withdraw => {
                ui.label(text::body(
                    "What was attested and waived about it does not hold any more. The ledger keeps both.",
                ));
                begin(Field::new("Why", words).placeholder("The tests fail since Monday").rows(2).show(ui));
                Some(Command::Withdraw { item, why: said(words)? })
            }
        }
    }
}

/// Yes and no at the right; yes only when everything is said.
fn answer_ui(ui: &mut Ui, yes: &str, is_complete: bool) -> Option<Answer> {
    let layout = Layout::right_to_left(egui::Align::Center);
    ui.allocate_ui_with_layout(egui::vec2(ui.available_width(), 32.0), layout, |ui| {
        let agree = ui.add_enabled_ui(is_complete, |ui| ui.add(Button::new(Tone::Primary, yes))).inner;
        if agree.clicked() && is_complete {
            return Some(Answer::Yes);
        }
        ui.add(Button::new(Tone::Secondary, "Cancel")).clicked().then_some(Answer::No)
    })
    .inner
}
