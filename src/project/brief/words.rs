//! What the parsers of answers share: normal spelling, patterns, numbers.

use regex::Regex;

/// The words in one spelling: lower case, plain spaces, ASCII signs, decimal points.
pub(super) fn normal(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in words.chars().flat_map(char::to_lowercase) {
        match letter {
            '≤' | '⩽' => text.push_str("<="),
            '≥' | '⩾' => text.push_str(">="),
            '＜' => text.push('<'),
            '＞' => text.push('>'),
            '–' | '—' | '−' | '‐' | '‑' => text.push('-'),
            '“' | '”' | '„' | '«' | '»' => text.push('"'),
            '‘' | '’' => text.push('\''),
            'µ' | 'μ' => text.push('u'),
            '％' => text.push('%'),
            letter if letter.is_whitespace() => text.push(' '),
            letter => text.push(letter),
        }
    }
    // One to two or more than three digits after a comma are decimals; three are a group of thousands.
    let text = replace(&text, r"(^|[^\d.,])(\d+),(\d{1,2}|\d{4,})($|[^\d,])", "$1$2.$3$4");
    replace(&text, r"(\d),(\d{3}\b)", "$1$2")
}

/// A pattern; one that does not compile finds nothing, and the tests would say so.
pub(super) fn pattern(source: &str) -> Option<Regex> {
    Regex::new(source).ok()
}

/// Whether the pattern occurs.
pub(super) fn has(text: &str, source: &str) -> bool {
    pattern(source).is_some_and(|pattern| pattern.is_match(text))
}

/// The first group of the first occurrence that took part.
pub(super) fn find(text: &str, source: &str) -> Option<String> {
    let captures = pattern(source)?.captures(text)?;
    captures.iter().skip(1).flatten().next().map(|group| group.as_str().to_owned())
}

/// Every group of the first occurrence, absent ones empty.
pub(super) fn groups(text: &str, source: &str) -> Option<Vec<String>> {
    let captures = pattern(source)?.captures(text)?;
    Some(captures.iter().skip(1).map(|group| group.map_or_else(String::new, |group| group.as_str().to_owned())).collect())
}

/// The text with every occurrence replaced.
pub(super) fn replace(text: &str, source: &str, with: &str) -> String {
    pattern(source).map_or_else(|| text.to_owned(), |pattern| pattern.replace_all(text, with).into_owned())
}

/// A number in normal spelling: `200`, `.8`, `1e3`.
pub(super) const NUMBER: &str = r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?|\.\d+)";

/// Reads what [`NUMBER`] matched.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A number without superfluous digits, with thousands marked.
pub(super) fn show(number: f64) -> String {
    let text = format!("{number}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let digits = whole.trim_start_matches('-');
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if whole.starts_with('-') { "-" } else { "" };
    rest.map_or_else(|| format!("{sign}{grouped}"), |rest| format!("{sign}{grouped}.{rest}"))
}

/// The number a small number word stands for, or the digits themselves.
pub(super) fn count(text: &str) -> Option<f64> {
    const WORDS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.iter().position(|word| *word == text).map(|count| count as f64).or_else(|| number(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_made_normal() {
        assert_eq!(normal("≤\u{a0}0,85 – “Ja”"), "<= 0.85 - \"ja\"");
        assert_eq!(normal("1,000 ms"), "1000 ms");
        assert_eq!(normal("0.85,0.80"), "0.85,0.80");
    }

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        for (value, expected) in [(200.0, "200"), (0.001, "0.001"), (2_000.0, "2,000"), (1_234_567.5, "1,234,567.5")] {
            assert_eq!(show(value), expected);
        }
    }
}
