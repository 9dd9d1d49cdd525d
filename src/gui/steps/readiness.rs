//! The readiness's page: what production asks of the version at hand, and what the answers stand on.

use egui::Ui;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::readiness_dialogs::Asking;
use super::readiness_items::{brief_ui, checklist_ui};
use crate::command::Command;
use crate::gui::theme::Verdict;
use crate::gui::ui_command::{Outbox, UiCommand};
use crate::gui::widgets::{
    Card, Icon, Stat, columns, empty_state, notice, notice_with, page_header, primary_button, problem_panel,
    secondary_button, small_button,
};
use crate::project::reports::{ItemStatus, ReadinessReport};
use crate::step::Step;
use crate::workbench::Workbench;

/// Seconds for which the button says that it has copied.
const COPIED_SECONDS: f64 = 1.5;

/// The readiness's page.
#[derive(Debug, Default)]
pub(in crate::gui) struct ReadinessView {
    /// The item whose evidence is open.
    open: Option<String>,
    /// What is being asked in a dialog.
    asking: Option<Asking>,
    /// When the page was copied, in egui's time.
    copied_at: Option<f64>,
}

impl ReadinessView {
    pub(in crate::gui) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let report = workbench.readiness();
        let checking = workbench.probe().running().is_some();
        page_header(ui, Step::Readiness.label(), Step::Readiness.purpose(), |ui| {
            let label = match (&report, checking) {
                (Some(_), _) => "Check again",
                (None, true) => "Checking…",
                (None, false) => "Check",
            };
            if ui.add_enabled_ui(report.is_some() || !checking, |ui| primary_button(ui, label)).inner.clicked() {
                outbox.send(Command::CheckReadiness);
            }
            if report.is_some() {
                self.copy_ui(ui, workbench);
            }
        });
        if let Some(problem) = workbench.probe().problem()
            && problem_panel(ui, problem, Some("Check again"))
        {
            outbox.send(Command::CheckReadiness);
        }
        let Some(report) = report else {
            if checking {
                let what = "Git is asked, the requirements are read, and code, model and data are hashed";
                notice(ui, Verdict::Running, what);
            } else if workbench.probe().problem().is_none() {
                not_checked_ui(ui, outbox);
            }
            return;
        };
        if workbench.version().is_none() {
            notice_with(ui, Verdict::Warn, "There is no model yet, so most of the evidence cannot be there", |ui| {
                if small_button(ui, "Go to the model").clicked() {
                    outbox.ask(UiCommand::GoTo(Step::Model));
                }
            });
        }
        summary_ui(ui, &report);
        let now = crate::clock::now();
        checklist_ui(ui, &report, now, &mut self.open, &mut self.asking, workbench, outbox);
        brief_ui(ui, &report, now, &mut self.open, &mut self.asking, workbench, outbox);
        if let Some(asking) = &mut self.asking
            && asking.ui(ui.ctx(), workbench.waiver_days(), outbox)
        {
            self.asking = None;
        }
    }

    /// Opens an item to its evidence, and the question whether to waive it.
    #[cfg(feature = "pictures")]
    pub(in crate::gui) fn open(&mut self, workbench: &Workbench, item: &str, waiving: bool) {
        self.open = Some(item.to_owned());
        let report = workbench.readiness().filter(|_| waiving);
        let found = report.as_ref().and_then(|report| report.items.iter().find(|found| found.id == item));
        self.asking = found.map(|item| Asking::waive(item, workbench.waiver_days()));
    }

    fn copy_ui(&mut self, ui: &mut Ui, workbench: &Workbench) {
        let now = ui.input(|input| input.time);
        let copied = self.copied_at.is_some_and(|at| now < at + COPIED_SECONDS);
        let button = secondary_button(ui, if copied { "Copied" } else { "Copy report" });
        if button.on_hover_text("Copy the checklist with its evidence as Markdown").clicked()
            && let Some(page) = workbench.readiness_page()
        {
            ui.copy_text(page);
            self.copied_at = Some(now);
            ui.request_repaint_after(std::time::Duration::from_secs_f64(COPIED_SECONDS));
        }
    }
}

fn not_checked_ui(ui: &mut Ui, outbox: &mut Outbox) {
    let what = "Eleven questions about code, model, tests, interface and monitoring are answered from evidence where there \
                is some, and by your word where there is none. Looking changes nothing.";
    empty_state(ui, Icon::Search, "Not checked yet", what, |ui| {
        if secondary_button(ui, "Look at the evidence").clicked() {
            outbox.send(Command::CheckReadiness);
        }
    });
}

/// How many block, how much of the brief is met, of which version, and since when that is known.
fn summary_ui(ui: &mut Ui, report: &ReadinessReport) {
    let n_blocking = report.items.iter().filter(|item| item.status.blocks()).count().to_string();
    let of_items = format!("of {} block", report.items.len());
    let n_met = report.brief.iter().filter(|item| item.status == ItemStatus::Pass).count().to_string();
    let of_brief = format!("of {} met", report.brief.len());
    let version = report.version.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let local = report.time.to_zoned(TimeZone::system());
    let (clock, day) = (local.strftime("%H:%M").to_string(), local.strftime("%Y-%m-%d").to_string());
    let ready = report.judged.verdict.is_pass();
    let (verdict, word) = if ready { (Verdict::Pass, "ready") } else { (Verdict::Fail, "not ready") };
    Card::bare().show(ui, |ui| {
        columns(ui, &[1.2, 1.0, 1.0, 1.0], |ui, index| {
            let stat = match index {
                0 => Stat::new("Checklist", &n_blocking).unit(&of_items).verdict(verdict, word),
                1 if report.brief.is_empty() => Stat::new("Brief", "–").unit("no limits"),
                1 => Stat::new("Brief", &n_met).unit(&of_brief),
                2 => Stat::new("Version", &version),
                _ => Stat::new("Checked", &clock).unit(&day),
            };
            stat.show(ui);
        });
    });
}

/// A moment in few letters: the time of today, else the day.
pub(super) fn moment(time: Timestamp, now: Timestamp) -> String {
    let (then, today) = (time.to_zoned(TimeZone::system()), now.to_zoned(TimeZone::system()));
    let format = match (then.date() == today.date(), then.year() == today.year()) {
        (true, _) => "%H:%M",
        (false, true) => "%-d %b",
        (false, false) => "%Y-%m-%d",
    };
    then.strftime(format).to_string()
}
