//! "AUC-ROC > 0.85, precision > 0.80" → two metrics.

use std::ops::Range;

use super::words::{NUMBER, all, find, groups, has, normal, number, pattern, replace, show};
use super::{Comparison, Metric, SuccessMetric, Understand};

/// Names in the order they are tried: the longer name that holds a shorter one comes first.
///
/// Without a metric it is a relative of one of ours that must not be taken for it.
const NAMES: [(&str, Option<Metric>); 14] = [
    (
        r"\b(?:mean average precision|balanced accuracy|top-?\s?\d+[- ]accuracy|partial auc|adjusted r(?:2|²|\^2|[- ]squared))",
        None,
    ),
    (r"\b(?:precision|recall|map|ndcg|hit[- ]?rate)\s?@\s?\w+", None),
    (
        r"\b(?:false positive rate|false negative rate|error rate|misclassification rate|specificity|top-?\s?\d+)\b",
        None,
    ),
    (r"\b(?:mape|mean absolute percentage error|mse|mean squared error|rmsle)\b", None),
    (
        r"\b(?:pr[- ]?auc|auc[- ]?pr|auprc|average precision|area under the (?:pr|precision[- ]recall) curve)\b",
        Some(Metric::PrAuc),
    ),
    (
        r"\b(?:roc[- ]?auc|auc[- ]?\(?roc\)?|auroc|auc|area under (?:the )?(?:roc[- ])?curve)(?:[- ]?score)?(?:\b|$|\s)",
        Some(Metric::RocAuc),
    ),
    (r"\b(?:f-?1|f-measure)(?:[- ]?(?:score|measure))?\b", Some(Metric::F1)),
    (r"\b(?:log[- ]?loss|cross[- ]?entropy)\b", Some(Metric::LogLoss)),
    (r"\b(?:rmse|root[- ]mean[- ]squared?[- ]error)\b", Some(Metric::Rmse)),
    (r"\b(?:mae|mean[- ]absolute[- ]error)\b", Some(Metric::Mae)),
    (r"(?:\br2(?:[- ]score)?\b|\br²|\br\^2\b|\br[- ]squared\b|\bcoefficient of determination\b)", Some(Metric::R2)),
    (r"\b(?:accuracy|acc|accurate|genauigkeit)\b", Some(Metric::Accuracy)),
    (r"\b(?:precision|précision)\b", Some(Metric::Precision)),
    (r"\b(?:recall|sensitivity|true positive rate|rappel)\b", Some(Metric::Recall)),
];

/// Signs and words in the order they are tried.
const COMPARISONS: [(&str, Comparison); 6] = [
    (
        r"\b(?:no|not|never|n't|cannot)\s+(?:\w+\s+){0,2}(?:below|under|less|lower|worse|smaller)\b|\b(?:no|not)\s+<",
        Comparison::AtLeast,
    ),
    (
        r"\b(?:no|not|never|n't|cannot)\s+(?:\w+\s+){0,2}(?:above|over|more|higher|larger|exceed|exceeding)\b",
        Comparison::AtMost,
    ),
    (r">=|=>|\b(?:at least|minimum|min|or (?:more|higher|better|above)|mindestens|au moins)\b", Comparison::AtLeast),
    (r"<=|=<|\b(?:at most|up to|maximum|max|within|or (?:less|lower|below)|höchstens|au plus)\b", Comparison::AtMost),
    (
        r">|\b(?:above|over|greater than|more than|higher than|better than|exceeds?|exceeding|beyond|über|plus de)\b",
        Comparison::Above,
    ),
    (r"<|\b(?:below|under|less than|lower than|smaller than|unter|moins de)\b", Comparison::Below),
];

/// Better than today's model, by so much.
const GAIN: &str = r"\s*(%|percent(?:age points?)?|points?|pp|%-?points?)?\s*(?:better|above|more|higher|over|lower|less|smaller|below|improvement)\s+(?:than|over|on|compared (?:to|with))?\s*(?:the\s+|our\s+|today's\s+)?(?:current|champion|existing|present|baseline|old|previous|production)(?:\s+(?:model|one|system|version))?";

