//! What the standard operators share: optional inputs, element types, axes and positions.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, elements, tensor};

/// Calls a generic function for the element type of that name, or fails on types that hold no values of ONNX.
macro_rules! typed {
    ($dtype:expr, $function:ident ( $($argument:expr),* )) => {
        match $dtype {
            DatumType::Bool => $function::<bool>($($argument),*),
            DatumType::String => $function::<String>($($argument),*),
            dtype => $crate::engine::operators::standard::common::numeric!(dtype, $function($($argument),*)),
        }
    };
}

/// Calls a generic function for the type of number of that name, or fails.
macro_rules! numeric {
    ($dtype:expr, $function:ident ( $($argument:expr),* )) => {
        match $dtype {
            DatumType::F16 => $function::<f16>($($argument),*),
            DatumType::F32 => $function::<f32>($($argument),*),
            DatumType::F64 => $function::<f64>($($argument),*),
            dtype => $crate::engine::operators::standard::common::integral!(dtype, $function($($argument),*)),
        }
    };
}

/// Calls a generic function for the type of integer of that name, or fails.
macro_rules! integral {
    ($dtype:expr, $function:ident ( $($argument:expr),* )) => {
        match $dtype {
            DatumType::U8 => $function::<u8>($($argument),*),
            DatumType::U16 => $function::<u16>($($argument),*),
            DatumType::U32 => $function::<u32>($($argument),*),
            DatumType::U64 => $function::<u64>($($argument),*),
            DatumType::I8 => $function::<i8>($($argument),*),
            DatumType::I16 => $function::<i16>($($argument),*),
            DatumType::I32 => $function::<i32>($($argument),*),
            DatumType::I64 => $function::<i64>($($argument),*),
            other => bail!("{other:?} is not taken here"),
        }
    };
}

pub(super) use {integral, numeric, typed};

/// Which of an operator's inputs are given; tract leaves the absent ones out.
#[derive(Clone, Debug)]
pub(super) struct Slots(Vec<Option<usize>>);

impl Slots {
    /// Of that node.
    pub(super) fn of(node: &NodeProto) -> Self {
        let mut next = 0..;
        Self(node.input.iter().map(|name| if name.is_empty() { None } else { next.next() }).collect())
    }

    /// The input at that position, if it is given.
    pub(super) fn get<'a, T>(&self, inputs: &'a [T], position: usize) -> Option<&'a T> {
        inputs.get((*self.0.get(position)?)?)
    }

    /// The input at that position, which must be given.
    pub(super) fn need<'a, T>(&self, inputs: &'a [T], position: usize) -> TractResult<&'a T> {
        self.get(inputs, position).ok_or_else(|| format_err!("the input {position} is missing"))
    }

    /// Where the inputs at these positions are among those that are given.
    pub(super) fn places(&self, positions: &[usize]) -> Vec<usize> {
        positions.iter().filter_map(|position| *self.0.get(*position)?).collect()
    }
}

/// What an operator says when its output's shape cannot be told before it runs.
pub(super) fn depends_on_data<T>(what: &str) -> TractResult<T> {
    bail!("the shape of the output depends on data: {what}")
}

/// The integers of an input that must be known before the operator runs.
pub(super) fn known_ints(fact: &Fact, what: &str) -> TractResult<Vec<i64>> {
    match &fact.value {
        Some(value) => int_values(value),
        None => depends_on_data(what),
    }
}

/// The lengths of all axes.
pub(super) fn lengths(fact: &Fact) -> TractResult<Vec<usize>> {
    fact.shape.iter().map(|dim| Ok(dim.to_usize()?)).collect()
}

/// The same number of elements of another type.
pub(super) fn fact(dtype: DatumType, shape: &[usize]) -> Fact {
    Fact::new(dtype, shape.iter().map(tract_onnx::prelude::ToDim::to_dim))
}

/// The elements as integers.
pub(super) fn int_values(tensor: &Tensor) -> TractResult<Vec<i64>> {
    Ok(elements::<i64>(&*tensor.cast_to::<i64>()?)?.to_vec())
}

/// The elements as double-precision numbers.
pub(super) fn float_values(tensor: &Tensor) -> TractResult<Vec<f64>> {
    Ok(elements::<f64>(&*tensor.cast_to::<f64>()?)?.to_vec())
}

