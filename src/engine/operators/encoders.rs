//! Operators that look values up: `OneHotEncoder` and `LabelEncoder`.

use std::collections::HashMap;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{Fact, Kernel, elements, ensure_number, only, tensor};
use super::{ML, Operator, Parsed, reject};
use crate::engine::proto::{
    attribute, float, floats, int, ints, tensor as tensor_attribute, tensor_floats, tensor_ints, tensor_texts, text,
    texts,
};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ML, "LabelEncoder", |node, versions| Parsed::kernel(LabelEncoder::parse(node, versions.ml)?)),
    Operator::new(ML, "OneHotEncoder", |node, _| Parsed::kernel(OneHotEncoder::parse(node)?)),
];

/// One column of zeros and a one per category.
#[derive(Debug)]
pub(crate) struct OneHotEncoder {
    categories: Categories,
    n_categories: usize,
    /// Whether an unknown category gives zeros instead of an error.
    zeros: bool,
}

#[derive(Debug)]
enum Categories {
    Int(HashMap<i64, usize>),
    Text(HashMap<String, usize>),
}

impl OneHotEncoder {
    pub(crate) fn parse(node: &NodeProto) -> TractResult<Self> {
        let (ints, texts) = (ints(node, "cats_int64s"), texts(node, "cats_strings"));
        let n_categories = ints.len().max(texts.len());
        // A category that is listed twice is found at its last place, as in ONNX Runtime.
        let categories = match (ints.is_empty(), texts.is_empty()) {
            (false, true) => Categories::Int(ints.iter().enumerate().map(|(idx, key)| (*key, idx)).collect()),
            (true, false) => Categories::Text(texts.into_iter().enumerate().map(|(idx, key)| (key, idx)).collect()),
            _ => return reject(node, "exactly one of `cats_int64s` and `cats_strings` is expected"),
        };
        Ok(Self { categories, n_categories, zeros: int(node, "zeros").unwrap_or(1) != 0 })
    }

    fn unknown(&self, category: &dyn std::fmt::Debug) -> TractResult<Option<usize>> {
        ensure!(self.zeros, "OneHotEncoder meets the unknown category {category:?}");
        Ok(None)
    }

    fn position(&self, input: &Tensor) -> TractResult<Vec<Option<usize>>> {
        match &self.categories {
            Categories::Text(categories) => elements::<String>(input)?
                .iter()
                .map(|key| categories.get(key).map_or_else(|| self.unknown(key), |idx| Ok(Some(*idx))))
                .collect(),
            Categories::Int(categories) if input.datum_type().is_integer() => {
                let input = input.cast_to::<i64>()?;
                elements::<i64>(&input)?
                    .iter()
                    .map(|key| categories.get(key).map_or_else(|| self.unknown(key), |idx| Ok(Some(*idx))))
                    .collect()
            }
            Categories::Int(categories) => {
                let input = input.cast_to::<f64>()?;
                elements::<f64>(&input)?
                    .iter()
                    .map(|value| {
                        // Fractions are cut off, as ONNX says; NaN and infinity are no category.
                        let key = value.is_finite().then(|| value.trunc() as i64);
                        let found = key.and_then(|key| categories.get(&key));
                        found.map_or_else(|| self.unknown(value), |idx| Ok(Some(*idx)))
                    })
                    .collect()
            }
        }
    }
}

