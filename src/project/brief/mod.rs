//! The brief: eight questions answered in one's own words, and the typed values picked out of them.
//!
//! The words and the value stand side by side in the file ([`Stated`]), so that either can be edited by hand:
//! new words are understood anew on loading, an edited value stands against unchanged words.

mod cadence;
mod input;
mod latency;
mod metrics;
mod output;
mod words;

use serde::{Deserialize, Serialize};

use super::contract::ClassLabel;
use super::evidence::bytes_sha256;

/// The whole brief, `brief.ron`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Brief {
    /// What problem does the model solve.
    pub problem: String,
    /// Who is the end user.
    pub end_user: String,
    /// What data is needed.
    pub data: String,
    /// What goes in.
    pub input: Stated<InputSpec>,
    /// What comes out.
    pub output: Stated<OutputSpec>,
    /// How fast an answer must come.
    pub latency: Stated<LatencyBudget>,
    /// How often the model is trained again.
    pub retraining: Stated<RetrainingCadence>,
    /// When the model counts as good.
    pub success: Stated<Vec<SuccessMetric>>,
    /// What the project does, one item a line.
    pub in_scope: String,
    /// What the project leaves out, one item a line.
    pub out_of_scope: String,
    /// The simplest model that would already be of use.
    pub minimum_viable_model: String,
}

/// An answer in words, with the value understood from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stated<T> {
    /// The answer as typed.
    pub words: String,
    /// What was understood, or set by hand; `None` when nothing measurable was found.
    pub value: Option<T>,
    /// A mark of the words `value` was understood from; when `words` has another, they were edited elsewhere.
    /// It is a digest and not the words, so that replacing a number throughout the file changes the words alone.
    pub parsed_from: String,
}

// Derived, it would ask for `T: Default`, and a limit has no default.
impl<T> Default for Stated<T> {
    fn default() -> Self {
        Self { words: String::new(), value: None, parsed_from: String::new() }
    }
}

/// A value that can be picked out of an answer in words.
pub trait Understand: Sized {
    /// The value stated by `words`, or `None` when they state none that can be measured.
    fn understand(words: &str) -> Option<Self>;

    /// The value as a person would say it: `p95 ≤ 200 ms`.
    fn describe(&self) -> String;

    /// What `words` state that cannot be, such as a 120th percentile; a sentence for the person who wrote them.
    fn objection(words: &str) -> Option<String> {
        let _ = words;
        None
    }
}

impl<T: Understand + PartialEq> Stated<T> {
    /// An answer understood from `words`.
    pub fn from_words(words: impl Into<String>) -> Self {
        let words = words.into();
        Self { value: T::understand(&words), parsed_from: mark_of(&words), words }
    }

    /// Understands the words anew when they are not those that gave the value.
    pub fn refresh(&mut self) {
        if mark_of(&self.words) != self.parsed_from {
            *self = Self::from_words(std::mem::take(&mut self.words));
        }
    }

    /// Whether the value was set by hand and the words say something else.
    pub fn is_overridden(&self) -> bool {
        T::understand(&self.words) != self.value
    }

    /// What was understood, in words; `None` when nothing was.
    pub fn understood(&self) -> Option<String> {
        self.value.as_ref().map(T::describe)
    }
}

/// The mark of an answer's words: empty for none, else the beginning of their SHA-256.
fn mark_of(words: &str) -> String {
    if words.is_empty() {
        return String::new();
    }
    let mut digest = bytes_sha256(words.as_bytes());
    digest.truncate(12);
    digest
}

impl Brief {
    /// Understands every answer whose words were edited elsewhere.
    pub fn refresh(&mut self) {
        self.input.refresh();
        self.output.refresh();
        self.latency.refresh();
        self.retraining.refresh();
        self.success.refresh();
    }
}

/// What goes in: the form of a request and the fields it names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSpec {
    /// `json`, `csv`, `image`, `text`, … when the words say so.
    pub form: Option<String>,
    /// Fields named in the words, such as `customer_id`.
    pub fields: Vec<String>,
}

