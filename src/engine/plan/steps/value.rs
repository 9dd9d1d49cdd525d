//! What flows between steps.

use tract_onnx::tract_hir::internal::{
    Arc, Datum as _, IntoArcTensor as _, IntoTValue as _, TDim, TValue, Tensor, TractResult, bail, ensure, tensor0,
};

/// A value between two steps.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A tensor; also an optional that holds one.
    Tensor(TValue),
    /// A sequence of tensors; also an optional that holds one.
    Sequence(Vec<TValue>),
    /// An optional that holds nothing.
    Nothing,
}

impl Value {
    /// The tensor, or an error that says what is there instead.
    pub(super) fn tensor(&self) -> TractResult<&TValue> {
        match self {
            Self::Tensor(tensor) => Ok(tensor),
            Self::Sequence(_) => bail!("a tensor is expected where a sequence is given"),
            Self::Nothing => bail!("a tensor is expected where an optional without a value is given"),
        }
    }

    /// The tensor, or an error that says what is there instead.
    pub(super) fn into_tensor(self) -> TractResult<TValue> {
        match self {
            Self::Tensor(tensor) => Ok(tensor),
            other => other.tensor().cloned(),
        }
    }

    /// The sequence, or an error that says what is there instead.
    pub(super) fn sequence(&self) -> TractResult<&[TValue]> {
        match self {
            Self::Sequence(tensors) => Ok(tensors),
            Self::Tensor(_) => bail!("a sequence is expected where a tensor is given"),
            Self::Nothing => bail!("a sequence is expected where an optional without a value is given"),
        }
    }

    /// The only element of a tensor of truth values.
    pub(super) fn truth(&self) -> TractResult<bool> {
        let tensor = self.tensor()?;
        ensure!(
            tensor.datum_type() == bool::datum_type() && tensor.len() == 1,
            "a condition must be one truth value, {:?} of the shape {:?} is given",
            tensor.datum_type(),
            tensor.shape()
        );
        Ok(tensor.try_as_plain_ram()?.as_slice::<bool>()?[0])
    }

    /// The only element of a tensor of integers.
    pub(super) fn integer(&self) -> TractResult<i64> {
        let integers = integers(self.tensor()?)?;
        ensure!(integers.len() == 1, "one integer is expected, {} are given", integers.len());
        Ok(integers[0])
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Self {
        Self::Tensor(tensor.into_tvalue())
    }
}

impl From<TValue> for Value {
    fn from(tensor: TValue) -> Self {
        Self::Tensor(tensor)
    }
}

/// The elements of a tensor of integers.
pub(super) fn integers(tensor: &Tensor) -> TractResult<Vec<i64>> {
    let dtype = tensor.datum_type();
    ensure!(dtype.is_integer() || dtype == TDim::datum_type(), "integers are expected, {dtype:?} is given");
    Ok(tensor.cast_to::<i64>()?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec())
}

/// tract's symbolic integers as plain ones; everything else as it is.
pub(super) fn plain(tensor: TValue) -> TractResult<TValue> {
    if tensor.datum_type() == TDim::datum_type() {
        return Ok(tensor.cast_to::<i64>()?.into_owned().into_tvalue());
    }
    Ok(tensor)
}

/// A tensor of one integer without axes.
pub(super) fn scalar(value: i64) -> Value {
    tensor0(value).into()
}

/// A position in a list of that length, counted from the end when negative.
pub(super) fn position(at: i64, n_places: usize, what: &str) -> TractResult<usize> {
    let length = n_places as i64;
    let place = if at < 0 { at.saturating_add(length) } else { at };
    ensure!((0..length).contains(&place), "{what} {at} is out of the range of {length}");
    Ok(place as usize)
}

/// Part of a tensor along an axis; it may be empty.
pub(super) fn part(tensor: &Tensor, axis: usize, from: usize, to: usize) -> TractResult<Tensor> {
    if from < to {
        return tensor.slice(axis, from, to);
    }
    let mut shape = tensor.shape().to_vec();
    shape[axis] = 0;
    empty(tensor, &shape)
}

/// A tensor of that shape, which has no elements, with the element type of another.
pub(super) fn empty(like: &Tensor, shape: &[usize]) -> TractResult<Tensor> {
    nothing(like.datum_type(), shape)
}

/// A tensor without elements.
pub(super) fn nothing(dtype: tract_onnx::tract_hir::internal::DatumType, shape: &[usize]) -> TractResult<Tensor> {
    use tract_onnx::prelude::tract_ndarray::ArrayD;
    use tract_onnx::tract_hir::internal::IntoTensor as _;
    ensure!(shape.contains(&0), "a tensor of the shape {shape:?} has elements");
    if dtype == String::datum_type() {
        return Ok(ArrayD::from_shape_vec(shape, Vec::<String>::new())?.into_tensor());
    }
    Tensor::zero_dt(dtype, shape)
}

/// Joins tensors along an axis that they have.
pub(super) fn join(axis: usize, tensors: &[TValue]) -> TractResult<Tensor> {
    let Some(first) = tensors.first() else { bail!("there is nothing to join") };
    let mut shape = first.shape().to_vec();
    ensure!(axis < shape.len(), "there is no axis {axis} in the shape {shape:?}");
    for tensor in &tensors[1..] {
        let same = tensor.rank() == shape.len()
            && tensor.datum_type() == first.datum_type()
            && (0..shape.len()).all(|idx| idx == axis || tensor.shape()[idx] == first.shape()[idx]);
        ensure!(
            same,
            "tensors of the shapes {:?} and {:?} cannot be joined along axis {axis}",
            first.shape(),
            tensor.shape()
        );
        shape[axis] += tensor.shape()[axis];
    }
    if shape.contains(&0) {
        return empty(first, &shape);
    }
    let filled: Vec<Arc<Tensor>> = tensors
        .iter()
        .filter(|tensor| tensor.shape()[axis] > 0)
        .map(|tensor| tensor.clone().into_arc_tensor())
        .collect();
    Tensor::stack_tensors(axis, &filled)
}

/// Joins tensors of one shape along an axis that is new.
pub(super) fn stack(axis: usize, tensors: &[TValue]) -> TractResult<Tensor> {
    let mut widened = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let mut shape = tensor.shape().to_vec();
        ensure!(axis <= shape.len(), "there is no place for an axis {axis} in the shape {shape:?}");
        shape.insert(axis, 1);
        widened.push(Tensor::clone(tensor).into_shape(&shape)?.into_tvalue());
    }
    join(axis, &widened)
}
