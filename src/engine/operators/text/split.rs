//! `StringSplit`.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, only, tensor};
use super::super::reject;
use crate::engine::proto::{int, text};

/// Cuts texts at a delimiter, and pads each to as many parts as the longest has.
#[derive(Debug)]
pub(crate) struct StringSplit {
    /// Empty: runs of spaces, those at the ends not counted.
    delimiter: String,
    most_splits: usize,
}

impl StringSplit {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let most_splits = match int(node, "maxsplit").map(usize::try_from) {
            None => usize::MAX,
            Some(Ok(most)) => most,
            Some(Err(_negative)) => return reject(node, "`maxsplit` is negative"),
        };
        Ok(Self { delimiter: text(node, "delimiter").unwrap_or_default(), most_splits })
    }

    fn parts<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let most = self.most_splits.saturating_add(1);
        if !self.delimiter.is_empty() {
            return if text.is_empty() { Vec::new() } else { text.splitn(most, &self.delimiter).collect() };
        }
        let mut parts = Vec::new();
        let mut rest = text.trim_matches(' ');
        while !rest.is_empty() {
            let Some(end) = rest.find(' ').filter(|_| parts.len() + 1 < most) else {
                parts.push(rest);
                break;
            };
            parts.push(&rest[..end]);
            rest = rest[end..].trim_start_matches(' ');
        }
        parts
    }
}

impl Kernel for StringSplit {
    fn name(&self) -> &'static str {
        "StringSplit"
    }

    fn n_outputs(&self) -> usize {
        2
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        ensure!(input.dtype == String::datum_type(), "StringSplit takes text, not {:?}", input.dtype);
        bail!("how many parts come out of StringSplit depends on data")
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let rows: Vec<Vec<&str>> = elements::<String>(input)?.iter().map(|text| self.parts(text)).collect();
        let most = rows.iter().map(Vec::len).max().unwrap_or(0);
        let counts: Vec<i64> = rows.iter().map(|row| (row.len() as u64).cast_signed()).collect();
        let padded = |row: Vec<&str>| {
            let padding = most - row.len();
            let parts = row.into_iter().map(str::to_owned);
            parts.chain(std::iter::repeat_n(String::new(), padding)).collect::<Vec<_>>()
        };
        let parts: Vec<String> = rows.into_iter().flat_map(padded).collect();
        let shape: Vec<usize> = input.shape().iter().copied().chain([most]).collect();
        Ok(tvec!(tensor(&shape, parts)?, tensor(input.shape(), counts)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::operators::kernel::testing::{With as _, node};
    use crate::engine::operators::text::strings::testing::{run_text, words};

    // Every answer is ONNX Runtime 1.32's.
    #[track_caller]
    fn check(delimiter: &str, most_splits: Option<i64>, text: &str, expected: &[&str]) {
        let mut node = node("StringSplit", "s").with("delimiter", |a| a.s = delimiter.as_bytes().to_vec());
        if let Some(most) = most_splits {
            node = node.with("maxsplit", |a| a.i = most);
        }
        let (shape, parts) = run_text(&StringSplit::parse(&node).unwrap(), &[words(&[1], &[text])]);
        assert_eq!(parts, expected);
        assert_eq!(shape, [1, expected.len()]);
    }

    #[test]
    fn without_a_delimiter_runs_of_spaces_divide() {
        check("", None, " a  b\tc ", &["a", "b\tc"]);
        check("", Some(0), " a  b\tc ", &["a  b\tc"]);
        check("", Some(1), "a  b c", &["a", "b c"]);
        check("", None, "", &[]);
    }

    #[test]
    fn a_delimiter_divides_every_time() {
        check(" ", None, " a  b\tc ", &["", "a", "", "b\tc", ""]);
        check(" ", Some(1), " a  b\tc ", &["", "a  b\tc "]);
        check("--", None, "--a--b----", &["", "a", "b", "", ""]);
        check("--", None, "", &[]);
    }

    #[test]
    fn shorter_rows_are_padded_and_counted() {
        let split = StringSplit::parse(&node("StringSplit", "s")).unwrap();
        let outputs = split.run(&[words(&[2], &["a b", "c"]).into_tvalue()]).unwrap();
        assert_eq!(elements::<String>(&outputs[0]).unwrap(), ["a", "b", "c", ""]);
        assert_eq!(elements::<i64>(&outputs[1]).unwrap(), [2, 1]);
    }
}
