//! "Churn probability (0-1) and risk level" → probability, with bands.

use super::words::{NUMBER, all, beginning, find, groups, has, normal, number, pattern, show};
use super::{Band, OutputKind, OutputSpec, Understand};
use crate::project::contract::ClassLabel;

/// Where bands begin when the words name levels and no numbers.
const USUAL_BANDS: [(&str, f64); 3] = [("low", 0.0), ("medium", 0.3), ("high", 0.7)];

/// Names of levels, ascending.
const LEVELS: [&str; 8] = ["very low", "low", "moderate", "medium", "elevated", "high", "very high", "critical"];

impl Understand for OutputSpec {
    fn understand(words: &str) -> Option<Self> {
        let text = normal(words);
        let bands = bands(&text).ok()?;
        let kind = kind(&text).or_else(|| (!bands.is_empty()).then_some(OutputKind::Probability))?;
        let threshold = match threshold(&text) {
            None => Self::default().threshold,
            Some(threshold) if (0.0..=1.0).contains(&threshold) => threshold,
            Some(_) => return None,
        };
        // Levels and thresholds are bounds on a probability.
        let bands = if kind == OutputKind::Probability { bands } else { Vec::new() };
        Some(Self { kind, positive_class: positive_class(beginning(words)), threshold, bands })
    }

    fn describe(&self) -> String {
        let mut text = match (self.kind, &self.positive_class) {
            (OutputKind::Probability, Some(class)) => format!("probability of class {class}"),
            (OutputKind::Probability, None) => "probability of the last class".to_owned(),
            (OutputKind::Label, _) => "a class".to_owned(),
            (OutputKind::Number, _) => "a number".to_owned(),
        };
        let usual = Self::default().threshold;
        if self.kind != OutputKind::Number && (self.threshold - usual).abs() > f64::EPSILON {
            text.push_str(&format!(", positive from {}", show(self.threshold)));
        }
        if let Some((first, rest)) = self.bands.split_first() {
            text.push_str(&format!(", bands {}", first.name));
            for band in rest {
                text.push_str(&format!(" < {} ≤ {}", show(band.from), band.name));
            }
        }
        text
    }

    fn objection(words: &str) -> Option<String> {
        let text = normal(words);
        if let Some(threshold) = threshold(&text).filter(|threshold| !(0.0..=1.0).contains(threshold)) {
            return Some(format!("The threshold {} is not between 0 and 1.", show(threshold)));
        }
        match bands(&text) {
            Err(()) => Some("The levels must ascend from 0 to 1, each beginning where the one before ends.".to_owned()),
            Ok(bands) if !bands.is_empty() && kind(&text).is_some_and(|kind| kind != OutputKind::Probability) => {
                Some("Levels are bounds on a probability; say “probability and risk level”.".to_owned())
            }
            Ok(_) => None,
        }
    }
}

/// The probability from which the positive class is predicted, when it is stated.
fn threshold(text: &str) -> Option<f64> {
    let stated = groups(
        text,
        &format!(r"\b(?:threshold|cut-?off)\s*(?:of|=|:|is|at|set (?:to|at)|>=?)?\s*(-?)\s*{NUMBER}\s*(%|percent\b)?"),
    )?;
    let [minus, amount, percent] = stated.as_slice() else { return None };
    let amount = number(amount)? * if minus.is_empty() { 1.0 } else { -1.0 };
    Some(if percent.is_empty() { amount } else { amount / 100.0 })
}

fn kind(text: &str) -> Option<OutputKind> {
    // A score on another scale is no probability, and which scale the model has is not ours to say.
    if has(text, r"\bscores?\b")
        && has(text, r"\b\d{2,4}\s*(?:-|to|and)\s*\d{2,4}\b|\b0\s*(?:-|to|and)\s*(?:10|100|1000)\b")
    {
        return None;
    }
    let kinds = [
        (
            r"\b(probabilit(y|ies)|proba|likelihood|chance|propensity|confidence|wahrscheinlichkeit|probabilité)\b|\b(risk|churn|fraud|default|credit) (score|rate)\b|\brisk\b|\bscore\b.*\b0\s*(-|to|and)\s*1\b",
            OutputKind::Probability,
        ),
        (
            r"\b(labels?|class(es)?|categor(y|ies)|yes\s*(/|or)\s*no|true\s*(/|or)\s*false|whether|flag|spam|decision|approve|reject)\b",
            OutputKind::Label,
        ),
        (
            r"\b(numbers?|prices?|amounts?|values?|forecasts?|quantity|quantities|counts?|demand|revenue|costs?|euros?|dollars?|eur|usd|temperature|estimates?|minutes|hours|days|weeks|kwh|kg|km|sales|salary|duration|preis)\b|[€$£]",
            OutputKind::Number,
        ),
    ];
    kinds.iter().find(|(words, _)| has(text, words)).map(|(_, kind)| *kind)
}

