//! "< 200ms per prediction" → p95 ≤ 200 ms.

use super::words::{NUMBER, all, count, find, groups, has, normal, number, replace, show};
use super::{LatencyBudget, Understand};

/// The percentile meant by people who state none: one slow answer in twenty is noticed.
const USUAL_PERCENTILE: f64 = 95.0;

const DURATION_UNIT: &str =
    r"(ms|msecs?|millis|milliseconds?|us|usecs?|microseconds?|s|secs?|seconds?|min|mins|minutes?|hrs?|hours?)\b";

/// Things that come in one number or many, and are answered.
const ANSWERED: &str = r"(?:requests?|reqs?|predictions?|quer(?:y|ies)|calls?|rows?|records?|samples?|customers?|users?|answers?|responses?|cases|inferences?)";

/// Durations of something else than an answer.
const ELSEWHERE: &str = r"\b(time-?out|start-?up|cold start|warm-?up|training|retraining|network|load(ing)? time|uptime|availability|average|avg|mean)\b";

impl Understand for LatencyBudget {
    fn understand(words: &str) -> Option<Self> {
        let text = normal(words);
        let per_second = load(&text);
        // What is left states durations; loads would be taken for them ("100 per second").
        let text = spelled_out(&replace(&text, &load_pattern(), " "));
        let mut limits: Vec<Limit> = Vec::new();
        for clause in text.split([',', ';', '\n']).flat_map(|clause| clause.split(" and ")) {
            let percentile = percentile(clause)?;
            if let Some(limit_ms) = limit(clause)? {
                limits.push(Limit { percentile, limit_ms });
            } else if let (Some(percentile), Some(last)) =
                (percentile.filter(|_| names_answers(clause)), limits.last_mut())
            {
                last.percentile = Some(percentile);
            }
        }
        // Of several limits the one on the longest tail is the one that costs; a stated tail comes before a usual one.
        let stated = limits.iter().any(|limit| limit.percentile.is_some());
        limits.retain(|limit| !stated || limit.percentile.is_some());
        let reach = |limit: &Limit| limit.percentile.unwrap_or(USUAL_PERCENTILE);
        let longest = limits.iter().map(reach).max_by(f64::total_cmp)?;
        limits.retain(|limit| longest <= reach(limit));
        let limit_ms = limits.first()?.limit_ms;
        // Two different limits on one percentile: which is meant is not ours to say.
        let agree = limits.iter().all(|limit| (limit.limit_ms - limit_ms).abs() <= f64::EPSILON);
        agree.then(|| Self { percentile: longest, limit_ms, per_second, batch: batch(&text) })
    }

    fn describe(&self) -> String {
        let mut text = format!("p{} ≤ {} ms", show(self.percentile), show(self.limit_ms));
        if let Some(per_second) = self.per_second {
            text.push_str(&format!(" at {} requests/s", show(per_second)));
        }
        if self.batch != 1 {
            text.push_str(&format!(", batch {}", self.batch));
        }
        text
    }

    fn objection(words: &str) -> Option<String> {
        let text = normal(words);
        if let Some(impossible) = percentiles(&text).into_iter().find(|percentile| !is_possible(*percentile)) {
            return Some(format!("There is no {}th percentile; percentiles lie between 0 and 100.", show(impossible)));
        }
        if has(
            &text,
            &format!(r"(^|[^\w.])-\s*{NUMBER}\s*-?\s*{DURATION_UNIT}|(^|[^\d.])0(\.0+)?\s*-?\s*{DURATION_UNIT}"),
        ) {
            return Some("The limit must be more than 0 ms.".to_owned());
        }
        if has(&text, r"\b(average|avg|mean)\b") && has(&text, &format!(r"{NUMBER}\s*{DURATION_UNIT}")) {
            return Some("An average hides slow answers; name a percentile, such as “p95 under 200 ms”.".to_owned());
        }
        if Self::understand(words).is_none() && has(&text, &format!(r"{LOWER_BOUND}\s*{NUMBER}\s*-?\s*{DURATION_UNIT}"))
        {
            return Some("A latency budget is the most an answer may take; this asks for more than that.".to_owned());
        }
        None
    }
}

