//! JSON numbers, truth values and text straight into typed vectors, nested or flat.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use crate::engine::tensor::TensorData;
use crate::project::contract::Dtype;

/// Deepest nesting that is understood; tensors of more axes are sent flat.
const MAX_DEPTH: usize = 8;

/// Capacity reserved on the word of a request; beyond it a vector grows as elements really arrive.
const MAX_RESERVED: usize = 16 * 1024;

/// The `data` of one tensor, as it was sent.
#[derive(Debug, PartialEq)]
pub(super) struct Parsed {
    /// The elements, row-major.
    pub(super) data: TensorData,
    /// Where a text was `null`; an empty text stands there.
    pub(super) nulls: Vec<usize>,
    /// The lengths of nested lists; `None` when the data was flat.
    pub(super) nesting: Option<Vec<usize>>,
}

/// Parses `data` as elements of one type.
pub(super) struct DataSeed {
    /// The type.
    pub(super) dtype: Dtype,
    /// How many are announced.
    pub(super) expected: usize,
}

impl<'de> DeserializeSeed<'de> for DataSeed {
    type Value = Parsed;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Parsed, D::Error> {
        let n = self.expected;
        match self.dtype {
            Dtype::Bool => parse(deserializer, n, TensorData::Bool),
            Dtype::U8 => parse(deserializer, n, TensorData::U8),
            Dtype::U16 => parse(deserializer, n, TensorData::U16),
            Dtype::U32 => parse(deserializer, n, TensorData::U32),
            Dtype::U64 => parse(deserializer, n, TensorData::U64),
            Dtype::I8 => parse(deserializer, n, TensorData::I8),
            Dtype::I16 => parse(deserializer, n, TensorData::I16),
            Dtype::I32 => parse(deserializer, n, TensorData::I32),
            Dtype::I64 => parse(deserializer, n, TensorData::I64),
            Dtype::F16 => parse(deserializer, n, |values: Vec<half::f16>| {
                TensorData::F16(values.into_iter().map(half::f16::to_bits).collect())
            }),
            Dtype::F32 => parse(deserializer, n, TensorData::F32),
            Dtype::F64 => parse(deserializer, n, TensorData::F64),
            Dtype::Text => parse(deserializer, n, TensorData::Text),
        }
    }
}

fn parse<'de, T: Element, D: Deserializer<'de>>(
    deserializer: D,
    expected: usize,
    wrap: impl FnOnce(Vec<T>) -> TensorData,
) -> Result<Parsed, D::Error> {
    let mut sink = Sink::<T> {
        values: Vec::with_capacity(expected.min(MAX_RESERVED)),
        nulls: Vec::new(),
        lengths: [None; MAX_DEPTH],
        leaf_depth: None,
    };
    Item { sink: &mut sink, depth: 0 }.deserialize(deserializer)?;
    let nesting = sink
        .leaf_depth
        .filter(|depth| 1 < *depth)
        .map(|depth| sink.lengths[..depth].iter().map(|length| length.unwrap_or(0)).collect());
    Ok(Parsed { data: wrap(sink.values), nulls: sink.nulls, nesting })
}

/// An element type, and which JSON values it takes without loss.
trait Element: Sized {
    /// Its V2 name.
    const NAME: &'static str;

    fn of_u64(_value: u64) -> Option<Self> {
        None
    }

    fn of_i64(_value: i64) -> Option<Self> {
        None
    }

    fn of_f64(_value: f64) -> Option<Self> {
        None
    }

    fn of_bool(_value: bool) -> Option<Self> {
        None
    }

    fn of_text(_value: &str) -> Option<Self> {
        None
    }

    /// What stands for `null`, and whether its place must be remembered.
    fn of_null() -> Option<(Self, bool)> {
        None
    }
}

macro_rules! integer {
    ($($type:ty = $name:literal),*) => {$(
        impl Element for $type {
            const NAME: &'static str = $name;

            fn of_u64(value: u64) -> Option<Self> {
                Self::try_from(value).ok()
            }

            fn of_i64(value: i64) -> Option<Self> {
                Self::try_from(value).ok()
            }

            fn of_f64(value: f64) -> Option<Self> {
                // Whole numbers written as `3.0`; up to 2⁵³ the conversion is exact.
                let exact = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
                if exact { Self::of_i64(value as i64) } else { None }
            }
        }
    )*};
}

