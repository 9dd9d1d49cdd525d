//! "weekly with new data" → every 7 days, or on new data.

use super::words::{NUMBER, all, count, find, has, normal, number, show};
use super::{RetrainingCadence, Understand};

const PERIOD: &str = r"(hour|day|night|morning|evening|week|fortnight|month|quarter|year|monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekend)s?\b";

/// Words that the training stands in; "weekly reports" have none of them.
const TRAINING: &str = r"\b(re-?train|train|refit|re-?fit|re-?build|refresh|update)";

/// A cadence without a period and without a trigger says that the model is never trained again.
const NEVER: RetrainingCadence = RetrainingCadence { every_days: None, trigger: None };

impl Understand for RetrainingCadence {
    fn understand(words: &str) -> Option<Self> {
        let text = normal(words);
        let never = has(&text, r"\b(never|no re-?training|not re-?trained|without re-?training)\b");
        let trigger = trigger(&text);
        match every_days(&text) {
            // "never weekly" says nothing that can be measured.
            Stated::Twice => None,
            Stated::Once(_) if never => None,
            Stated::Once(days) => Some(Self { every_days: Some(days), trigger }),
            Stated::Nothing if trigger.is_some() => Some(Self { every_days: None, trigger }),
            Stated::Nothing => never.then_some(NEVER),
        }
    }

    fn describe(&self) -> String {
        let period = self.every_days.map(|days| match days {
            days if (days - 1.0).abs() < 1e-9 => "every day".to_owned(),
            days if days < 1.0 => format!("every {} hours", show((days * 24.0 * 100.0).round() / 100.0)),
            days => format!("every {} days", show((days * 100.0).round() / 100.0)),
        });
        match (period, &self.trigger) {
            (Some(period), Some(trigger)) => format!("{period}, or on {trigger}"),
            (Some(period), None) => period,
            (None, Some(trigger)) => format!("on {trigger}"),
            (None, None) => "never".to_owned(),
        }
    }

    fn objection(words: &str) -> Option<String> {
        let text = normal(words);
        if matches!(every_days(&text), Stated::Twice) {
            return Some("Two different times between trainings are stated; name the one that counts.".to_owned());
        }
        if has(&text, r"\bbi-?(weekly|monthly)\b")
            && Self::understand(words).is_none_or(|stated| stated.every_days.is_none())
        {
            return Some("“Bi-” has two readings; write “every 2 weeks” or “twice a week”.".to_owned());
        }
        has(&text, r"\bevery\s+(0|zero)\s").then(|| "The time between trainings must be more than 0.".to_owned())
    }
}

fn days_of(period: &str) -> Option<f64> {
    Some(match period {
        "hour" => 1.0 / 24.0,
        "day" | "night" | "morning" | "evening" => 1.0,
        "week" | "weekend" => 7.0,
        "fortnight" => 14.0,
        "month" => 30.0,
        "quarter" => 91.0,
        "year" => 365.0,
        day if day.ends_with("day") => 7.0,
        _ => return None,
    })
}

enum Stated {
    Nothing,
    Once(f64),
    Twice,
}

/// The days between trainings. Of several periods the one that stands by the training counts.
fn every_days(text: &str) -> Stated {
    let clauses: Vec<&str> = text.split([',', ';', '\n', '.']).flat_map(|clause| clause.split(" and ")).collect();
    // A decimal point is no end of a sentence; with one, the text is a single clause.
    let clauses = if has(text, r"\d\.\d") { vec![text] } else { clauses };
    let stated = |clauses: &[&str]| {
        let mut days: Vec<f64> = clauses.iter().flat_map(|clause| periods(clause)).collect();
        days.sort_by(f64::total_cmp);
        days.dedup_by(|one, other| (*one - *other).abs() < 1e-9);
        days
    };
    let training: Vec<&str> = clauses.iter().copied().filter(|clause| has(clause, TRAINING)).collect();
    let by_training = stated(&training);
    let days = if by_training.is_empty() { stated(&clauses) } else { by_training };
    match days.as_slice() {
        [] => Stated::Nothing,
        [days] if 0.0 < *days && *days <= 36_500.0 => Stated::Once(*days),
        [_] => Stated::Nothing,
        _ => Stated::Twice,
    }
}

