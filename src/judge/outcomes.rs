//! A classifier's outcomes read as the brief says: which class is positive, and from which probability it is called.

use super::figures::counted;
use crate::project::brief::{Brief, OutputKind, OutputSpec};
use crate::project::reports::{ClassOutcomes, EvaluationReport, Outcomes, ScorePoint};
use crate::statistics::{Averaging, Confusion, Estimate, RankPoint, roc_auc, roc_curve, thin_curve};

/// Steps along each axis of a drawn curve.
const CURVE_STEPS: u32 = 250;

/// Classes of which there are curves at most.
const MAX_LINES: usize = 20;

/// The value of `of` that stands for an average.
pub(super) fn averaging(of: &str) -> Option<Averaging> {
    match of {
        "macro" => Some(Averaging::Macro),
        "micro" => Some(Averaging::Micro),
        "weighted" => Some(Averaging::Weighted),
        _ => None,
    }
}

/// Rows of another class, known or not, are negatives.
pub(super) fn rank_points(points: &[ScorePoint]) -> Vec<RankPoint> {
    let point = |point: &ScorePoint| RankPoint {
        score: point.score,
        n_positive: point.n_positive,
        n_negative: point.n_negative + point.n_unknown,
    };
    points.iter().map(point).collect()
}

impl ClassOutcomes {
    /// The name of a class.
    pub(super) fn name(&self, class: usize) -> String {
        self.classes.get(class).map(ToString::to_string).unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<usize> {
        let known = || self.classes.iter().take(self.n_known).map(ToString::to_string);
        // A brief in words is read in lower case.
        let lower = || known().position(|class| class.to_lowercase() == name.to_lowercase());
        known().position(|class| class == name).or_else(lower)
    }

    /// The class a metric is taken of: the named one, else the brief's positive class, else the last of two.
    pub(super) fn class(&self, output: Option<&OutputSpec>, of: Option<&str>) -> Result<usize, String> {
        let positive = output.and_then(|output| output.positive_class.as_ref()).map(ToString::to_string);
        match of.map(str::to_owned).or(positive) {
            Some(name) => self.find(&name).ok_or_else(|| {
                let known: Vec<String> = (0..self.n_known.min(6)).map(|class| self.name(class)).collect();
                let more = if 6 < self.n_known { ", …" } else { "" };
                format!("The model has no class “{name}”, only {}{more}", known.join(", "))
            }),
            None if self.n_known == 2 => Ok(1),
            None => Err(format!(
                "The model has {}; name one of them or an average, such as “macro”",
                counted(self.n_known as u64, "class")
            )),
        }
    }

    /// The threshold that decides the class: the brief's, where `/predict` applies it too.
    fn threshold(&self, output: Option<&OutputSpec>) -> Option<f64> {
        let output = output.filter(|output| output.kind == OutputKind::Probability)?;
        let moved = f64::EPSILON < (output.threshold - 0.5).abs();
        (moved && self.probabilities && self.n_known == 2 && self.scores.len() == 2).then_some(output.threshold)
    }

    /// Counts of rows by true class and answered class, under the brief's threshold.
    pub(super) fn table(&self, output: Option<&OutputSpec>) -> Result<ConfusionTable, String> {
        let names: Vec<String> = (0..self.classes.len()).map(|class| self.name(class)).collect();
        let Some(threshold) = self.threshold(output) else {
            let confusion = Confusion::new(names.len(), self.confusion.iter().copied());
            return Ok(ConfusionTable { names, n_known: self.n_known, confusion, called_from: None });
        };
        let positive = self.class(output, None)?;
        let negative = 1 - positive;
        let own = Confusion::new(names.len(), self.confusion.iter().copied());
        let mut names = names;
        // The curve counts labels that the model does not know together.
        if 3 < names.len() {
            names.truncate(2);
            names.push("unknown labels".to_owned());
        }
        let mut cells = Vec::new();
        let (mut n_positive, mut n_negative, mut n_unknown) = (0, 0, 0);
        for point in &self.scores[positive].points {
            let answer = Some(if threshold <= point.score { positive } else { negative });
            cells.extend([
                (positive, answer, point.n_positive),
                (negative, answer, point.n_negative),
                (2, answer, point.n_unknown),
            ]);
            n_positive += point.n_positive;
            n_negative += point.n_negative;
            n_unknown += point.n_unknown;
        }
        // Rows without a score are in no curve, and get no answer.
        let unknown: u64 = (2..self.classes.len()).map(|class| own.n_true(class)).sum();
        cells.extend([
            (positive, None, own.n_true(positive).saturating_sub(n_positive)),
            (negative, None, own.n_true(negative).saturating_sub(n_negative)),
            (2, None, unknown.saturating_sub(n_unknown)),
        ]);
        let confusion = Confusion::new(names.len(), cells);
        let called_from = Some((self.name(positive), threshold));
        Ok(ConfusionTable { names, n_known: self.n_known, confusion, called_from })
    }
}

/// Counts of rows by true class and answered class.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionTable {
    /// The names of the classes; those that only the data has come last.
    pub names: Vec<String>,
    /// How many of them are the model's own.
    pub n_known: usize,
    /// The counts.
    pub confusion: Confusion,
    /// The class that the brief's threshold decides for, and the probability from which it does; `None` where the
    /// model's own answers count.
    pub called_from: Option<(String, f64)>,
}

