//! The benchmark's page: how fast the version at hand answers, beside the limit in the brief.

mod cards;
mod histogram;
mod scale;
mod shown;

use egui::Ui;
use jiff::Timestamp;

use crate::command::{BenchmarkLength, Command};
use crate::gui::shell::clock;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::{Outbox, UiCommand};
use crate::gui::widgets::{
    Card, DISMISS, Icon, empty_state, menu_item, notice, page_header, primary_button, problem_panel, progress_bar,
    secondary_button,
};
use crate::project::ModelVersion;
use crate::project::reports::BenchmarkReport;
use crate::step::Step;
use crate::workbench::{RunningJob, Workbench};
use shown::Shown;

/// The benchmark's page.
#[derive(Debug, Default)]
pub(in crate::gui) struct BenchmarkView {
    length: BenchmarkLength,
    /// The run that was picked, of the report of that time.
    picked: Option<(Timestamp, usize)>,
    shown: Option<Shown>,
}

impl BenchmarkView {
    pub(in crate::gui) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let version = workbench.version();
        let running = workbench.benchmark().running();
        let ready = version.is_some() && running.is_none();
        page_header(ui, Step::Benchmark.label(), &purpose(version), |ui| {
            if ui.add_enabled_ui(ready, |ui| primary_button(ui, "Run benchmark")).inner.clicked() {
                outbox.send(Command::RunBenchmark(self.length));
            }
            let chosen = ui.add_enabled_ui(ready, |ui| secondary_button(ui, &label(self.length))).inner;
            egui::Popup::menu(&chosen).show(|ui| {
                ui.set_min_width(160.0);
                for length in BenchmarkLength::ALL {
                    if menu_item(ui, &label(length), length == self.length).clicked() {
                        self.length = length;
                    }
                }
            });
        });
        let jobs = workbench.jobs();
        if let Some(job) = running.and_then(|id| jobs.iter().find(|job| job.id == id)) {
            running_ui(ui, job, outbox);
        }
        if let Some(problem) = workbench.benchmark().problem()
            && problem_panel(ui, problem, Some(DISMISS))
        {
            outbox.send(Command::Dismiss(Step::Benchmark));
        }
        let Some(report) = workbench.at_hand::<BenchmarkReport>() else {
            if running.is_none() {
                not_measured_ui(ui, version, outbox);
            }
            return;
        };
        if let Some(stale) = workbench.stale::<BenchmarkReport>() {
            let words =
                format!("This says nothing about the version at hand: {stale}. Run the benchmark to measure it.");
            notice(ui, Verdict::Stale, &words);
        }
        let picked = self.picked.filter(|(time, _)| *time == report.time).map(|(_, run)| run);
        let shown = Shown::update(&mut self.shown, workbench, report, picked);
        let judged = workbench.benchmark_judged();
        cards::summary_ui(ui, workbench, report, &judged, outbox);
        cards::histogram_ui(ui, report, shown, outbox);
        cards::percentiles_ui(ui, report, shown);
        if let Some(run) = cards::runs_ui(ui, shown) {
            self.picked = Some((shown.time(), run));
        }
        cards::machine_ui(ui, report);
        cards::history_ui(ui, workbench, shown);
    }
}

fn purpose(version: Option<&ModelVersion>) -> String {
    version.map_or_else(
        || Step::Benchmark.purpose().to_owned(),
        |version| {
            let version = &version.record.version;
            format!("How fast version {version} answers on this machine, beside the limit in the brief.")
        },
    )
}

/// A length with its name and its time: `Standard, 30 s`.
fn label(length: BenchmarkLength) -> String {
    let name = match length {
        BenchmarkLength::Quick => "Quick",
        BenchmarkLength::Standard => "Standard",
        BenchmarkLength::Long => "Long",
    };
    let seconds = length.seconds();
    if seconds < 120.0 { format!("{name}, {seconds} s") } else { format!("{name}, {} min", seconds / 60.0) }
}

fn running_ui(ui: &mut Ui, job: &RunningJob, outbox: &mut Outbox) {
    Card::new(&job.name).remark(&clock(job.elapsed.as_secs())).show(ui, |ui| {
        let stage = job.context.stage();
        ui.label(text::body(stage.as_str()));
        ui.add_space(space::XS);
        progress_bar(ui, &stage, job.context.fraction(), ui.available_width());
        ui.add_space(space::XS);
        for line in job.context.log_lines() {
            ui.label(text::small(line));
        }
        ui.add_space(space::S);
        if secondary_button(ui, "Cancel the benchmark").clicked() {
            outbox.send(Command::Cancel(job.id));
        }
    });
}

fn not_measured_ui(ui: &mut Ui, version: Option<&ModelVersion>, outbox: &mut Outbox) {
    if version.is_none() {
        let what = "Add an ONNX model first; then one click measures how fast it answers.";
        empty_state(ui, Icon::Running, "There is no model to measure yet", what, |ui| {
            if secondary_button(ui, "Go to the model").clicked() {
                outbox.ask(UiCommand::GoTo(Step::Model));
            }
        });
        return;
    }
    let what = "Rows of the reference data are asked in a process of its own, one after the other and in batches. Every \
                answer's time is kept, and the brief's limit is held against the percentile it names.";
    empty_state(ui, Icon::Running, "Not measured yet", what, |ui| {
        if secondary_button(ui, "Run a quick benchmark").clicked() {
            outbox.send(Command::RunBenchmark(BenchmarkLength::Quick));
        }
    });
}