/// A limit on a percentile; the usual one when none is stated.
struct Limit {
    percentile: Option<f64>,
    limit_ms: f64,
}

/// Numbers in words, where they state a duration: "half a second", "within a second", "two seconds".
fn spelled_out(text: &str) -> String {
    let text = replace(text, r"\bhalf a (second|minute)", "0.5 $1");
    let text =
        replace(&text, r"\b(under|within|below|in|than|beyond|over) an? (millisecond|second|minute|hour)\b", "$1 1 $2");
    let mut spelled = text.clone();
    for found in all(
        &text,
        r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) (milliseconds?|seconds?|minutes?|hours?)\b",
    ) {
        if let [whole, amount, unit] = found.as_slice()
            && let Some(amount) = count(amount)
        {
            spelled = spelled.replace(whole.as_str(), &format!("{amount} {unit}"));
        }
    }
    // "1 minute 30 seconds"
    for found in all(
        &spelled.clone(),
        &format!(r"{NUMBER}\s*(?:min|mins|minutes?)\s+(?:and\s+)?{NUMBER}\s*(?:s|secs?|seconds?)\b"),
    ) {
        if let [whole, minutes, seconds] = found.as_slice()
            && let (Some(minutes), Some(seconds)) = (number(minutes), number(seconds))
        {
            spelled = spelled.replace(whole.as_str(), &format!("{} s", minutes * 60.0 + seconds));
        }
    }
    spelled
}

fn load_pattern() -> String {
    format!(
        r"{NUMBER}(k?)\s*(?:(?:concurrent\s+)?{ANSWERED}?\s*(?:/|(?:per|each|every|an?)\s)\s*(seconds?|secs?|s|minutes?|mins?|hours?|h|days?|d)\b|(rps|qps|tps)\b)"
    )
}

/// Requests per second.
fn load(text: &str) -> Option<f64> {
    let found = groups(text, &load_pattern())?;
    let [amount, thousand, period, _] = found.as_slice() else { return None };
    let amount = number(amount)? * if thousand.is_empty() { 1.0 } else { 1_000.0 };
    let seconds = match period.chars().next() {
        Some('m') => 60.0,
        Some('h') => 3_600.0,
        Some('d') => 86_400.0,
        _ => 1.0,
    };
    Some(amount / seconds).filter(|rate| 0.0 < *rate)
}

/// Rows in one request; 1 when not stated.
fn batch(text: &str) -> u32 {
    let stated = find(
        text,
        &format!(
            r"batch(?:es)?(?:\s*size)?\s*(?:of|=|:)?\s*{NUMBER}|{NUMBER}\s*(?:rows?|records?|samples?|customers?)\s*(?:per|a|in (?:one|a|each)|at once|at a time|in|within)\b"
        ),
    );
    let stated = stated.and_then(|batch| number(&batch));
    stated.filter(|batch| 1.0 <= *batch && *batch <= 1e6 && batch.fract() == 0.0).map_or(1, |batch| batch as u32)
}

/// What makes a duration the least an answer may take.
const LOWER_BOUND: &str = r"(>|\b(?:above|over|more than|at least|longer than|slower than))=?";