integer!(
    u8 = "UINT8",
    u16 = "UINT16",
    u32 = "UINT32",
    u64 = "UINT64",
    i8 = "INT8",
    i16 = "INT16",
    i32 = "INT32",
    i64 = "INT64"
);

macro_rules! float {
    ($($type:ty = $name:literal, $narrow:expr, $nan:expr);*) => {$(
        impl Element for $type {
            const NAME: &'static str = $name;

            fn of_u64(value: u64) -> Option<Self> {
                Self::of_f64(value as f64)
            }

            fn of_i64(value: i64) -> Option<Self> {
                Self::of_f64(value as f64)
            }

            fn of_f64(value: f64) -> Option<Self> {
                let narrow: Self = $narrow(value);
                // A finite number never becomes an infinity on the way in.
                narrow.is_finite().then_some(narrow)
            }

            fn of_null() -> Option<(Self, bool)> {
                Some(($nan, false))
            }
        }
    )*};
}

float!(
    half::f16 = "FP16", half::f16::from_f64, half::f16::NAN;
    f32 = "FP32", |value: f64| value as f32, f32::NAN;
    f64 = "FP64", |value: f64| value, f64::NAN
);

impl Element for bool {
    const NAME: &'static str = "BOOL";

    fn of_bool(value: bool) -> Option<Self> {
        Some(value)
    }

