//! An operator of tract that is right for numbers, and what is done when there are others.
//!
//! Looking for them is one pass over the input, in vectors.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use tract_onnx::tract_hir::internal::tract_core::ops::cnn::{MaxPool, OptMaxPool};
use tract_onnx::tract_hir::internal::*;

use crate::engine::operators::{elements, erf};

/// What is kept.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// The operator as it is: tract must not simplify it.
    Everything,
    /// A function of one number; this is it, exactly.
    Number(fn(f64) -> f64),
    /// Softmax along these axes: all NaN with a NaN or positive infinity, or when nothing else is there than negative
    /// infinity.
    Rows(TVec<usize>),
    /// The largest of some numbers, or, with the sign -1, the smallest: NaN where there is one among them; `infinite`
    /// if an infinity may be all there is.
    Largest { sign: f64, infinite: bool },
    /// The state of an LSTM of that many units, made from what comes into its gates and from the state of its cells.
    Cells(usize),
    /// Places along an axis, which must be inside of it.
    Places(usize),
}

fn sigmoid(x: f64) -> f64 {
    (1.0 + (-x).exp()).recip()
}

/// The functions that tract computes by vector kernels.
pub(super) fn exactly(name: &str) -> Option<fn(f64) -> f64> {
    let function: fn(f64) -> f64 = match name {
        "Erf" => erf,
        "Exp" => f64::exp,
        "GeluApproximate" => |x| 0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh()),
        "GeluExact" => |x| 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2)),
        "Ln" => f64::ln,
        "Sigmoid" => sigmoid,
        "Silu" => |x| x * sigmoid(x),
        "Tanh" => f64::tanh,
        _ => return None,
    };
    Some(function)
}

/// An operator that is right for numbers.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    /// The operator.
    pub(super) op: Box<dyn TypedOp>,
    /// What it does otherwise.
    pub(super) kept: Kept,
}