/// The class named in the words, in its own spelling.
///
/// A quoted word or a number after "class" is one; a bare word only where the sentence can mean nothing else, for a
/// class that the model does not have is an error when it is asked.
fn positive_class(words: &str) -> Option<ClassLabel> {
    const QUOTED: &str = r#"["'“‘„«]([^"'“”‘’„«»]+)["'”’“»]"#;
    let quoted = find(words, &format!(r"(?i)\bclass\s*(?:=|:|is)?\s*{QUOTED}")).or_else(|| {
        find(
            words,
            &format!(r"(?i)\b(?:probability|likelihood|chance)\s+(?:of|for|that it is)\s+(?:class\s+)?{QUOTED}"),
        )
    });
    let number = || find(words, r"(?i)\bclass\s*(?:=|:|is)?\s*(-?\d+)\b");
    let assigned = || find(words, r"(?i)\bclass\s*(?:=|:)\s*([\w-]+)");
    let of_class = || find(words, r"(?i)\b(?:of|for)\s+(?:the\s+)?class\s+([\w-]+)");
    let name = quoted.or_else(number).or_else(assigned).or_else(of_class)?;
    let name = name.trim();
    const NOT_NAMES: [&str; 16] = [
        "and",
        "or",
        "probability",
        "probabilities",
        "label",
        "labels",
        "of",
        "with",
        "name",
        "names",
        "that",
        "which",
        "in",
        "for",
        "to",
        "is",
    ];
    if name.is_empty() || NOT_NAMES.contains(&name.to_lowercase().as_str()) {
        return None;
    }
    Some(name.parse().map_or_else(|_| ClassLabel::Text(name.to_owned()), ClassLabel::Int))
}

/// The levels in the words, with their bounds where stated; empty when none are asked for, an error when the bounds
/// contradict each other.
fn bands(text: &str) -> Result<Vec<Band>, ()> {
    let named: Vec<&str> = LEVELS.into_iter().filter(|level| mentions(text, level)).collect();
    let asked = has(
        text,
        r"\b(?:risk|priority|severity|churn|confidence)\s+(?:levels?|bands?|tiers?|segments?|buckets?|class|category)\b|\b(?:levels|bands|tiers|buckets)\b",
    ) || 2 <= named.len();
    if !asked {
        return Ok(Vec::new());
    }
    let bounds: Vec<(&str, Bounds)> = named.iter().map(|level| (*level, stated_bounds(text, level))).collect();
    if bounds.iter().all(|(_, bounds)| bounds.from.is_none() && bounds.to.is_none()) {
        // Levels of other names or number than the usual have no usual bounds.
        let usual: Vec<&str> = USUAL_BANDS.iter().map(|(name, _)| *name).collect();
        let fits = named.is_empty() || named == usual;
        return Ok(if fits {
            USUAL_BANDS.iter().map(|(name, from)| Band { name: (*name).to_owned(), from: *from }).collect()
        } else {
            Vec::new()
        });
    }
    let mut bands: Vec<Band> = Vec::new();
    // Where the level before ends, when that is stated.
    let mut ended: Option<f64> = None;
    for (index, (name, bound)) in bounds.iter().enumerate() {
        let begins = bound.from.or(ended);
        let from = if index == 0 { begins.unwrap_or(0.0) } else { begins.ok_or(())? };
        if index == 0 && 1e-9 < from {
            // "high above 0.7": what lies below has no name.
            let name =
                if LEVELS.iter().position(|level| level == name) <= LEVELS.iter().position(|level| *level == "low") {
                    return Err(());
                } else {
                    "low"
                };
            bands.push(Band { name: name.to_owned(), from: 0.0 });
        }
        if let Some(end) = ended.filter(|_| 0 < index) {
            if from + 1e-9 < end {
                return Err(());
            }
            // "low below 0.2, high from 0.6": what lies between has no name yet.
            if end + 0.02 < from {
                if bounds.iter().any(|(name, _)| *name == "medium") {
                    return Err(());
                }
                bands.push(Band { name: "medium".to_owned(), from: end });
            }
        }
        bands.push(Band { name: (*name).to_owned(), from });
        ended = bound.to.or(bounds.get(index + 1).and_then(|(_, next)| next.from));
    }
    let ascending = bands.windows(2).all(|pair| pair[0].from < pair[1].from);
    if ascending && bands.iter().all(|band| (0.0..=1.0).contains(&band.from)) { Ok(bands) } else { Err(()) }
}