impl Understand for Vec<SuccessMetric> {
    fn understand(words: &str) -> Option<Self> {
        let text = normal(words);
        let (metrics, _) = read(&text);
        (!metrics.is_empty()).then_some(metrics)
    }

    fn describe(&self) -> String {
        self.iter().map(SuccessMetric::describe).collect::<Vec<_>>().join(", ")
    }

    fn objection(words: &str) -> Option<String> {
        read(&normal(words)).1.into_iter().next()
    }
}

impl SuccessMetric {
    /// The condition as a person would write it: `ROC-AUC > 0.85`.
    pub fn describe(&self) -> String {
        let of = self.of.as_ref().map(|of| match of.as_str() {
            "macro" | "micro" | "weighted" => format!(" ({of})"),
            class => format!(" of class {class}"),
        });
        let gain = self.minimum_gain.map(|gain| format!("at least {} better than the champion", show(gain)));
        let of = of.unwrap_or_default();
        // A metric that only has to gain has no bound of its own.
        if let Some(gain) = gain.as_ref().filter(|_| self.is_gain_only()) {
            return format!("{}{of} {gain}", self.metric.name());
        }
        format!(
            "{}{} {} {}{}",
            self.metric.name(),
            of,
            self.comparison.sign(),
            show(self.value),
            gain.map_or_else(String::new, |gain| format!(", {gain}"))
        )
    }

    /// Whether every value meets the bound, so that only the gain counts.
    fn is_gain_only(&self) -> bool {
        self.metric.greater_is_better() && self.comparison == Comparison::AtLeast && self.value.abs() < f64::EPSILON
    }
}

/// Whether a metric lies between 0 and 1.
fn is_share(metric: Metric) -> bool {
    !matches!(metric, Metric::LogLoss | Metric::Rmse | Metric::Mae | Metric::R2)
}

/// A metric's name in the text.
struct Name {
    place: Range<usize>,
    metric: Option<Metric>,
}

/// The names in the order of the text; a place belongs to the first name that claims it.
fn names(text: &str) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for (name, metric) in NAMES {
        let Some(pattern) = pattern(name) else { continue };
        for found in pattern.find_iter(text) {
            if names.iter().all(|name| found.end() <= name.place.start || name.place.end <= found.start()) {
                names.push(Name { place: found.range(), metric });
            }
        }
    }
    names.sort_by_key(|name| name.place.start);
    names
}

/// The metrics of an answer, and what in it was not understood.
fn read(text: &str) -> (Vec<SuccessMetric>, Vec<String>) {
    let (mut metrics, mut objections) = (Vec::<SuccessMetric>::new(), Vec::new());
    if has(text, r"\b(?:precision|recall)\b[^,;]*\bat\b[^,;]*\b(?:recall|precision)\b") {
        let objection = "Precision at a given recall cannot be judged yet; name a value for each.";
        return (metrics, vec![objection.to_owned()]);
    }
    // Names that wait for the value after the next one: "precision and recall above 0.8".
    let mut waiting: Vec<Metric> = Vec::new();
    for clause in clauses(text) {
        let names = names(clause);
        if names.is_empty() {
            if let Some(gain) = groups(clause, &format!("{NUMBER}{GAIN}")) {
                let last = metrics.last_mut();
                if let Some((metric, gain)) = last.map(|last| (last, read_gain(&gain))) {
                    apply(metric, gain, &mut objections);
                }
            }
            continue;
        }
        let parts = parts(clause, &names);
        for (name, part) in names.iter().zip(parts) {
            let Some(metric) = name.metric else {
                waiting.clear();
                continue;
            };
            match condition(metric, &part) {
                Read::Nothing => waiting.push(metric),
                Read::Objection(objection) => {
                    waiting.clear();
                    objections.push(objection);
                }
                Read::Metric(condition) => {
                    let fits = |other: &Metric| {
                        other.greater_is_better() == metric.greater_is_better() && is_share(*other) == is_share(metric)
                    };
                    let shared =
                        waiting.drain(..).filter(fits).map(|metric| SuccessMetric { metric, ..condition.clone() });
                    metrics.extend(shared);
                    metrics.push(condition);
                }
            }
        }
    }
    if !waiting.is_empty() && !metrics.is_empty() {
        let names: Vec<&str> = waiting.iter().map(|metric| metric.name()).collect();
        objections.push(format!("No value was understood for {}.", names.join(", ")));
    }
    (metrics, objections)
}