impl Kernel for OneHotEncoder {
    fn name(&self) -> &'static str {
        "OneHotEncoder"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        match self.categories {
            Categories::Int(_) => ensure_number(self.name(), input.dtype)?,
            Categories::Text(_) => {
                let text = input.dtype == String::datum_type();
                ensure!(text, "OneHotEncoder has text categories, its input is {:?}", input.dtype);
            }
        }
        let shape = input.shape.iter().cloned().chain([self.n_categories.to_dim()]);
        Ok(tvec!(Fact::new(f32::datum_type(), shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let positions = self.position(input)?;
        let mut encoded = vec![0.0_f32; positions.len() * self.n_categories];
        for (row, position) in encoded.chunks_mut(self.n_categories).zip(positions) {
            if let Some(idx) = position {
                row[idx] = 1.0;
            }
        }
        let mut shape = input.shape().to_vec();
        shape.push(self.n_categories);
        Ok(tvec!(tensor(&shape, encoded)?))
    }
}

/// Replaces each key by its value.
#[derive(Debug)]
pub(crate) struct LabelEncoder {
    keys: Keys,
    values: Values,
}

#[derive(Debug)]
enum Keys {
    Int(HashMap<i64, usize>),
    /// By the bits of the normalised number, see [`float_key`].
    Float(HashMap<u32, usize>),
    Double(HashMap<u64, usize>),
    Text(HashMap<String, usize>),
    /// Version 1: the direction depends on the input's type.
    Classes(HashMap<String, usize>, Vec<String>),
}

#[derive(Debug)]
enum Values {
    Int(Vec<i64>, i64),
    Float(Vec<f32>, f32),
    Double(Vec<f64>, f64),
    Text(Vec<String>, String),
    /// Version 1: default text and default integer.
    Classes(String, i64),
}

/// NaN equals NaN and zero equals minus zero, as keys.
fn float_key(value: f32) -> u32 {
    if value.is_nan() { f32::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

fn double_key(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

/// Positions by key; of equal keys, the first counts.
fn first_positions<K: std::hash::Hash + Eq>(keys: impl IntoIterator<Item = K>) -> HashMap<K, usize> {
    let mut positions = HashMap::new();
    for (idx, key) in keys.into_iter().enumerate() {
        positions.entry(key).or_insert(idx);
    }
    positions
}

impl LabelEncoder {
    pub(crate) fn parse(node: &NodeProto, version: i64) -> TractResult<Self> {
        let default_text = text(node, "default_string").unwrap_or_else(|| "_Unused".to_owned());
        let default_int = int(node, "default_int64").unwrap_or(-1);
        let default_float = float(node, "default_float").unwrap_or(-0.0);
        let default = tensor_attribute(node, "default_tensor");
        let classes = texts(node, "classes_strings");
        if !classes.is_empty() {
            let keys = Keys::Classes(first_positions(classes.clone()), classes);
            return Ok(Self { keys, values: Values::Classes(default_text, default_int) });
        }
        // Before version 4, NaN is a key that nothing equals.
        let nan_is_a_key = 4 <= version;
        let mut n_keys = 0;
        let mut keys = None;
        let floats_as_keys = |keys: &[f32]| {
            let mut positions = first_positions(keys.iter().map(|key| float_key(*key)));
            if !nan_is_a_key {
                positions.remove(&f32::NAN.to_bits());
            }
            Keys::Float(positions)
        };
        if attribute(node, "keys_int64s").is_some() {
            n_keys = ints(node, "keys_int64s").len();
            keys = Some(Keys::Int(first_positions(ints(node, "keys_int64s").iter().copied())));
        } else if attribute(node, "keys_floats").is_some() {
            n_keys = floats(node, "keys_floats").len();
            keys = Some(floats_as_keys(floats(node, "keys_floats")));
        } else if attribute(node, "keys_strings").is_some() {
            let list = texts(node, "keys_strings");
            n_keys = list.len();
            keys = Some(Keys::Text(first_positions(list)));
        } else if let Some(list) = tensor_attribute(node, "keys_tensor") {
            if let Some(list_texts) = tensor_texts(list) {
                n_keys = list_texts.len();
                keys = Some(Keys::Text(first_positions(list_texts)));
            } else if let Some(list_ints) = tensor_ints(list) {
                n_keys = list_ints.len();
                keys = Some(Keys::Int(first_positions(list_ints)));
            } else if let Some(list_floats) = tensor_floats(list) {
                n_keys = list_floats.len();
                keys = Some(if list.data_type == super::super::convert::ONNX_DOUBLE {
                    Keys::Double(first_positions(list_floats.iter().map(|key| double_key(*key))))
                } else {
                    floats_as_keys(&list_floats.iter().map(|key| *key as f32).collect::<Vec<_>>())
                });
            }
        }
        let Some(keys) = keys else { return reject(node, "it has no keys that can be read") };
        let values = if attribute(node, "values_int64s").is_some() {
            let default = default.and_then(tensor_ints).and_then(|values| values.first().copied());
            Values::Int(ints(node, "values_int64s").to_vec(), default.unwrap_or(default_int))
        } else if attribute(node, "values_floats").is_some() {
            let default = default.and_then(tensor_floats).and_then(|values| values.first().copied());
            Values::Float(floats(node, "values_floats").to_vec(), default.map_or(default_float, |value| value as f32))
        } else if attribute(node, "values_strings").is_some() {
            let default = default.and_then(tensor_texts).and_then(|values| values.first().cloned());
            Values::Text(texts(node, "values_strings"), default.unwrap_or(default_text))
        } else if let Some(list) = tensor_attribute(node, "values_tensor") {
            if let Some(list_texts) = tensor_texts(list) {
                let default = default.and_then(tensor_texts).and_then(|values| values.first().cloned());
                Values::Text(list_texts, default.unwrap_or(default_text))
            } else if list.data_type == super::super::convert::ONNX_INT64
                && let Some(list_ints) = tensor_ints(list)
            {
                let default = default.and_then(tensor_ints).and_then(|values| values.first().copied());
                Values::Int(list_ints, default.unwrap_or(default_int))
            } else if let Some(list_floats) = tensor_floats(list) {
                let default = default.and_then(tensor_floats).and_then(|values| values.first().copied());
                if list.data_type == super::super::convert::ONNX_DOUBLE {
                    Values::Double(list_floats, default.unwrap_or_else(|| f64::from(default_float)))
                } else {
                    let default = default.map_or(default_float, |value| value as f32);
                    Values::Float(list_floats.iter().map(|value| *value as f32).collect(), default)
                }
            } else {
                return reject(node, "its values have a type that is not supported");
            }
        } else {
            return reject(node, "it has no values");
        };
        let n_values = match &values {
            Values::Int(list, _) => list.len(),
            Values::Float(list, _) => list.len(),
            Values::Double(list, _) => list.len(),
            Values::Text(list, _) => list.len(),
            Values::Classes(..) => n_keys,
        };
        if n_keys != n_values {
            return reject(node, &format!("it has {n_keys} keys for {n_values} values"));
        }
        Ok(Self { keys, values })
    }

    fn positions(&self, input: &Tensor) -> TractResult<Vec<Option<usize>>> {
        Ok(match &self.keys {
            Keys::Int(keys) => {
                let input = input.cast_to::<i64>()?;
                elements::<i64>(&input)?.iter().map(|key| keys.get(key).copied()).collect()
            }
            Keys::Float(keys) => {
                elements::<f32>(input)?.iter().map(|key| keys.get(&float_key(*key)).copied()).collect()
            }
            Keys::Double(keys) => {
                elements::<f64>(input)?.iter().map(|key| keys.get(&double_key(*key)).copied()).collect()
            }
            Keys::Classes(_, classes) if input.datum_type() == i64::datum_type() => elements::<i64>(input)?
                .iter()
                .map(|key| usize::try_from(*key).ok().filter(|idx| *idx < classes.len()))
                .collect(),
            Keys::Text(keys) | Keys::Classes(keys, _) => {
                elements::<String>(input)?.iter().map(|key| keys.get(key).copied()).collect()
            }
        })
    }
}

fn look_up<T: Datum>(shape: &[usize], positions: &[Option<usize>], values: &[T], default: &T) -> TractResult<Tensor> {
    let found = positions.iter().map(|position| position.and_then(|idx| values.get(idx)).unwrap_or(default).clone());
    tensor(shape, found.collect())
}

impl Kernel for LabelEncoder {
    fn name(&self) -> &'static str {
        "LabelEncoder"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name(), inputs)?;
        let taken = match &self.keys {
            Keys::Int(_) => [i64::datum_type(), i32::datum_type()],
            Keys::Float(_) => [f32::datum_type(); 2],
            Keys::Double(_) => [f64::datum_type(); 2],
            Keys::Text(_) => [String::datum_type(); 2],
            Keys::Classes(..) => [String::datum_type(), i64::datum_type()],
        };
        ensure!(taken.contains(&input.dtype), "this LabelEncoder does not take {:?}", input.dtype);
        let dtype = match &self.values {
            Values::Classes(..) if input.dtype == i64::datum_type() => String::datum_type(),
            Values::Int(..) | Values::Classes(..) => i64::datum_type(),
            Values::Float(..) => f32::datum_type(),
            Values::Double(..) => f64::datum_type(),
            Values::Text(..) => String::datum_type(),
        };
        Ok(tvec!(Fact::new(dtype, input.shape.iter().cloned())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = only(self.name(), inputs)?;
        let (shape, positions) = (input.shape(), self.positions(input)?);
        Ok(tvec!(match (&self.values, &self.keys) {
            (Values::Int(values, default), _) => look_up(shape, &positions, values, default)?,
            (Values::Float(values, default), _) => look_up(shape, &positions, values, default)?,
            (Values::Double(values, default), _) => look_up(shape, &positions, values, default)?,
            (Values::Text(values, default), _) => look_up(shape, &positions, values, default)?,
            (Values::Classes(default, _), Keys::Classes(_, values)) if input.datum_type() == i64::datum_type() => {
                look_up(shape, &positions, values, default)?
            }
            (Values::Classes(_, default), _) => {
                tensor(
                    shape,
                    positions
                        .iter()
                        .map(|position| position.map_or(*default, |idx| (idx as u64).cast_signed()))
                        .collect(),
                )?
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::operators::kernel::testing::{With as _, node, run, tensor2};

    fn bytes(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn words(rows: &[[&str; 1]]) -> Tensor {
        tensor(&[rows.len(), 1], rows.iter().map(|row| row[0].to_owned()).collect::<Vec<String>>()).unwrap()
    }

    #[test]
    fn one_hot_of_text_gives_zeros_for_an_unknown_category() {
        let encoder = node("OneHotEncoder", "e").with("cats_strings", |a| a.strings = bytes(&["a", "b"]));
        let encoder = OneHotEncoder::parse(&encoder).unwrap();
        assert_eq!(run::<f32>(&encoder, &[words(&[["b"], ["x"], ["a"]])]), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn one_hot_without_zeros_names_the_unknown_category() {
        let encoder =
            node("OneHotEncoder", "e").with("cats_strings", |a| a.strings = bytes(&["a"])).with("zeros", |a| a.i = 0);
        let encoder = OneHotEncoder::parse(&encoder).unwrap();
        let error = encoder.run(&[words(&[["x"]]).into_tvalue()]).unwrap_err().to_string();
        assert_eq!(error, "OneHotEncoder meets the unknown category \"x\"");
    }

    #[test]
    fn one_hot_of_numbers_cuts_fractions_and_knows_no_nan() {
        let encoder = node("OneHotEncoder", "e").with("cats_int64s", |a| a.ints = vec![0, 3]);
        let encoder = OneHotEncoder::parse(&encoder).unwrap();
        let encoded = run::<f32>(&encoder, &[tensor2(&[[3.9_f32], [f32::NAN], [0.0]])]);
        assert_eq!(encoded, [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(run::<f32>(&encoder, &[tensor2(&[[3_i64]])]), [0.0, 1.0]);
    }

    #[test]
    fn label_encoder_maps_text_to_integers_with_a_default() {
        let encoder = node("LabelEncoder", "e")
            .with("keys_strings", |a| a.strings = bytes(&["a", "b"]))
            .with("values_int64s", |a| a.ints = vec![7, 8])
            .with("default_int64", |a| a.i = -3);
        let encoder = LabelEncoder::parse(&encoder, 3).unwrap();
        assert_eq!(run::<i64>(&encoder, &[words(&[["b"], ["?"]])]), [8, -3]);
    }

    #[test]
    fn label_encoder_takes_nan_as_a_key_from_version_4() {
        let encoder = node("LabelEncoder", "e")
            .with("keys_floats", |a| a.floats = vec![1.0, f32::NAN])
            .with("values_floats", |a| a.floats = vec![10.0, 20.0])
            .with("default_float", |a| a.f = 0.5);
        let input = || tensor2(&[[1.0_f32, f32::NAN, 2.0]]);
        assert_eq!(run::<f32>(&LabelEncoder::parse(&encoder, 4).unwrap(), &[input()]), [10.0, 20.0, 0.5]);
        assert_eq!(run::<f32>(&LabelEncoder::parse(&encoder, 2).unwrap(), &[input()]), [10.0, 0.5, 0.5]);
    }

    #[test]
    fn label_encoder_of_version_1_goes_both_ways() {
        let encoder = node("LabelEncoder", "e").with("classes_strings", |a| a.strings = bytes(&["no", "yes"]));
        let encoder = LabelEncoder::parse(&encoder, 1).unwrap();
        assert_eq!(run::<i64>(&encoder, &[words(&[["yes"], ["?"]])]), [1, -1]);
        assert_eq!(run::<String>(&encoder, &[tensor2(&[[1_i64, 9]])]), ["yes", "_Unused"]);
    }
}
