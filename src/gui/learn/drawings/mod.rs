//! Small drawings of concepts, made by the painter in the theme's colours.

mod curves;
mod journey;
mod sketch;
mod traffic;

use egui::{Response, Role, Sense, Ui, WidgetInfo, vec2};

use self::sketch::Sketch;
use crate::gui::theme::{Look as _, RADIUS};

/// A drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawing {
    Gap,
    Stairs,
    Scope,
    Percentile,
    Versions,
    ConfusionMatrix,
    Threshold,
    Roc,
    Interval,
    CpuGpu,
    BatchRealTime,
    DataDrift,
    ConceptDrift,
    LabelDrift,
    FeatureStore,
    Pipeline,
    Layers,
    Shadow,
    Canary,
    BlueGreen,
    AbTest,
}

impl Drawing {
    /// What a screen reader says in its place.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Gap => "A trestle bridge over a gap, from the notebook on one bank to production on the other",
            Self::Stairs => {
                "A flight of five stairs, from level 0, by hand, up to level 4, where training starts itself"
            }
            Self::Scope => "A fence around what the first version does; what people will ask for anyway stands outside",
            Self::Percentile => {
                "A histogram of answer times with a long tail, and a line at p95 far right of the median"
            }
            Self::Versions => {
                "A version number of three parts: major for the contract, minor for the model, patch for preprocessing"
            }
            Self::ConfusionMatrix => {
                "A table of two by two: found and missed above, false alarms and rightly left alone below"
            }
            Self::Threshold => "Two overlapping bell curves of scores, negatives and positives, cut by the threshold",
            Self::Roc => "A curve that rises steeply above the diagonal of chance; the area under it is shaded",
            Self::Interval => {
                "Two intervals beside a limit: the one of many rows clears it, the one of few rows crosses it"
            }
            Self::CpuGpu => {
                "Time against batch size: a CPU is faster for small batches, a GPU for large ones, and the lines cross"
            }
            Self::BatchRealTime => {
                "Batch: many rows pass through the model at night into a table. Real time: one request, one answer"
            }
            Self::DataDrift => {
                "Two bell curves of one feature: the current data has moved to the right of the reference"
            }
            Self::ConceptDrift => "The same points twice; the line that parts the two classes has turned",
            Self::LabelDrift => "Two bars of outcomes: the share that leaves grew from one tenth to one quarter",
            Self::FeatureStore => {
                "A feature store fed by raw data; training takes its history, serving its latest values"
            }
            Self::Pipeline => "Five stages in a row, from data over features, training and evaluation to delivery",
            Self::Layers => {
                "A container in layers: the executable and its libraries below, the model and its documents on top"
            }
            Self::Shadow => {
                "Requests go to the old version, which answers; a copy goes to the new version, whose answer is only compared"
            }
            Self::Canary => "The share of the new version grows in steps: 5, 10, 25, 50 and 100 percent",
            Self::BlueGreen => "A switch leads all requests to blue, the old version, or to green, the new one",
            Self::AbTest => {
                "Users are divided in halves; each half meets its own version, and the outcomes are compared"
            }
        }
    }

    /// Draws it over the available width.
    pub(super) fn ui(self, ui: &mut Ui) -> Response {
        let width = ui.available_width();
        let size = vec2(width, (width * sketch::HEIGHT / sketch::WIDTH).round());
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.description()));
        if !ui.is_rect_visible(rect) {
            return response;
        }
        let t = ui.tokens();
        let line = egui::StrokeKind::Inside;
        ui.painter().rect(rect, RADIUS, t.bg, t.hairline(), line);
        let pen = &Sketch::new(ui, rect);
        match self {
            Self::Gap => journey::gap(pen),
            Self::Stairs => journey::stairs(pen),
            Self::Scope => journey::scope(pen),
            Self::Versions => journey::versions(pen),
            Self::FeatureStore => journey::feature_store(pen),
            Self::Pipeline => journey::pipeline(pen),
            Self::Layers => journey::layers(pen),
            Self::Percentile => curves::percentile(pen),
            Self::ConfusionMatrix => curves::confusion_matrix(pen),
            Self::Threshold => curves::threshold(pen),
            Self::Roc => curves::roc(pen),
            Self::Interval => curves::interval(pen),
            Self::CpuGpu => curves::cpu_gpu(pen),
            Self::DataDrift => curves::data_drift(pen),
            Self::ConceptDrift => curves::concept_drift(pen),
            Self::LabelDrift => curves::label_drift(pen),
            Self::BatchRealTime => traffic::batch_real_time(pen),
            Self::Shadow => traffic::shadow(pen),
            Self::Canary => traffic::canary(pen),
            Self::BlueGreen => traffic::blue_green(pen),
            Self::AbTest => traffic::ab_test(pen),
        }
        response
    }
}