/// The text cut where one condition ends and the next begins.
fn clauses(text: &str) -> Vec<&str> {
    let Some(ends) = pattern(r"[;\n&+/]|,|\s(?:and|und|et|y|but|as well as|while|with)\s") else { return vec![text] };
    ends.split(text).collect()
}

/// What belongs to each name of a clause: the words up to the next name, or from the one before when values come first.
fn parts(clause: &str, names: &[Name]) -> Vec<String> {
    let without_name = |range: Range<usize>, name: &Name| {
        let before = clause.get(range.start..name.place.start).unwrap_or_default();
        let after = clause.get(name.place.end..range.end).unwrap_or_default();
        format!("{before} {after}")
    };
    let [.., last] = names else { return Vec::new() };
    let first_start = names.first().map_or(0, |name| name.place.start);
    let values_first = 1 < names.len()
        && has(clause.get(..first_start).unwrap_or_default(), NUMBER)
        && !has(clause.get(last.place.end..).unwrap_or_default(), NUMBER);
    let part = |(index, name): (usize, &Name)| {
        let start = if index == 0 {
            0
        } else if values_first {
            names[index - 1].place.end
        } else {
            name.place.start
        };
        let next = names.get(index + 1);
        let end = next.map_or(clause.len(), |next| if values_first { name.place.end } else { next.place.start });
        without_name(start..end, name)
    };
    names.iter().enumerate().map(part).collect()
}

enum Read {
    Nothing,
    Objection(String),
    Metric(SuccessMetric),
}

enum Gain {
    /// In the metric's own unit; points are hundredths of a share.
    By { amount: f64, points: bool },
    /// A share of what is there today, or of the whole.
    Unclear,
}

fn read_gain(groups: &[String]) -> Gain {
    let amount = groups.first().and_then(|amount| number(amount));
    let unit = groups.get(1).map_or("", String::as_str);
    match (amount, unit) {
        (Some(amount), "") => Gain::By { amount, points: false },
        (Some(amount), unit) if unit.contains("point") || unit == "pp" => Gain::By { amount, points: true },
        _ => Gain::Unclear,
    }
}

fn apply(metric: &mut SuccessMetric, gain: Gain, objections: &mut Vec<String>) {
    match gain {
        Gain::By { amount, points } => {
            let amount = if points && is_share(metric.metric) { amount / 100.0 } else { amount };
            if !is_share(metric.metric) || amount <= 1.0 {
                metric.minimum_gain = Some(amount);
            } else {
                objections.push(format!(
                    "{} cannot gain {}; write “5 points better”.",
                    metric.metric.name(),
                    show(amount)
                ));
            }
        }
        Gain::Unclear => {
            objections.push("“5 % better” has two readings; write “5 points better” or “0.05 better”.".to_owned());
        }
    }
}

