//! "AUC-ROC > 0.85, precision > 0.80" → two metrics.

use super::words::{NUMBER, find, groups, has, normal, number, pattern, replace, show};
use super::{Comparison, Metric, SuccessMetric, Understand};

/// Names in the order they are tried: the longer name that holds a shorter one comes first.
const NAMES: [(&str, Metric); 10] = [
    (
        r"\b(?:pr[- ]?auc|auc[- ]?pr|auprc|average precision|area under the (?:pr|precision[- ]recall) curve)\b",
        Metric::PrAuc,
    ),
    (
        r"\b(?:roc[- ]?auc|auc[- ]?roc|auroc|auc|gini[- ]auc|area under (?:the )?(?:roc )?curve)(?:\s+score)?\b",
        Metric::RocAuc,
    ),
    (r"\b(?:f-?1|f-measure)(?:[- ]?score)?\b", Metric::F1),
    (r"\b(?:log[- ]?loss|cross[- ]?entropy)\b", Metric::LogLoss),
    (r"\b(?:rmse|root[- ]mean[- ]squared?[- ]error)\b", Metric::Rmse),
    (r"\b(?:mae|mean[- ]absolute[- ]error)\b", Metric::Mae),
    (r"(?:\br2\b|\br²|\br\^2\b|\br[- ]squared\b|\bcoefficient of determination\b)", Metric::R2),
    (r"\b(?:accuracy|acc)\b", Metric::Accuracy),
    (r"\bprecision\b", Metric::Precision),
    (r"\b(?:recall|sensitivity|true positive rate)\b", Metric::Recall),
];

/// Signs and words in the order they are tried.
const COMPARISONS: [(&str, Comparison); 4] = [
    (r">=|=>|\b(?:at least|no less than|not less than|not below|minimum|min)\b", Comparison::AtLeast),
    (r"<=|=<|\b(?:at most|no more than|not more than|up to|maximum|max|within)\b", Comparison::AtMost),
    (
        r">|\b(?:above|over|greater than|more than|higher than|better than|exceeds?|exceeding|beyond)\b",
        Comparison::Above,
    ),
    (r"<|\b(?:below|under|less than|lower than|smaller than)\b", Comparison::Below),
];

impl Understand for Vec<SuccessMetric> {
    fn understand(words: &str) -> Option<Self> {
        let text = normal(words);
        let clauses = text.split([',', ';', '\n', '&', '+']).flat_map(|clause| clause.split(" and "));
        let metrics: Self = clauses.filter_map(metric).collect();
        (!metrics.is_empty()).then_some(metrics)
    }

    fn describe(&self) -> String {
        self.iter().map(SuccessMetric::describe).collect::<Vec<_>>().join(", ")
    }
}

impl SuccessMetric {
    /// The condition as a person would write it: `ROC-AUC > 0.85`.
    pub fn describe(&self) -> String {
        let of = self.of.as_ref().map(|of| match of.as_str() {
            "macro" | "micro" | "weighted" => format!(" ({of})"),
            class => format!(" of class {class}"),
        });
        let gain = self.minimum_gain.map(|gain| format!(", at least {} better than the champion", show(gain)));
        format!(
            "{}{} {} {}{}",
            self.metric.name(),
            of.unwrap_or_default(),
            self.comparison.sign(),
            show(self.value),
            gain.unwrap_or_default()
        )
    }
}

fn metric(clause: &str) -> Option<SuccessMetric> {
    let (name, metric) = NAMES.iter().find(|(name, _)| has(clause, name))?;
    // The digits of a name (F1, R²) or of a class are not the value.
    let rest = pattern(name)?.replace(clause, " ").into_owned();
    let of = find(&rest, r"\b(macro|micro|weighted)\b").or_else(|| find(&rest, r#"\bclass\s*=?\s*["']?([\w-]+)["']?"#));
    let rest = replace(&rest, r#"\b(?:of|on|for)?\s*class\s*=?\s*["']?[\w-]+["']?"#, " ");
    let gain = groups(
        &rest,
        &format!(
            r"{NUMBER}\s*(%|percent|percentage points?|points?)?\s*(?:better|above|more|higher|over)\s+than\s+(?:the\s+)?(?:current|champion|existing|present|baseline|old)"
        ),
    );
    let rest = if gain.is_some() {
        replace(
            &rest,
            &format!(
                r"{NUMBER}\s*(?:%|percent|percentage points?|points?)?\s*(?:better|above|more|higher|over)\s+than.*$"
            ),
            " ",
        )
    } else {
        rest
    };
    let comparison = COMPARISONS.iter().find(|(sign, _)| has(&rest, sign)).map(|(_, comparison)| *comparison);
    let found = groups(&rest, &format!(r"(-)?{NUMBER}\s*(%|percent)?"))?;
    let [minus, amount, percent] = found.as_slice() else { return None };
    let value = number(amount)? * if minus.is_empty() { 1.0 } else { -1.0 };
    let value = if percent.is_empty() { value } else { value / 100.0 };
    let bounded = !matches!(metric, Metric::LogLoss | Metric::Rmse | Metric::Mae | Metric::R2);
    // "accuracy of 90" may mean 90 % or be a slip; a value that cannot be is not taken.
    if bounded && !(0.0..=1.0).contains(&value) || *metric == Metric::R2 && 1.0 < value {
        return None;
    }
    let usual = if metric.greater_is_better() { Comparison::AtLeast } else { Comparison::AtMost };
    let minimum_gain = gain.and_then(|gain| {
        let amount = number(gain.first()?)?;
        Some(if gain.get(1).is_none_or(String::is_empty) { amount } else { amount / 100.0 })
    });
    Some(SuccessMetric { metric: *metric, comparison: comparison.unwrap_or(usual), value, minimum_gain, of })
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
            ("AUC > 0,85 und Precision > 0,80", "ROC-AUC > 0.85"),
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
            ("accuracy > 0.8, 5 points better than the current model", "accuracy > 0.8"),
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
        ] {
            check(words, None);
        }
    }
}
