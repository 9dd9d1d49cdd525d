//! `com.microsoft:Tokenizer`.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, only, tensor};
use super::super::reject;
use super::pattern::Pattern;
use crate::engine::proto::{attribute, int, text, texts};

/// Marks of the beginning and the end of a text.
const START: &str = "\u{2}";
const END: &str = "\u{3}";

/// How a text is cut.
#[derive(Debug)]
enum Cut {
    /// Every character is a token.
    Characters,
    /// What stands between matches, one pattern after the other.
    Between(Vec<Pattern>),
    /// What matches.
    Matches(Pattern),
}

/// Cuts texts into tokens, and pads each to as many as the longest has.
#[derive(Debug)]
pub(crate) struct Tokenizer {
    cut: Cut,
    /// Tokens with fewer characters are dropped.
    fewest_chars: usize,
    mark: bool,
    pad_value: String,
}

impl Tokenizer {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let Ok(fewest_chars @ 1..) = usize::try_from(int(node, "mincharnum").unwrap_or(0)) else {
            return reject(node, "`mincharnum` must be positive");
        };
        let separators = texts(node, "separators");
        let pattern = |text: &str| match Pattern::new(text) {
            Ok(pattern) => Ok(pattern),
            Err(error) => reject(node, &error.to_string()),
        };
        let cut = match (text(node, "tokenexp"), separators.as_slice()) {
            (Some(_), [_, ..]) => return reject(node, "it has both `tokenexp` and `separators`"),
            (Some(tokens), []) if !tokens.is_empty() => Cut::Matches(pattern(&tokens)?),
            (_, []) => return reject(node, "it has neither `tokenexp` nor `separators`"),
            (None, [only]) if only.is_empty() => Cut::Characters,
            (None, separators) => {
                Cut::Between(separators.iter().map(|text| pattern(text)).collect::<TractResult<_>>()?)
            }
        };
        if matches!(cut, Cut::Characters) && 1 < fewest_chars {
            return reject(node, "`mincharnum` is above 1 for tokens of one character");
        }
        if attribute(node, "pad_value").is_none() {
            return reject(node, "it has no `pad_value`");
        }
        let mark = int(node, "mark").unwrap_or(0) != 0;
        Ok(Self { cut, fewest_chars, mark, pad_value: text(node, "pad_value").unwrap_or_default() })
    }

    fn tokens<'a>(&self, text: &'a str) -> Vec<&'a str> {
        if text.is_empty() {
            return Vec::new();
        }
        match &self.cut {
            Cut::Characters => text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]).collect(),
            Cut::Matches(pattern) => self.matches(pattern, text),
            Cut::Between(separators) => {
                let mut tokens = vec![text];
                for separator in separators {
                    tokens = tokens.iter().flat_map(|token| self.between(separator, token)).collect();
                }
                tokens
            }
        }
    }

    fn is_long_enough(&self, token: &str) -> bool {
        self.fewest_chars <= token.chars().count()
    }

    fn matches<'a>(&self, pattern: &Pattern, text: &'a str) -> Vec<&'a str> {
        let mut cache = pattern.cache();
        let (mut tokens, mut start) = (Vec::new(), 0);
        while start < text.len()
            && let Some((from, to)) = pattern.find(&mut cache, text, start)
        {
            let token = &text[from..to];
            if self.is_long_enough(token) {
                tokens.push(token);
            }
            start = after(text, from, to);
        }
        tokens
    }

    fn between<'a>(&self, separator: &Pattern, text: &'a str) -> Vec<&'a str> {
        let mut cache = separator.cache();
        let (mut tokens, mut start) = (Vec::new(), 0);
        loop {
            let found = if start <= text.len() { separator.find(&mut cache, text, start) } else { None };
            let end = found.map_or(text.len(), |(from, _)| from);
            tokens.extend(text.get(start..end).filter(|token| self.is_long_enough(token)));
            match found {
                Some((from, to)) => start = after(text, from, to),
                None => return tokens,
            }
        }
    }
}

/// Where to go on after a match; an empty one takes a character with it.
fn after(text: &str, from: usize, to: usize) -> usize {
    if from < to { to } else { to + text[to..].chars().next().map_or(1, char::len_utf8) }
}