impl PartialEq for Guarded {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl Eq for Guarded {}

/// Numbers that are looked at together.
const TOGETHER: usize = 128;

/// Where the elements are of which `is` says yes.
fn places<T: Copy>(values: &[T], is: impl Fn(T) -> bool) -> Vec<usize> {
    let mut found = Vec::new();
    for (part, values) in values.chunks(TOGETHER).enumerate() {
        // Without a way out the compiler uses vectors.
        if values.iter().fold(false, |any, value| any | is(*value)) {
            let inside = values.iter().enumerate().filter(|(_, value)| is(**value));
            found.extend(inside.map(|(idx, _)| part * TOGETHER + idx));
        }
    }
    found
}

/// A type that holds what is not a number.
trait Float: Datum + Copy + Into<f64> {
    fn of(value: f64) -> Self;
    fn infinite(self) -> bool;
    fn nan(self) -> bool;
    fn largest() -> Self;
}

macro_rules! float {
    ($type:ty, $of:expr) => {
        impl Float for $type {
            fn of(value: f64) -> Self {
                $of(value)
            }

            fn infinite(self) -> bool {
                self.is_infinite()
            }

            fn nan(self) -> bool {
                self.is_nan()
            }

            fn largest() -> Self {
                Self::MAX
            }
        }
    };
}

float!(f16, f16::from_f64);
float!(f32, |value| value as f32);
float!(f64, |value| value);

/// Calls a generic function for the type of floating-point number of that name, or fails.
macro_rules! floating {
    ($dtype:expr, $function:ident ( $($argument:expr),* )) => {
        match $dtype {
            DatumType::F16 => $function::<f16>($($argument),*),
            DatumType::F32 => $function::<f32>($($argument),*),
            DatumType::F64 => $function::<f64>($($argument),*),
            other => bail!("{other:?} is no floating-point number"),
        }
    };
}

/// What is neither NaN nor infinite is left out.
fn special<T: Float>(input: &Tensor, function: fn(f64) -> f64) -> TractResult<Vec<(usize, f64)>> {
    let values = elements::<T>(input)?;
    let places = places(values, |value| value.nan() | value.infinite());
    Ok(places.into_iter().map(|place| (place, function(values[place].into()))).collect())
}

fn put<T: Float>(output: &mut Tensor, special: &[(usize, f64)]) -> TractResult<()> {
    let mut view = output.try_as_plain_ram_mut()?;
    let values = view.as_slice_mut::<T>()?;
    for (place, value) in special {
        values[*place] = T::of(*value);
    }
    Ok(())
}

/// Elements of the rows along `axes` of which a softmax makes NaN.
fn undefined_rows<T: Float>(input: &Tensor, axes: &[usize]) -> TractResult<Vec<(usize, f64)>> {
    let (values, shape) = (elements::<T>(input)?, input.shape());
    let bad = |value: T| value.nan() | (value.infinite() & (0.0 < value.into()));
    let length: usize = axes.iter().map(|axis| shape[*axis]).product();
    let trailing = axes.iter().all(|axis| shape.len() <= axis + axes.len());
    if !trailing || length == 0 {
        // The row of every element, and whether it has something bad or finite.
        let mut kept = shape.to_vec();
        for axis in axes {
            kept[*axis] = 1;
        }
        let n_after = |axis: usize, shape: &[usize]| shape[axis + 1..].iter().product::<usize>();
        let row = |place: usize| -> usize {
            let axes = (0..shape.len()).filter(|axis| kept[*axis] != 1);
            axes.map(|axis| place / n_after(axis, shape) % shape[axis] * n_after(axis, &kept)).sum()
        };
        let mut rows = vec![(false, false); kept.iter().product()];
        if places(values, |value| value.nan() | value.infinite()).is_empty() {
            return Ok(Vec::new());
        }
        for (place, value) in values.iter().enumerate() {
            let (any_bad, any_finite) = &mut rows[row(place)];
            *any_bad |= bad(*value);
            *any_finite |= !value.nan() & !value.infinite();
        }
        let undefined = |place: &usize| {
            let (any_bad, any_finite) = rows[row(*place)];
            any_bad || !any_finite
        };
        return Ok((0..values.len()).filter(undefined).map(|place| (place, f64::NAN)).collect());
    }
    let mut found = Vec::new();
    for (idx, row) in values.chunks(length).enumerate() {
        let any_bad = row.iter().fold(false, |any, value| any | bad(*value));
        let any_finite = row.iter().fold(false, |any, value| any | !(value.nan() | value.infinite()));
        if any_bad || !any_finite {
            found.extend((idx * length..(idx + 1) * length).map(|place| (place, f64::NAN)));
        }
    }
    Ok(found)
}

/// 1, or -1, where NaN is, 0 elsewhere; nothing if there is none.
fn mask<T: Float>(input: &Tensor, sign: f64) -> TractResult<Option<Tensor>> {
    let found = places(elements::<T>(input)?, T::nan);
    if found.is_empty() {
        return Ok(None);
    }
    let mut mask = Tensor::zero_dt(T::datum_type(), input.shape())?;
    put::<T>(&mut mask, &found.into_iter().map(|place| (place, sign)).collect::<Vec<_>>())?;
    Ok(Some(mask))
}

fn any_infinite<T: Float>(input: &Tensor) -> TractResult<bool> {
    Ok(!places(elements::<T>(input)?, T::infinite).is_empty())
}

/// NaN wherever the mask has the sign.
fn put_nan<T: Float>(output: &mut Tensor, mask: &Tensor, sign: f64) -> TractResult<()> {
    let found = places(elements::<T>(mask)?, |value| 0.0 < sign * value.into());
    put::<T>(output, &found.into_iter().map(|place| (place, f64::NAN)).collect::<Vec<_>>())
}

/// tract begins with the smallest finite number; where nothing is larger, the infinity is all there was.
fn put_infinity<T: Float>(output: &mut Tensor, sign: f64) -> TractResult<()> {
    let mut view = output.try_as_plain_ram_mut()?;
    for value in view.as_slice_mut::<T>()? {
        if (-sign * (*value).into()).total_cmp(&T::largest().into()).is_eq() {
            *value = T::of(-sign * f64::INFINITY);
        }
    }
    Ok(())
}

/// The units of an LSTM into which something comes that is no finite number: their place, output and cell.
fn cells<T: Float>(gates: &Tensor, cells: &Tensor, n: usize) -> TractResult<Vec<(usize, f64, f64)>> {
    let (gates, cells) = (elements::<T>(gates)?, elements::<T>(cells)?);
    let strange = |value: T| value.nan() | value.infinite();
    if places(gates, strange).is_empty() && places(cells, strange).is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for (place, cell) in cells.iter().enumerate() {
        let gate = |idx: usize| gates[(place / n * 4 + idx) * n + place % n];
        if strange(*cell) || (0..4).any(|idx| strange(gate(idx))) {
            let [input, output, forget, new] = [0, 1, 2, 3].map(|idx| gate(idx).into());
            let cell = sigmoid(forget) * (*cell).into() + sigmoid(input) * f64::tanh(new);
            found.push((place, sigmoid(output) * cell.tanh(), cell));
        }
    }
    Ok(found)
}

impl Guarded {
    fn with(
        &self,
        context: &EvalContext<'_>,
        inputs: TVec<TValue>,
        special: &[(usize, f64)],
    ) -> TractResult<TVec<TValue>> {
        let mut outputs = self.op.eval(context, inputs)?;
        if special.is_empty() {
            return Ok(outputs);
        }
        let mut output = outputs.remove(0).into_tensor();
        floating!(output.datum_type(), put(&mut output, special))?;
        Ok(tvec!(output.into_tvalue()))
    }