/// The limit of a clause in milliseconds: `Some(None)` when it states none, `None` when what it states is no limit.
#[expect(clippy::option_option, reason = "absent and contradictory are different answers")]
fn limit(clause: &str) -> Option<Option<f64>> {
    let duration = format!(r"{NUMBER}\s*-?\s*{DURATION_UNIT}");
    let durations = all(clause, &duration);
    // Of "100-200 ms" and "100 ms to 200 ms" the upper end counts.
    let range = has(clause, &format!(r"{duration}\s*(?:-|to)\s*{duration}"));
    let found = match durations.as_slice() {
        [] => return Some(None),
        [one] => one,
        [_, upper] if range => upper,
        _ => return None,
    };
    let is_elsewhere = has(clause, ELSEWHERE);
    if is_elsewhere && !has(clause, r"\b(average|avg|mean)\b") {
        return Some(None);
    }
    let [_, amount, unit] = found.as_slice() else { return None };
    let minus = has(clause, &format!(r"(^|[^\w.)\s])\s*-\s*{duration}|^\s*-\s*{duration}|[<>=]\s*-\s*{duration}"));
    let lower_bound = has(clause, &format!(r"{LOWER_BOUND}\s*{duration}"));
    let allowed = has(clause, r"\b(no|not|never|isn't|mustn't)\s+(?:\w+\s+){0,2}(more|longer|slower|over|above)\b");
    // "1/2 second", "1 500 ms" and "1.500 ms" may be read in two ways.
    let unclear = has(
        clause,
        &format!(
            r"/\s*{duration}|(^|[^\w.])\d{{1,3}} \d{{3}}\s*{DURATION_UNIT}|(^|[^\d.])[1-9]\d{{0,2}}\.\d{{3}}\s*{DURATION_UNIT}"
        ),
    );
    let several = has(clause, r"\d\s*(?:requests?|reqs?|predictions?|calls?)\s*(?:in|within|every)\b")
        && percentiles(clause).is_empty();
    // An average is not a percentile, and judging one by the other would be a silent mistake.
    if minus || lower_bound && !allowed || unclear || several || is_elsewhere {
        return None;
    }
    let factor = match unit.as_str() {
        "us" | "usec" | "usecs" => 1e-3,
        unit if unit.starts_with("micro") => 1e-3,
        unit if unit.starts_with("min") => 60_000.0,
        unit if unit.starts_with('h') => 3_600_000.0,
        unit if unit.starts_with('m') => 1.0,
        _ => 1_000.0,
    };
    let limit_ms = number(amount)? * factor;
    // 0.1 + 0.2: what was typed in seconds should not come back with a tail of digits.
    let limit_ms = (limit_ms * 1e9).round() / 1e9;
    if 0.0 < limit_ms && limit_ms <= MOST_MS { Some(Some(limit_ms)) } else { None }
}

/// A year; what is longer is a slip.
const MOST_MS: f64 = 365.0 * 86_400_000.0;

/// The percentile of a clause: `Some(None)` when it states none, `None` when it states an impossible one.
#[expect(clippy::option_option, reason = "absent and impossible are different answers")]
fn percentile(clause: &str) -> Option<Option<f64>> {
    let stated = percentiles(clause);
    if stated.iter().all(|percentile| is_possible(*percentile)) {
        Some(stated.into_iter().max_by(f64::total_cmp))
    } else {
        None
    }
}

fn is_possible(percentile: f64) -> bool {
    0.0 < percentile && percentile <= 100.0
}

/// Whether a share in this clause is one of answers, and not of uptime or accuracy.
fn names_answers(clause: &str) -> bool {
    has(clause, &format!(r"\b(p\s?\d|median|percentile|centile|{ANSWERED}|the time|cases)"))
        && !has(clause, r"\b(uptime|availability|accura\w+|cpu|confidence|precision|recall)\b")
}