/// The condition that the words around a name state for it.
fn condition(metric: Metric, words: &str) -> Read {
    let name = metric.name();
    let of = find(words, r"\b(macro|micro|weighted)\b")
        .or_else(|| find(words, r#"\bclass\s*=?\s*["'](.+?)["']"#))
        .or_else(|| find(words, r"\bclass\s*=?\s*([\w-]+)"));
    // The digits of a class are not the value.
    let rest = replace(words, r#"\b(?:of|on|for)?\s*class\s*=?\s*(?:["'].+?["']|[\w-]+)"#, " ");
    let gain = groups(&rest, &format!("{NUMBER}{GAIN}"));
    let rest = if gain.is_some() { replace(&rest, &format!("{NUMBER}{GAIN}"), " ") } else { rest };
    let usual = if metric.greater_is_better() { Comparison::AtLeast } else { Comparison::AtMost };
    let comparison = COMPARISONS.iter().find(|(sign, _)| has(&rest, sign)).map(|(_, comparison)| *comparison);
    let values = all(&rest, &format!(r"(-\s*)?{NUMBER}\s*(k\b|m\b|%|percent\b)?"));
    if has(&rest, r"\bbetween\b") || has(&rest, &format!(r"{NUMBER}\s*%?\s*(?:-|to|or)\s*{NUMBER}")) {
        return Read::Objection(format!("{name} is given a range; name the one value it must reach."));
    }
    let value = match values.as_slice() {
        [] if gain.is_some() && metric.greater_is_better() => 0.0,
        [] if gain.is_some() => return Read::Objection(format!("Name a value for {name} beside the gain.")),
        [] => return Read::Nothing,
        [found] => {
            let [_, minus, amount, unit] = found.as_slice() else { return Read::Nothing };
            let Some(amount) = number(amount) else { return Read::Nothing };
            let scale = match unit.as_str() {
                "k" => 1e3,
                "m" => 1e6,
                "" => 1.0,
                _ if matches!(metric, Metric::LogLoss | Metric::Rmse | Metric::Mae) => {
                    return Read::Objection(format!("{name} is no share; give it in the unit of what is predicted."));
                }
                _ => 0.01,
            };
            // 90 % is 0.9, and 58 % is 0.58, not 0.58 with a tail of digits.
            let amount = (amount * scale * 1e9).round() / 1e9;
            if minus.is_empty() { amount } else { -amount }
        }
        _ => return Read::Objection(format!("{name} stands beside several numbers; name the one it must reach.")),
    };
    // "accuracy of 90" may mean 90 % or be a slip; a value that cannot be is not taken.
    if is_share(metric) && !(0.0..=1.0).contains(&value) {
        return Read::Objection(format!("{name} lies between 0 and 1, {} cannot be reached.", show(value)));
    }
    if metric == Metric::R2 && 1.0 < value || !metric.greater_is_better() && value < 0.0 {
        return Read::Objection(format!("{name} cannot be {}.", show(value)));
    }
    let mut condition =
        SuccessMetric { metric, comparison: comparison.unwrap_or(usual), value, minimum_gain: None, of };
    let mut objections = Vec::new();
    if let Some(gain) = gain {
        if values.is_empty() {
            condition.comparison = Comparison::AtLeast;
        }
        apply(&mut condition, read_gain(&gain), &mut objections);
    }
    objections.into_iter().next().map_or(Read::Metric(condition), Read::Objection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: Option<&str>) {
        let understood = Vec::<SuccessMetric>::understand(words).map(|metrics| metrics.describe());
        assert_eq!(understood.as_deref(), expected, "{words}");
    }

    #[test]
    fn stated_metrics_are_understood() {
        for (words, expected) in [
            ("AUC-ROC > 0.85, precision > 0.80", "ROC-AUC > 0.85, precision > 0.8"),
            ("AUC > 0,85 und Precision > 0,80", "ROC-AUC > 0.85, precision > 0.8"),
            ("accuracy at least 90 %", "accuracy ≥ 0.9"),
            ("90% accuracy", "accuracy ≥ 0.9"),
            ("F1 >= .8 (macro)", "F1 (macro) ≥ 0.8"),
            ("F1-score above 0.8 and recall of 0.7 on class 1", "F1 > 0.8, recall of class 1 ≥ 0.7"),
            ("RMSE below 3.2", "RMSE < 3.2"),
            ("mae ≤ 1,500", "MAE ≤ 1,500"),
            ("R² of at least 0.6", "R² ≥ 0.6"),
            ("log loss under 0.4", "log loss < 0.4"),
            ("PR-AUC > 0.5; ROC AUC > 0.9", "PR-AUC > 0.5, ROC-AUC > 0.9"),
            ("average precision 0.5", "PR-AUC ≥ 0.5"),
            ("recall for class 'yes' ≥ 0.7", "recall of class yes ≥ 0.7"),
            (
                "accuracy > 0.8, 5 points better than the current model",
                "accuracy > 0.8, at least 0.05 better than the champion",
            ),
            ("AUC > 0,85, precision > 0,80", "ROC-AUC > 0.85, precision > 0.8"),
            ("AUC-ROC>0.85,precision>0.80", "ROC-AUC > 0.85, precision > 0.8"),
            ("AUC (ROC) above 85%", "ROC-AUC > 0.85"),
            ("precision and recall above 0.8", "precision > 0.8, recall > 0.8"),
            ("precision/recall ≥ 0.8", "precision ≥ 0.8, recall ≥ 0.8"),
            ("accuracy 0.9 recall 0.8", "accuracy ≥ 0.9, recall ≥ 0.8"),
            ("0.9 accuracy and 0.8 recall", "accuracy ≥ 0.9, recall ≥ 0.8"),
            ("at least 95 % accurate", "accuracy ≥ 0.95"),
            ("accuracy must not drop below 0.8", "accuracy ≥ 0.8"),
            ("recall never under 70 %", "recall ≥ 0.7"),
            ("RMSE should not exceed 3", "RMSE ≤ 3"),
            ("RMSE of 3.2 or less", "RMSE ≤ 3.2"),
            ("an accuracy of 0.9 or more", "accuracy ≥ 0.9"),
            ("MAE < 5k", "MAE < 5,000"),
            ("MAE < €1,500", "MAE < 1,500"),
            ("mean absolute error at most 2", "MAE ≤ 2"),
            ("58 % recall", "recall ≥ 0.58"),
            ("recall of 0.7 on class 1", "recall of class 1 ≥ 0.7"),
            ("F1 0.8 weighted", "F1 (weighted) ≥ 0.8"),
            ("R2-score ≥ 0.6", "R² ≥ 0.6"),
            ("r² > -0.5", "R² > -0.5"),
            ("AUC 5 points better than the current model", "ROC-AUC at least 0.05 better than the champion"),
            ("RMSE < 3, 0.2 lower than the current model", "RMSE < 3, at least 0.2 better than the champion"),
            ("AUC > 0.85 but precision@10 > 0.3", "ROC-AUC > 0.85"),
            ("Genauigkeit mindestens 90 %", "accuracy ≥ 0.9"),
            (
                "accuracy > 0.8 or 5 points better than the current model",
                "accuracy > 0.8, at least 0.05 better than the champion",
            ),
        ] {
            check(words, Some(expected));
        }
    }

    #[test]
    fn what_states_no_metric_is_not_guessed() {
        for words in [
            "",
            "as accurate as possible",
            "better than 0.8",
            "accuracy",
            "accuracy of 90",
            "AUC > 1.2",
            "happy customers",
            "5 points better than the current model",
            "better than today",
            "accuracy between 0.8 and 0.9",
            "accuracy 0.8-0.9",
            "mean average precision > 0.5",
            "balanced accuracy > 0.8",
            "top-5 accuracy > 0.9",
            "false positive rate < 5 %",
            "precision 0.9 at recall 0.5",
            "MAE below 2 %",
            "MAPE < 10 %",
            "RMSE < -1",
            "AUC 5 % better than the current model",
            "0.9",
            "> 0.9",
        ] {
            check(words, None);
        }
    }
    #[test]
    fn what_cannot_be_or_was_left_out_is_said() {
        for (words, part) in [
            ("AUC > 1.2", Some("between 0 and 1, 1.2 cannot be reached")),
            ("accuracy of 90, AUC > 0.8", Some("90 cannot be reached")),
            ("R² > 1.5", Some("cannot be 1.5")),
            ("accuracy between 0.8 and 0.9", Some("a range")),
            ("AUC 5 % better than the current model", Some("two readings")),
            ("AUC > 0.8, high recall", Some("No value was understood for recall")),
            ("MAE below 2 %", Some("no share")),
            ("precision 0.9 at recall 0.5", Some("at a given recall")),
            ("AUC > 0.8", None),
            ("fast", None),
        ] {
            let objection = Vec::<SuccessMetric>::objection(words);
            match part {
                Some(part) => {
                    assert!(objection.as_ref().is_some_and(|text| text.contains(part)), "{words}: {objection:?}");
                }
                None => assert_eq!(objection, None, "{words}"),
            }
        }
    }
}
