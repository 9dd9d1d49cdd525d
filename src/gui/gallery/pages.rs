//! The drawn pages of the design, rebuilt from widgets; their figures are invented.

use egui::Ui;

use super::problem;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::widgets::{
    Button, Card, Column, Field, Icon, KeyValues, LearnSection, Passage, Stat, Table, Tone, cell, cell_number,
    cell_wrapped, chip, columns, empty_state, notice, page_header, primary_button, problem_panel, secondary_button,
    understood_line,
};

pub(super) const SCOPE_FIRST: LearnSection<'static> = LearnSection {
    title: "Scope first",
    passages: &[
        Passage::Text(
            "A brief is one page that answers eight questions before any code is written. \
             Without it a project grows until it cannot ship.",
        ),
        Passage::Quote("Nobody pours concrete before knowing which lorries will cross."),
        Passage::Text(
            "Answer in your own words. What can be measured is picked out and shown under the field, \
             and judges the model from then on.",
        ),
    ],
    terms: &["brief", "scope", "minimum viable model", "success metric"],
};

pub(super) const WHY_A_PERCENTILE: LearnSection<'static> = LearnSection {
    title: "Why a percentile",
    passages: &[
        Passage::Text(
            "An average hides the slow answers. If p95 is 3.1 ms, nineteen people in twenty waited less than that; \
             the twentieth is the one who calls support.",
        ),
        Passage::Quote(
            "On the bridge: what matters is not the mean weight of the cars, but the heaviest lorry on a full day.",
        ),
        Passage::Text(
            "Rivals time a request from when they got round to sending it. Here the clock starts when it was due.",
        ),
    ],
    terms: &["latency", "throughput", "open loop", "warm-up", "capacity"],
};

pub(super) const ERRORS_HANDLED: LearnSection<'static> = LearnSection {
    title: "Errors handled",
    passages: &[Passage::Text(
        "One of 42 bad requests, generated from this model's contract, was answered as if the server were at fault.",
    )],
    terms: &[],
};

fn field(ui: &mut Ui, label: &str, value: &str, understood: Option<&str>) {
    Field::new(label, &mut value.to_owned()).understood(understood).show(ui);
}

pub(super) fn brief_ui(ui: &mut Ui) {
    let purpose = "What the model is for, and the limits it must meet. Every number here judges a later step.";
    page_header(ui, "Brief", purpose, |ui| {
        primary_button(ui, "Continue to model");
        secondary_button(ui, "Export");
    });
    Card::new("Purpose").show(ui, |ui| {
        columns(ui, &[1.0, 1.0], |ui, column| {
            ui.spacing_mut().item_spacing.y = space::M;
            if column == 0 {
                field(ui, "What problem does the model solve", "Predict which customers leave within 30 days", None);
                field(ui, "What data is needed", "Activity logs, subscription history", None);
            } else {
                field(ui, "Who is the end user", "Customer success team, through a web dashboard", None);
                field(ui, "Minimum viable model", "Logistic regression on five columns behind one endpoint", None);
            }
        });
    });
    Card::new("Input and output").show(ui, |ui| {
        columns(ui, &[1.0, 1.0], |ui, column| {
            if column == 0 {
                let understood = "12 named features, matched to the model's inputs";
                field(ui, "Expected input", "JSON with customer_id and recent activity", Some(understood));
            } else {
                let understood = "probability of class 1, bands low < 0.3 ≤ medium < 0.7 ≤ high";
                field(ui, "Expected output", "Churn probability (0–1) and risk level", Some(understood));
            }
        });
    });
    Card::new("Limits").remark("brief says · measured").show(ui, limits_ui);
    Card::new("Scope").show(ui, |ui| {
        columns(ui, &[1.0, 1.0], |ui, column| {
            if column == 0 {
                field(ui, "In scope", "Monthly subscribers in the EU", None);
            } else {
                field(ui, "Out of scope", "Business contracts, win-back offers", None);
            }
        });
    });
}

/// A question, its answer, and line by line what it was understood as, what was measured and what that came to.
type Limit = (&'static str, &'static str, &'static [&'static str], &'static [&'static str], &'static [Verdict]);

