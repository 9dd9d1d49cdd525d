//! Drawings of data: shown on a page, exported as a picture and as a table.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use egui::{Layout, Theme, Ui};

use super::pictures::Camera;
use super::theme::{Look as _, space};
use super::ui_command::{Outbox, UiCommand};
use super::widgets::small_button;
use crate::problem::Problem;
use crate::project::disk::{RealDisk, write_atomic};

/// Size of an exported picture, in points; it has twice as many pixels.
const PICTURE: (f32, f32) = (960.0, 420.0);
/// Height of the line of exports, in points.
const SMALL_HEIGHT: f32 = 24.0;

/// A drawing of data. It owns what it shows, so that it can be drawn again elsewhere, at another size.
pub trait Figure: Debug + Send + Sync {
    /// A name for files, without an extension: `churn-1.1.0-latency`.
    fn file_stem(&self) -> String;

    /// Draws it over the available width, `height` points high.
    fn ui(&self, ui: &mut Ui, height: f32);

    /// The data drawn, as CSV with a line of names.
    fn csv(&self) -> String;
}

/// What a figure is exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureFormat {
    /// A picture in the theme in use.
    Png,
    /// The data.
    Csv,
}

impl FigureFormat {
    /// The file name's extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Csv => "csv",
        }
    }
}

/// A figure on its way to a file.
#[derive(Clone, Debug)]
pub struct Export {
    /// The figure.
    pub figure: Arc<dyn Figure>,
    /// What it becomes.
    pub format: FigureFormat,
}

impl PartialEq for Export {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.figure, &other.figure) && self.format == other.format
    }
}

impl Eq for Export {}

impl Export {
    /// The name proposed for the file.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.figure.file_stem(), self.format.extension())
    }

    /// Writes the file; rendering takes long, so call it from a job.
    pub fn write(&self, path: &Path, theme: Theme) -> Result<(), Problem> {
        let bytes = match self.format {
            FigureFormat::Csv => self.figure.csv().into_bytes(),
            FigureFormat::Png => {
                let camera = Camera::new(theme).size(PICTURE.0, PICTURE.1).pixels_per_point(2.0);
                let image = camera.render(|ui| {
                    let frame = egui::Frame::new().fill(ui.tokens().card).inner_margin(space::L);
                    egui::CentralPanel::default().frame(frame).show(ui, |ui| {
                        let height = ui.available_height();
                        self.figure.ui(ui, height);
                    });
                });
                let mut bytes = Vec::new();
                image.write_png(&mut bytes).map_err(|error| failed(path, &error))?;
                bytes
            }
        };
        write_atomic(&RealDisk, path, &bytes).map_err(|error| failed(path, &error))
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Problem {
    let fix = "Choose a folder that can be written, on a disk with room.";
    Problem::new(format!("Exporting failed: {error}"), path.display().to_string(), fix)
}

/// Shows a figure with its exports below at the right.
pub fn figure_ui(ui: &mut Ui, figure: &Arc<dyn Figure>, height: f32, outbox: &mut Outbox) {
    figure.ui(ui, height);
    ui.add_space(space::XS);
    // A layout of its own height: one that centres would take all the height there is.
    let line = egui::vec2(ui.available_width(), SMALL_HEIGHT);
    ui.allocate_ui_with_layout(line, Layout::right_to_left(egui::Align::Center), |ui| {
        for (format, label, tooltip) in [
            (FigureFormat::Csv, "CSV…", "Export the data of this figure"),
            (FigureFormat::Png, "PNG…", "Export this figure as a picture"),
        ] {
            if small_button(ui, label).on_hover_text(tooltip).clicked() {
                outbox.ask(UiCommand::ExportFigure(Export { figure: Arc::clone(figure), format }));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Dot;

    impl Figure for Dot {
        fn file_stem(&self) -> String {
            "dot".to_owned()
        }

        fn ui(&self, ui: &mut Ui, height: f32) {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), height), egui::Sense::hover());
            ui.painter().rect_filled(rect, 0.0, egui::Color32::WHITE);
        }

        fn csv(&self) -> String {
            "x,y\n1,2\n".to_owned()
        }
    }

    #[test]
    fn a_figure_becomes_a_picture_and_a_table() {
        let folder = tempfile::tempdir().unwrap();
        for (format, begins) in [(FigureFormat::Png, &b"\x89PNG"[..]), (FigureFormat::Csv, b"x,y\n1,2")] {
            let export = Export { figure: Arc::new(Dot), format };
            let path = folder.path().join(export.file_name());
            export.write(&path, Theme::Light).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert!(bytes.starts_with(begins), "{path:?}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_said_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent/dot.csv");
        std::fs::write(folder.path().join("absent"), "a file").unwrap();
        let problem =
            Export { figure: Arc::new(Dot), format: FigureFormat::Csv }.write(&path, Theme::Dark).unwrap_err();
        assert!(problem.what.starts_with("Exporting failed") && problem.place.ends_with("dot.csv"), "{problem}");
    }
}
