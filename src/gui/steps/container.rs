//! The container's page: one button, what it is doing, and what was checked.

use egui::Ui;

use super::container_load::load_ui;
use super::deploy_push::PushView;
use super::deploy_swarm::SwarmView;
use super::executable_card::executable_card;
use super::model::text_of_size;
use super::running::{RunView, Shown};
use crate::command::{Command, ExportKind};
use crate::gui::shell::clock;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::{Choosing, ContainerPart, Outbox, UiCommand};
use crate::gui::widgets::{
    Card, Column, DISMISS, Icon, KeyValues, Stat, Table, cell, cell_number, cell_wrapped, chip, code_block, columns,
    empty_state, notice, page_header, primary_button, problem_panel, progress_bar, secondary_button, segmented,
};
use crate::project::ModelVersion;
use crate::project::reports::PackageReport;
use crate::step::{Standing, Step};
use crate::workbench::{RunningJob, Workbench};

/// The container's page.
#[derive(Debug, Default)]
pub(in crate::gui) struct ContainerView {
    part: ContainerPart,
    run: RunView,
    push: PushView,
    swarm: SwarmView,
}

impl ContainerView {
    pub(in crate::gui) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let version = workbench.version();
        let building = workbench.container().running();
        let has_engine = workbench.engine().last.is_some() && workbench.engine().problem().is_none();
        page_header(ui, Step::Container.label(), Step::Container.purpose(), |ui| {
            let label =
                version.map_or_else(|| "Build image".to_owned(), |version| format!("Build {}", version.record.version));
            let ready = version.is_some() && building.is_none() && has_engine;
            if ui.add_enabled_ui(ready, |ui| primary_button(ui, &label)).inner.clicked() {
                outbox.send(Command::BuildImage { tag: None });
            }
            if secondary_button(ui, "Look for Docker again").clicked() {
                outbox.send(Command::FindEngine);
            }
        });
        if let Some(problem) = workbench.engine().problem()
            && problem_panel(ui, problem, Some("Look again"))
        {
            outbox.send(Command::FindEngine);
        }
        let jobs = workbench.jobs();
        if let Some(job) = building.and_then(|id| jobs.iter().find(|job| job.id == id)) {
            running_ui(ui, job, outbox);
        }
        if let Some(problem) = workbench.container().problem()
            && problem_panel(ui, problem, Some(DISMISS))
        {
            outbox.send(Command::Dismiss(Step::Container));
        }
        self.parts_ui(ui);
        match self.part {
            ContainerPart::Build => {
                match &workbench.container().last {
                    Some(report) => {
                        verification_ui(ui, workbench, report, outbox);
                        origin_ui(ui, report);
                    }
                    None if building.is_none() => not_built_ui(ui, version, has_engine, outbox),
                    None => {}
                }
                if version.is_some() {
                    executable_card(ui, workbench, outbox);
                }
                history_ui(ui, workbench);
            }
            ContainerPart::Run => {
                if workbench.built_image().is_none() && building.is_none() {
                    not_built_ui(ui, version, has_engine, outbox);
                }
                self.run_ui(ui, workbench, outbox);
            }
            ContainerPart::Deliver if version.is_some() => {
                self.push.ui(ui, workbench, outbox);
                self.swarm.ui(ui, workbench, outbox);
                exports_ui(ui, outbox);
            }
            ContainerPart::Deliver => not_built_ui(ui, version, has_engine, outbox),
        }
    }

    pub(in crate::gui) fn show(&mut self, part: ContainerPart) {
        self.part = part;
    }

    fn parts_ui(&mut self, ui: &mut Ui) {
        let labels = ContainerPart::ALL.map(ContainerPart::label);
        let mut selected = ContainerPart::ALL.iter().position(|part| *part == self.part).unwrap_or_default();
        if segmented(ui, "Part of the page", &mut selected, &labels) {
            self.part = ContainerPart::ALL[selected];
        }
        ui.add_space(space::M);
    }

    /// The image of the version at hand is run when one was built; containers are listed in any case.
    fn run_ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let shown = Shown {
            containers: workbench.containers(),
            image: workbench.built_image(),
            project: &workbench.project().map(crate::project::Project::slug).unwrap_or_default(),
            jobs: &workbench.jobs(),
            now: workbench.now(),
        };
        self.run.ui(ui, &shown, outbox);
    }
}

