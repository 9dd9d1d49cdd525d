//! Text element by element: `CategoryMapper`, `RegexFullMatch` and `StringConcat`.

use std::collections::HashMap;

use regex::Regex;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::tract_core::broadcast::multi_broadcast;

use super::super::kernel::{Fact, Kernel, elements, only, tensor};
use super::super::reject;
use super::pattern;
use crate::engine::proto::{int, ints, text, texts};

/// Replaces text by integers, or integers by text.
#[derive(Debug)]
pub(crate) struct CategoryMapper {
    numbers: HashMap<String, i64>,
    names: HashMap<i64, String>,
    default_number: i64,
    default_name: String,
}

impl CategoryMapper {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let (names, numbers) = (texts(node, "cats_strings"), ints(node, "cats_int64s"));
        if names.len() != numbers.len() {
            return reject(node, &format!("it has {} texts for {} integers", names.len(), numbers.len()));
        }
        let pairs = || names.iter().cloned().zip(numbers.iter().copied());
        // Of equal keys, the last counts, as in ONNX Runtime.
        Ok(Self {
            numbers: pairs().collect(),
            names: pairs().map(|(name, number)| (number, name)).collect(),
            default_number: int(node, "default_int64").unwrap_or(-1),
            default_name: text(node, "default_string").unwrap_or_else(|| "_Unused".to_owned()),
        })
    }
}

impl Kernel for CategoryMapper {
    fn name(&self) -> &'static str {
        "CategoryMapper"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        let dtype = if input.dtype == String::datum_type() {
            i64::datum_type()
        } else {
            ensure!(input.dtype == i64::datum_type(), "CategoryMapper takes text or int64, not {:?}", input.dtype);
            String::datum_type()
        };
        Ok(tvec!(Fact::new(dtype, input.shape.iter().cloned())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        Ok(tvec!(if input.datum_type() == String::datum_type() {
            let names = elements::<String>(input)?.iter();
            let numbers = names.map(|name| self.numbers.get(name).copied().unwrap_or(self.default_number));
            tensor(input.shape(), numbers.collect())?
        } else {
            let numbers = elements::<i64>(input)?.iter();
            let names = numbers.map(|number| self.names.get(number).unwrap_or(&self.default_name).clone());
            tensor(input.shape(), names.collect())?
        }))
    }
}

/// Whether a pattern matches the whole text.
#[derive(Debug)]
pub(crate) struct RegexFullMatch(Regex);

impl RegexFullMatch {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        match pattern::full(&text(node, "pattern").unwrap_or_default()) {
            Ok(regex) => Ok(Self(regex)),
            Err(error) => reject(node, &error.to_string()),
        }
    }
}

impl Kernel for RegexFullMatch {
    fn name(&self) -> &'static str {
        "RegexFullMatch"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure!(input.dtype == String::datum_type(), "RegexFullMatch takes text, not {:?}", input.dtype);
        Ok(tvec!(Fact::new(bool::datum_type(), input.shape.iter().cloned())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let matches = elements::<String>(input)?.iter().map(|text| self.0.is_match(text)).collect();
        Ok(tvec!(tensor::<bool>(input.shape(), matches)?))
    }
}

/// One text after the other, shapes stretched to each other.
#[derive(Debug)]
pub(crate) struct StringConcat;

impl Kernel for StringConcat {
    fn name(&self) -> &'static str {
        "StringConcat"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [left, right] = inputs else { bail!("StringConcat takes two inputs, {} are given", inputs.len()) };
        for input in inputs {
            ensure!(input.dtype == String::datum_type(), "StringConcat takes text, not {:?}", input.dtype);
        }
        let shape = multi_broadcast(&[&left.shape, &right.shape])?;
        Ok(tvec!(Fact::new(String::datum_type(), shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let [left, right] = inputs else { bail!("StringConcat takes two inputs, {} are given", inputs.len()) };
        let shape: TVec<usize> = multi_broadcast(&[left.shape(), right.shape()])?;
        let (left, right) = (left.to_plain_array_view::<String>()?, right.to_plain_array_view::<String>()?);
        let (Some(left), Some(right)) = (left.broadcast(shape.as_slice()), right.broadcast(shape.as_slice())) else {
            bail!("the inputs of StringConcat do not fit each other")
        };
        let texts = left.iter().zip(right.iter()).map(|(left, right)| [left.as_str(), right.as_str()].concat());
        Ok(tvec!(tensor(&shape, texts.collect())?))
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! Short ways to say texts.

    use super::*;

    /// A tensor of text.
    pub(crate) fn words(shape: &[usize], words: &[&str]) -> Tensor {
        tensor(shape, words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>()).unwrap()
    }

    /// Shape and elements of the first output.
    pub(crate) fn run_text(kernel: &dyn Kernel, inputs: &[Tensor]) -> (Vec<usize>, Vec<String>) {
        let inputs: Vec<TValue> = inputs.iter().map(|input| input.clone().into_tvalue()).collect();
        let output = kernel.run(&inputs).unwrap().remove(0);
        (output.shape().to_vec(), elements::<String>(&output).unwrap().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{run_text, words};
    use super::*;
    use crate::engine::operators::kernel::testing::{With as _, node, run, tensor2};

    #[test]
    fn categories_are_mapped_both_ways() {
        let mapper = node("CategoryMapper", "m")
            .with("cats_strings", |a| a.strings = vec![b"a".to_vec(), b"b".to_vec()])
            .with("cats_int64s", |a| a.ints = vec![3, 4])
            .with("default_int64", |a| a.i = -9)
            .with("default_string", |a| a.s = b"?".to_vec());
        let mapper = CategoryMapper::parse(&mapper).unwrap();
        assert_eq!(run::<i64>(&mapper, &[words(&[2, 2], &["a", "x", "b", "a"])]), [3, -9, 4, 3]);
        assert_eq!(run::<String>(&mapper, &[tensor2(&[[3_i64, 9], [4, 3]])]), ["a", "?", "b", "a"]);
    }

    #[test]
    fn a_pattern_must_match_the_whole_text() {
        let matches = |pattern: &str, given: &[&str]| {
            let node = node("RegexFullMatch", "m").with("pattern", |a| a.s = pattern.as_bytes().to_vec());
            run::<bool>(&RegexFullMatch::parse(&node).unwrap(), &[words(&[given.len()], given)])
        };
        assert_eq!(matches("a.c|abcd", &["abc", "abcd", "é", "a\n"]), [true, true, false, false]);
        assert_eq!(matches("\\w+", &["é", "ab1"]), [false, true]);
        assert_eq!(matches("a.*", &["a\nb", "a"]), [false, true]);
        assert_eq!(matches("(?i)a", &["A"]), [true]);
    }

    #[test]
    fn shapes_are_stretched_when_texts_are_joined() {
        let (shape, texts) = run_text(&StringConcat, &[words(&[2, 1], &["a", "b"]), words(&[2], &["c", "d"])]);
        assert_eq!((shape.as_slice(), texts.join(" ").as_str()), ([2, 2].as_slice(), "ac ad bc bd"));
    }
}
