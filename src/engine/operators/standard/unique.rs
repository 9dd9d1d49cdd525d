//! `Unique`: the different elements, or the different slices along an axis.

use std::cmp::Ordering;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed};
use super::common::{around, axis_of, depends_on_data, typed};
use crate::engine::proto::{attribute, int};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator::new(ONNX, "Unique", |node, _| parse(node))];

fn parse(node: &NodeProto) -> TractResult<Parsed> {
    Parsed::kernel(Unique {
        axis: attribute(node, "axis").map(|axis| axis.i),
        sorted: int(node, "sorted").unwrap_or(1) != 0,
        n_outputs: node.output.len(),
    })
}

#[derive(Debug)]
struct Unique {
    axis: Option<i64>,
    sorted: bool,
    n_outputs: usize,
}

impl Kernel for Unique {
    fn name(&self) -> &'static str {
        "Unique"
    }

    fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("Unique takes one input") };
        match &input.value {
            Some(value) => {
                let outputs = self.run(&[(**value).clone().into_tvalue()])?;
                Ok(outputs.iter().map(|output| super::common::fact(output.datum_type(), output.shape())).collect())
            }
            None => depends_on_data("Unique gives as many elements as there are different ones"),
        }
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        typed!(inputs[0].datum_type(), unique(self, &inputs[0]))
    }
}

/// How elements are sorted: numbers by size, text by its bytes, NaN last.
trait Sortable: Datum {
    fn order(&self, other: &Self) -> Ordering;
}

macro_rules! sortable {
    ($($kind:ty),*) => {
        $(impl Sortable for $kind {
            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        })*
    };
}

macro_rules! sortable_float {
    ($($kind:ty),*) => {
        $(impl Sortable for $kind {
            fn order(&self, other: &Self) -> Ordering {
                self.partial_cmp(other).unwrap_or_else(|| self.is_nan().cmp(&other.is_nan()))
            }
        })*
    };
}

sortable!(bool, u8, u16, u32, u64, i8, i16, i32, i64, String);
sortable_float!(f16, f32, f64);

fn unique<T: Sortable>(operator: &Unique, input: &Tensor) -> TractResult<TVec<Tensor>> {
    let values = elements::<T>(input)?;
    let axis = operator.axis.map(|axis| axis_of(axis, input.rank())).transpose()?;
    let (n_before, n_slices, n_after) = match axis {
        Some(axis) => around(input.shape(), axis),
        None => (1, values.len(), 1),
    };
    let slice = |idx: usize| {
        (0..n_before).flat_map(move |before| {
            let start = (before * n_slices + idx) * n_after;
            start..start + n_after
        })
    };
    let compare = |left: usize, right: usize| {
        slice(left)
            .zip(slice(right))
            .map(|(l, r)| values[l].order(&values[r]))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    let mut sorted: Vec<usize> = (0..n_slices).collect();
    sorted.sort_by(|left, right| compare(*left, *right).then(left.cmp(right)));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for idx in sorted {
        match groups.last_mut() {
            Some(group) if compare(group[0], idx).is_eq() => group.push(idx),
            _ => groups.push(vec![idx]),
        }
    }
    if !operator.sorted {
        groups.sort_by_key(|group| group[0]);
    }
    let mut shape = match axis {
        Some(_) => input.shape().to_vec(),
        None => vec![0],
    };
    shape[axis.unwrap_or(0)] = groups.len();
    let mut chosen = Vec::with_capacity(groups.len() * n_before * n_after);
    for before in 0..n_before {
        for group in &groups {
            let start = (before * n_slices + group[0]) * n_after;
            chosen.extend_from_slice(&values[start..start + n_after]);
        }
    }
    let mut inverse = vec![0_i64; n_slices];
    for (idx, group) in groups.iter().enumerate() {
        for member in group {
            inverse[*member] = idx as i64;
        }
    }
    let first: Vec<i64> = groups.iter().map(|group| group[0] as i64).collect();
    let counts: Vec<i64> = groups.iter().map(|group| group.len() as i64).collect();
    let mut outputs = tvec!(
        tensor(&shape, chosen)?,
        tensor(&[first.len()], first)?,
        tensor(&[inverse.len()], inverse)?,
        tensor(&[counts.len()], counts)?
    );
    outputs.truncate(operator.n_outputs);
    Ok(outputs)
}