    fn of_u64(value: u64) -> Option<Self> {
        match value {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Element for String {
    const NAME: &'static str = "BYTES";

    fn of_text(value: &str) -> Option<Self> {
        Some(value.to_owned())
    }

    fn of_null() -> Option<(Self, bool)> {
        Some((Self::new(), true))
    }
}

struct Sink<T> {
    values: Vec<T>,
    nulls: Vec<usize>,
    /// Length of the lists at each depth, once one of them has ended.
    lengths: [Option<usize>; MAX_DEPTH],
    leaf_depth: Option<usize>,
}

impl<T: Element> Sink<T> {
    fn push<E: Error>(&mut self, depth: usize, value: Option<T>, given: impl fmt::Display) -> Result<(), E> {
        let position = self.values.len();
        let Some(value) = value else {
            return Err(E::custom(format_args!(
                "element {position} of the data is {given}, which is no {} value",
                T::NAME
            )));
        };
        if *self.leaf_depth.get_or_insert(depth) != depth {
            return Err(ragged());
        }
        self.values.push(value);
        Ok(())
    }
}

fn ragged<E: Error>() -> E {
    E::custom("the data is nested unevenly")
}

struct Item<'a, T> {
    sink: &'a mut Sink<T>,
    depth: usize,
}

impl<'de, T: Element> DeserializeSeed<'de> for Item<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(ItemVisitor { item: self, lifetime: PhantomData::<&'de ()> })
    }
}

struct ItemVisitor<'a, 'de, T> {
    item: Item<'a, T>,
    lifetime: PhantomData<&'de ()>,
}

impl<T: Element> ItemVisitor<'_, '_, T> {
    fn take<E: Error>(self, value: Option<T>, given: impl fmt::Display) -> Result<(), E> {
        let Item { sink, depth } = self.item;
        if depth == 0 {
            return Err(E::custom("the data must be a list"));
        }
        sink.push(depth, value, given)
    }
}

impl<'de, T: Element> Visitor<'de> for ItemVisitor<'_, 'de, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values, nested or flat", T::NAME)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.take(T::of_u64(value), value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.take(T::of_i64(value), value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.take(T::of_f64(value), value)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.take(T::of_bool(value), value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.take(T::of_text(value), "text")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match T::of_null() {
            Some((value, remember)) => {
                if remember {
                    let position = self.item.sink.values.len();
                    self.item.sink.nulls.push(position);
                }
                self.take(Some(value), "null")
            }
            None => self.take(None, "null"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Item { sink, depth } = self.item;
        if MAX_DEPTH <= depth {
            return Err(A::Error::custom(format_args!("the data is nested more than {MAX_DEPTH} deep; send it flat")));
        }
        let mut n_items = 0;
        while items.next_element_seed(Item { sink: &mut *sink, depth: depth + 1 })?.is_some() {
            n_items += 1;
        }
        if *sink.lengths[depth].get_or_insert(n_items) != n_items {
            return Err(ragged());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(dtype: Dtype, json: &str) -> Result<Parsed, String> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        DataSeed { dtype, expected: 2 }.deserialize(&mut deserializer).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn gives(dtype: Dtype, json: &str, expected: TensorData) {
        assert_eq!(parsed(dtype, json).map(|parsed| parsed.data), Ok(expected), "{json}");
    }

    #[track_caller]
    fn refused(dtype: Dtype, json: &str, reason: &str) {
        let error = parsed(dtype, json).unwrap_err();
        assert!(error.contains(reason), "{json}: {error}");
    }

    #[test]
    fn every_type_takes_what_it_can_hold() {
        gives(Dtype::Bool, "[true, false, 1, 0]", TensorData::Bool(vec![true, false, true, false]));
        gives(Dtype::U8, "[0, 255, 3.0]", TensorData::U8(vec![0, 255, 3]));
        gives(Dtype::U16, "[65535]", TensorData::U16(vec![65535]));
        gives(Dtype::U32, "[4294967295]", TensorData::U32(vec![u32::MAX]));
        gives(Dtype::U64, "[18446744073709551615]", TensorData::U64(vec![u64::MAX]));
        gives(Dtype::I8, "[-128, 127]", TensorData::I8(vec![-128, 127]));
        gives(Dtype::I16, "[-32768]", TensorData::I16(vec![i16::MIN]));
        gives(Dtype::I32, "[-2147483648]", TensorData::I32(vec![i32::MIN]));
        gives(Dtype::I64, "[-9223372036854775808, 9223372036854775807]", TensorData::I64(vec![i64::MIN, i64::MAX]));
        gives(Dtype::F16, "[1, 0.5]", TensorData::F16(vec![0x3C00, 0x3800]));
        gives(Dtype::F32, "[1, -2, 0.1, 1e-3]", TensorData::F32(vec![1.0, -2.0, 0.1, 1e-3]));
        gives(Dtype::F64, "[0.1, 5e-324, 1.7976931348623157e308]", TensorData::F64(vec![0.1, 5e-324, f64::MAX]));
        gives(Dtype::Text, r#"["a", "ü", ""]"#, TensorData::Text(vec!["a".into(), "ü".into(), String::new()]));
    }

    #[test]
    fn what_would_change_on_the_way_in_is_refused() {
        refused(Dtype::Bool, "[2]", "element 0 of the data is 2, which is no BOOL value");
        refused(Dtype::U8, "[1, 256]", "element 1 of the data is 256");
        refused(Dtype::U8, "[-1]", "is -1, which is no UINT8 value");
        refused(Dtype::I64, "[9223372036854775808]", "which is no INT64 value");
        refused(Dtype::I32, "[1.5]", "is 1.5, which is no INT32 value");
        refused(Dtype::I32, "[null]", "is null, which is no INT32 value");
        refused(Dtype::F16, "[70000]", "is 70000, which is no FP16 value");
        refused(Dtype::F32, "[1e39]", "which is no FP32 value");
        refused(Dtype::F32, r#"["0.5"]"#, "is text, which is no FP32 value");
        refused(Dtype::F64, "[1e999]", "number out of range");
        refused(Dtype::Text, "[1]", "which is no BYTES value");
        refused(Dtype::F32, "[{}]", "FP32 values, nested or flat");
    }

    #[test]
    fn null_is_nan_in_a_float_tensor_and_remembered_in_a_text_tensor() {
        let Ok(Parsed { data: TensorData::F32(values), .. }) = parsed(Dtype::F32, "[1, null]") else { panic!() };
        assert!(values[1].is_nan());
        assert_eq!(parsed(Dtype::Text, r#"["a", null, "b"]"#).unwrap().nulls, [1]);
    }

    #[test]
    fn nesting_is_measured_and_must_be_even() {
        assert_eq!(parsed(Dtype::I32, "[[1, 2, 3], [4, 5, 6]]").unwrap().nesting, Some(vec![2, 3]));
        assert_eq!(parsed(Dtype::I32, "[1, 2]").unwrap().nesting, None);
        refused(Dtype::I32, "[[1, 2], [3]]", "unevenly");
        refused(Dtype::I32, "[1, [2]]", "unevenly");
        refused(Dtype::I32, "[[1], 2]", "unevenly");
        refused(Dtype::I32, "3", "must be a list");
        refused(Dtype::I32, "[[[[[[[[[1]]]]]]]]]", "more than 8 deep");
    }
}