impl ConfusionTable {
    /// The answers that make columns: the model's classes, others that were answered all the same, and none where some
    /// row got none.
    pub fn answers(&self) -> Vec<Option<usize>> {
        let cells = self.confusion.cells();
        let others = (self.n_known..self.names.len()).filter(|class| cells.iter().any(|cell| cell.1 == Some(*class)));
        let none = cells.iter().any(|cell| cell.1.is_none()).then_some(None);
        (0..self.n_known).chain(others).map(Some).chain(none).collect()
    }
}

/// The table of a classifier under the brief's threshold; under the model's own answers where that cannot be applied.
/// `None` for a regressor.
pub fn confusion_table(report: &EvaluationReport, brief: &Brief) -> Option<ConfusionTable> {
    match &report.outcomes {
        Outcomes::Classes(outcomes) => {
            let stated = outcomes.table(brief.output.value.as_ref());
            stated.or_else(|_| outcomes.table(None)).ok()
        }
        Outcomes::Numbers(_) => None,
    }
}

/// The ROC curve of one class against the others.
#[derive(Clone, Debug, PartialEq)]
pub struct RocLine {
    /// The class.
    pub class: String,
    /// False positive rate, true positive rate, and the score from which the class is called; thinned for drawing.
    pub points: Vec<(f64, f64, f64)>,
    /// The area under it.
    pub auc: Option<Estimate>,
    /// Where the brief's threshold lies on it: false positive rate, true positive rate, threshold.
    pub at_threshold: Option<(f64, f64, f64)>,
}

/// The curves to draw: of the positive class, or of the first few classes where none is; none without scores, or
/// where the data has rows of one kind only.
pub fn roc_lines(report: &EvaluationReport, brief: &Brief) -> Vec<RocLine> {
    let Outcomes::Classes(outcomes) = &report.outcomes else { return Vec::new() };
    let output = brief.output.value.as_ref();
    let classes = match outcomes.class(output, None) {
        Ok(class) => vec![class],
        Err(_) => (0..outcomes.n_known.min(MAX_LINES)).collect(),
    };
    let line = |class: usize| {
        let points = rank_points(&outcomes.scores.get(class)?.points);
        let curve = roc_curve(&points);
        if curve.is_empty() {
            return None;
        }
        let decides = outcomes.probabilities && outcomes.n_known == 2;
        let threshold = output.filter(|output| output.kind == OutputKind::Probability).map_or(0.5, |o| o.threshold);
        let reached = curve.iter().rev().find(|(_, _, score)| threshold <= *score).filter(|_| decides);
        Some(RocLine {
            class: outcomes.name(class),
            auc: roc_auc(&points),
            at_threshold: reached.map(|(fpr, tpr, _)| (*fpr, *tpr, threshold)),
            points: thin_curve(&curve, CURVE_STEPS),
        })
    };
    classes.into_iter().filter_map(line).collect()
}
