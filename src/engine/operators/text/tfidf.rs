//! `TfIdfVectorizer`: counts of the n-grams of a vocabulary.

use std::collections::HashMap;
use std::hash::Hash;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, only, tensor};
use super::super::reject;
use crate::engine::proto::{attribute, floats, int, ints, text, texts};

/// What becomes of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Count,
    Presence,
    Weighted,
}

/// Numbers of n-grams, from one item to the next.
#[derive(Debug)]
struct Grams<T> {
    /// The node after a node and an item; the root is node 0.
    next: HashMap<(usize, T), usize>,
    /// The n-gram that ends at each node.
    ends: Vec<Option<usize>>,
}

impl<T: Hash + Eq + Clone> Grams<T> {
    fn new(grams: impl IntoIterator<Item = (usize, Vec<T>)>) -> Option<Self> {
        let (mut next, mut ends) = (HashMap::new(), vec![None]);
        for (number, gram) in grams {
            let mut at = 0;
            for item in gram {
                at = *next.entry((at, item)).or_insert_with(|| {
                    ends.push(None);
                    ends.len() - 1
                });
            }
            if ends[at].replace(number).is_some() {
                return None;
            }
        }
        Some(Self { next, ends })
    }

    /// Calls `found` with every n-gram whose length is in range.
    fn count(&self, items: &[T], fewest: usize, most: usize, most_skipped: usize, found: &mut dyn FnMut(usize)) {
        let mut fewest = fewest;
        for stride in 1..=most_skipped + 1 {
            for start in 0..items.len() {
                let mut at = 0;
                let gram = items[start..].iter().step_by(stride).take(most);
                for (idx, item) in gram.enumerate() {
                    let Some(next) = self.next.get(&(at, item.clone())) else { break };
                    at = *next;
                    if fewest <= idx + 1
                        && let Some(number) = self.ends[at]
                    {
                        found(number);
                    }
                }
            }
            // Single items are the same at every stride.
            if fewest == 1 {
                fewest = 2;
            }
            if most < fewest {
                break;
            }
        }
    }
}

#[derive(Debug)]
enum Vocabulary {
    Int(Grams<i64>),
    Text(Grams<String>),
}

/// One column per n-gram of the vocabulary.
#[derive(Debug)]
pub(crate) struct TfIdfVectorizer {
    vocabulary: Vocabulary,
    /// Column of each n-gram.
    columns: Vec<usize>,
    n_columns: usize,
    /// Per column; empty for ones.
    weights: Vec<f32>,
    mode: Mode,
    fewest: usize,
    most: usize,
    most_skipped: usize,
}

/// More than any vocabulary has; bounds what one node can make us allocate.
const MOST_COLUMNS: usize = 1 << 26;

