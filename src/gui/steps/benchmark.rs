//! The benchmark's page.

use egui::Ui;

use crate::gui::ui_command::Outbox;
use crate::gui::widgets::page_header;
use crate::step::Step;
use crate::workbench::Workbench;

/// The benchmark's page.
#[derive(Debug, Default)]
pub(in crate::gui) struct BenchmarkView;

impl BenchmarkView {
    pub(in crate::gui) fn ui(&mut self, ui: &mut Ui, _workbench: &Workbench, _outbox: &mut Outbox) {
        page_header(ui, Step::Benchmark.label(), Step::Benchmark.purpose(), |_| ());
    }
}
