//! What to say about an answer that cannot be measured, or contradicts itself.

use crate::command::BriefField;
use crate::project::brief::{
    Brief, Comparison, LatencyBudget, Metric, OutputKind, OutputSpec, RetrainingCadence, Stated, SuccessMetric,
    Understand,
};

/// Words that end users are described with when nobody has asked who they are.
const NOBODY: [&str; 9] =
    ["everyone", "everybody", "anyone", "all", "users", "the user", "the users", "people", "customers and staff"];

/// What to say about an answer; `None` when it is empty or good.
pub fn hint(field: BriefField, brief: &Brief) -> Option<String> {
    let words = field.words(brief).trim();
    if words.is_empty() {
        return None;
    }
    match field {
        BriefField::Problem => short(words, 3, "Say what is predicted, for whom, and how far ahead."),
        BriefField::EndUser => {
            let plain = words.to_lowercase();
            let plain = plain.trim_end_matches('.');
            NOBODY.contains(&plain).then(|| {
                "Name a role and where they see the answer, such as “support agents, in the ticket view”.".to_owned()
            })
        }
        BriefField::Data => {
            let plain = words.to_lowercase();
            ["data", "all data", "big data", "historical data", "the database"]
                .contains(&plain.as_str())
                .then(|| "Name the sources, such as “activity logs, subscription history”.".to_owned())
        }
        BriefField::Input => (brief.input.value.is_none())
            .then(|| "Say the form and name fields, such as “JSON with customer_id and plan”.".to_owned()),
        BriefField::Output => stated(&brief.output, output, "Say whether it is a probability, a class or a number."),
        BriefField::Latency => stated(
            &brief.latency,
            latency,
            "Say a number: “200 ms” is understood as 95 of 100 predictions within 200 ms.",
        ),
        BriefField::Retraining => stated(
            &brief.retraining,
            retraining,
            "Say how often or what triggers it: “weekly”, “every 90 days”, “on drift”.",
        ),
        BriefField::Success => {
            stated(&brief.success, success, "Name a metric and a value, such as “AUC-ROC > 0.85, precision > 0.80”.")
        }
        BriefField::InScope | BriefField::OutOfScope | BriefField::MinimumViableModel => None,
    }
}

fn short(words: &str, least: usize, hint: &str) -> Option<String> {
    (words.split_whitespace().count() < least).then(|| hint.to_owned())
}

/// The hint of an answer that holds a value: that it holds none, that it is contradictory, or that words and value differ.
fn stated<T: Understand + PartialEq>(
    answer: &Stated<T>,
    contradiction: impl Fn(&T) -> Option<String>,
    nothing: &str,
) -> Option<String> {
    let objection = || T::objection(&answer.words);
    let Some(value) = &answer.value else { return Some(objection().unwrap_or_else(|| nothing.to_owned())) };
    // What was not understood of the words matters only while the words judge.
    contradiction(value).or_else(|| objection().filter(|_| !answer.is_overridden())).or_else(|| {
        let words = T::understand(&answer.words).filter(|_| answer.is_overridden())?;
        Some(format!(
            "The words say {}, the value set by hand says {}; the value judges.",
            words.describe(),
            value.describe()
        ))
    })
}

fn output(output: &OutputSpec) -> Option<String> {
    let shares = |value: f64| (0.0..=1.0).contains(&value);
    let ascending = output.bands.windows(2).all(|pair| pair[0].from < pair[1].from);
    if !shares(output.threshold) {
        Some(format!("The threshold {} is not between 0 and 1.", output.threshold))
    } else if !ascending || !output.bands.iter().all(|band| shares(band.from)) {
        Some("The levels must ascend from 0 to 1.".to_owned())
    } else if output.kind == OutputKind::Number && !output.bands.is_empty() {
        Some("Levels are bounds on a probability; this output is a number.".to_owned())
    } else {
        None
    }
}

fn latency(budget: &LatencyBudget) -> Option<String> {
    if !(0.0 < budget.percentile && budget.percentile <= 100.0) {
        Some(format!("There is no {}th percentile.", budget.percentile))
    } else if !(0.0 < budget.limit_ms && budget.limit_ms.is_finite()) {
        Some("The limit must be more than 0 ms.".to_owned())
    } else if budget.batch == 0 || budget.per_second.is_some_and(|rate| rate.is_nan() || rate <= 0.0) {
        Some("Batch and load must be more than 0.".to_owned())
    } else if budget.percentile >= 100.0 {
        Some("No measurement supports the slowest of all answers; p99 or p99.9 can be checked.".to_owned())
    } else {
        None
    }
}

