//! The inference request: JSON, with tensors in it or, by the binary extension, behind it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed as _, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::elements::{DataSeed, Parsed};
use crate::project::contract::Dtype;

/// An inference request as it was sent.
#[derive(Debug, Deserialize)]
pub(super) struct Request<'a> {
    /// Echoed in the answer.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// Only those of the binary extension are read.
    #[serde(default)]
    pub(super) parameters: RequestParameters,
    /// The tensors.
    #[serde(borrow)]
    pub(super) inputs: Vec<Input<'a>>,
    /// The outputs that are wanted; all when absent or empty.
    #[serde(default, borrow)]
    pub(super) outputs: Vec<WantedOutput<'a>>,
}

/// Parameters of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RequestParameters {
    /// Whether outputs are wanted in binary when they do not say.
    pub(super) binary_data_output: bool,
}

/// One output that is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct WantedOutput<'a> {
    /// Its name.
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    /// Only those of the binary extension are read.
    #[serde(default)]
    pub(super) parameters: OutputParameters,
}

/// Parameters of an output.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OutputParameters {
    /// Whether it is wanted in binary.
    pub(super) binary_data: Option<bool>,
    /// Triton's extension that turns scores into texts.
    classification: Option<IgnoredAny>,
    /// Triton's extension that passes tensors by memory.
    shared_memory_region: Option<IgnoredAny>,
}

impl OutputParameters {
    /// A parameter that changes what an output is, and that cannot be followed.
    pub(super) fn refused(&self) -> Option<&'static str> {
        let classification = self.classification.as_ref().map(|_| "classification");
        classification.or(self.shared_memory_region.as_ref().map(|_| "shared memory"))
    }
}

/// One input tensor.
#[derive(Debug)]
pub(super) struct Input<'a> {
    /// Its name.
    pub(super) name: Cow<'a, str>,
    /// The type it was sent as.
    pub(super) dtype: Dtype,
    /// Length of each axis.
    pub(super) shape: Vec<usize>,
    /// Its elements.
    pub(super) values: Values,
}

/// Where the elements of an input are.
#[derive(Debug)]
pub(super) enum Values {
    /// In the JSON.
    Json(Parsed),
    /// Behind it, in so many bytes.
    Binary(usize),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InputParameters {
    binary_data_size: Option<usize>,
}

/// A borrowed string where the JSON allows it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Input<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an input tensor with name, shape, datatype and data")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Input<'de>, A::Error> {
        let mut name: Option<Cow<'de, str>> = None;
        let mut dtype = None;
        let mut shape: Option<Vec<usize>> = None;
        let mut parameters = InputParameters::default();
        let mut data = None;
        // Data that came before its type.
        let mut early: Option<&'de RawValue> = None;
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "name" => name = Some(map.next_value::<Text<'de>>()?.0),
                "shape" => shape = Some(map.next_value()?),
                "datatype" => dtype = Some(datatype(&map.next_value::<Text<'de>>()?.0)?),
                "parameters" => parameters = map.next_value()?,
                "data" => match dtype {
                    Some(dtype) => {
                        data = Some(map.next_value_seed(DataSeed { dtype, expected: expected(shape.as_deref()) })?);
                    }
                    None => early = Some(map.next_value()?),
                },
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let name = name.ok_or_else(|| A::Error::missing_field("name"))?;
        let dtype = dtype.ok_or_else(|| A::Error::missing_field("datatype"))?;
        let shape = shape.ok_or_else(|| A::Error::missing_field("shape"))?;
        if let (None, Some(raw)) = (&data, early) {
            let mut deserializer = serde_json::Deserializer::from_str(raw.get());
            let seed = DataSeed { dtype, expected: expected(Some(&shape)) };
            data = Some(seed.deserialize(&mut deserializer).map_err(A::Error::custom)?);
        }
        let values = match (data, parameters.binary_data_size) {
            (Some(data), None) => Values::Json(data),
            (None, Some(size)) => Values::Binary(size),
            (None, None) => return Err(A::Error::missing_field("data")),
            (Some(_), Some(_)) => {
                return Err(A::Error::custom(format_args!("input {name} has both data and binary_data_size")));
            }
        };
        Ok(Input { name, dtype, shape, values })
    }
}

fn datatype<E: Error>(name: &str) -> Result<Dtype, E> {
    Dtype::from_v2_name(name).ok_or_else(|| {
        let known = Dtype::ALL.map(Dtype::v2_name).join(", ");
        E::custom(format_args!("there is no datatype `{name}`; there are {known}"))
    })
}

fn expected(shape: Option<&[usize]>) -> usize {
    shape.and_then(n_elements).unwrap_or(0)
}

/// The number of elements of a shape, when it can be counted.
pub(super) fn n_elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length))
}