/// Whether the text names a level; "low" in "very low" or "below" does not count.
fn mentions(text: &str, level: &str) -> bool {
    let Some(found) = pattern(&format!(r"(very\s+)?\b{level}\b")) else { return false };
    found.captures_iter(text).any(|captures| captures.get(1).is_none())
}

struct Bounds {
    from: Option<f64>,
    to: Option<f64>,
}

fn stated_bounds(text: &str, level: &str) -> Bounds {
    // A "very" before the name makes it another level.
    let before = if level.starts_with("very") { r"(?:^|\W)" } else { r"(?:^|[^y]\s|[^\w\s]\s*)" };
    let name = format!(r"{before}{level}\b(?:[- ]risk)?\s*[:=(\[]?\s*(?:is\s+|are\s+)?");
    let value = format!(r"{NUMBER}\s*(%|percent\b)?");
    let one = |sign: &str| groups(text, &format!("{name}(?:{sign}){value}")).and_then(|found| share(&found, 0, false));
    let range = groups(text, &format!(r"{name}(?:from\s+|between\s+)?{value}\s*(?:-|to|and|\.\.)\s*{value}"));
    // In "30-70 %" the sign belongs to both.
    let percent = range.as_ref().is_some_and(|found| found.get(3).is_some_and(|sign| !sign.is_empty()));
    let end = |position: usize| range.as_ref().and_then(|found| share(found, position, percent));
    let from = end(0).or_else(|| one(r"(?:>=|>|from|above|over|at least|starting at|starts at|more than)\s*"));
    let to = end(2).or_else(|| one(r"(?:<=|<|below|under|up to|less than|until|to)\s*"));
    // The chain "low < 0.3 <= medium": the number stands before the name.
    let chain = all(text, &format!(r"{value}\s*(?:<=|<)\s*(very\s+)?{level}\b"))
        .into_iter()
        .find(|found| found.get(3).is_none_or(String::is_empty));
    let from = from.or_else(|| chain.and_then(|found| share(&found, 1, false)));
    Bounds { from, to }
}

