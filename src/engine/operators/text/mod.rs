//! Operators on text: normalizing, splitting into tokens, counting n-grams, matching.

mod normalizer;
mod pattern;
mod split;
mod strings;
mod tfidf;
mod tokenizer;

use super::{MICROSOFT, ML, ONNX, Operator, Parsed};

use self::normalizer::StringNormalizer;
use self::split::StringSplit;
use self::strings::{CategoryMapper, RegexFullMatch, StringConcat};
use self::tfidf::TfIdfVectorizer;
use self::tokenizer::Tokenizer;

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ML, "CategoryMapper", |node, _| Parsed::kernel(CategoryMapper::parse(node)?)),
    Operator::new(ONNX, "RegexFullMatch", |node, _| Parsed::kernel(RegexFullMatch::parse(node)?)),
    Operator::new(ONNX, "StringConcat", |_, _| Parsed::kernel(StringConcat)),
    Operator::new(ONNX, "StringNormalizer", |node, _| Parsed::kernel(StringNormalizer::parse(node)?)),
    Operator::new(ONNX, "StringSplit", |node, _| Parsed::kernel(StringSplit::parse(node)?)),
    Operator::new(ONNX, "TfIdfVectorizer", |node, _| Parsed::kernel(TfIdfVectorizer::parse(node)?)),
    Operator::new(MICROSOFT, "Tokenizer", |node, _| Parsed::kernel(Tokenizer::parse(node)?)),
];
