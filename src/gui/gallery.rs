//! Every widget in its states: to be looked at.

use egui::{CentralPanel, Frame, Ui};

use super::gallery_deploy::{Deployment, deployment_ui, push_ui};
use super::text;
use super::theme::{Look as _, Verdict, space};
use super::widgets::{
    Button, Card, Column, Field, Icon, KeyValues, Table, Toasts, Tone, activity, cell, cell_number, check, chip,
    code_block, columns, details, icon_ui, notice, notice_with, page_header, primary_button, problem_panel,
    progress_bar, row, secondary_button, segmented, select, verdict_line,
};
use crate::problem::Problem;

/// One picture of the gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Buttons, chips, icons, fields.
    Controls,
    /// Panels, notices, progress, code, tables.
    States,
    /// Pushing to a registry.
    Push,
    /// A service on a swarm.
    Swarm(Deployment),
}

impl Page {
    /// Every page with its file name.
    pub(super) const ALL: [(Self, &'static str); 6] = [
        (Self::Controls, "widgets-controls"),
        (Self::States, "widgets-states"),
        (Self::Push, "deploy-push"),
        (Self::Swarm(Deployment::Before), "deploy-swarm-before"),
        (Self::Swarm(Deployment::Healthy), "deploy-swarm-healthy"),
        (Self::Swarm(Deployment::Troubled), "deploy-swarm-troubled"),
    ];

    /// Width and height in points.
    pub(super) fn size(self) -> (f32, f32) {
        match self {
            Self::Controls | Self::States => (1440.0, 900.0),
            Self::Push => (1200.0, 1260.0),
            Self::Swarm(Deployment::Before) => (1200.0, 720.0),
            Self::Swarm(Deployment::Healthy | Deployment::Troubled) => (1200.0, 1500.0),
        }
    }
}

/// Shows one page of the gallery.
pub(super) fn gallery_ui(ui: &mut Ui, page: Page) {
    CentralPanel::default().frame(Frame::new().fill(ui.tokens().bg).inner_margin(24)).show(ui, |ui| match page {
        Page::Controls => controls_ui(ui),
        Page::States => states_ui(ui),
        Page::Push => push_ui(ui),
        Page::Swarm(which) => deployment_ui(ui, which),
    });
}

fn controls_ui(ui: &mut Ui) {
    page_header(ui, "Controls", "Everything that can be pressed or filled in, in each of its states.", |ui| {
        primary_button(ui, "Continue to model");
        secondary_button(ui, "Export");
    });
    columns(ui, &[1.0, 1.0], |ui, column| if column == 0 { buttons_ui(ui) } else { fields_ui(ui) });
}

fn buttons_ui(ui: &mut Ui) {
    Card::new("Buttons").remark("one primary a page").show(ui, |ui| {
        for (enabled, small) in [(true, false), (false, false), (true, true)] {
            ui.horizontal(|ui| {
                for (tone, label) in [
                    (Tone::Primary, "Run benchmark"),
                    (Tone::Secondary, "Export"),
                    (Tone::Danger, "Remove…"),
                    (Tone::DangerPrimary, "Remove"),
                    (Tone::Quiet, "Show log"),
                ] {
                    let button = Button::new(tone, label);
                    ui.add_enabled(enabled, if small { button.small() } else { button });
                }
            });
        }
        ui.horizontal(|ui| {
            ui.add(Button::new(Tone::Secondary, "Open folder…").icon(Icon::Folder));
            ui.add(Button::new(Tone::Primary, "New project").icon(Icon::Plus));
            ui.add(Button::new(Tone::Secondary, "Try again").icon(Icon::Retry).small());
            super::widgets::icon_button(ui, Icon::Close, "Close");
            super::widgets::icon_button(ui, Icon::Help, "Explain");
        });
        ui.horizontal(|ui| {
            let focused = secondary_button(ui, "Keyboard is here");
            focused.request_focus();
            segmented(ui, "Length", &mut 1, &["Quick", "Standard", "Long"]);
        });
    });
    Card::new("Verdicts").show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            for verdict in Verdict::ALL {
                chip(ui, verdict, verdict.word());
            }
        });
        for verdict in [Verdict::Pass, Verdict::Fail] {
            verdict_line(ui, verdict, "p95 3.1 ms, the brief says 200 ms");
        }
    });
    Card::new("Icons").show(ui, |ui| {
        let color = ui.tokens().text;
        for size in [16.0, 24.0] {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = space::M;
                for icon in Icon::ALL {
                    icon_ui(ui, icon, size, color, "");
                }
            });
        }
    });
    Card::new("Text").remark("sizes 12 13 14 16 20 28").show(ui, |ui| {
        for sample in [
            text::number("2,140.07"),
            text::title("Title 20 semibold"),
            text::heading("Heading 16 semibold"),
            text::card_title("Card title 14 semibold"),
            text::strong("Body semibold, medium and regular"),
            text::medium("The quick brown fox 0123456789"),
            text::body("Ελληνικά, кириллица, ≤ ≥ × · → – “quoted” fi fl"),
            text::figures("1,111.11 and 4,444.44 line up"),
            text::small("Small and quiet 12"),
            text::mono("fn main() -> Result<(), Error> { x != y }"),
        ] {
            ui.label(sample);
        }
    });
}