/// Every percentile that is stated.
fn percentiles(clause: &str) -> Vec<f64> {
    let mut stated = Vec::new();
    if has(clause, r"\bmedian\b") {
        stated.push(50.0);
    }
    for found in all(clause, r"\bp\s?(\d{1,5}(?:\.\d+)?)\b") {
        let Some((digits, value)) = found.get(1).and_then(|digits| Some((digits, number(digits)?))) else { continue };
        // p999 is how people write p99.9.
        let nines = 2 < digits.len() && digits.starts_with("99") && !digits.contains('.');
        stated.push(if nines { value / 10_f64.powi(digits.len() as i32 - 2) } else { value });
    }
    let share = format!(
        r"{NUMBER}\s*(?:st|nd|rd|th)?\s*(?:-\s*)?(?:percentile|centile)|{NUMBER}\s*(?:%|percent\b)|percentile\s*(?:of|=|:)?\s*{NUMBER}\b"
    );
    let unrelated = has(clause, r"\b(uptime|availability|accura\w+|cpu|confidence|precision|recall)\b");
    if !unrelated {
        let shares = all(clause, &share).into_iter();
        stated.extend(shares.filter_map(|found| found.iter().skip(1).find_map(|group| number(group))));
        for found in all(clause, &format!(r"{NUMBER}\s*(?:out of|of|in)\s*(?:every\s+)?{NUMBER}\s*{ANSWERED}")) {
            if let [_, part, whole] = found.as_slice()
                && let (Some(part), Some(whole)) = (number(part), number(whole))
                && 0.0 < whole
            {
                stated.push(100.0 * part / whole);
            }
        }
    }
    stated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: Option<&str>) {
        let understood = LatencyBudget::understand(words).map(|budget| budget.describe());
        assert_eq!(understood.as_deref(), expected, "{words}");
    }

    #[test]
    fn a_stated_limit_is_understood() {
        for (words, expected) in [
            ("< 200ms per prediction", "p95 ≤ 200 ms"),
            ("<0.001ms", "p95 ≤ 0.001 ms"),
            ("≤ 200 ms", "p95 ≤ 200 ms"),
            ("under 200 milliseconds", "p95 ≤ 200 ms"),
            ("within 2 seconds", "p95 ≤ 2,000 ms"),
            ("p99 under 50 ms at 100 requests per second", "p99 ≤ 50 ms at 100 requests/s"),
            ("p99 < 50ms @ 100 rps", "p99 ≤ 50 ms at 100 requests/s"),
            ("99th percentile below 0.5 s, batch of 32", "p99 ≤ 500 ms, batch 32"),
            ("99.9 percentile below 0,5 s", "p99.9 ≤ 500 ms"),
            ("p999 < 80 ms", "p99.9 ≤ 80 ms"),
            ("95 % of predictions in less than 100 ms", "p95 ≤ 100 ms"),
            ("90% of requests under 1 s, 3000 requests per minute", "p90 ≤ 1,000 ms at 50 requests/s"),
            ("median 10 ms and p99 100 ms", "p99 ≤ 100 ms"),
            ("200 ms, 50 requests/s", "p95 ≤ 200 ms at 50 requests/s"),
            ("500 µs", "p95 ≤ 0.5 ms"),
            ("max 150 ms", "p95 ≤ 150 ms"),
            ("1,500 ms", "p95 ≤ 1,500 ms"),
            ("0.3 s", "p95 ≤ 300 ms"),
            ("overnight batch, 10 minutes", "p95 ≤ 600,000 ms"),
            ("200 milliseconds", "p95 ≤ 200 ms"),
            ("real time, under 100 ms", "p95 ≤ 100 ms"),
            ("P99 latency ≤ 50\u{a0}ms", "p99 ≤ 50 ms"),
            ("99 % der Anfragen unter 0,5 s", "p99 ≤ 500 ms"),
            ("moins de 1\u{202f}500 ms", "p95 ≤ 1,500 ms"),
            ("0,001 ms", "p95 ≤ 0.001 ms"),
            ("sub-100 ms", "p95 ≤ 100 ms"),
            ("a 200-millisecond budget", "p95 ≤ 200 ms"),
            ("under a second", "p95 ≤ 1,000 ms"),
            ("in less than one second", "p95 ≤ 1,000 ms"),
            ("half a second", "p95 ≤ 500 ms"),
            ("two seconds at most", "p95 ≤ 2,000 ms"),
            ("1 minute 30 seconds", "p95 ≤ 90,000 ms"),
            ("100-200 ms", "p95 ≤ 200 ms"),
            ("100 ms to 200 ms", "p95 ≤ 200 ms"),
            ("between 100 and 200 ms", "p95 ≤ 200 ms"),
            ("no more than 200 ms", "p95 ≤ 200 ms"),
            ("must not take longer than 200 ms", "p95 ≤ 200 ms"),
            ("9 out of 10 requests within 1 s", "p90 ≤ 1,000 ms"),
            ("200 ms for 99% of requests", "p99 ≤ 200 ms"),
            ("200 ms, 99% of the time", "p99 ≤ 200 ms"),
            ("200 ms, 99.9 % uptime", "p95 ≤ 200 ms"),
            ("p95 200 ms, timeout 30 s", "p95 ≤ 200 ms"),
            ("timeout 30 s, p95 200 ms", "p95 ≤ 200 ms"),
            ("p50 20 ms, p95 100 ms, p99 200 ms", "p99 ≤ 200 ms"),
            ("p95/p99 < 200ms", "p99 ≤ 200 ms"),
            ("200 ms for p90", "p90 ≤ 200 ms"),
            ("percentile 90: 80 ms", "p90 ≤ 80 ms"),
            ("10k requests per second, 5 ms", "p95 ≤ 5 ms at 10,000 requests/s"),
            ("1000 rows in 2 seconds", "p95 ≤ 2,000 ms, batch 1000"),
            ("50ms with batch size 8 @ 20 qps", "p95 ≤ 50 ms at 20 requests/s, batch 8"),
            ("95% accuracy within 200 ms", "p95 ≤ 200 ms"),
            ("99% accuracy within 200 ms", "p95 ≤ 200 ms"),
            ("2 hours", "p95 ≤ 7,200,000 ms"),
            ("approx. 200ms", "p95 ≤ 200 ms"),
            ("(<200ms)", "p95 ≤ 200 ms"),
            ("200MS", "p95 ≤ 200 ms"),
            ("１００ is not read, 20 ms is", "p95 ≤ 20 ms"),
        ] {
            check(words, Some(expected));
        }
    }

    #[test]
    fn what_states_no_limit_is_not_guessed() {
        for words in [
            "",
            "fast",
            "real time",
            "as fast as possible",
            "100 requests per second",
            "200",
            "> 200 ms",
            "at least 200 ms",
            "0 ms",
            "-5 ms",
            "average below 100 ms",
            "p120 below 10 ms",
            "p0 … ms",
            "1/2 second",
            "1 500 ms",
            "1.500 ms",
            "200 ms, 500 ms",
            "100 predictions in 2 seconds",
            "a few seconds",
            "instantly",
            "timeout 30 s",
            "milliseconds",
            "200 km",
            "1e400 ms",
            "999999999999999999 hours",
        ] {
            check(words, None);
        }
    }
    #[test]
    fn what_cannot_be_is_said() {
        for (words, part) in [
            ("p120 below 10 ms", Some("no 120th percentile")),
            ("150% of requests under 10 ms", Some("no 150th percentile")),
            ("0 ms", Some("more than 0 ms")),
            ("-5 ms", Some("more than 0 ms")),
            ("average below 100 ms", Some("name a percentile")),
            ("at least 200 ms", Some("the most an answer may take")),
            ("< 200 ms", None),
            ("10 ms", None),
            ("0.5 s", None),
            ("sub-100 ms", None),
            ("fast", None),
            ("", None),
        ] {
            let objection = LatencyBudget::objection(words);
            match part {
                Some(part) => {
                    assert!(objection.as_ref().is_some_and(|text| text.contains(part)), "{words}: {objection:?}");
                }
                None => assert_eq!(objection, None, "{words}"),
            }
        }
    }
}
