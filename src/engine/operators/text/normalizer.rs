//! `StringNormalizer`.

use std::collections::HashSet;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, only, tensor};
use super::super::reject;
use crate::engine::proto::{int, text, texts};

/// What is done to the case of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Kept,
    Lower,
    Upper,
}

impl Case {
    fn of(self, word: &str) -> String {
        match self {
            Self::Kept => word.to_owned(),
            Self::Lower => word.chars().map(lower).collect(),
            Self::Upper => word.chars().map(upper).collect(),
        }
    }
}

/// One character becomes one character, as in C's `towlower`.
fn lower(letter: char) -> char {
    match letter {
        'İ' => 'i',
        _ => single(letter, letter.to_lowercase()),
    }
}

fn upper(letter: char) -> char {
    single(letter, letter.to_uppercase())
}

fn single(letter: char, mut changed: impl Iterator<Item = char>) -> char {
    match (changed.next(), changed.next()) {
        (Some(one), None) => one,
        _ => letter,
    }
}

/// Changes the case of words and drops some of them.
#[derive(Debug)]
pub(crate) struct StringNormalizer {
    case: Case,
    case_sensitive: bool,
    /// In lower case unless case counts.
    stopwords: HashSet<String>,
}

impl StringNormalizer {
    /// The locale is not followed: letters change case as Unicode says, without a language's own rules.
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let case = match text(node, "case_change_action").as_deref() {
            None | Some("NONE") => Case::Kept,
            Some("LOWER") => Case::Lower,
            Some("UPPER") => Case::Upper,
            Some(other) => return reject(node, &format!("the case change `{other}` is unknown")),
        };
        let case_sensitive = int(node, "is_case_sensitive").unwrap_or(0) != 0;
        let stopwords = texts(node, "stopwords");
        let stopwords =
            stopwords.into_iter().map(|word| if case_sensitive { word } else { Case::Lower.of(&word) }).collect();
        Ok(Self { case, case_sensitive, stopwords })
    }

    fn keeps(&self, word: &str) -> bool {
        if self.case_sensitive {
            !self.stopwords.contains(word)
        } else {
            !self.stopwords.contains(&Case::Lower.of(word))
        }
    }
}

impl Kernel for StringNormalizer {
    fn name(&self) -> &'static str {
        "StringNormalizer"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure!(input.dtype == String::datum_type(), "StringNormalizer takes text, not {:?}", input.dtype);
        match input.shape.as_slice() {
            [_] => {}
            [one, _] if one.is_one() => {}
            shape => bail!("StringNormalizer takes [C] or [1, C] words, not {shape:?}"),
        }
        ensure!(self.stopwords.is_empty(), "the shape of StringNormalizer's output depends on data");
        Ok(tvec!(input.clone()))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let one_row = match input.shape() {
            [_] => false,
            [1, _] => true,
            shape => bail!("StringNormalizer takes [C] or [1, C] words, not {shape:?}"),
        };
        let words = elements::<String>(input)?;
        let kept = words.iter().filter(|word| self.stopwords.is_empty() || self.keeps(word));
        let mut kept: Vec<String> = kept.map(|word| self.case.of(word)).collect();
        if kept.is_empty() && !words.is_empty() {
            kept.push(String::new());
        }
        let shape: &[usize] = if one_row { &[1, kept.len()] } else { &[kept.len()] };
        Ok(tvec!(tensor(shape, kept)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::operators::kernel::testing::{With as _, node};
    use crate::engine::operators::text::strings::testing::{run_text, words};

    // Every answer is ONNX Runtime 1.32's.
    #[track_caller]
    fn check(case: &str, stopwords: &[&str], case_sensitive: i64, given: &[&str], expected: &[&str]) {
        let node = node("StringNormalizer", "n")
            .with("case_change_action", |a| a.s = case.as_bytes().to_vec())
            .with("is_case_sensitive", |a| a.i = case_sensitive)
            .with("stopwords", |a| a.strings = stopwords.iter().map(|word| word.as_bytes().to_vec()).collect());
        let (shape, got) = run_text(&StringNormalizer::parse(&node).unwrap(), &[words(&[given.len()], given)]);
        assert_eq!(got, expected);
        assert_eq!(shape, [expected.len()]);
    }

    #[test]
    fn letters_change_case_one_by_one() {
        check("LOWER", &[], 0, &["İstanbul", "STRASSE ß", "ÉÀ", "ΣΑΣ"], &["istanbul", "strasse ß", "éà", "σασ"]);
        check("UPPER", &[], 0, &["istanbul ı", "straße", "ǆ ŉ ﬁ"], &["ISTANBUL I", "STRAßE", "Ǆ ŉ ﬁ"]);
        check("NONE", &[], 0, &["Mon"], &["Mon"]);
    }

    #[test]
    fn stopwords_are_dropped_and_nothing_left_is_one_empty_text() {
        check("UPPER", &["TUE"], 0, &["Mon", "tue", "WED"], &["MON", "WED"]);
        check("UPPER", &["TUE"], 1, &["Mon", "tue", "WED"], &["MON", "TUE", "WED"]);
        check("NONE", &["TUE", "mon"], 0, &["tue", "mon"], &[""]);
    }

    #[test]
    fn with_stopwords_the_shape_depends_on_data() {
        let node = node("StringNormalizer", "n").with("stopwords", |a| a.strings = vec![b"a".to_vec()]);
        let fact = Fact::new(String::datum_type(), [2.to_dim()]);
        let error = StringNormalizer::parse(&node).unwrap().outputs(&[fact]).unwrap_err().to_string();
        assert!(error.contains("depends on data"), "{error}");
    }
}