/// The bound at a position of an occurrence as a share; 30 means 30 %, and so does "30 %".
fn share(found: &[String], position: usize, percent: bool) -> Option<f64> {
    let value = number(found.get(position)?)?;
    let percent = percent || found.get(position + 1).is_some_and(|sign| !sign.is_empty());
    let value = if percent || 1.0 < value { value / 100.0 } else { value };
    Some((value * 1e9).round() / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: Option<&str>) {
        let understood = OutputSpec::understand(words).map(|output| output.describe());
        assert_eq!(understood.as_deref(), expected, "{words}");
    }

    #[test]
    fn a_stated_output_is_understood() {
        const USUAL: &str = "bands low < 0.3 ≤ medium < 0.7 ≤ high";
        for (words, expected) in [
            ("churn probability (0-1) and risk level", format!("probability of the last class, {USUAL}")),
            ("Churn probability (0–1) and risk level", format!("probability of the last class, {USUAL}")),
            ("probability of class 1", "probability of class 1".to_owned()),
            ("Probability of 'Yes', threshold 0.4", "probability of class Yes, positive from 0.4".to_owned()),
            (
                "probability; low below 0.2, high from 0.6",
                "probability of the last class, bands low < 0.2 ≤ medium < 0.6 ≤ high".to_owned(),
            ),
            (
                "risk: low < 0.3 ≤ medium < 0.7 ≤ high",
                "probability of the last class, bands low < 0.3 ≤ medium < 0.7 ≤ high".to_owned(),
            ),
            (
                "probability with low 0-0.25, medium 0.25-0.5, high 0.5-1",
                "probability of the last class, bands low < 0.25 ≤ medium < 0.5 ≤ high".to_owned(),
            ),
            (
                "probability; low (<30%), medium (30-70%), high (>70%)",
                "probability of the last class, bands low < 0.3 ≤ medium < 0.7 ≤ high".to_owned(),
            ),
            (
                "probability; low below 1 %, high from 5 %",
                "probability of the last class, bands low < 0.01 ≤ medium < 0.05 ≤ high".to_owned(),
            ),
            (
                "probability, high risk above 0,7",
                "probability of the last class".to_owned(),
            ),
            (
                "probability and risk level: high above 0,7",
                "probability of the last class, bands low < 0.7 ≤ high".to_owned(),
            ),
            (
                "low: 0-0.2, medium: 0.2-0.5, high: 0.5-0.8, critical: 0.8-1",
                "probability of the last class, bands low < 0.2 ≤ medium < 0.5 ≤ high < 0.8 ≤ critical".to_owned(),
            ),
            (
                "very low < 0.1, low < 0.3, medium < 0.6, high < 0.9, very high",
                "probability of the last class, bands very low < 0.1 ≤ low < 0.3 ≤ medium < 0.6 ≤ high < 0.9 ≤ very high"
                    .to_owned(),
            ),
            ("probability, threshold 40 %", "probability of the last class, positive from 0.4".to_owned()),
            ("probability, cut-off at 0,35", "probability of the last class, positive from 0.35".to_owned()),
            ("probability of class \"churned\"", "probability of class churned".to_owned()),
            ("probability of class churned", "probability of class churned".to_owned()),
            ("Probability of “Ja”", "probability of class Ja".to_owned()),
            ("probability, positive class: yes", "probability of class yes".to_owned()),
            ("class label and class probabilities", "probability of the last class".to_owned()),
            ("a class that a person can read", "a class".to_owned()),
            ("class 3 or class 4", "a class".to_owned()),
            ("probability of churn between 0 and 1", "probability of the last class".to_owned()),
            ("a score from 0 to 1", "probability of the last class".to_owned()),
            ("price (€)", "a number".to_owned()),
            ("days until the next order", "a number".to_owned()),
            ("whether the mail is spam", "a class".to_owned()),
            ("low, medium or high risk", format!("probability of the last class, {USUAL}")),
            ("a label: spam or not", "a class".to_owned()),
            ("yes/no", "a class".to_owned()),
            ("price in euros", "a number".to_owned()),
            ("expected demand per store", "a number".to_owned()),
        ] {
            check(words, Some(&expected));
        }
    }

    #[test]
    fn what_states_no_output_is_not_guessed() {
        for words in [
            "",
            "something useful",
            "JSON",
            "an answer",
            "a score",
            "risk score 0-100",
            "credit score, 300-850",
            "probability, threshold 1.4",
            "probability; low from 0.6, high from 0.2",
            "probability; low 0-0.5, medium 0.3-0.7, high 0.7-1",
        ] {
            check(words, None);
        }
    }

    #[test]
    fn a_score_falls_into_its_band() {
        let output = OutputSpec::understand("churn probability and risk level").unwrap();
        for (score, band) in [(0.0, "low"), (0.2999, "low"), (0.3, "medium"), (0.7, "high"), (1.0, "high")] {
            assert_eq!(output.band(score), Some(band), "{score}");
        }
        assert_eq!(output.band(f64::NAN), None);
    }
    #[test]
    fn what_cannot_be_is_said() {
        for (words, part) in [
            ("probability, threshold 1.4", Some("threshold 1.4 is not between")),
            ("probability, threshold 140 %", Some("threshold 1.4 is not between")),
            ("probability; low from 0.6, high from 0.2", Some("must ascend")),
            ("probability; low 0-0.5, medium 0.3-0.7, high 0.7-1", Some("must ascend")),
            ("price level: low, medium, high and the number", Some("bounds on a probability")),
            ("churn probability and risk level", None),
            ("price in euros", None),
        ] {
            let objection = OutputSpec::objection(words);
            match part {
                Some(part) => {
                    assert!(objection.as_ref().is_some_and(|text| text.contains(part)), "{words}: {objection:?}");
                }
                None => assert_eq!(objection, None, "{words}"),
            }
        }
    }
}
