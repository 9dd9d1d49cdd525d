//! Patterns as RE2 reads them, which ONNX Runtime uses: classes like `\w` are ASCII, and the longest match counts.

use regex::Regex;
use regex_automata::nfa::thompson::pikevm::{Cache, PikeVM};
use regex_automata::{Anchored, Input, MatchKind};
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::{bail, format_err};

/// A pattern that finds the leftmost match and, of those, the longest.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Where a match begins.
    first: Regex,
    /// Where the longest match that begins there ends.
    longest: PikeVM,
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> TractResult<Self> {
        let pattern = translated(pattern)?;
        let first = Regex::new(&pattern).map_err(|error| invalid(&pattern, &error))?;
        let config = PikeVM::config().match_kind(MatchKind::All);
        let longest = PikeVM::builder().configure(config).build(&pattern).map_err(|error| invalid(&pattern, &error))?;
        Ok(Self { first, longest })
    }

    /// What searching needs besides the pattern.
    pub(super) fn cache(&self) -> Cache {
        self.longest.create_cache()
    }

    /// The match that begins first at `start` or later.
    pub(super) fn find(&self, cache: &mut Cache, text: &str, start: usize) -> Option<(usize, usize)> {
        let found = self.first.find_at(text, start)?;
        let input = Input::new(text).span(found.start()..text.len()).anchored(Anchored::Yes);
        let end = self.longest.find(cache, input).map_or(found.end(), |longest| longest.end());
        Some((found.start(), end))
    }
}

/// The pattern as one that must match a whole text.
pub(super) fn full(pattern: &str) -> TractResult<Regex> {
    let pattern = translated(pattern)?;
    Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(|error| invalid(&pattern, &error))
}

fn invalid(pattern: &str, error: &dyn std::fmt::Display) -> tract_onnx::tract_hir::internal::TractError {
    let reason = error.to_string();
    format_err!("the pattern {pattern:?} cannot be read: {}", reason.lines().last().unwrap_or_default())
}

/// The members of a Perl class in RE2, which knows ASCII only.
fn members(letter: char) -> Option<&'static str> {
    Some(match letter.to_ascii_lowercase() {
        'w' => "0-9A-Za-z_",
        'd' => "0-9",
        's' => r"\t\n\x0c\r ",
        _ => return None,
    })
}

/// The pattern in the syntax of `regex`, meaning what it means in RE2.
fn translated(pattern: &str) -> TractResult<String> {
    let mut output = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => {
                let Some(escaped) = rest.next() else { bail!("the pattern {pattern:?} ends in a backslash") };
                match escaped {
                    'w' | 'd' | 's' => output.push_str(&format!("[{}]", members(escaped).unwrap_or_default())),
                    'W' | 'D' | 'S' => output.push_str(&format!("[^{}]", members(escaped).unwrap_or_default())),
                    'b' | 'B' => output.push_str(&format!(r"(?-u:\{escaped})")),
                    'C' => bail!("the pattern {pattern:?} asks for single bytes"),
                    'Q' => quote(&mut rest, &mut output),
                    _ => escape(escaped, &mut output),
                }
            }
            '[' => class(pattern, &mut rest, &mut output)?,
            // A brace that begins no repetition is itself.
            '{' if !rest.peek().is_some_and(char::is_ascii_digit) => output.push_str(r"\{"),
            _ => output.push(letter),
        }
    }
    Ok(output)
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// What stands between `\Q` and `\E` is taken literally.
fn quote(rest: &mut Rest<'_>, output: &mut String) {
    while let Some(letter) = rest.next() {
        if letter == '\\' && rest.peek() == Some(&'E') {
            rest.next();
            return;
        }
        output.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }
}

fn escape(escaped: char, output: &mut String) {
    if escaped.is_ascii_alphanumeric() {
        output.push('\\');
        output.push(escaped);
    } else {
        output.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4])));
    }
}

/// A class in brackets; its opening bracket was read.
fn class(pattern: &str, rest: &mut Rest<'_>, output: &mut String) -> TractResult<()> {
    output.push('[');
    if rest.peek() == Some(&'^') {
        rest.next();
        output.push('^');
    }
    let mut first = true;
    while let Some(letter) = rest.next() {
        match letter {
            ']' if !first => {
                output.push(']');
                return Ok(());
            }
            '[' if rest.peek() == Some(&':') => {
                output.push('[');
                for letter in rest.by_ref() {
                    output.push(letter);
                    if letter == ']' {
                        break;
                    }
                }
            }
            '\\' => {
                let Some(escaped) = rest.next() else { bail!("the pattern {pattern:?} ends in a backslash") };
                match (members(escaped), escaped.is_ascii_uppercase()) {
                    (Some(members), false) => output.push_str(members),
                    (Some(members), true) => output.push_str(&format!("[^{members}]")),
                    (None, _) if matches!(escaped, '-' | '&' | '~') => {
                        output.push('\\');
                        output.push(escaped);
                    }
                    (None, _) => escape(escaped, output),
                }
            }
            // These mean more here than in RE2.
            '[' | ']' | '&' | '~' => {
                output.push('\\');
                output.push(letter);
            }
            _ => output.push(letter),
        }
        first = false;
    }
    bail!("the pattern {pattern:?} has a class without an end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: Option<&str>) {
        let compiled = Pattern::new(pattern).unwrap();
        let found = compiled.find(&mut compiled.cache(), text, 0);
        assert_eq!(found.map(|(start, end)| &text[start..end]), expected, "{pattern}");
    }

    #[test]
    fn the_longest_of_the_first_matches_counts() {
        check("a|ab", "xab", Some("ab"));
        check("ab??", "ab", Some("ab"));
        check("(?:the )?cat|the", "the cat", Some("the cat"));
        check("b+", "xyz", None);
    }

    #[test]
    fn classes_are_ascii() {
        check(r"\w+", "éab_1é", Some("ab_1"));
        check(r"\b\w\w+\b", "aéb cd", Some("cd"));
        check(r"[\w-]+", "é x-y", Some("x-y"));
        check(r"\S+", "\u{a0}x y", Some("\u{a0}x"));
        check(r"[^\W\d]+", "12ab", Some("ab"));
        check(r"\d", "٣4", Some("4"));
    }

    #[test]
    fn brackets_and_braces_are_read_as_in_re2() {
        check("[[a&&b~~x]+", "-[x] a&&b", Some("[x"));
        check("[]x]+", "ab]x", Some("]x"));
        check("{y", "x{y}", Some("{y"));
        check("a{2}", "aaa", Some("aa"));
        check("[[:alpha:]]+", "1ab", Some("ab"));
        check(r"\Qa.b\E+", "a.bb", Some("a.bb"));
        assert!(Pattern::new("(").is_err());
        assert!(Pattern::new("[a").is_err());
        assert!(Pattern::new("a\\").is_err());
    }
}
