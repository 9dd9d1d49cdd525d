//! "Churn probability (0-1) and risk level" → probability, with bands.

use super::words::{NUMBER, find, has, normal, number, pattern, show};
use super::{Band, OutputKind, OutputSpec, Understand};
use crate::project::contract::ClassLabel;

/// Where bands begin when the words name levels and no numbers.
const USUAL_BANDS: [(&str, f64); 3] = [("low", 0.0), ("medium", 0.3), ("high", 0.7)];

/// Names of levels, ascending.
const LEVELS: [&str; 6] = ["very low", "low", "medium", "high", "very high", "critical"];

impl Understand for OutputSpec {
    fn understand(words: &str) -> Option<Self> {
        let text = normal(words);
        let bands = bands(&text);
        let kind = kind(&text).or_else(|| (!bands.is_empty()).then_some(OutputKind::Probability))?;
        let threshold = find(&text, &format!(r"\b(?:threshold|cut-?off)\s*(?:of|=|:|is|at|set to)?\s*{NUMBER}"))
            .and_then(|threshold| number(&threshold))
            .filter(|threshold| (0.0..=1.0).contains(threshold));
        let spec = Self { kind, positive_class: positive_class(words), bands, ..Self::default() };
        Some(Self { threshold: threshold.unwrap_or(spec.threshold), ..spec })
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
}

fn kind(text: &str) -> Option<OutputKind> {
    let kinds = [
        (r"\b(probabilit(y|ies)|likelihood|chance|propensity|risk|confidence|score)\b", OutputKind::Probability),
        (
            r"\b(label|class(es)?|categor(y|ies)|yes\s*(/|or)\s*no|true\s*(/|or)\s*false|whether|flag|spam|decision)\b",
            OutputKind::Label,
        ),
        (
            r"\b(number|price|amount|value|forecast|quantity|count|demand|revenue|cost|euros?|dollars?|temperature|estimate|minutes|hours|days|kwh|sales)\b",
            OutputKind::Number,
        ),
    ];
    kinds.iter().find(|(words, _)| has(text, words)).map(|(_, kind)| *kind)
}

/// The class named in the words, in its own spelling.
fn positive_class(words: &str) -> Option<ClassLabel> {
    let name = find(words, r#"(?i)\bclass\s*(?:=|:|is)?\s*["'“‘]?([\w-]+)"#)
        .or_else(|| find(words, r#"(?i)probability\s+(?:of|for|that it is)\s+["'“‘]([^"'”’]+)["'”’]"#))?;
    // "a class", "class and probability": a word of the sentence, not a class.
    if ["and", "or", "probability", "probabilities", "label", "labels", "of", "with", "name", "names"]
        .contains(&name.to_lowercase().as_str())
    {
        return None;
    }
    Some(name.parse().map_or(ClassLabel::Text(name), ClassLabel::Int))
}

/// The levels in the words, with their bounds where stated; empty when none are asked for or the bounds make no sense.
fn bands(text: &str) -> Vec<Band> {
    let named: Vec<&str> = LEVELS.into_iter().filter(|level| mentions(text, level)).collect();
    let asked =
        has(text, r"\b(risk|priority|severity)?\s*(levels?|bands?|tiers?|segments?|buckets?)\b") || 2 <= named.len();
    if !asked {
        return Vec::new();
    }
    let bounds: Vec<(&str, Bounds)> = named.iter().map(|level| (*level, stated_bounds(text, level))).collect();
    if bounds.iter().all(|(_, bounds)| bounds.from.is_none() && bounds.to.is_none()) {
        return USUAL_BANDS.iter().map(|(name, from)| Band { name: (*name).to_owned(), from: *from }).collect();
    }
    let mut bands: Vec<Band> = Vec::new();
    let mut reached = 0.0;
    for (index, (name, bound)) in bounds.iter().enumerate() {
        if let Some(from) = bound.from
            && 0 < index
            && reached < from
            && bounds[index - 1].1.to.is_some()
        {
            // "low below 0.2, high from 0.6": what lies between has no name yet.
            bands.push(Band { name: "medium".to_owned(), from: reached });
        }
        let from = if index == 0 { 0.0 } else { bound.from.unwrap_or(reached) };
        bands.push(Band { name: (*name).to_owned(), from });
        reached = bound.to.or(bounds.get(index + 1).and_then(|(_, next)| next.from)).unwrap_or(from);
    }
    let ascending = bands.windows(2).all(|pair| pair[0].from < pair[1].from);
    if ascending && bands.iter().all(|band| (0.0..=1.0).contains(&band.from)) { bands } else { Vec::new() }
}

/// Whether the text names a level; "low" in "very low" does not count.
fn mentions(text: &str, level: &str) -> bool {
    let Some(found) = pattern(&format!(r"(very\s+)?\b{level}\b")) else { return false };
    found.captures_iter(text).any(|captures| captures.get(1).is_none())
}

struct Bounds {
    from: Option<f64>,
    to: Option<f64>,
}

fn stated_bounds(text: &str, level: &str) -> Bounds {
    let name = format!(r"(?:^|[^y]\s|[^\w\s]\s*)\b{level}\b(?:[- ]risk)?\s*[:=(]?\s*");
    let one = |sign: &str| find(text, &format!("{name}(?:{sign}){NUMBER}")).and_then(|found| share(&found));
    let range = |group: usize| {
        let found = super::words::groups(
            text,
            &format!(r"{name}(?:from\s+|between\s+)?{NUMBER}\s*%?\s*(?:-|to|and)\s*{NUMBER}"),
        )?;
        share(found.get(group)?)
    };
    let from = range(0).or_else(|| one(r"(?:is\s+)?(?:>=|>|from|above|over|at least|starting at|starts at)\s*"));
    let to = range(1).or_else(|| one(r"(?:is\s+)?(?:<=|<|below|under|up to|less than|until|to)\s*"));
    // The chain "low < 0.3 <= medium": the number stands before the name.
    let from =
        from.or_else(|| find(text, &format!(r"{NUMBER}\s*(?:<=|<)\s*{level}\b")).and_then(|found| share(&found)));
    Bounds { from, to }
}

/// A bound as a share; 30 means 30 %.
fn share(text: &str) -> Option<f64> {
    let value = number(text)?;
    Some(if 1.0 < value { value / 100.0 } else { value }).filter(|value| (0.0..=1.0).contains(value))
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
        for words in ["", "something useful", "JSON", "an answer"] {
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
}