fn limits_ui(ui: &mut Ui) {
    let table_columns = [
        Column::text("question").exact(148.0),
        Column::text("answer").share(1.2),
        Column::text("understood as"),
        Column::text("measured").exact(132.0),
        Column::text("").exact(84.0).right(),
    ];
    let rows: [Limit; 3] = [
        (
            "Latency per prediction",
            "< 200ms per prediction",
            &["p95 ≤ 200 ms, 50 requests/s"],
            &["3.1 ms"],
            &[Verdict::Pass],
        ),
        ("Retraining", "weekly with new data", &["every 7 days"], &["trained 3 days ago"], &[Verdict::Pass]),
        (
            "Success",
            "AUC-ROC > 0.85, precision > 0.80",
            &["ROC-AUC > 0.85", "precision > 0.80 at 0.5"],
            &["0.91 (0.89 – 0.93)", "0.79 (0.75 – 0.83)"],
            &[Verdict::Pass, Verdict::Fail],
        ),
    ];
    Table::new("Limits", &table_columns).show(ui, rows.len(), |ui, row, column| {
        let (question, answer, understood, measured, verdicts) = rows[row];
        match column {
            0 => {
                ui.add_space(6.0);
                cell(ui, text::medium(question));
            }
            1 => {
                Field::new(question, &mut answer.to_owned()).unlabelled().wraps().show(ui);
            }
            2 => {
                ui.add_space(6.0);
                for line in understood {
                    cell(ui, text::body(*line));
                }
            }
            3 => {
                ui.add_space(6.0);
                for line in measured {
                    cell(ui, text::figures(*line));
                }
            }
            _ => {
                ui.add_space(5.0);
                for verdict in verdicts {
                    chip(ui, *verdict, if *verdict == Verdict::Pass { "met" } else { "not met" });
                }
            }
        }
    });
}

pub(super) fn benchmark_ui(ui: &mut Ui) {
    let purpose = "How fast version 1.1.0 answers on this machine, measured the way its users will feel it.";
    page_header(ui, "Benchmark", purpose, |ui| {
        primary_button(ui, "Run benchmark");
        secondary_button(ui, "Standard, 60 s");
    });
    Card::bare().show(ui, |ui| {
        columns(ui, &[1.4, 1.0, 1.0, 1.0], |ui, column| {
            match column {
                0 => Stat::new("Brief says p95 ≤ 200 ms at 50 requests/s", "3.1")
                    .unit("ms p95")
                    .verdict(Verdict::Pass, "meets the brief, 64× margin")
                    .show(ui),
                1 => Stat::new("Throughput that still meets it", "2,140").unit("/s").show(ui),
                2 => Stat::new("Peak memory", "38").unit("MiB").show(ui),
                _ => Stat::new("First call", "21").unit("ms").show(ui),
            };
        });
    });
    Card::new("Percentiles").remark("container · batch 1 · 1 thread · stable").show(ui, |ui| {
        let table_columns = [
            Column::text("percentile").exact(96.0),
            Column::number("ms"),
            Column::number("95 % interval").exact(132.0),
            Column::number("last run"),
            Column::text("trust"),
        ];
        let rows = [
            ("p50", "2.1", "2.1 – 2.1", "2.1", "48,210 samples"),
            ("p95", "3.1", "3.0 – 3.2", "3.0", "no change"),
            ("p99", "4.6", "4.4 – 4.9", "4.5", "no change"),
            ("p99.99", "–", "–", "–", "needs 100,000 samples"),
        ];
        Table::new("Percentiles", &table_columns).show(ui, rows.len(), |ui, row, column| {
            let (percentile, ms, interval, last, trust) = rows[row];
            match column {
                0 => cell(ui, text::body(percentile)),
                1 => cell_number(ui, ms),
                2 => cell_number(ui, interval),
                3 => cell_number(ui, last),
                _ => cell(ui, text::weak(trust)),
            };
        });
    });
}

