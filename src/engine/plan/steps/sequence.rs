//! Operators on sequences and optionals.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::{IntoTValue as _, TValue, Tensor, TractResult, bail, ensure, tensor0};

use super::value::{Value, integers, join, part, position, scalar, stack};
use crate::engine::proto::int;

/// An operator that takes or gives sequences or optionals.
#[derive(Clone, Copy, Debug)]
pub(super) enum SequenceOperator {
    Construct,
    Empty,
    Insert,
    Erase,
    At,
    Length,
    Split { axis: i64, keep_axis: bool },
    Concat { axis: i64, new_axis: bool },
    Optional,
    Get,
    Has,
    Identity,
}

/// Their names.
pub(super) const NAMES: &[&str] = &[
    "ConcatFromSequence",
    "Optional",
    "OptionalGetElement",
    "OptionalHasElement",
    "SequenceAt",
    "SequenceConstruct",
    "SequenceEmpty",
    "SequenceErase",
    "SequenceInsert",
    "SequenceLength",
    "SplitToSequence",
];

impl SequenceOperator {
    /// Reads its attributes, if the node is one.
    pub(super) fn of(node: &NodeProto) -> Option<Self> {
        let axis = || int(node, "axis").unwrap_or(0);
        Some(match node.op_type.as_str() {
            "ConcatFromSequence" => Self::Concat { axis: axis(), new_axis: int(node, "new_axis").unwrap_or(0) != 0 },
            "Identity" => Self::Identity,
            "Optional" => Self::Optional,
            "OptionalGetElement" => Self::Get,
            "OptionalHasElement" => Self::Has,
            "SequenceAt" => Self::At,
            "SequenceConstruct" => Self::Construct,
            "SequenceEmpty" => Self::Empty,
            "SequenceErase" => Self::Erase,
            "SequenceInsert" => Self::Insert,
            "SequenceLength" => Self::Length,
            "SplitToSequence" => Self::Split { axis: axis(), keep_axis: int(node, "keepdims").unwrap_or(1) != 0 },
            _ => return None,
        })
    }

    /// Computes its output.
    pub(super) fn run(self, mut inputs: Vec<Option<Value>>) -> TractResult<Value> {
        let n_given = inputs.len();
        let mut take = |idx: usize| inputs.get_mut(idx).and_then(Option::take);
        let mut needed = |idx: usize| match take(idx) {
            Some(value) => Ok(value),
            None => bail!("the input {idx} is missing"),
        };
        Ok(match self {
            Self::Construct => {
                let tensors = (0..n_given).map(|idx| needed(idx)?.into_tensor());
                Value::Sequence(tensors.collect::<TractResult<_>>()?)
            }
            Self::Empty => Value::Sequence(Vec::new()),
            Self::Insert => {
                let (mut tensors, tensor) = (owned(needed(0)?)?, needed(1)?.into_tensor()?);
                if let Some(first) = tensors.first() {
                    ensure!(
                        first.datum_type() == tensor.datum_type(),
                        "a sequence of {:?} cannot take {:?}",
                        first.datum_type(),
                        tensor.datum_type()
                    );
                }
                let at = match take(2) {
                    // Behind the last is a place too, but counting from the end starts at the last.
                    Some(at) => match at.integer()? {
                        at if at == tensors.len() as i64 => tensors.len(),
                        at => position(at, tensors.len(), "the position")?,
                    },
                    None => tensors.len(),
                };
                tensors.insert(at, tensor);
                Value::Sequence(tensors)
            }
            Self::Erase => {
                let mut tensors = owned(needed(0)?)?;
                let at = take(1).map_or(Ok(-1), |at| at.integer())?;
                tensors.remove(position(at, tensors.len(), "the position")?);
                Value::Sequence(tensors)
            }
            Self::At => {
                let sequence = needed(0)?;
                let tensors = sequence.sequence()?;
                let at = position(needed(1)?.integer()?, tensors.len(), "the position")?;
                Value::Tensor(tensors[at].clone())
            }
            Self::Length => scalar(needed(0)?.sequence()?.len() as i64),
            Self::Split { axis, keep_axis } => {
                let tensor = needed(0)?.into_tensor()?;
                Value::Sequence(split(&tensor, take(1), axis, keep_axis)?)
            }
            Self::Concat { axis, new_axis } => concat(needed(0)?.sequence()?, axis, new_axis)?.into(),
            Self::Optional => take(0).unwrap_or(Value::Nothing),
            Self::Get => match needed(0)? {
                Value::Nothing => bail!("the optional holds nothing"),
                value => value,
            },
            Self::Has => tensor0(take(0).is_some_and(|value| !matches!(value, Value::Nothing))).into(),
            Self::Identity => needed(0)?,
        })
    }
}

fn owned(value: Value) -> TractResult<Vec<TValue>> {
    match value {
        Value::Sequence(tensors) => Ok(tensors),
        other => other.sequence().map(<[TValue]>::to_vec),
    }
}

fn split(tensor: &Tensor, sizes: Option<Value>, axis: i64, keep_axis: bool) -> TractResult<Vec<TValue>> {
    let axis = position(axis, tensor.rank(), "the axis")?;
    let length = tensor.shape()[axis];
    let (sizes, keep_axis) = match sizes {
        None => (vec![1; length], keep_axis),
        Some(sizes) => {
            let sizes = sizes.into_tensor()?;
            let given = integers(&sizes)?;
            ensure!(given.iter().all(|size| 0 <= *size), "a part has a negative length");
            let given: Vec<usize> = given.into_iter().map(|size| size as usize).collect();
            if sizes.rank() == 0 {
                let size = given[0];
                ensure!(0 < size, "parts without length are endless");
                ((0..length).step_by(size).map(|from| size.min(length - from)).collect(), true)
            } else {
                ensure!(
                    given.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size)) == Some(length),
                    "the parts {given:?} do not add up to the length {length}"
                );
                (given, true)
            }
        }
    };
    let mut from = 0;
    let mut parts = Vec::with_capacity(sizes.len());
    for size in sizes {
        let mut taken = part(tensor, axis, from, from + size)?;
        from += size;
        if !keep_axis {
            let mut shape = taken.shape().to_vec();
            shape.remove(axis);
            taken = taken.into_shape(&shape)?;
        }
        parts.push(taken.into_tvalue());
    }
    Ok(parts)
}

fn concat(tensors: &[TValue], axis: i64, new_axis: bool) -> TractResult<Tensor> {
    let Some(first) = tensors.first() else { bail!("an empty sequence cannot be joined") };
    if new_axis {
        stack(position(axis, first.rank() + 1, "the axis")?, tensors)
    } else {
        join(position(axis, first.rank(), "the axis")?, tensors)
    }
}