/// Every period that a clause states.
fn periods(clause: &str) -> Vec<f64> {
    let mut stated = Vec::new();
    let mut every = false;
    for found in all(
        clause,
        &format!(
            r"\b(?:every|each)\s+(other\s+|second\s+|couple of\s+)?(?:{NUMBER}\s*-?\s*|([a-z]+)[\s-]\s*)?{PERIOD}"
        ),
    ) {
        let [_, other, digits, word, period] = found.as_slice() else { continue };
        let amount = if digits.is_empty() { word } else { digits };
        every = true;
        // "every few weeks" and "every new day" state no number.
        let Some(amount) = (if amount.is_empty() { Some(1.0) } else { count(amount) }) else { continue };
        let doubled = if other.is_empty() { 1.0 } else { 2.0 };
        stated.extend(days_of(period).map(|days| days * amount * doubled));
    }
    for found in all(
        clause,
        &format!(
            r"\b(?:(once|twice|thrice)|(\w+)\s+times|one time|1x|(\d+)x)\s+(?:an?|per|every|each|in a)\s+{PERIOD}"
        ),
    ) {
        let [_, word, times, x, period] = found.as_slice() else { continue };
        let times = match word.as_str() {
            "twice" => Some(2.0),
            "thrice" => Some(3.0),
            _ if !times.is_empty() => count(times),
            _ if !x.is_empty() => number(x),
            _ => Some(1.0),
        };
        // The same words hold "every week" of "once every week".
        if let Some(days) = times.filter(|times| 0.0 < *times).and_then(|times| Some(days_of(period)? / times)) {
            stated.retain(|other: &f64| !every || Some(*other) != days_of(period));
            stated.push(days);
        }
    }
    const ADVERBS: [(&str, f64); 10] = [
        (r"\bhourly\b", 1.0 / 24.0),
        (r"\b(daily|nightly)\b", 1.0),
        (r"\bfortnightly\b", 14.0),
        (r"(^|[^-\w])weekly\b", 7.0),
        (r"(^|[^-\w])monthly\b", 30.0),
        (r"\bquarterly\b", 91.0),
        (r"\b(half-?yearly|semi-?annual(ly)?|bi-?annual(ly)?)\b", 182.0),
        (r"(^|[^-\w])(yearly|annually|annual)\b", 365.0),
        (r"\bon (mondays|tuesdays|wednesdays|thursdays|fridays|saturdays|sundays)\b", 7.0),
        (r"\bovernight\b", 1.0),
    ];
    let adverbs = ADVERBS.iter().filter(|(adverb, _)| has(clause, adverb)).map(|(_, days)| *days);
    stated.extend(adverbs);
    if stated.is_empty() && !every {
        // "90 days", "after 90 days", "2 weeks"
        let plain = format!(r"^\s*(?:re-?train\w*\s+)?(?:after\s+)?(?:{NUMBER}\s*-?\s*|([a-z]+)[\s-]\s*){PERIOD}\s*$");
        if let Some([_, digits, word, period]) = all(clause, &plain).first().map(Vec::as_slice) {
            let amount = if digits.is_empty() { word } else { digits };
            stated.extend(count(amount).zip(days_of(period)).map(|(amount, days)| amount * days));
        }
    }
    stated
}

fn trigger(text: &str) -> Option<String> {
    let text =
        super::words::replace(text, r"\b(no|without|not on|ignoring)\s+(data |concept |label |model )?drift", " ");
    if has(&text, r"\bdrift") {
        let kind = find(&text, r"\b(data|concept|label|prediction|feature|model) drift");
        return Some(kind.map_or_else(|| "drift".to_owned(), |kind| format!("{kind} drift")));
    }
    let named = [
        (
            r"\bnew (labelled |labeled |training |customer )?(data|rows|records|samples|labels|batch)\b|\bdata (changes|arrives|is updated|updates?)\b|\bfresh data\b",
            "new data",
        ),
        (
            r"\b(performance|accuracy|quality|auc|precision|recall|f1|metric)s?\b.{0,20}\b(drops?|falls?|degrad\w*|decay\w*|declin\w*|below|worse\w*)",
            "a drop in quality",
        ),
        (r"\b(on demand|manual(ly)?|by hand|when needed|as needed|if needed)\b", "demand"),
    ];
    named.iter().find(|(pattern, _)| has(&text, pattern)).map(|(_, name)| (*name).to_owned())
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
            ("weekly with new data", "every 7 days, or on new data"),
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
            ("monthly, or when accuracy drops below 0.8", "every 30 days, or on a drop in quality"),
            ("when new data arrives", "on new data"),
            ("daily", "every day"),
            ("Weekly.", "every 7 days"),
            ("every 2 weeks", "every 14 days"),
            ("every 2.5 days", "every 2.5 days"),
            ("bi-weekly, i.e. every two weeks", "every 14 days"),
            ("once every week", "every 7 days"),
            ("twice every month", "every 15 days"),
            ("2x per month", "every 15 days"),
            ("every Monday", "every 7 days"),
            ("on Sundays", "every 7 days"),
            ("each quarter", "every 91 days"),
            ("yearly", "every 365 days"),
            ("every couple of weeks", "every 14 days"),
            ("retrain monthly, weekly reports", "every 30 days"),
            ("daily monitoring, retraining monthly", "every 30 days"),
            ("after 30 days", "every 30 days"),
            ("three months", "every 90 days"),
            ("every 4-weeks", "every 28 days"),
            ("at least monthly or when drift is found", "every 30 days, or on drift"),
            ("weekly; no drift checks", "every 7 days"),
            ("when 1000 new rows arrived", "on new data"),
            ("as needed", "on demand"),
            ("never", "never"),
            ("no retraining", "never"),
            ("never, unless concept drift is seen", "on concept drift"),
            ("EVERY 7 DAYS", "every 7 days"),
            ("every\u{a0}7\u{a0}days", "every 7 days"),
        ] {
            check(words, Some(expected));
        }
    }

    #[test]
    fn what_states_no_cadence_is_not_guessed() {
        for words in [
            "",
            "regularly",
            "from time to time",
            "often",
            "every so often",
            "every zero days",
            "every few weeks",
            "never weekly",
            "weekly, or maybe monthly",
            "sometimes",
            "every now and then",
            "snowdrifts",
            "biweekly",
            "bimonthly",
            "every 99999999999 years",
            "within 3-5 weeks",
        ] {
            check(words, None);
        }
    }
}