/// What can be written to a file in place of being built here.
fn exports_ui(ui: &mut Ui, outbox: &mut Outbox) {
    Card::new("Take it elsewhere").remark("no engine is needed").show(ui, |ui| {
        let columns = [Column::text("").share(1.0), Column::text("").share(1.6), Column::text("").exact(96.0).right()];
        Table::new("exports", &columns).show(ui, ExportKind::ALL.len(), |ui, row, column| {
            let kind = ExportKind::ALL[row];
            match column {
                0 => drop(cell_wrapped(ui, text::medium(kind.label()))),
                1 => drop(cell_wrapped(ui, text::weak(kind.purpose()))),
                _ => {
                    if secondary_button(ui, "Export…").on_hover_text(kind.label()).clicked() {
                        outbox.ask(UiCommand::Choose(Choosing::ImageExport(kind)));
                    }
                }
            }
        });
    });
}

fn running_ui(ui: &mut Ui, job: &RunningJob, outbox: &mut Outbox) {
    let elapsed = clock(job.elapsed.as_secs());
    Card::new(&job.name).remark(&elapsed).show(ui, |ui| {
        let stage = job.context.stage();
        ui.label(text::body(stage.as_str()));
        ui.add_space(space::XS);
        progress_bar(ui, &stage, job.context.fraction(), ui.available_width());
        ui.add_space(space::S);
        let log = job.context.log_lines();
        let from = log.len().saturating_sub(12);
        if !log.is_empty() {
            code_block(ui, "Build log", &log[from..].join("\n"));
            ui.add_space(space::S);
        }
        if secondary_button(ui, "Cancel the build").clicked() {
            outbox.send(Command::Cancel(job.id));
        }
    });
}

fn not_built_ui(ui: &mut Ui, version: Option<&ModelVersion>, has_engine: bool, outbox: &mut Outbox) {
    if version.is_none() {
        empty_state(
            ui,
            Icon::Container,
            "There is no model to package yet",
            "Add an ONNX model first; then one click builds its image.",
            |ui| {
                if secondary_button(ui, "Go to the model").clicked() {
                    outbox.ask(UiCommand::GoTo(Step::Model));
                }
            },
        );
    } else if has_engine {
        let what = "The image is built from one executable and the model alone, started without privileges, asked the golden \
                    rows, compared with the answers known here, and only then given its name.";
        empty_state(ui, Icon::Container, "Not built yet", what, |ui| {
            if secondary_button(ui, "Build and verify").clicked() {
                outbox.send(Command::BuildImage { tag: None });
            }
        });
    }
}

