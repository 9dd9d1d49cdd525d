//! Cast: between numbers as tract does it, except to integers; to and from text as ONNX Runtime does it.
//!
//! What an integer cannot hold is left open by ONNX: it becomes here what it does in ONNX Runtime on x86-64.
//!
//! tract casts to int64 by way of its symbolic integers, which hold 32 bits on that way: larger numbers would be wrong.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{elements, tensor};
use super::{ONNX, Operator, Parsed, reject};
use crate::engine::convert::datum_type;
use crate::engine::proto::{data_type_name, dtype, int};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator::new(ONNX, "Cast", |node, _| parse(node))];

/// Builds a Cast.
fn parse(node: &NodeProto) -> TractResult<Parsed> {
    let to = int(node, "to").and_then(|to| i32::try_from(to).ok()).unwrap_or(0);
    match dtype(to) {
        Some(dtype) => Ok(Parsed::Lowered(expand(Cast { to: datum_type(dtype) }))),
        None => reject(node, &format!("casting to {} is not supported", data_type_name(to))),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cast {
    to: DatumType,
}

impl Cast {
    /// Symbolic integers stay what they are: shapes are computed with them.
    fn to(&self, from: DatumType) -> DatumType {
        if from == TDim::datum_type() && self.to == i64::datum_type() { from } else { self.to }
    }
}

impl Expansion for Cast {
    fn name(&self) -> StaticName {
        "Cast".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        ensure!(inputs.len() == 1 && outputs.len() == 1, "Cast has one input and one output");
        s.equals(&outputs[0].rank, &inputs[0].rank)?;
        s.equals(&outputs[0].shape, &inputs[0].shape)?;
        s.given(&inputs[0].datum_type, move |s, from| s.equals(&outputs[0].datum_type, self.to(from)))
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let from = model.outlet_fact(inputs[0])?.datum_type;
        let text = String::datum_type();
        match (from == text, self.to == text) {
            (false, false) if from.is_float() && self.to.is_integer() => {
                model.wire_node(prefix, Truncation { to: self.to }, inputs)
            }
            (false, false) => model.wire_node(prefix, tract_core::ops::cast::cast(self.to(from)), inputs),
            (true, true) => Ok(inputs.into()),
            _ => model.wire_node(prefix, TextCast { to: self.to }, inputs),
        }
    }
}

/// A cast from floating-point numbers to integers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Truncation {
    to: DatumType,
}

impl Op for Truncation {
    fn name(&self) -> StaticName {
        "Truncation".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Truncation {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let output = match input.datum_type() {
            DatumType::F64 => truncated(elements::<f64>(&input)?, input.shape(), self.to)?,
            _ => truncated(elements::<f32>(&*input.cast_to::<f32>()?)?, input.shape(), self.to)?,
        };
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Truncation {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(self.to.fact(inputs[0].shape.iter())))
    }

    as_op!();
}

fn truncated<T: Datum + Copy + Into<f64>>(values: &[T], shape: &[usize], to: DatumType) -> TractResult<Tensor> {
    /// The smallest integer stands for everything that is out of range.
    fn wide(value: f64) -> i64 {
        if (-TWO_63..TWO_63).contains(&value) { value as i64 } else { i64::MIN }
    }
    /// Short integers are cut off from one of 32 bits.
    fn narrow(value: f64) -> i32 {
        i32::try_from(wide(value)).unwrap_or(i32::MIN)
    }
    const TWO_63: f64 = (1_u64 << 63) as f64;
    let values = values.iter().map(|value| (*value).into());
    match to {
        DatumType::I64 => tensor(shape, values.map(wide).collect()),
        DatumType::I32 => tensor(shape, values.map(narrow).collect()),
        DatumType::I16 => tensor(shape, values.map(|value| narrow(value) as i16).collect()),
        DatumType::I8 => tensor(shape, values.map(|value| narrow(value) as i8).collect()),
        DatumType::U16 => tensor(shape, values.map(|value| narrow(value) as u16).collect()),
        DatumType::U8 => tensor(shape, values.map(|value| narrow(value) as u8).collect()),
        DatumType::U32 | DatumType::U64 => {
            // ONNX Runtime answers one thing or the other, by where in the tensor the number is.
            let most = if to == u32::datum_type() { TWO_63 / f64::from(1_u32 << 31) } else { 2.0 * TWO_63 };
            let least = if to == u32::datum_type() { -f64::from(1_u32 << 31) } else { -TWO_63 };
            if let Some(value) = values.clone().find(|value| !(least..most).contains(value)) {
                bail!("what {value} is as {to:?} is not defined alike everywhere");
            }
            if to == u32::datum_type() {
                tensor(shape, values.map(|value| wide(value) as u32).collect())
            } else {
                let whole = |value: f64| if value < TWO_63 { value as i64 as u64 } else { value as u64 };
                tensor(shape, values.map(whole).collect())
            }
        }
        other => bail!("{other:?} is not an integer"),
    }
}

/// A cast to or from text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TextCast {
    to: DatumType,
}

impl Op for TextCast {
    fn name(&self) -> StaticName {
        "TextCast".into()
    }

    op_as_typed_op!();
}

impl EvalOp for TextCast {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let output = if input.datum_type() == String::datum_type() {
            from_text(elements::<String>(&input)?, input.shape(), self.to)?
        } else {
            tensor(input.shape(), to_text(&input)?)?
        };
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for TextCast {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(self.to.fact(inputs[0].shape.iter())))
    }

    as_op!();
}