fn fields_ui(ui: &mut Ui) {
    Card::new("Fields").show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::M;
        let mut answer = "Predict which customers leave within 30 days".to_owned();
        Field::new("What problem does the model solve", &mut answer).show(ui);
        let mut latency = "< 200ms per prediction".to_owned();
        Field::new("Latency", &mut latency).understood(Some("p95 ≤ 200 ms at 50 requests/s")).show(ui);
        let mut empty = String::new();
        Field::new("Minimum viable model", &mut empty)
            .placeholder("Logistic regression on five columns")
            .hint("The least that would already help")
            .show(ui);
        let mut vague = "soon".to_owned();
        Field::new("Retraining", &mut vague).problem(Some("No interval in it: “weekly”, “every 7 days”")).show(ui);
        let mut long = "Customer success team, through a web dashboard.\nTwice a day, by hand.".to_owned();
        Field::new("Who is the end user", &mut long).rows(3).show(ui);
        let mut path = "models/1.1.0/model.onnx".to_owned();
        Field::new("Model file", &mut path).mono().width(260.0).show(ui);
        ui.add_enabled_ui(false, |ui| {
            let mut fixed = "Opened read-only".to_owned();
            Field::new("Disabled", &mut fixed).show(ui);
        });
    });
    Card::new("Choices").show(ui, |ui| {
        columns(ui, &[1.0, 1.0], |ui, column| {
            if column == 0 {
                select(ui, "Profile", &mut 1, &["prototype", "production"]);
            } else {
                check(ui, &mut true, "Pull the base image first");
                check(ui, &mut false, "Keep the container running");
            }
        });
    });
}

fn states_ui(ui: &mut Ui) {
    page_header(ui, "States", "What stands where something went wrong, runs, or is not there yet.", |_| ());
    columns(ui, &[1.0, 1.0], |ui, column| if column == 0 { panels_ui(ui) } else { data_ui(ui) });
}

fn problem() -> Problem {
    Problem::new(
        "Input “age” is int64, the feature contract says text",
        "projects/churn/features.ron, line 14, column 9",
        "Change the type in the contract, or export the model with a string input.",
    )
}

fn panels_ui(ui: &mut Ui) {
    problem_panel(ui, &problem(), Some("Try again"));
    problem_panel(ui, &Problem::new("Docker does not answer", "", "Start it, then try again."), None);
    notice(ui, Verdict::Stale, "The model changed since this was measured.");
    notice_with(ui, Verdict::Warn, "brief.ron changed on disk since it was loaded.", |ui| {
        ui.add(Button::new(Tone::Secondary, "Reload").small());
        ui.add(Button::new(Tone::Quiet, "Keep mine").small());
    });
    notice(ui, Verdict::Pass, "Built and verified as churn:1.1.0 in 1.8 s.");
    notice(ui, Verdict::None, "Dropping files does not work on this display. Browse, or paste a path.");
    Card::new("Running").show(ui, |ui| {
        progress_bar(ui, "Build", Some(0.62), 240.0);
        progress_bar(ui, "Pull", None, 240.0);
        row(ui, 24.0, |ui| activity(ui, "Container: verifying 500 golden rows", Some(0.4), "0:12"));
    });
    Card::new("Code").show(ui, |ui| {
        code_block(ui, "Command", "docker run --rm -p 8080:8080 churn:1.1.0");
        code_block(ui, "Answer", "POST /predict\n{\"tenure\": 12, \"plan\": \"pro\"}\n→ 200\n{\"label\": 1, \"probability\": 0.83, \"risk\": \"high\"}");
        details(ui, "Build log", "");
    });
    let mut toasts = Toasts::default();
    toasts.say(Verdict::Pass, "Exported brief.md");
    toasts.say(Verdict::Fail, "Could not write brief.md: the disk is full, nothing was changed");
    toasts.show(ui.ctx());
}

fn data_ui(ui: &mut Ui) {
    Card::new("Contract").remark("opset 17 · 38 KB").show(ui, |ui| {
        KeyValues::default().show(
            ui,
            &[
                ("Inputs", text::body("tenure float32 [N, 1], plan string [N, 1], and ten more")),
                ("Outputs", text::body("label int64 [N], probabilities float32 [N, 2]")),
                ("Sha-256", text::mono("9f2c41d07be1a5c3")),
            ],
        );
        KeyValues::default().pair_ui(ui, "Doctor", |ui| chip(ui, Verdict::Pass, "no findings"));
    });
    Card::new("Versions").remark("pick one to compare").show(ui, |ui| {
        let table_columns = [
            Column::text("version").exact(80.0),
            Column::text("why"),
            Column::number("AUC").exact(64.0),
            Column::text("").exact(110.0).right(),
        ];
        let rows = [
            ("1.1.0", "Trained on October, which brought the new plan names and much else", "0.913", "champion"),
            ("1.0.1", "Scaler refitted", "0.907", ""),
            ("1.0.0", "First", "0.907", ""),
        ];
        Table::new("Versions", &table_columns).pick(Some(1)).show(ui, rows.len(), |ui, row, column| {
            let (version, why, auc, alias) = rows[row];
            match column {
                0 => cell(ui, text::medium(version).family(egui::FontFamily::Name("tabular".into()))),
                1 => cell(ui, text::weak(why)),
                2 => cell_number(ui, auc),
                _ if alias.is_empty() => cell(ui, ""),
                _ => chip(ui, Verdict::Pass, alias),
            };
        });
    });
    Card::new("Predictions").remark("10,000 rows").show(ui, |ui| {
        let table_columns = [
            Column::number("row").exact(56.0),
            Column::text("label").exact(80.0),
            Column::number("probability"),
            Column::text("risk"),
        ];
        Table::new("Predictions", &table_columns).max_height(220.0).show(ui, 10_000, |ui, row, column| {
            let probability = (row as f64 * 0.618_034).fract();
            match column {
                0 => cell_number(ui, &row.to_string()),
                1 => cell(ui, text::body(if probability < 0.5 { "stays" } else { "leaves" })),
                2 => cell_number(ui, &format!("{probability:.3}")),
                _ => cell(ui, text::weak(if probability < 0.3 { "low" } else { "high" })),
            };
        });
    });
}
