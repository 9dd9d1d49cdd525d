//! Rows of values into tensors, with every value checked against what the element type can hold.

use super::mapping::Slot;
use super::values::{LARGEST_EXACT, accepts_missing, said};
use super::{FeatureError, expectation};
use crate::engine::tensor::{Tensor, TensorData};
use crate::project::contract::Dtype;
use crate::project::documents::{Feature, FeatureType, Value};

/// The tensor of one input.
pub(super) fn encode(slot: &Slot, features: &[Feature], rows: &[Vec<Value>]) -> Result<Tensor, FeatureError> {
    let cells = Cells { slot, features, rows };
    let data = match slot.dtype {
        Dtype::Bool => TensorData::Bool(cells.collect("true or false", truth)?),
        Dtype::U8 => TensorData::U8(cells.integers()?),
        Dtype::U16 => TensorData::U16(cells.integers()?),
        Dtype::U32 => TensorData::U32(cells.integers()?),
        Dtype::U64 => TensorData::U64(cells.integers()?),
        Dtype::I8 => TensorData::I8(cells.integers()?),
        Dtype::I16 => TensorData::I16(cells.integers()?),
        Dtype::I32 => TensorData::I32(cells.integers()?),
        Dtype::I64 => TensorData::I64(cells.integers()?),
        Dtype::F16 => {
            TensorData::F16(cells.floats(|number| Some(half_bits(number)).filter(|bits| bits & 0x7FFF != 0x7C00))?)
        }
        Dtype::F32 => {
            TensorData::F32(cells.floats(|number| Some(number as f32).filter(|number| !number.is_infinite()))?)
        }
        Dtype::F64 => TensorData::F64(cells.floats(Some)?),
        Dtype::Text => TensorData::Text(cells.texts()?),
    };
    // A single row without a batch axis has the columns as its only axis.
    let shape = if slot.row_shape.is_empty() && 1 < slot.features.len() {
        vec![slot.features.len()]
    } else {
        std::iter::once(rows.len()).chain(slot.row_shape.iter().copied()).collect()
    };
    Ok(Tensor::new(&slot.name, shape, data))
}

/// The cells of one input, row by row.
struct Cells<'a> {
    slot: &'a Slot,
    features: &'a [Feature],
    rows: &'a [Vec<Value>],
}

impl Cells<'_> {
    fn try_collect<T>(
        &self,
        mut element: impl FnMut(&Feature, &Value) -> Result<T, String>,
    ) -> Result<Vec<T>, FeatureError> {
        let mut elements = Vec::with_capacity(self.rows.len() * self.slot.features.len());
        for (row, values) in self.rows.iter().enumerate() {
            for index in &self.slot.features {
                let (Some(feature), Some(value)) = (self.features.get(*index), values.get(*index)) else { continue };
                elements.push(element(feature, value).map_err(|expected| FeatureError::Value {
                    row: row + 1,
                    feature: feature.name.clone(),
                    expected,
                    given: said(value),
                })?);
            }
        }
        Ok(elements)
    }

    fn collect<T>(&self, expected: &str, element: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, FeatureError> {
        self.try_collect(|_, value| element(value).ok_or_else(|| expected.to_owned()))
    }

    fn integers<T: TryFrom<i64>>(&self) -> Result<Vec<T>, FeatureError> {
        let expected = format!("a whole number that fits {}", self.slot.dtype);
        self.collect(&expected, |value| T::try_from(whole(value)?).ok())
    }

    fn floats<T>(&self, narrow: impl Fn(f64) -> Option<T>) -> Result<Vec<T>, FeatureError> {
        self.try_collect(|feature, value| {
            let number = match value {
                Value::Bool(value) => f64::from(u8::from(*value)),
                Value::Number(number) if !number.is_nan() => *number,
                Value::Missing | Value::Number(_) if accepts_missing(feature) => f64::NAN,
                Value::Missing | Value::Number(_) | Value::Text(_) => return Err(expectation(feature)),
            };
            let whole = feature.kind != FeatureType::Integer || number.is_nan() || number.fract() == 0.0;
            if number.is_infinite() || !whole {
                return Err(expectation(feature));
            }
            narrow(number).ok_or_else(|| format!("a number that fits {}", self.slot.dtype))
        })
    }

    fn texts(&self) -> Result<Vec<String>, FeatureError> {
        self.try_collect(|feature, value| match value {
            Value::Text(text) => Ok(text.clone()),
            Value::Missing => feature.missing.clone().ok_or_else(|| expectation(feature)),
            Value::Bool(_) | Value::Number(_) => Err(expectation(feature)),
        })
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        other => match whole(other)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Number(number) if number.fract() == 0.0 && number.abs() <= LARGEST_EXACT => Some(*number as i64),
        _ => None,
    }
}

/// IEEE half precision, rounded to the nearest, ties to even; too large is infinite.
fn half_bits(number: f64) -> u16 {
    let sign = if number.is_sign_negative() { 0x8000 } else { 0 };
    let magnitude = number.abs();
    if magnitude.is_nan() {
        return 0x7E00;
    }
    // Below 2^-14 the spacing is 2^-24; above, it is 2^-10 of the leading power of two.
    let exponent = if magnitude < 2.0_f64.powi(-14) { -14 } else { magnitude.log2().floor() as i32 };
    let spacing = 2.0_f64.powi(exponent.min(16) - 10);
    let steps = (magnitude / spacing).round_ties_even();
    let (mut exponent, mut steps) = (exponent, steps as u32);
    if 2048 <= steps {
        steps /= 2;
        exponent += 1;
    }
    if 15 < exponent {
        return sign | 0x7C00;
    }
    // A value below 2^-14 has no leading one; rounding up to it gives the right bits by itself.
    let bits = if steps < 1024 { steps } else { (((exponent + 15) as u32) << 10) | (steps & 0x3FF) };
    sign | bits as u16
}

#[cfg(test)]
mod tests {
    use super::half_bits;

    #[test]
    fn half_precision_is_exact_at_the_edges() {
        let rows = [
            (0.0, 0),
            (-0.0, 0x8000),
            (1.0, 0x3C00),
            (-2.0, 0xC000),
            (65504.0, 0x7BFF),
            (65519.0, 0x7BFF),
            (65520.0, 0x7C00),
            (1e300, 0x7C00),
            (2.0_f64.powi(-14), 0x0400),
            (2.0_f64.powi(-24), 0x0001),
            (2.0_f64.powi(-26), 0),
            (0.333_251_953_125, 0x3555),
            (f64::NAN, 0x7E00),
        ];
        for (number, bits) in rows {
            assert_eq!(half_bits(number), bits, "{number}");
        }
    }
}
