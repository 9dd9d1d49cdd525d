//! What the parsers of answers share: normal spelling, patterns, numbers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;

/// Characters of an answer that are read; an answer is a sentence or two, and it is read at every keystroke.
const READ: usize = 4_000;

/// The words in one spelling: lower case, plain spaces, ASCII signs, decimal points.
pub(super) fn normal(words: &str) -> String {
    let words = beginning(words);
    let mut text = String::with_capacity(words.len());
    // Spaces that do not break stand between thousands in French and Swiss numbers.
    let joined = replace(words, "(\\d)[\u{a0}\u{202f}\u{2009}\u{2019}'](\\d{3})\\b", "$1$2");
    let joined = replace(&joined, "(\\d)[\u{a0}\u{202f}\u{2009}\u{2019}'](\\d{3})\\b", "$1$2");
    for letter in joined.chars().flat_map(char::to_lowercase) {
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
    decimals(&text)
}

/// As much of an answer as is read.
pub(super) fn beginning(words: &str) -> &str {
    words.char_indices().nth(READ).map_or(words, |(end, _)| &words[..end])
}

/// Numbers with a decimal point and nothing between thousands, whichever way they were written.
///
/// `0,85` and `1.234,5` are German or French, `1,500` and `1,234.5` English; `0.85,0.80` are two numbers.
fn decimals(text: &str) -> String {
    let numbers = pattern(r"\d+(?:[.,']\d+)+");
    numbers.map_or_else(
        || text.to_owned(),
        |numbers| numbers.replace_all(text, |found: &regex::Captures<'_>| one_number(&found[0])).into_owned(),
    )
}

fn one_number(token: &str) -> String {
    let groups: Vec<&str> = token.split(['.', ',', '\'']).collect();
    let signs: Vec<char> = token.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let (Some((first, others)), Some((last_sign, before))) = (groups.split_first(), signs.split_last()) else {
        return token.to_owned();
    };
    let thousands =
        |others: &[&str]| first.len() <= 3 && !first.starts_with('0') && others.iter().all(|group| group.len() == 3);
    let alike = before.iter().all(|sign| sign == last_sign);
    match (alike, last_sign, others) {
        (true, '.', [_]) => token.to_owned(),
        // A single group of three after a comma is thousands in English; what starts with 0 has no thousands.
        (true, _, others) if thousands(others) => groups.concat(),
        (true, ',', [fraction]) => format!("{first}.{fraction}"),
        (false, '.' | ',', [whole @ .., fraction])
            if before.iter().all(|sign| Some(sign) == before.first()) && thousands(whole) =>
        {
            format!("{first}{}.{fraction}", whole.concat())
        }
        _ => token.to_owned(),
    }
}

thread_local! {
    /// Compiling is far slower than matching, and answers are understood at every keystroke.
    static PATTERNS: RefCell<HashMap<String, Rc<Regex>>> = RefCell::default();
}

/// A pattern; one that does not compile finds nothing, and the tests would say so.
///
/// Patterns are kept, so they must not be made from what a user typed.
pub(super) fn pattern(source: &str) -> Option<Rc<Regex>> {
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(known) = patterns.get(source) {
            return Some(Rc::clone(known));
        }
        let compiled = Regex::new(source);
        debug_assert!(compiled.is_ok(), "{source} is not a pattern");
        // Shared and not cloned: every clone of a regex begins with empty caches, which cost more than the search.
        let compiled = Rc::new(compiled.ok()?);
        patterns.insert(source.to_owned(), Rc::clone(&compiled));
        Some(compiled)
    })
}

/// Every occurrence with its groups, absent ones empty; the whole occurrence comes first.
pub(super) fn all(text: &str, source: &str) -> Vec<Vec<String>> {
    let Some(pattern) = pattern(source) else { return Vec::new() };
    let text_of = |group: Option<regex::Match<'_>>| group.map_or_else(String::new, |group| group.as_str().to_owned());
    pattern.captures_iter(text).map(|captures| captures.iter().map(text_of).collect()).collect()
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
    Some(
        captures
            .iter()
            .skip(1)
            .map(|group| group.map_or_else(String::new, |group| group.as_str().to_owned()))
            .collect(),
    )
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
        for (written, expected) in [
            ("0.85,0.80", "0.85,0.80"),
            ("0,85, 0,80", "0.85, 0.80"),
            ("0,850", "0.850"),
            ("0,001", "0.001"),
            ("1,500", "1500"),
            ("12,5", "12.5"),
            ("1.234,5", "1234.5"),
            ("1,234.5", "1234.5"),
            ("1.234.567", "1234567"),
            ("1'500", "1500"),
            ("1\u{202f}500\u{a0}ms", "1500 ms"),
            ("1,2,3", "1,2,3"),
            ("12\u{a0}345\u{a0}678", "12345678"),
        ] {
            assert_eq!(normal(written), expected, "{written}");
        }
    }

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        for (value, expected) in [(200.0, "200"), (0.001, "0.001"), (2_000.0, "2,000"), (1_234_567.5, "1,234,567.5")] {
            assert_eq!(show(value), expected);
        }
    }
}
