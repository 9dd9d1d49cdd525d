//! `TopK`: NaN counts as larger than every number, as in ONNX Runtime.

use std::cmp::Ordering;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, Versions};
use super::common::{around, axis_of, fact, int_values, known_ints, lengths, numeric};
use crate::engine::proto::int;

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[Operator::new(ONNX, "TopK", parse)];

fn parse(node: &NodeProto, versions: Versions) -> TractResult<Parsed> {
    Parsed::kernel(TopK {
        n: if versions.onnx < 10 { Some(int(node, "k").unwrap_or(0)) } else { None },
        axis: int(node, "axis").unwrap_or(-1),
        largest: int(node, "largest").unwrap_or(1) != 0,
    })
}

#[derive(Debug)]
struct TopK {
    /// How many, where it is an attribute.
    n: Option<i64>,
    axis: i64,
    largest: bool,
}

impl TopK {
    fn shape(&self, input: &[usize], n: i64) -> TractResult<Vec<usize>> {
        let axis = axis_of(self.axis, input.len())?;
        let n = usize::try_from(n).ok().filter(|n| *n <= input[axis]);
        let Some(n) = n else {
            bail!("TopK of more elements than the {} along its axis, or of fewer than none", input[axis])
        };
        let mut shape = input.to_vec();
        shape[axis] = n;
        Ok(shape)
    }

    fn of<T: Datum + Copy + Default + PartialOrd>(&self, input: &Tensor, n: i64) -> TractResult<TVec<Tensor>> {
        let (values, shape) = (elements::<T>(input)?, self.shape(input.shape(), n)?);
        let axis = axis_of(self.axis, input.rank())?;
        let ((n_before, length, n_after), n) = (around(input.shape(), axis), shape[axis]);
        let mut places = vec![0_i64; shape.iter().product()];
        let mut found = vec![T::default(); places.len()];
        let mut order: Vec<(T, usize)> = Vec::with_capacity(length);
        for before in 0..n_before {
            for after in 0..n_after {
                order.clear();
                order.extend((0..length).map(|idx| (values[(before * length + idx) * n_after + after], idx)));
                // The first of equal ones comes first.
                let compare = |left: &(T, usize), right: &(T, usize)| {
                    let by_value = compare(left.0, right.0);
                    (if self.largest { by_value.reverse() } else { by_value }).then(left.1.cmp(&right.1))
                };
                if 0 < n && n < length {
                    order.select_nth_unstable_by(n - 1, compare);
                }
                order.truncate(n);
                order.sort_unstable_by(compare);
                for (rank, (value, idx)) in order.iter().enumerate() {
                    let to = (before * n + rank) * n_after + after;
                    places[to] = *idx as i64;
                    found[to] = *value;
                }
            }
        }
        Ok(tvec!(tensor(&shape, found)?, tensor(&shape, places)?))
    }
}

fn compare<T: PartialOrd + Copy>(left: T, right: T) -> Ordering {
    let is_nan = |value: T| value.partial_cmp(&value).is_none();
    left.partial_cmp(&right).unwrap_or_else(|| is_nan(left).cmp(&is_nan(right)))
}

impl Kernel for TopK {
    fn name(&self) -> &'static str {
        "TopK"
    }

    fn n_outputs(&self) -> usize {
        2
    }

    fn shaping(&self) -> Vec<usize> {
        if self.n.is_some() { vec![] } else { vec![1] }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let n = match (self.n, inputs) {
            (Some(n), [_]) => n,
            (None, [_, n]) => known_ints(n, "how many elements TopK gives is computed")?.first().copied().unwrap_or(0),
            _ => bail!("TopK takes one input before opset 10, two since"),
        };
        let shape = self.shape(&lengths(&inputs[0])?, n)?;
        Ok(tvec!(fact(inputs[0].dtype, &shape), fact(i64::datum_type(), &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let n = match (self.n, inputs.get(1)) {
            (Some(n), _) => n,
            (None, Some(n)) => int_values(n)?.first().copied().unwrap_or(0),
            (None, None) => bail!("TopK takes two inputs"),
        };
        let (operator, input) = (self, &inputs[0]);
        numeric!(input.datum_type(), top(operator, input, n))
    }
}

fn top<T: Datum + Copy + Default + PartialOrd>(operator: &TopK, input: &Tensor, n: i64) -> TractResult<TVec<Tensor>> {
    operator.of::<T>(input, n)
}