impl TfIdfVectorizer {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let mode = match text(node, "mode").as_deref() {
            Some("TF") => Mode::Count,
            Some("IDF") => Mode::Presence,
            Some("TFIDF") => Mode::Weighted,
            other => return reject(node, &format!("the mode {other:?} is unknown")),
        };
        let length = |name: &str| int(node, name).and_then(|length| usize::try_from(length).ok());
        let (fewest, most) = (length("min_gram_length"), length("max_gram_length"));
        let (Some(fewest @ 1..), Some(most), Some(most_skipped)) = (fewest, most, length("max_skip_count")) else {
            return reject(node, "its lengths of n-grams must be positive and its skip count not negative");
        };
        if most < fewest {
            return reject(node, "`max_gram_length` is below `min_gram_length`");
        }
        let columns: Option<Vec<usize>> = ints(node, "ngram_indexes")
            .iter()
            .map(|idx| usize::try_from(*idx).ok().filter(|idx| *idx < MOST_COLUMNS))
            .collect();
        let Some(columns) = columns.filter(|columns| !columns.is_empty()) else {
            return reject(node, "`ngram_indexes` must not be negative");
        };
        let starts: Option<Vec<usize>> =
            ints(node, "ngram_counts").iter().map(|start| usize::try_from(*start).ok()).collect();
        let Some(starts) = starts else { return reject(node, "`ngram_counts` must not be negative") };
        let vocabulary = if attribute(node, "pool_strings").is_some() {
            grams(&texts(node, "pool_strings"), &starts, fewest, most).and_then(Grams::new).map(Vocabulary::Text)
        } else {
            grams(ints(node, "pool_int64s"), &starts, fewest, most).and_then(Grams::new).map(Vocabulary::Int)
        };
        let Some(vocabulary) = vocabulary else {
            return reject(node, "its pool cannot be divided into n-grams, or has one twice");
        };
        let n_grams = match &vocabulary {
            Vocabulary::Int(grams) => grams.ends.iter().flatten().max(),
            Vocabulary::Text(grams) => grams.ends.iter().flatten().max(),
        };
        if n_grams.is_some_and(|largest| columns.len() <= *largest) {
            return reject(node, "its pool has more n-grams than `ngram_indexes`");
        }
        let n_columns = columns.iter().max().map_or(0, |largest| largest + 1);
        let given = floats(node, "weights");
        let mut weights = Vec::new();
        if !given.is_empty() {
            if given.len() != columns.len() {
                return reject(node, "its weights do not match `ngram_indexes`");
            }
            weights = vec![0.0; n_columns];
            let mut taken = vec![false; n_columns];
            for (column, weight) in columns.iter().zip(given) {
                if std::mem::replace(&mut taken[*column], true) {
                    return reject(node, "two weights belong to one column");
                }
                weights[*column] = *weight;
            }
        }
        Ok(Self { vocabulary, columns, n_columns, weights, mode, fewest, most, most_skipped })
    }

    fn count<T: Datum + Hash + Eq>(&self, grams: &Grams<T>, items: &[T], n_rows: usize, counts: &mut [f32]) {
        let width = items.len().checked_div(n_rows).unwrap_or(0);
        for (row, counts) in counts.chunks_exact_mut(self.n_columns).enumerate() {
            grams.count(&items[row * width..][..width], self.fewest, self.most, self.most_skipped, &mut |number| {
                counts[self.columns[number]] += 1.0;
            });
        }
    }
}

/// The numbered n-grams of those lengths; `starts` says where those of each length begin in the pool.
fn grams<T: Clone>(pool: &[T], starts: &[usize], fewest: usize, most: usize) -> Option<Vec<(usize, Vec<T>)>> {
    let mut found = Vec::new();
    let mut number = 0;
    for (idx, start) in starts.iter().enumerate() {
        let length = idx + 1;
        let end = starts.get(length).copied().unwrap_or(pool.len());
        let part = pool.get(*start..end)?;
        if !part.len().is_multiple_of(length) {
            return None;
        }
        for gram in part.chunks_exact(length) {
            if (fewest..=most).contains(&length) {
                found.push((number, gram.to_vec()));
            }
            number += 1;
        }
    }
    Some(found)
}