/// A tensor of that type from double-precision numbers.
pub(super) fn from_floats(dtype: DatumType, shape: &[usize], values: Vec<f64>) -> TractResult<Tensor> {
    Ok(tensor(shape, values)?.cast_to_dt(dtype)?.into_owned())
}

/// The axis counted from the front.
pub(super) fn axis_of(axis: i64, rank: usize) -> TractResult<usize> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    ensure!((0..rank as i64).contains(&counted), "the axis {axis} is outside of {rank} axes");
    Ok(counted as usize)
}

/// The position in an axis of that length, counted from the front.
pub(super) fn index_of(index: i64, length: usize) -> TractResult<usize> {
    let counted = if index < 0 { index + length as i64 } else { index };
    ensure!((0..length as i64).contains(&counted), "the index {index} is outside of an axis of {length}");
    Ok(counted as usize)
}

/// How many elements one step along each axis skips.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (0..shape.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * shape[axis + 1];
    }
    strides
}

/// Where a position is in a row-major tensor.
pub(super) fn offset(position: &[usize], strides: &[usize]) -> usize {
    position.iter().zip(strides).map(|(index, stride)| index * stride).sum()
}

/// Calls `visit` with every position of that shape, in row-major order.
pub(super) fn each_position(shape: &[usize], mut visit: impl FnMut(&[usize]) -> TractResult<()>) -> TractResult<()> {
    if shape.contains(&0) {
        return Ok(());
    }
    let mut position = vec![0; shape.len()];
    loop {
        visit(&position)?;
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return Ok(());
            }
            axis -= 1;
            position[axis] += 1;
            if position[axis] < shape[axis] {
                break;
            }
            position[axis] = 0;
        }
    }
}

/// A shape as the blocks before an axis, the axis itself, and the elements after it.
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

/// The shape that both can be stretched to.
pub(super) fn broadcast(left: &[usize], right: &[usize]) -> TractResult<Vec<usize>> {
    let rank = left.len().max(right.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (length(left, axis), length(right, axis)) {
            (1, other) | (other, 1) => Ok(other),
            (one, other) if one == other => Ok(one),
            _ => bail!("the shapes {left:?} and {right:?} cannot be stretched to each other"),
        })
        .collect()
}

/// The strides of a tensor stretched to that shape: 0 along the axes that are repeated.
pub(super) fn stretched_strides(shape: &[usize], to: &[usize]) -> Vec<usize> {
    let mut own = strides(shape);
    for (stride, length) in own.iter_mut().zip(shape) {
        if *length == 1 {
            *stride = 0;
        }
    }
    let mut all = vec![0; to.len() - shape.len()];
    all.extend(own);
    all
}

/// A tensor of that type from integers, which wrap around where they do not fit.
pub(super) fn from_ints(dtype: DatumType, shape: &[usize], values: Vec<i64>) -> TractResult<Tensor> {
    fn narrow<T: Datum>(shape: &[usize], values: Vec<i64>, to: fn(i64) -> T) -> TractResult<Tensor> {
        tensor(shape, values.into_iter().map(to).collect())
    }
    match dtype {
        DatumType::I8 => narrow(shape, values, |value| value as i8),
        DatumType::I16 => narrow(shape, values, |value| value as i16),
        DatumType::I32 => narrow(shape, values, |value| value as i32),
        DatumType::I64 => tensor(shape, values),
        DatumType::U8 => narrow(shape, values, |value| value as u8),
        DatumType::U16 => narrow(shape, values, |value| value as u16),
        DatumType::U32 => narrow(shape, values, |value| value as u32),
        DatumType::U64 => narrow(shape, values, |value| value as u64),
        other => bail!("{other:?} is not an integer"),
    }
}

/// The integers, each in a type that holds all of them.
pub(super) fn wide_values(tensor: &Tensor) -> TractResult<Vec<i128>> {
    fn widen<T: Datum + Copy + Into<i128>>(tensor: &Tensor) -> TractResult<Vec<i128>> {
        Ok(elements::<T>(tensor)?.iter().map(|value| (*value).into()).collect())
    }
    integral!(tensor.datum_type(), widen(tensor))
}