impl Kernel for Tokenizer {
    fn name(&self) -> &'static str {
        "Tokenizer"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure!(input.dtype == String::datum_type(), "Tokenizer takes text, not {:?}", input.dtype);
        bail!("how many tokens come out of Tokenizer depends on data")
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        ensure!(matches!(input.rank(), 1 | 2), "Tokenizer takes one or two axes, not {}", input.rank());
        let rows: Vec<Vec<&str>> = elements::<String>(input)?.iter().map(|text| self.tokens(text)).collect();
        let most = rows.iter().map(Vec::len).max().unwrap_or(0);
        // ONNX Runtime does not mark either when there is nothing at all.
        let (before, behind): (&[&str], &[&str]) = if self.mark && 0 < most { (&[START], &[END]) } else { (&[], &[]) };
        let width = before.len() + most + behind.len();
        let mut tokens = Vec::with_capacity(rows.len() * width);
        for row in rows {
            let padding = most - row.len();
            let row = before.iter().chain(&row).chain(behind).map(|token| (*token).to_owned());
            tokens.extend(row.chain(std::iter::repeat_n(self.pad_value.clone(), padding)));
        }
        let shape: Vec<usize> = input.shape().iter().copied().chain([width]).collect();
        Ok(tvec!(tensor(&shape, tokens)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::operators::kernel::testing::{With as _, node};
    use crate::engine::operators::text::strings::testing::{run_text, words};

    fn tokenizer(separators: &[&str], tokenexp: &str, mark: i64, fewest: i64) -> NodeProto {
        let node = node("Tokenizer", "t")
            .with("mark", |a| a.i = mark)
            .with("mincharnum", |a| a.i = fewest)
            .with("pad_value", |a| a.s = b"#".to_vec());
        match tokenexp {
            "" => node.with("separators", |a| a.strings = separators.iter().map(|s| s.as_bytes().to_vec()).collect()),
            _ => node.with("tokenexp", |a| a.s = tokenexp.as_bytes().to_vec()),
        }
    }

    // Every answer is ONNX Runtime 1.32's; a space stands between tokens, a bar between rows.
    #[track_caller]
    fn check(node: &NodeProto, given: &[&str], expected: &str) {
        let (shape, got) = run_text(&Tokenizer::parse(node).unwrap(), &[words(&[given.len()], given)]);
        assert_eq!(shape[0], given.len());
        let rows: Vec<String> = if shape[1] == 0 {
            vec![String::new(); shape[0]]
        } else {
            got.chunks(shape[1]).map(|row| row.join(" ")).collect()
        };
        assert_eq!(rows.join("|"), expected);
    }

    #[test]
    fn separators_cut_one_after_the_other() {
        check(&tokenizer(&[" "], "", 0, 1), &["ab cd", "x", ""], "ab cd|x #|# #");
        check(&tokenizer(&[" "], "", 0, 2), &["ab cd", "x", ""], "ab cd|# #|# #");
        check(&tokenizer(&[" ", "\\.", "\\?"], "", 0, 1), &["a.b c?d", "x"], "a b c d|x # # #");
        check(&tokenizer(&[" ", "."], "", 0, 1), &["a.b c?d", "x"], "|");
        check(&tokenizer(&["b*"], "", 0, 1), &["abcabc", "x"], "|");
        check(&tokenizer(&["a|ab"], "", 0, 1), &["xaby", "abab"], "x y|# #");
        check(&tokenizer(&["^", "{"], "", 0, 1), &["ab^c", "x{y}"], "b^c|y}");
        check(&tokenizer(&["\\b"], "", 0, 1), &["foo bar\nbaz", "x"], "oo ar az|# # #");
    }

    #[test]
    fn an_expression_finds_tokens() {
        check(&tokenizer(&[], "\\b\\w\\w+\\b", 0, 1), &["aéb cd, ef", "xx"], "cd ef|xx #");
        check(&tokenizer(&[], "[a-z]*", 0, 1), &["aéb cd, ef", "x"], "a b cd ef|x # # #");
        check(&tokenizer(&[], "a|ab", 0, 1), &["ab x", "abab"], "ab #|ab ab");
        check(&tokenizer(&[], "^\\w+", 0, 1), &["foo bar", "x"], "foo|x");
    }

    #[test]
    fn an_empty_separator_cuts_into_characters() {
        check(&tokenizer(&[""], "", 0, 1), &["aéb", "x"], "a é b|x # #");
        check(&tokenizer(&[""], "", 1, 1), &["aé", ""], "\u{2} a é \u{3}|\u{2} \u{3} # #");
        assert!(Tokenizer::parse(&tokenizer(&[""], "", 0, 2)).is_err());
    }

    #[test]
    fn marks_stand_around_the_tokens_unless_there_are_none() {
        check(&tokenizer(&[" "], "", 1, 1), &["ab cd", ""], "\u{2} ab cd \u{3}|\u{2} \u{3} # #");
        check(&tokenizer(&[" "], "", 1, 1), &["", " "], "|");
    }

    #[test]
    fn the_shape_depends_on_data() {
        let fact = Fact::new(String::datum_type(), [2.to_dim()]);
        let error = Tokenizer::parse(&tokenizer(&[" "], "", 0, 1)).unwrap().outputs(&[fact]).unwrap_err();
        assert!(error.to_string().contains("depends on data"), "{error}");
    }
}