/// What kind of answer the model gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputKind {
    /// The probability of one class.
    #[default]
    Probability,
    /// A class.
    Label,
    /// A number.
    Number,
}

/// A risk level: all scores from `from` up to the next band.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Its name, such as `high`.
    pub name: String,
    /// Smallest score that belongs to it; the first band's is 0.
    pub from: f64,
}

/// What comes out, and how it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputSpec {
    /// Probability, label or number.
    pub kind: OutputKind,
    /// The class the probability is of; `None` is the model's last class.
    pub positive_class: Option<ClassLabel>,
    /// Probability from which the positive class is predicted.
    pub threshold: f64,
    /// Risk levels in ascending order of `from`; empty when none were asked for.
    pub bands: Vec<Band>,
}

impl Default for OutputSpec {
    fn default() -> Self {
        Self { kind: OutputKind::default(), positive_class: None, threshold: 0.5, bands: Vec::new() }
    }
}

impl OutputSpec {
    /// The band a score falls into; `None` without bands or for NaN.
    pub fn band(&self, score: f64) -> Option<&str> {
        let reached = self.bands.iter().rev().find(|band| band.from <= score);
        reached.map(|band| band.name.as_str())
    }
}

/// How fast an answer must come, at which load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyBudget {
    /// Percentile that must hold, 0 to 100.
    pub percentile: f64,
    /// Limit in milliseconds.
    pub limit_ms: f64,
    /// Load in requests per second, when stated.
    pub per_second: Option<f64>,
    /// Rows in one request.
    pub batch: u32,
}

/// How often the model is trained again; with neither period nor trigger, never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetrainingCadence {
    /// Days between trainings; `None` when only a trigger is stated.
    pub every_days: Option<f64>,
    /// What else starts a training, such as `new data` or `drift`.
    pub trigger: Option<String>,
}

/// A measure of how good a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Metric {
    /// Share of right labels.
    Accuracy,
    /// Share of positives among those called positive.
    Precision,
    /// Share of positives found.
    Recall,
    /// Harmonic mean of precision and recall.
    F1,
    /// Area under the ROC curve.
    RocAuc,
    /// Area under the precision-recall curve (average precision).
    PrAuc,
    /// Negative mean log-likelihood.
    LogLoss,
    /// Root mean squared error.
    Rmse,
    /// Mean absolute error.
    Mae,
    /// Coefficient of determination.
    R2,
}

impl Metric {
    /// The usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::F1 => "F1",
            Self::RocAuc => "ROC-AUC",
            Self::PrAuc => "PR-AUC",
            Self::LogLoss => "log loss",
            Self::Rmse => "RMSE",
            Self::Mae => "MAE",
            Self::R2 => "R²",
        }
    }

    /// Whether more is better.
    pub fn greater_is_better(self) -> bool {
        !matches!(self, Self::LogLoss | Self::Rmse | Self::Mae)
    }
}

/// How a measured value is compared with the brief's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// measured > value
    Above,
    /// measured ≥ value
    AtLeast,
    /// measured < value
    Below,
    /// measured ≤ value
    AtMost,
}

impl Comparison {
    /// The sign.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => "≥",
            Self::Below => "<",
            Self::AtMost => "≤",
        }
    }

    /// Whether `measured` meets `value`; NaN never does.
    pub fn holds(self, measured: f64, value: f64) -> bool {
        match self {
            Self::Above => value < measured,
            Self::AtLeast => value <= measured,
            Self::Below => measured < value,
            Self::AtMost => measured <= value,
        }
    }
}

/// One condition under which the model counts as good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuccessMetric {
    /// What is measured.
    pub metric: Metric,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: f64,
    /// Smallest gain over the champion, in the metric's own unit.
    pub minimum_gain: Option<f64>,
    /// Class or average it is taken over (`1`, `macro`, `weighted`); `None` is the positive class.
    pub of: Option<String>,
}

#[cfg(test)]
mod random;
