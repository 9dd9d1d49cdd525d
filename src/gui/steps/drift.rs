//! The drift's page.

use egui::Ui;

use crate::gui::ui_command::Outbox;
use crate::gui::widgets::page_header;
use crate::step::Step;
use crate::workbench::Workbench;

/// The drift's page.
#[derive(Debug, Default)]
pub(in crate::gui) struct DriftView;

impl DriftView {
    pub(in crate::gui) fn ui(&mut self, ui: &mut Ui, _workbench: &Workbench, _outbox: &mut Outbox) {
        page_header(ui, Step::Drift.label(), Step::Drift.purpose(), |_| ());
    }
}