impl Kernel for TfIdfVectorizer {
    fn name(&self) -> &'static str {
        "TfIdfVectorizer"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        let taken: &[DatumType] = match self.vocabulary {
            Vocabulary::Int(_) => &[i64::datum_type(), i32::datum_type()],
            Vocabulary::Text(_) => &[String::datum_type()],
        };
        ensure!(taken.contains(&input.dtype), "this TfIdfVectorizer does not take {:?}", input.dtype);
        let shape = match input.shape.as_slice() {
            [_] => tvec!(self.n_columns.to_dim()),
            [rows, _] => tvec!(rows.clone(), self.n_columns.to_dim()),
            shape => bail!("TfIdfVectorizer takes one or two axes, not {}", shape.len()),
        };
        Ok(tvec!(Fact::new(f32::datum_type(), shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let (n_rows, shape) = match input.shape() {
            [_] => (1, vec![self.n_columns]),
            [rows, _] => (*rows, vec![*rows, self.n_columns]),
            shape => bail!("TfIdfVectorizer takes one or two axes, not {}", shape.len()),
        };
        let mut counts = vec![0.0_f32; n_rows * self.n_columns];
        match &self.vocabulary {
            Vocabulary::Text(grams) => self.count(grams, elements::<String>(input)?, n_rows, &mut counts),
            Vocabulary::Int(grams) => {
                let input = input.cast_to::<i64>()?;
                self.count(grams, elements::<i64>(&input)?, n_rows, &mut counts);
            }
        }
        if self.mode != Mode::Count {
            for (idx, count) in counts.iter_mut().enumerate() {
                let weight = self.weights.get(idx % self.n_columns).copied().unwrap_or(1.0);
                let times = if self.mode == Mode::Presence { f32::from(u8::from(0.0 < *count)) } else { *count };
                *count = times * weight;
            }
        }
        Ok(tvec!(tensor(&shape, counts)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::operators::kernel::testing::{With as _, node, run, tensor2};
    use crate::engine::operators::text::strings::testing::words;

    /// Items 1, 2 and 3, and the pairs (1, 2) and (2, 3).
    fn vectorizer(mode: &str, fewest: i64, skipped: i64, indexes: [i64; 5]) -> NodeProto {
        node("TfIdfVectorizer", "v")
            .with("mode", |a| a.s = mode.as_bytes().to_vec())
            .with("min_gram_length", |a| a.i = fewest)
            .with("max_gram_length", |a| a.i = 2)
            .with("max_skip_count", |a| a.i = skipped)
            .with("ngram_counts", |a| a.ints = vec![0, 3])
            .with("ngram_indexes", |a| a.ints = indexes.to_vec())
            .with("pool_int64s", |a| a.ints = vec![1, 2, 3, 1, 2, 2, 3])
    }

    // Every answer is ONNX Runtime 1.32's.
    #[track_caller]
    fn check(node: &NodeProto, expected: &[f32]) {
        let input = tensor2(&[[1_i64, 2, 3, 1, 2], [3, 3, 9, 2, 2]]);
        let got = run::<f32>(&TfIdfVectorizer::parse(node).unwrap(), &[input]);
        assert!(got.len() == expected.len(), "{got:?}");
        assert!(got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-6), "{got:?}");
    }

    #[test]
    fn n_grams_are_counted_into_their_columns() {
        let order = [2, 0, 1, 4, 3];
        check(&vectorizer("TF", 1, 0, order), &[2.0, 1.0, 2.0, 1.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0]);
        check(&vectorizer("TF", 1, 2, order), &[2.0, 1.0, 2.0, 1.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0]);
        check(&vectorizer("TF", 2, 1, order), &[0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        check(&vectorizer("TF", 1, 0, [2, 0, 1, 4, 4]), &[2.0, 1.0, 2.0, 0.0, 3.0, 2.0, 2.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn weights_belong_to_n_grams_not_to_columns() {
        let weighted = |mode: &str| {
            vectorizer(mode, 1, 0, [2, 0, 1, 4, 3]).with("weights", |a| a.floats = vec![0.1, 0.2, 0.3, 0.4, 0.5])
        };
        check(&weighted("TFIDF"), &[0.4, 0.3, 0.2, 0.5, 0.8, 0.4, 0.6, 0.0, 0.0, 0.0]);
        check(&weighted("IDF"), &[0.2, 0.3, 0.1, 0.5, 0.4, 0.2, 0.3, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn items_may_be_skipped_and_texts_are_counted_too() {
        let skipping = node("TfIdfVectorizer", "v")
            .with("mode", |a| a.s = b"TF".to_vec())
            .with("min_gram_length", |a| a.i = 1)
            .with("max_gram_length", |a| a.i = 3)
            .with("max_skip_count", |a| a.i = 1)
            .with("ngram_counts", |a| a.ints = vec![0, 1, 3])
            .with("ngram_indexes", |a| a.ints = vec![0, 1, 2])
            .with("pool_strings", |a| {
                a.strings = ["1", "1", "3", "1", "3", "2"].map(|w| w.as_bytes().to_vec()).to_vec();
            });
        let items = words(&[5], &["1", "2", "3", "1", "2"]);
        assert_eq!(run::<f32>(&TfIdfVectorizer::parse(&skipping).unwrap(), &[items]), [2.0, 1.0, 1.0]);
    }

    #[test]
    fn an_n_gram_that_is_there_twice_is_refused() {
        let mut node = vectorizer("TF", 1, 0, [0, 1, 2, 3, 4]);
        node.attribute.last_mut().unwrap().ints = vec![1, 2, 1, 1, 2, 2, 3];
        assert!(TfIdfVectorizer::parse(&node).is_err());
    }
}
