//! "< 200ms per prediction" → p95 ≤ 200 ms.

use super::words::{NUMBER, find, groups, has, normal, number, replace, show};
use super::{LatencyBudget, Understand};

/// The percentile meant by people who state none: one slow answer in twenty is noticed.
const USUAL_PERCENTILE: f64 = 95.0;

const DURATION_UNIT: &str = r"(ms|msecs?|millis|milliseconds?|us|usecs?|microseconds?|s|secs?|seconds?|min|mins|minutes?)\b";

impl Understand for LatencyBudget {
    fn understand(words: &str) -> Option<Self> {
        let text = normal(words);
        let per_second = load(&text);
        let batch = find(&text, &format!(r"batch(?:es)?(?:\s*size)?\s*(?:of|=|:)?\s*{NUMBER}|{NUMBER}\s*rows?\s*(?:per|a|in (?:one|a|each))\s*(?:request|call|batch)"))
            .and_then(|batch| number(&batch));
        // What is left states durations; loads would be taken for them ("100 per second").
        let text = replace(&text, &load_pattern(), " ");
        let mut limits: Vec<(f64, f64)> = Vec::new();
        for clause in text.split([',', ';', '\n']).flat_map(|clause| clause.split(" and ")) {
            if let Some(limit_ms) = limit(clause)? {
                limits.push((percentile(clause)?.unwrap_or(USUAL_PERCENTILE), limit_ms));
            } else if let (Some(percentile), Some(last)) = (percentile(clause)?, limits.last_mut()) {
                last.0 = percentile;
            }
        }
        // Of several limits the one on the longest tail is the one that costs.
        let (percentile, limit_ms) = limits.into_iter().max_by(|one, other| one.0.total_cmp(&other.0))?;
        let batch = batch.filter(|batch| 1.0 <= *batch && *batch <= 1e6).map_or(1, |batch| batch as u32);
        Some(Self { percentile, limit_ms, per_second, batch })
    }

    fn describe(&self) -> String {
        let mut text = format!("p{} ≤ {} ms", show(self.percentile), show(self.limit_ms));
        if let Some(per_second) = self.per_second {
            text.push_str(&format!(", {} requests/s", show(per_second)));
        }
        if self.batch != 1 {
            text.push_str(&format!(", batch {}", self.batch));
        }
        text
    }
}

fn load_pattern() -> String {
    format!(
        r"{NUMBER}\s*(?:(?:concurrent\s+)?(?:requests?|reqs?|predictions?|quer(?:y|ies)|calls?|rows?|customers?|users?)?\s*(?:/|per|each|every|a)\s*(seconds?|secs?|s|minutes?|mins?|hours?|h|days?|d)\b|(rps|qps|tps)\b)"
    )
}

/// Requests per second.
fn load(text: &str) -> Option<f64> {
    let found = groups(text, &load_pattern())?;
    let amount = number(found.first()?)?;
    let seconds = match found.get(1)?.chars().next() {
        Some('m') => 60.0,
        Some('h') => 3_600.0,
        Some('d') => 86_400.0,
        _ => 1.0,
    };
    Some(amount / seconds).filter(|rate| 0.0 < *rate)
}

/// The limit of a clause in milliseconds: `Some(None)` when it states none, `None` when what it states is no limit.
#[expect(clippy::option_option, reason = "absent and contradictory are different answers")]
fn limit(clause: &str) -> Option<Option<f64>> {
    let Some(found) = groups(clause, &format!(r"(-)?{NUMBER}\s*{DURATION_UNIT}")) else { return Some(None) };
    let [sign, amount, unit] = found.as_slice() else { return None };
    let minus_sign = !sign.is_empty() && !has(clause, r"\d\s*-\s*[\d.]");
    let lower_bound = has(clause, &format!(r"(>|\b(?:above|over|more than|at least|longer than|slower than))=?\s*{NUMBER}\s*{DURATION_UNIT}"));
    // An average is not a percentile, and judging one by the other would be a silent mistake.
    if minus_sign || lower_bound || has(clause, r"\b(average|avg|mean)\b") {
        return None;
    }
    let factor = match unit.as_str() {
        "us" | "usec" | "usecs" => 1e-3,
        unit if unit.starts_with("micro") => 1e-3,
        unit if unit.starts_with("min") => 60_000.0,
        unit if unit.starts_with('m') => 1.0,
        _ => 1_000.0,
    };
    let limit_ms = number(amount)? * factor;
    // 0.1 + 0.2: what was typed in seconds should not come back with a tail of digits.
    let limit_ms = (limit_ms * 1e9).round() / 1e9;
    if 0.0 < limit_ms { Some(Some(limit_ms)) } else { None }
}

/// The percentile of a clause: `Some(None)` when it states none, `None` when it states an impossible one.
#[expect(clippy::option_option, reason = "absent and impossible are different answers")]
fn percentile(clause: &str) -> Option<Option<f64>> {
    if has(clause, r"\bmedian\b") {
        return Some(Some(50.0));
    }
    if let Some(digits) = find(clause, r"\bp\s?(\d{2,5}(?:\.\d+)?)\b") {
        // p999 is how people write p99.9.
        let value = number(&digits)?;
        let nines = 2 < digits.len() && digits.starts_with("99") && !digits.contains('.');
        return possible(if nines { value / 10_f64.powi(digits.len() as i32 - 2) } else { value });
    }
    let stated = find(
        clause,
        &format!(r"{NUMBER}\s*(?:st|nd|rd|th)?\s*(?:-\s*)?(?:percentile|centile)|{NUMBER}\s*(?:%|percent)\s*(?:of|percentile)?"),
    );
    stated.map_or(Some(None), |stated| possible(number(&stated)?))
}

#[expect(clippy::option_option, reason = "as its callers")]
fn possible(value: f64) -> Option<Option<f64>> {
    (0.0 < value && value <= 100.0).then_some(Some(value))
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
            ("p99 under 50 ms at 100 requests per second", "p99 ≤ 50 ms, 100 requests/s"),
            ("p99 < 50ms @ 100 rps", "p99 ≤ 50 ms, 100 requests/s"),
            ("99th percentile below 0.5 s, batch of 32", "p99 ≤ 500 ms, batch 32"),
            ("99.9 percentile below 0,5 s", "p99.9 ≤ 500 ms"),
            ("p999 < 80 ms", "p99.9 ≤ 80 ms"),
            ("95 % of predictions in less than 100 ms", "p95 ≤ 100 ms"),
            ("90% of requests under 1 s, 3000 requests per minute", "p90 ≤ 1,000 ms, 50 requests/s"),
            ("median 10 ms and p99 100 ms", "p99 ≤ 100 ms"),
            ("200 ms, 50 requests/s", "p95 ≤ 200 ms, 50 requests/s"),
            ("500 µs", "p95 ≤ 0.5 ms"),
            ("max 150 ms", "p95 ≤ 150 ms"),
            ("1,500 ms", "p95 ≤ 1,500 ms"),
            ("0.3 s", "p95 ≤ 300 ms"),
            ("overnight batch, 10 minutes", "p95 ≤ 600,000 ms"),
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
        ] {
            check(words, None);
        }
    }
}
