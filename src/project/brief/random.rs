//! No string makes a parser panic, hang or state a value that cannot be.

use std::time::{Duration, Instant};

use super::{InputSpec, LatencyBudget, OutputSpec, RetrainingCadence, Stated, SuccessMetric, Understand as _};

/// Pieces that parsers look for, so that random answers reach their corners.
const PIECES: [&str; 92] = [
    "<",
    ">",
    "<=",
    ">=",
    "≤",
    "≥",
    "–",
    "-",
    ",",
    ".",
    ";",
    ":",
    "/",
    "(",
    ")",
    "%",
    "\"",
    "'",
    "“",
    "”",
    "`",
    "@",
    "=",
    "+",
    "&",
    "\n",
    "\t",
    "\u{a0}",
    "\u{202f}",
    "0",
    "1",
    "2",
    "9",
    "99",
    "200",
    "0.85",
    "0,85",
    "1.234,5",
    "1,500",
    ".8",
    "1e3",
    "1e400",
    "1e-400",
    "99999999999999999999",
    "ms",
    "s",
    "µs",
    "seconds",
    "minutes",
    "hours",
    "p95",
    "p99",
    "p999",
    "p0",
    "percentile",
    "median",
    "average",
    "requests",
    "per",
    "second",
    "rps",
    "batch",
    "of",
    "AUC",
    "ROC-AUC",
    "precision",
    "recall",
    "F1",
    "RMSE",
    "R²",
    "accuracy",
    "class",
    "'yes'",
    "macro",
    "points better than the current model",
    "at least",
    "below",
    "between",
    "and",
    "every",
    "week",
    "weekly",
    "twice a",
    "never",
    "drift",
    "probability",
    "low",
    "medium",
    "high",
    "very",
    "threshold",
    "risk level",
];

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn answer(&mut self) -> String {
        let n_pieces = self.below(14);
        let mut text = String::new();
        for _ in 0..n_pieces {
            match self.below(8) {
                0 => text.extend(char::from_u32(self.below(0x11_0000) as u32)),
                1 => text.extend(char::from_u32(self.below(0x80) as u32)),
                _ => text.push_str(PIECES[self.below(PIECES.len())]),
            }
            if self.below(3) != 0 {
                text.push(' ');
            }
        }
        text
    }
}

/// Understands an answer in every way; what is understood can be described, and is what it says.
fn check(words: &str) {
    if let Some(budget) = LatencyBudget::understand(words) {
        let sensible = 0.0 < budget.limit_ms
            && budget.limit_ms.is_finite()
            && 0.0 < budget.percentile
            && budget.percentile <= 100.0;
        assert!(
            sensible && 1 <= budget.batch && budget.per_second.is_none_or(|rate| 0.0 < rate && rate.is_finite()),
            "{words:?}: {budget:?}"
        );
        assert!(budget.describe().starts_with('p'));
    }
    if let Some(cadence) = RetrainingCadence::understand(words) {
        assert!(cadence.every_days.is_none_or(|days| 0.0 < days && days.is_finite()), "{words:?}: {cadence:?}");
        assert!(!cadence.describe().is_empty());
    }
    if let Some(metrics) = Vec::<SuccessMetric>::understand(words) {
        assert!(!metrics.is_empty() && !metrics.describe().is_empty());
        assert!(metrics.iter().all(|metric| metric.value.is_finite()), "{words:?}: {metrics:?}");
    }
    if let Some(output) = OutputSpec::understand(words) {
        assert!((0.0..=1.0).contains(&output.threshold), "{words:?}: {output:?}");
        assert!(output.bands.windows(2).all(|pair| pair[0].from < pair[1].from), "{words:?}: {output:?}");
        assert!(output.bands.iter().all(|band| (0.0..=1.0).contains(&band.from)), "{words:?}: {output:?}");
        assert!(output.bands.first().is_none_or(|band| band.from.abs() < f64::EPSILON), "{words:?}: {output:?}");
        assert!(!output.describe().is_empty());
    }
    if let Some(input) = InputSpec::understand(words) {
        assert!(!input.describe().is_empty());
    }
    let objections = [
        LatencyBudget::objection(words),
        RetrainingCadence::objection(words),
        Vec::<SuccessMetric>::objection(words),
        OutputSpec::objection(words),
        InputSpec::objection(words),
    ];
    assert!(objections.iter().flatten().all(|objection| !objection.is_empty()));
}

#[test]
fn no_string_makes_a_parser_panic() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..1_500 {
        check(&random.answer());
    }
    for words in [
        "",
        " ",
        "\0",
        "\u{feff}",
        "🦀",
        "İ",
        "ß",
        "e\u{301}",
        "''''",
        "1,,,1",
        "1.,1",
        "p",
        "class",
        "class ''",
        "0x10 ms",
        "\u{202e}200 ms",
    ] {
        check(words);
    }
}

#[test]
fn a_book_pasted_into_a_field_does_not_hang() {
    let start = Instant::now();
    for piece in ["200 ms, ", "1,", "precision and ", "low high ", "every ", "\u{a0}1", "AUC > 0.8 "] {
        check(&piece.repeat(200_000 / piece.len()));
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn what_is_described_is_understood_as_the_same_again() {
    for words in ["p99 under 50 ms at 100 requests per second", "200 ms", "0.5 s, batch of 32"] {
        let budget = LatencyBudget::understand(words).unwrap();
        assert_eq!(LatencyBudget::understand(&budget.describe()), Some(budget));
    }
    for words in ["weekly with new data", "monthly", "on drift", "never", "every 6 hours"] {
        let cadence = RetrainingCadence::understand(words).unwrap();
        assert_eq!(RetrainingCadence::understand(&cadence.describe()), Some(cadence));
    }
    for words in ["AUC-ROC > 0.85, precision > 0.80", "F1 ≥ 0.8 (macro)", "recall of 0.7 on class 1", "RMSE < 1,500"]
    {
        let metrics = Vec::<SuccessMetric>::understand(words).unwrap();
        assert_eq!(Vec::<SuccessMetric>::understand(&metrics.describe()), Some(metrics));
    }
    for words in
        ["probability of class 1 and risk level", "probability of 'yes', low below 0.2, high from 0.6", "a number"]
    {
        let output = OutputSpec::understand(words).unwrap();
        assert_eq!(OutputSpec::understand(&output.describe()), Some(output));
    }
}

#[test]
fn an_answer_is_understood_anew_only_when_its_words_change() {
    let mut answer: Stated<LatencyBudget> = Stated::from_words("< 200 ms");
    let by_hand = LatencyBudget { limit_ms: 5.0, ..answer.value.clone().unwrap() };
    answer.value = Some(by_hand.clone());
    answer.refresh();
    assert_eq!(answer.value, Some(by_hand));
    assert!(answer.is_overridden());
    answer.words = "< 100 ms".to_owned();
    answer.refresh();
    assert_eq!((answer.understood().as_deref(), answer.is_overridden()), (Some("p95 ≤ 100 ms"), false));
}