    fn largest(
        &self,
        context: &EvalContext<'_>,
        inputs: TVec<TValue>,
        sign: f64,
        infinite: bool,
    ) -> TractResult<TVec<TValue>> {
        let dtype = inputs[0].datum_type();
        let mask = floating!(dtype, mask(&inputs[0], sign))?;
        let infinite = infinite && floating!(dtype, any_infinite(&inputs[0]))?;
        let mut outputs = self.op.eval(context, inputs)?;
        if mask.is_none() && !infinite {
            return Ok(outputs);
        }
        let mut output = outputs.remove(0).into_tensor();
        if infinite {
            floating!(dtype, put_infinity(&mut output, sign))?;
        }
        if let Some(mask) = mask {
            let mask = self.op.eval(context, tvec!(mask.into_tvalue()))?;
            floating!(dtype, put_nan(&mut output, &mask[0], sign))?;
        }
        Ok(tvec!(output.into_tvalue()))
    }

    fn cells(&self, context: &EvalContext<'_>, inputs: TVec<TValue>, n: usize) -> TractResult<TVec<TValue>> {
        let dtype = inputs[0].datum_type();
        let found = floating!(dtype, cells(&inputs[0], &inputs[1], n))?;
        let outputs = self.op.eval(context, inputs)?;
        if found.is_empty() {
            return Ok(outputs);
        }
        let mut states: Vec<Tensor> = outputs.into_iter().map(TValue::into_tensor).collect();
        let [output, cell] = states.as_mut_slice() else { bail!("an LSTM has two states") };
        let outputs: Vec<(usize, f64)> = found.iter().map(|(place, output, _)| (*place, *output)).collect();
        let cells: Vec<(usize, f64)> = found.iter().map(|(place, _, cell)| (*place, *cell)).collect();
        floating!(dtype, put(output, &outputs))?;
        floating!(dtype, put(cell, &cells))?;
        Ok(states.into_iter().map(Tensor::into_tvalue).collect())
    }

    fn checked(&self, inputs: &[TValue], axis: usize) -> TractResult<()> {
        let Some(length) = inputs[0].shape().get(axis) else { return Ok(()) };
        let length = *length as i64;
        match elements::<i64>(&inputs[1])?.iter().find(|place| !(-length..length).contains(*place)) {
            Some(place) => bail!("{}: the place {place} is outside of an axis of {length}", self.op.name()),
            None => Ok(()),
        }
    }
}

impl Op for Guarded {
    fn name(&self) -> StaticName {
        self.op.name()
    }

    op_as_typed_op!();
}

impl EvalOp for Guarded {
    op_out_of_plan!();

    fn eval(&self, context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        match &self.kept {
            Kept::Everything => self.op.eval(context, inputs),
            Kept::Number(function) => {
                let special = floating!(inputs[0].datum_type(), special(&inputs[0], *function))?;
                self.with(context, inputs, &special)
            }
            Kept::Rows(axes) => {
                let special = floating!(inputs[0].datum_type(), undefined_rows(&inputs[0], axes))?;
                self.with(context, inputs, &special)
            }
            Kept::Largest { sign, infinite } => self.largest(context, inputs, *sign, *infinite),
            Kept::Cells(n) => self.cells(context, inputs, *n),
            Kept::Places(axis) => {
                self.checked(&inputs, *axis)?;
                self.op.eval(context, inputs)
            }
        }
    }
}

impl TypedOp for Guarded {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let plain = |fact: TypedFact| fact.datum_type.fact(fact.shape.iter());
        Ok(self.op.output_facts(inputs)?.into_iter().map(plain).collect())
    }

    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        self.op.cost(inputs)
    }

    /// tract works out once where the windows of a pooling stand.
    fn codegen(&self, model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
        if self.op.as_op().downcast_ref::<MaxPool>().is_none() {
            return Ok(None);
        }
        let Some(patch) = self.op.codegen(model, node)? else { return Ok(None) };
        let Some(ready) = patch.nodes().iter().find(|node| node.op_is::<OptMaxPool>()) else { return Ok(None) };
        let own = Self { op: ready.op.clone(), kept: self.kept.clone() };
        TypedModelPatch::replace_single_op(model, node, &node.inputs, own).map(Some)
    }

    as_op!();
}
