//! Rows of tensors: cut out, put one behind the other.

use std::ops::Range;

use crate::engine::tensor::{Tensor, TensorData};

macro_rules! each {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            TensorData::Bool($values) => TensorData::Bool($body),
            TensorData::U8($values) => TensorData::U8($body),
            TensorData::U16($values) => TensorData::U16($body),
            TensorData::U32($values) => TensorData::U32($body),
            TensorData::U64($values) => TensorData::U64($body),
            TensorData::I8($values) => TensorData::I8($body),
            TensorData::I16($values) => TensorData::I16($body),
            TensorData::I32($values) => TensorData::I32($body),
            TensorData::I64($values) => TensorData::I64($body),
            TensorData::F16($values) => TensorData::F16($body),
            TensorData::F32($values) => TensorData::F32($body),
            TensorData::F64($values) => TensorData::F64($body),
            TensorData::Text($values) => TensorData::Text($body),
        }
    };
}

macro_rules! append {
    ($to:expr, $from:expr, $($kind:ident),*) => {
        match ($to, $from) {
            $((TensorData::$kind(to), TensorData::$kind(from)) => to.extend_from_slice(from),)*
            _ => return false,
        }
    };
}

/// The elements in a range; none beyond the end.
pub(super) fn cut(data: &TensorData, range: Range<usize>) -> TensorData {
    each!(data, values => values.get(range).map(<[_]>::to_vec).unwrap_or_default())
}

/// `data` again and again.
#[expect(clippy::cloned_instead_of_copied, reason = "texts cannot be copied")]
pub(super) fn repeated(data: &TensorData, times: usize) -> TensorData {
    each!(data, values => values.iter().cloned().cycle().take(values.len() * times).collect())
}

/// Appends elements of the same type; whether it is the same.
pub(super) fn append(to: &mut TensorData, from: &TensorData) -> bool {
    append!(to, from, Bool, U8, U16, U32, U64, I8, I16, I32, I64, F16, F32, F64, Text);
    true
}

/// Elements of one row.
pub(super) fn width(tensor: &Tensor) -> usize {
    tensor.shape.iter().skip(1).product()
}

/// Rows of a tensor as a tensor.
pub(super) fn rows(tensor: &Tensor, range: Range<usize>) -> Tensor {
    let width = width(tensor);
    let mut shape = tensor.shape.clone();
    if let Some(first) = shape.first_mut() {
        *first = range.len();
    }
    Tensor::new(tensor.name.as_str(), shape, cut(&tensor.data, range.start * width..range.end * width))
}

/// The same inputs of several requests as one, each request's rows behind the former's; `None` if they differ in more
/// than their rows.
pub(super) fn joined(requests: &[&[Tensor]]) -> Option<Vec<Tensor>> {
    let (first, others) = requests.split_first()?;
    let mut joined = first.to_vec();
    for other in others {
        if other.len() != joined.len() {
            return None;
        }
        for (to, from) in joined.iter_mut().zip(*other) {
            if to.name != from.name || to.shape.get(1..) != from.shape.get(1..) || !append(&mut to.data, &from.data) {
                return None;
            }
            *to.shape.first_mut()? += from.shape.first()?;
        }
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_is_cut_again() {
        let tensor = |rows: &[f32]| Tensor::new("x", vec![rows.len() / 2, 2], TensorData::F32(rows.to_vec()));
        let (a, b) = ([tensor(&[1.0, 2.0])], [tensor(&[3.0, 4.0, 5.0, 6.0])]);
        let joined = joined(&[&a, &b]).unwrap();
        assert_eq!(joined, [tensor(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])]);
        assert_eq!(rows(&joined[0], 0..1), a[0]);
        assert_eq!(rows(&joined[0], 1..3), b[0]);
        let wider = [Tensor::new("x", vec![1, 3], TensorData::F32(vec![0.0; 3]))];
        assert_eq!(super::joined(&[&a, &wider]), None);
        let other = [Tensor::new("x", vec![1, 2], TensorData::F64(vec![0.0; 2]))];
        assert_eq!(super::joined(&[&a, &other]), None);
        assert_eq!(repeated(&TensorData::I8(vec![1, 2]), 2), TensorData::I8(vec![1, 2, 1, 2]));
    }
}