pub(super) fn readiness_ui(ui: &mut Ui) {
    page_header(ui, "Readiness", "What production asks of version 1.1.0, and the evidence for each answer.", |ui| {
        primary_button(ui, "Check stale items");
        secondary_button(ui, "Export report");
    });
    Card::bare().show(ui, |ui| {
        columns(ui, &[1.2, 1.0, 1.0, 1.0], |ui, column| {
            match column {
                0 => Stat::new("Profile: production", "2")
                    .unit("of 11 block")
                    .verdict(Verdict::Fail, "not ready")
                    .show(ui),
                1 => Stat::new("Brief", "4").unit("of 5 met").show(ui),
                2 => Stat::new("ML Test Score", "2.5").unit("lowest: monitoring").show(ui),
                _ => Stat::new("MLOps level", "2").unit("automated training").show(ui),
            };
        });
    });
    let remark = "evidence keyed to model 9f2c41, code 7b10de, image 4e8a90";
    Card::new("Checklist").remark(remark).show(ui, checklist_ui);
}

fn checklist_ui(ui: &mut Ui) {
    use Verdict::{Fail, Pass, Stale};
    let rows = [
        ("Code", "In version control", Pass, "commit 7b10de, clean, pushed", "12:01"),
        ("", "Dependencies pinned", Fail, "requirements.txt line 4: pandas has no version", "12:01"),
        ("", "Lint and format", Pass, "ruff: 0 findings in 6 files", "12:01"),
        ("Model", "Serialised", Pass, "ONNX opset 17, 500 golden rows agree to 2e-7", "11:58"),
        ("", "Version tracked", Pass, "1.1.0, lineage complete", "11:58"),
        ("Testing", "Unit tests", Pass, "pytest: 14 passed in 2.1 s", "12:02"),
        ("", "Integration tests", Stale, "ran on image 1.0.0; the model changed since", "yesterday"),
        ("API", "Endpoints documented", Pass, "OpenAPI valid, 9 of 9 examples answer", "12:03"),
        ("", "Errors handled", Fail, "NaN in “tenure” answered 500; 41 of 42 bad requests answered 4xx", "12:03"),
        ("Monitoring", "Logging", Pass, "JSON with request id on good and bad requests", "12:03"),
        ("", "Health check", Pass, "live, ready, and not ready while draining", "12:03"),
    ];
    let table_columns = [
        Column::text("").exact(72.0),
        Column::text("").exact(156.0),
        Column::text("").exact(84.0),
        Column::text(""),
        Column::text("").exact(68.0).right(),
    ];
    Table::new("Checklist", &table_columns).pick(Some(8)).show(ui, rows.len(), |ui, row, column| {
        let (area, item, verdict, evidence, when) = rows[row];
        match column {
            0 => cell(ui, text::weak(area)),
            1 => cell(ui, text::medium(item)),
            2 => chip(ui, verdict, verdict.word()),
            3 => cell_wrapped(ui, text::body(evidence)),
            _ => cell(ui, text::figures(when).weak()),
        };
    });
}

pub(super) fn empty_ui(ui: &mut Ui) {
    let purpose = "What is inside the file, and whether it does what the brief says.";
    page_header(ui, "Model", purpose, |_| ());
    Card::bare().show(ui, |ui| {
        let what = "Drop an ONNX file anywhere on this window. It is read, checked against the brief and kept as 1.0.0; \
                    nothing runs before you have seen what is in it.";
        empty_state(ui, Icon::Drop, "No model yet", what, |ui| {
            primary_button(ui, "Browse…");
            secondary_button(ui, "Use the example");
        });
    });
}

pub(super) fn failed_ui(ui: &mut Ui) {
    page_header(ui, "Container", "One image with the model and its server, verified before it is tagged.", |ui| {
        primary_button(ui, "Build image");
        ui.add_enabled(false, Button::new(Tone::Secondary, "Run locally"));
    });
    problem_panel(ui, &problem(), Some("Build again"));
    notice(ui, Verdict::Stale, "The image on this machine holds version 1.0.0.");
    Card::new("Last image").remark("built 11:40").show(ui, |ui| {
        KeyValues::default().show(
            ui,
            &[
                ("Tag", text::mono("churn:1.0.0")),
                ("Id", text::mono("sha256:4e8a90c1")),
                ("Size", text::body("41.2 MB")),
            ],
        );
        understood_line(ui, "one container at 10.0.0.5:8080");
    });
}
