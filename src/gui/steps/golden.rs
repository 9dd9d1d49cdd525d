//! How the version answers the golden rows: how far apart, and which rows.

use egui::Ui;

use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::widgets::{Card, Column, Stat, Table, cell, cell_number, chip, columns, notice};
use crate::workbench::Workbench;

/// Rows left out that are listed.
const SHOWN_SKIPPED: usize = 5;

/// The last check, when there was one.
pub(super) fn golden_ui(ui: &mut Ui, workbench: &Workbench) {
    let Some(check) = &workbench.golden().last else { return };
    let comparison = &check.comparison;
    let agree = comparison.n_agree == comparison.n;
    Card::new("Golden rows").remark(&check.source).show(ui, |ui| {
        let n_agree = comparison.n_agree.to_string();
        let of = format!("of {} agree", comparison.n);
        let largest = figure(comparison.largest_error);
        let quantile = figure(comparison.quantile99_error);
        let flips = comparison.flips.len().to_string();
        columns(ui, &[1.2, 1.0, 1.0, 1.0], |ui, index| match index {
            0 => {
                let (verdict, word) = if agree { (Verdict::Pass, "agrees") } else { (Verdict::Fail, "differs") };
                Stat::new("Rows", &n_agree).unit(&of).verdict(verdict, word).show(ui);
            }
            1 => drop(Stat::new("Largest difference", &largest).show(ui)),
            2 => drop(Stat::new("99 % of the rows within", &quantile).show(ui)),
            _ => drop(Stat::new("Rows of another class", &flips).show(ui)),
        });
        ui.add_space(space::XS);
        ui.label(text::small(format!(
            "Differences up to {:.0e} agree; of scores above 1, up to that share of the score.",
            comparison.tolerance
        )));
        if !agree {
            ui.add_space(space::XS);
            notice(
                ui,
                Verdict::Fail,
                "This version does not answer as expected: rows imported just now were not kept. Check that the file is of this \
                 model, and that the features have the order and the types of training.",
            );
        }
        for remark in &check.remarks {
            ui.add_space(space::XS);
            notice(ui, Verdict::None, remark);
        }
        if !check.skipped.is_empty() {
            let listed: Vec<String> = check
                .skipped
                .iter()
                .take(SHOWN_SKIPPED)
                .map(|(row, why)| format!("row {}: {why}", row + 1))
                .collect();
            ui.add_space(space::XS);
            let words = format!("{} rows could not be compared: {}", check.skipped.len(), listed.join("; "));
            notice(ui, Verdict::Warn, &words);
        }
        if comparison.worst.is_empty() {
            return;
        }
        ui.add_space(space::S);
        let table_columns = [
            Column::number("row").exact(64.0),
            Column::text("expected").share(1.0),
            Column::text("answered").share(1.0),
            Column::number("difference").exact(110.0),
            Column::text("").exact(130.0).right(),
        ];
        let table = Table::new("rows that differ most", &table_columns).max_height(260.0);
        table.show(ui, comparison.worst.len(), |ui, row, column| {
            let differing = &comparison.worst[row];
            match column {
                0 => drop(cell_number(ui, &(differing.row + 1).to_string())),
                1 => drop(cell(ui, text::body(differing.expected.as_str()))),
                2 => drop(cell(ui, text::body(differing.answered.as_str()))),
                3 => drop(cell_number(ui, &figure(differing.error))),
                _ => {
                    let (verdict, word) = match (differing.flipped, differing.agrees) {
                        (true, _) => (Verdict::Fail, "another class"),
                        (false, true) => (Verdict::Pass, "agrees"),
                        (false, false) => (Verdict::Fail, "too far"),
                    };
                    chip(ui, verdict, word);
                }
            }
        });
    });
}

/// A difference, short.
fn figure(difference: f64) -> String {
    match difference {
        difference if difference <= 0.0 => "none".to_owned(),
        difference if (1e-3..1e6).contains(&difference) => format!("{difference:.3}"),
        difference => format!("{difference:.1e}"),
    }
}
