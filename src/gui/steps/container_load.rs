//! The load of a verification: the container beside the same executable outside of it.

use egui::Ui;

use crate::gui::text;
use crate::gui::theme::space;
use crate::gui::widgets::{Card, Column, Table, cell, cell_number};
use crate::judge::{self, LOAD_PERCENTILES};
use crate::project::brief::LatencyBudget;
use crate::project::reports::LoadReport;

/// The card; `budget` is the brief's, which stands beside what was measured.
pub(super) fn load_ui(ui: &mut Ui, load: &LoadReport, budget: Option<&LatencyBudget>) {
    let rows = judge::load_rows(load);
    let mut columns = vec![Column::text("").share(1.4), Column::number("requests"), Column::number("requests/s")];
    columns.extend(
        LOAD_PERCENTILES.map(|percentile| Column::number(format!("{} ms", judge::percentile_name(percentile)))),
    );
    columns.push(Column::number("process MiB").exact(112.0));
    let remark = format!("{}, one request after another", load.asked);
    Card::new("In the container and outside").remark(&remark).show(ui, |ui| {
        Table::new("load", &columns).show(ui, rows.len(), |ui, row, column| {
            let shown = &rows[row];
            match column {
                0 => drop(cell(ui, text::medium(capitalised(shown.place)))),
                1 => drop(cell_number(ui, &shown.n)),
                2 => drop(cell_number(ui, &shown.per_second)),
                3..=5 => drop(cell_number(ui, &shown.percentiles[column - 3])),
                _ => drop(cell_number(ui, &shown.resident)),
            }
        });
        ui.add_space(space::S);
        let mut lines = Vec::new();
        if !load.outside_missing.is_empty() {
            lines.push(format!("Outside was not measured: {}.", load.outside_missing));
        }
        let memory = judge::load_memory(load);
        if !memory.is_empty() {
            lines.push(format!("The container's memory: {memory}."));
        }
        lines.push(judge::load_remark(budget));
        for line in lines {
            ui.label(text::small(line));
        }
    });
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