fn retraining(cadence: &RetrainingCadence) -> Option<String> {
    cadence
        .every_days
        .filter(|days| days.is_nan() || *days <= 0.0)
        .map(|_| "The time between trainings must be more than 0.".to_owned())
}

#[expect(clippy::ptr_arg, reason = "the shape of every other check, which takes the stated value")]
fn success(metrics: &Vec<SuccessMetric>) -> Option<String> {
    for (index, metric) in metrics.iter().enumerate() {
        let name = metric.metric.name();
        let bounded = !matches!(metric.metric, Metric::LogLoss | Metric::Rmse | Metric::Mae | Metric::R2);
        if bounded && !(0.0..=1.0).contains(&metric.value) {
            return Some(format!("{name} lies between 0 and 1, {} cannot be reached.", metric.value));
        }
        let asks_more = matches!(metric.comparison, Comparison::Above | Comparison::AtLeast);
        if asks_more != metric.metric.greater_is_better() {
            let better = if metric.metric.greater_is_better() { "more" } else { "less" };
            return Some(format!("{better} {name} is better, the answer asks for the opposite."));
        }
        if let Some(other) =
            metrics[..index].iter().find(|other| other.metric == metric.metric && other.of == metric.of)
            && (other.value - metric.value).abs() > f64::EPSILON
        {
            return Some(format!("{name} is asked for twice, with {} and {}.", other.value, metric.value));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: BriefField, words: &str, expected: Option<&str>) {
        let mut brief = Brief::default();
        field.answer(&mut brief, words.to_owned());
        let found = hint(field, &brief);
        match expected {
            None => assert_eq!(found, None, "{words}"),
            Some(part) => assert!(found.as_ref().is_some_and(|hint| hint.contains(part)), "{words}: {found:?}"),
        }
    }

    #[test]
    fn a_vague_answer_is_pointed_at_and_a_good_one_is_not() {
        check(BriefField::Latency, "fast", Some("Say a number"));
        check(BriefField::Latency, "< 200ms", None);
        check(BriefField::Latency, "p100 < 5 ms", Some("slowest of all"));
        check(BriefField::EndUser, "Everyone", Some("Name a role"));
        check(BriefField::EndUser, "Support agents", None);
        check(BriefField::Success, "as good as possible", Some("Name a metric"));
        check(BriefField::Success, "accuracy < 0.9", Some("opposite"));
        check(BriefField::Success, "AUC > 0.8, AUC > 0.9", Some("twice"));
        check(BriefField::Success, "RMSE < 3", None);
        check(BriefField::Retraining, "regularly", Some("how often"));
        check(BriefField::Output, "something", Some("probability, a class or a number"));
        check(BriefField::Input, "whatever", Some("name fields"));
        check(BriefField::Data, "data", Some("sources"));
        check(BriefField::Success, "AUC > 1.2", Some("cannot be reached"));
        check(BriefField::Success, "AUC > 0.8, accuracy of 90", Some("90 cannot be reached"));
        check(BriefField::Success, "satisfied users", Some("Name a metric"));
        check(BriefField::Latency, "p120 < 5 ms", Some("no 120th percentile"));
        check(BriefField::Latency, "average below 50 ms", Some("name a percentile"));
        check(BriefField::Output, "probability, threshold 1.4", Some("not between 0 and 1"));
        check(BriefField::Output, "probability: low from 0.6, high from 0.2", Some("must ascend"));
        check(BriefField::Retraining, "never", None);
        check(BriefField::Retraining, "weekly or monthly", Some("Two different times"));
        check(BriefField::Problem, "churn", Some("what is predicted"));
        check(BriefField::Problem, "", None);
    }

    #[test]
    fn contradictory_values_set_by_hand_are_findings() {
        let mut brief = Brief::default();
        let budget = LatencyBudget { percentile: 120.0, limit_ms: 5.0, per_second: None, batch: 1 };
        brief.latency = Stated { value: Some(budget), ..Stated::from_words("5 ms") };
        assert!(hint(BriefField::Latency, &brief).unwrap().contains("percentile"));
        let budget = LatencyBudget { percentile: 95.0, limit_ms: 7.0, per_second: None, batch: 1 };
        brief.latency.value = Some(budget);
        assert!(hint(BriefField::Latency, &brief).unwrap().contains("the value judges"));
    }
}