fn from_text(words: &[String], shape: &[usize], to: DatumType) -> TractResult<Tensor> {
    if to.is_float() {
        let numbers = words.iter().map(|word| number(word)).collect::<TractResult<Vec<f64>>>()?;
        return Ok(tensor(shape, numbers)?.cast_to_dt(to)?.into_owned());
    }
    ensure!(to.is_integer(), "text cannot be cast to {to:?}");
    let numbers = words
        .iter()
        .map(|word| word.trim().parse::<i64>().map_err(|_reason| format_err!("the text {word:?} is not an integer")))
        .collect::<TractResult<Vec<i64>>>()?;
    Ok(tensor(shape, numbers)?.cast_to_dt(to)?.into_owned())
}

fn number(word: &str) -> TractResult<f64> {
    word.trim().parse::<f64>().map_err(|_reason| format_err!("the text {word:?} is not a number"))
}

fn to_text(input: &Tensor) -> TractResult<Vec<String>> {
    if input.datum_type() == f64::datum_type() {
        return Ok(elements::<f64>(input)?.iter().map(|value| significant(*value, 17)).collect());
    }
    if input.datum_type().is_float() {
        let input = input.cast_to::<f32>()?;
        return Ok(elements::<f32>(&input)?.iter().map(|value| significant(f64::from(*value), 8)).collect());
    }
    if input.datum_type() == bool::datum_type() {
        return Ok(elements::<bool>(input)?.iter().map(|value| u8::from(*value).to_string()).collect());
    }
    let input = input.cast_to::<i64>()?;
    Ok(elements::<i64>(&input)?.iter().map(i64::to_string).collect())
}

/// The number with that many significant digits and no trailing zeros, like C's `%g`.
fn significant(value: f64, n_digits: u8) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-INF" } else { "INF" }.to_owned();
    }
    let scientific = format!("{value:.*e}", usize::from(n_digits - 1));
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let without_zeros = |text: &str| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }.to_owned()
    };
    if (-4..i32::from(n_digits)).contains(&exponent) {
        let decimals = (i32::from(n_digits) - 1 - exponent).max(0) as usize;
        without_zeros(&format!("{value:.decimals$}"))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        for (value, expected) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e10, "1e+10"),
            (123_456_789.0, "1.2345679e+08"),
            (12_345_678.0, "12345678"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-INF"),
        ] {
            assert_eq!(significant(value, 8), expected);
        }
        assert_eq!(significant(0.1, 17), "0.10000000000000001");
    }

    #[test]
    fn text_becomes_numbers_or_an_error_that_quotes_it() {
        let words = ["1.5".to_owned(), "NaN".to_owned(), "-INF".to_owned()];
        let cast = from_text(&words, &[3], f32::datum_type()).unwrap();
        let cast = elements::<f32>(&cast).unwrap();
        assert_eq!(format!("{cast:?}"), "[1.5, NaN, -inf]");
        let error = from_text(&["abc".to_owned()], &[1], i64::datum_type()).unwrap_err().to_string();
        assert_eq!(error, "the text \"abc\" is not an integer");
    }
}
