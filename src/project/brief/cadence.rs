//! "weekly with new data" → every 7 days, on new data.

use super::words::{count, find, groups, has, normal, show};
use super::{RetrainingCadence, Understand};

const PERIOD: &str = r"(hour|day|night|week|fortnight|month|quarter|year)s?\b";

impl Understand for RetrainingCadence {
    fn understand(words: &str) -> Option<Self> {
        let text = normal(words);
        let cadence = Self { every_days: every_days(&text), trigger: trigger(&text) };
        (cadence.every_days.is_some() || cadence.trigger.is_some()).then_some(cadence)
    }

    fn describe(&self) -> String {
        let period = self.every_days.map(|days| match days {
            days if (days - 1.0).abs() < 1e-9 => "every day".to_owned(),
            days if days < 1.0 => format!("every {} hours", show((days * 24.0 * 100.0).round() / 100.0)),
            days => format!("every {} days", show((days * 100.0).round() / 100.0)),
        });
        match (period, &self.trigger) {
            (Some(period), Some(trigger)) => format!("{period}, and on {trigger}"),
            (Some(period), None) => period,
            (None, Some(trigger)) => format!("on {trigger}"),
            (None, None) => String::new(),
        }
    }
}

fn days_of(period: &str) -> Option<f64> {
    Some(match period {
        "hour" => 1.0 / 24.0,
        "day" | "night" => 1.0,
        "week" => 7.0,
        "fortnight" => 14.0,
        "month" => 30.0,
        "quarter" => 91.0,
        "year" => 365.0,
        _ => return None,
    })
}

fn every_days(text: &str) -> Option<f64> {
    if has(text, r"\b(never|no retraining|not retrained)\b") {
        return None;
    }
    if let Some(found) = groups(text, &format!(r"\b(?:every|each)\s+(other\s+|second\s+)?(\w+(?:\.\d+)?)?\s*{PERIOD}"))
    {
        let [other, amount, period] = found.as_slice() else { return None };
        let amount = if amount.is_empty() { 1.0 } else { count(amount)? };
        let doubled = if other.is_empty() { 1.0 } else { 2.0 };
        return days_of(period).map(|days| days * amount * doubled).filter(|days| 0.0 < *days);
    }
    if let Some(found) =
        groups(text, &format!(r"\b(?:(once|twice|thrice)|(\w+)\s+times)\s+(?:a|an|per|every|each)\s+{PERIOD}"))
    {
        let [word, times, period] = found.as_slice() else { return None };
        let times = match word.as_str() {
            "once" => 1.0,
            "twice" => 2.0,
            "thrice" => 3.0,
            _ => count(times)?,
        };
        return days_of(period).filter(|_| 0.0 < times).map(|days| days / times);
    }
    const ADVERBS: [(&str, f64); 12] = [
        (r"\bhourly\b", 1.0 / 24.0),
        (r"\b(daily|nightly)\b", 1.0),
        (r"\b(bi-?weekly|fortnightly)\b", 14.0),
        (r"\bweekly\b", 7.0),
        (r"\b(bi-?monthly)\b", 60.0),
        (r"\bmonthly\b", 30.0),
        (r"\bquarterly\b", 91.0),
        (r"\b(half-?yearly|semi-?annual(ly)?)\b", 182.0),
        (r"\b(yearly|annually|annual)\b", 365.0),
        (r"\ba week\b", 7.0),
        (r"\ba month\b", 30.0),
        (r"\ba day\b", 1.0),
    ];
    let adverb = ADVERBS.iter().find(|(pattern, _)| has(text, pattern)).map(|(_, days)| *days);
    adverb.or_else(|| {
        let found = groups(text, &format!(r"^\s*(?:after\s+)?(\d+)\s*{PERIOD}"))?;
        let [amount, period] = found.as_slice() else { return None };
        days_of(period).zip(count(amount)).map(|(days, amount)| days * amount).filter(|days| 0.0 < *days)
    })
}

fn trigger(text: &str) -> Option<String> {
    if let Some(kind) = find(text, r"\b(data|concept|label|prediction|model)?\s*drift") {
        return Some(if kind.is_empty() { "drift".to_owned() } else { format!("{kind} drift") });
    }
    let named = [
        (r"\bdrift", "drift"),
        (r"\bnew (labelled |labeled )?data\b|\bdata (changes|arrives|update)", "new data"),
        (
            r"\b(performance|accuracy|quality|auc|precision|recall|f1|metric)s?\b.{0,20}\b(drop|fall|degrad|decay|declin|below|worse)",
            "a drop in quality",
        ),
        (r"\b(on demand|manual(ly)?|by hand|when needed)\b", "demand"),
    ];
    named.iter().find(|(pattern, _)| has(text, pattern)).map(|(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: Option<&str>) {
        let understood = RetrainingCadence::understand(words).map(|cadence| cadence.describe());
        assert_eq!(understood.as_deref(), expected, "{words}");
    }

    #[test]
    fn a_stated_cadence_is_understood() {
        for (words, expected) in [
            ("weekly", "every 7 days"),
            ("weekly with new data", "every 7 days, and on new data"),
            ("Every day", "every day"),
            ("nightly", "every day"),
            ("every 2 weeks", "every 14 days"),
            ("every two weeks", "every 14 days"),
            ("every other week", "every 14 days"),
            ("monthly", "every 30 days"),
            ("once a quarter", "every 91 days"),
            ("twice a week", "every 3.5 days"),
            ("3 times a month", "every 10 days"),
            ("every 90 days", "every 90 days"),
            ("every 6 hours", "every 6 hours"),
            ("90 days", "every 90 days"),
            ("on drift", "on drift"),
            ("when data drift is detected", "on data drift"),
            ("monthly, or when accuracy drops below 0.8", "every 30 days, and on a drop in quality"),
            ("when new data arrives", "on new data"),
        ] {
            check(words, Some(expected));
        }
    }

    #[test]
    fn what_states_no_cadence_is_not_guessed() {
        for words in ["", "never", "regularly", "from time to time", "often", "every so often", "every zero days"] {
            check(words, None);
        }
    }
}