fn verification_ui(ui: &mut Ui, workbench: &Workbench, report: &PackageReport, outbox: &mut Outbox) {
    let (standing, line) = workbench.standing(Step::Container);
    if standing == Standing::Stale {
        notice(ui, Verdict::Stale, &format!("This image is not that of the version at hand: {line}."));
    }
    let passed = report.passed();
    let tag = report.tags.first().cloned().unwrap_or_else(|| "not tagged".to_owned());
    let (size, unit) = text_of_size(report.size_bytes);
    let n_passed = report.checks.iter().filter(|check| check.pass).count();
    let total: u64 = report.timings_ms.iter().map(|(_, millis)| millis).sum();
    let checks = n_passed.to_string();
    let of = format!("of {} pass", report.checks.len());
    let took = format!("{:.1}", total as f64 / 1e3);
    Card::bare().show(ui, |ui| {
        columns(ui, &[1.4, 1.0, 1.0, 1.0], |ui, index| match index {
            0 => {
                let word = if passed { "verified, then tagged" } else { "not tagged" };
                Stat::new("Image", &tag).verdict(if passed { Verdict::Pass } else { Verdict::Fail }, word).show(ui);
            }
            1 => drop(Stat::new("Checks", &checks).unit(&of).show(ui)),
            2 => drop(Stat::new("Size", &size).unit(unit).show(ui)),
            _ => drop(Stat::new("Built and verified in", &took).unit("s").show(ui)),
        });
        if passed {
            ui.add_space(space::S);
            ui.horizontal_wrapped(|ui| {
                for (part, label) in [(ContainerPart::Run, "Run it here…"), (ContainerPart::Deliver, "Deliver it…")]
                {
                    if secondary_button(ui, label).clicked() {
                        outbox.ask(UiCommand::ShowPart(part));
                    }
                }
            });
        }
    });
    let verdict_columns =
        [Column::text("").exact(84.0), Column::text("what").share(0.8), Column::text("seen").share(1.6)];
    let when = report.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
    Card::new("Verification").remark(&format!("{when} · {}", report.engine)).show(ui, |ui| {
        Table::new("verification", &verdict_columns).show(ui, report.checks.len(), |ui, row, column| {
            let check = &report.checks[row];
            match column {
                0 => drop(chip(
                    ui,
                    if check.pass { Verdict::Pass } else { Verdict::Fail },
                    if check.pass { "passes" } else { "fails" },
                )),
                1 => drop(cell_wrapped(ui, text::medium(check.name.as_str()))),
                _ => drop(cell_wrapped(ui, text::weak(check.detail.as_str()))),
            }
        });
    });
    if let Some(load) = &report.load {
        load_ui(ui, load, workbench.latency_budget());
    }
}

/// What the image was made of.
fn origin_ui(ui: &mut Ui, report: &PackageReport) {
    Card::new("What it is made of").show(ui, |ui| {
        let evidence = &report.evidence;
        let short = |hash: &str| text::mono(hash.get(..16).unwrap_or("–").to_owned());
        let timings: Vec<String> =
            report.timings_ms.iter().map(|(stage, millis)| format!("{stage} {:.1} s", *millis as f64 / 1e3)).collect();
        KeyValues::default().show(
            ui,
            &[
                ("Image", text::mono(report.image_id.as_str())),
                ("Model", short(&evidence.model)),
                ("Brief", short(&evidence.brief)),
                ("Data", short(&evidence.data)),
                ("Code", short(&evidence.code)),
                ("Commit", short(&evidence.commit)),
                ("Time", text::body(timings.join(", "))),
            ],
        );
    });
}

fn history_ui(ui: &mut Ui, workbench: &Workbench) {
    let Some(project) = workbench.project() else { return };
    let packages: Vec<&PackageReport> = project.packages().iter().rev().collect();
    if packages.len() < 2 {
        return;
    }
    let columns = [
        Column::text("when").exact(130.0),
        Column::text("version").exact(80.0),
        Column::text("image").share(1.0),
        Column::number("MB").exact(64.0),
        Column::text("").exact(100.0).right(),
    ];
    Card::new("Earlier builds").show(ui, |ui| {
        Table::new("builds", &columns).show(ui, packages.len(), |ui, row, column| {
            let report = packages[row];
            match column {
                0 => {
                    let local = report.time.to_zoned(jiff::tz::TimeZone::system());
                    drop(cell(ui, local.strftime("%Y-%m-%d %H:%M").to_string()));
                }
                1 => drop(cell(ui, report.version.to_string())),
                2 => drop(cell(ui, text::weak(report.tags.join(", ")))),
                3 => drop(cell_number(ui, &format!("{:.1}", report.size_bytes as f64 / 1e6))),
                _ => {
                    let (verdict, word) =
                        if report.passed() { (Verdict::Pass, "passed") } else { (Verdict::Fail, "failed") };
                    chip(ui, verdict, word);
                }
            }
        });
    });
}
