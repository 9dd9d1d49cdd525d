//! Tensors as JSON of the Open Inference Protocol, seen from a client: what is asked, and what was answered.

use serde_json::{Value, json};

use crate::engine::tensor::{Tensor, TensorData};
use crate::project::contract::Dtype;

/// An inference request; `null` is NaN.
pub(super) fn request(inputs: &[Tensor]) -> Value {
    let inputs: Vec<Value> = inputs
        .iter()
        .map(|input| {
            json!({
                "name": input.name,
                "datatype": input.data.dtype().v2_name(),
                "shape": input.shape,
                "data": elements(&input.data),
            })
        })
        .collect();
    json!({ "id": "golden", "inputs": inputs })
}

fn elements(data: &TensorData) -> Value {
    match data {
        TensorData::Bool(values) => json!(values),
        TensorData::U8(values) => json!(values),
        TensorData::U16(values) => json!(values),
        TensorData::U32(values) => json!(values),
        TensorData::U64(values) => json!(values),
        TensorData::I8(values) => json!(values),
        TensorData::I16(values) => json!(values),
        TensorData::I32(values) => json!(values),
        TensorData::I64(values) => json!(values),
        TensorData::F16(values) => {
            json!(values.iter().map(|bits| half::f16::from_bits(*bits).to_f32()).collect::<Vec<_>>())
        }
        TensorData::F32(values) => json!(values),
        TensorData::F64(values) => json!(values),
        TensorData::Text(values) => json!(values),
    }
}

/// The outputs of an answer, in its order; the error says what is wrong with it.
pub(super) fn outputs(answer: &Value) -> Result<Vec<Tensor>, String> {
    let outputs = answer.get("outputs").and_then(Value::as_array).ok_or("the answer has no outputs")?;
    outputs.iter().map(output).collect()
}

fn output(output: &Value) -> Result<Tensor, String> {
    let name = output.get("name").and_then(Value::as_str).ok_or("an output has no name")?;
    let wrong = |what: &str| format!("output {name} has no {what}");
    let datatype = output.get("datatype").and_then(Value::as_str).ok_or_else(|| wrong("datatype"))?;
    let dtype = Dtype::from_v2_name(datatype).ok_or_else(|| format!("output {name} is of unknown type {datatype}"))?;
    let shape = output.get("shape").and_then(Value::as_array).ok_or_else(|| wrong("shape"))?;
    let shape = shape
        .iter()
        .map(|length| length.as_u64().map(|length| length as usize))
        .collect::<Option<Vec<usize>>>()
        .ok_or_else(|| wrong("valid shape"))?;
    let flat = output.get("data").and_then(Value::as_array).ok_or_else(|| wrong("data"))?;
    let data = parse(dtype, flat).ok_or_else(|| format!("output {name} has data that is not {datatype}"))?;
    let tensor = Tensor::new(name, shape, data);
    if tensor.is_consistent() { Ok(tensor) } else { Err(format!("output {name} has more or less data than its shape")) }
}

/// Flat elements of one type.
fn parse(dtype: Dtype, flat: &[Value]) -> Option<TensorData> {
    fn each<T>(flat: &[Value], element: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
        flat.iter().map(element).collect()
    }
    fn unsigned<T: TryFrom<u64>>(value: &Value) -> Option<T> {
        T::try_from(value.as_u64()?).ok()
    }
    fn signed<T: TryFrom<i64>>(value: &Value) -> Option<T> {
        T::try_from(value.as_i64()?).ok()
    }
    fn float(value: &Value) -> Option<f64> {
        if value.is_null() { Some(f64::NAN) } else { value.as_f64() }
    }
    Some(match dtype {
        Dtype::Bool => TensorData::Bool(each(flat, Value::as_bool)?),
        Dtype::U8 => TensorData::U8(each(flat, unsigned)?),
        Dtype::U16 => TensorData::U16(each(flat, unsigned)?),
        Dtype::U32 => TensorData::U32(each(flat, unsigned)?),
        Dtype::U64 => TensorData::U64(each(flat, unsigned)?),
        Dtype::I8 => TensorData::I8(each(flat, signed)?),
        Dtype::I16 => TensorData::I16(each(flat, signed)?),
        Dtype::I32 => TensorData::I32(each(flat, signed)?),
        Dtype::I64 => TensorData::I64(each(flat, signed)?),
        Dtype::F16 => TensorData::F16(each(flat, |value| Some(half::f16::from_f64(float(value)?).to_bits()))?),
        Dtype::F32 => TensorData::F32(each(flat, |value| Some(float(value)? as f32))?),
        Dtype::F64 => TensorData::F64(each(flat, float)?),
        Dtype::Text => TensorData::Text(each(flat, |value| value.as_str().map(str::to_owned))?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_can_be_read_as_an_answer() {
        for data in [
            TensorData::Bool(vec![true, false]),
            TensorData::U8(vec![0, 255]),
            TensorData::U16(vec![1, 2]),
            TensorData::U32(vec![1, u32::MAX]),
            TensorData::U64(vec![1, u64::MAX]),
            TensorData::I8(vec![-128, 1]),
            TensorData::I16(vec![-1, 1]),
            TensorData::I32(vec![i32::MIN, 1]),
            TensorData::I64(vec![i64::MIN, i64::MAX]),
            TensorData::F16(vec![0x3c00, 0xb800]),
            TensorData::F32(vec![0.1, -2.5e-9]),
            TensorData::F64(vec![0.1, 1e300]),
            TensorData::Text(vec!["a".to_owned(), String::new()]),
        ] {
            let tensor = Tensor::new("x", vec![2, 1], data);
            let sent = request(std::slice::from_ref(&tensor));
            assert_eq!(outputs(&json!({ "outputs": sent["inputs"] })), Ok(vec![tensor]));
        }
    }

    #[test]
    fn null_is_a_missing_number_both_ways() {
        let tensor = Tensor::new("x", vec![1], TensorData::F32(vec![f32::NAN]));
        let sent = request(&[tensor]);
        assert_eq!(sent["inputs"][0]["data"], json!([null]));
        let back = outputs(&json!({ "outputs": sent["inputs"] })).unwrap();
        assert!(matches!(&back[0].data, TensorData::F32(values) if values[0].is_nan()));
    }

    #[test]
    fn a_wrong_answer_is_told() {
        #[track_caller]
        fn check(answer: &Value, expected: &str) {
            assert_eq!(outputs(answer), Err(expected.to_owned()));
        }
        check(&json!({"error": "x"}), "the answer has no outputs");
        let output = json!({"name": "y", "datatype": "FP32", "shape": [2], "data": [1.0]});
        check(&json!({ "outputs": [output] }), "output y has more or less data than its shape");
        let output = json!({"name": "y", "datatype": "INT8", "shape": [1], "data": [1000]});
        check(&json!({ "outputs": [output] }), "output y has data that is not INT8");
        let output = json!({"name": "y", "datatype": "COMPLEX", "shape": [1], "data": [1]});
        check(&json!({ "outputs": [output] }), "output y is of unknown type COMPLEX");
    }
}
