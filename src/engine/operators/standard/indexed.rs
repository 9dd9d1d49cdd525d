//! `GatherND` and `ScatterND` with indices counted from the end, and `Compress`.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{
    around, axis_of, depends_on_data, fact, float_values, from_floats, from_ints, index_of, int_values, lengths,
    strides, typed,
};
use crate::engine::proto::{attribute, int, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "Compress", |node, _| {
        Parsed::kernel(Compress { axis: attribute(node, "axis").map(|axis| axis.i) })
    }),
    Operator::new(ONNX, "GatherND", |node, _| {
        let batch = int(node, "batch_dims").unwrap_or(0);
        ensure!(0 <= batch, "GatherND has {batch} axes for the batch");
        Parsed::kernel(GatherNd { n_batch: batch as usize })
    }),
    Operator::new(ONNX, "ScatterND", |node, _| parse_scatter(node)),
];

#[derive(Debug)]
struct GatherNd {
    n_batch: usize,
}

impl GatherNd {
    fn shape(&self, data: &[usize], indices: &[usize]) -> TractResult<Vec<usize>> {
        let n = self.n_batch;
        let Some((depth, places)) = indices.split_last() else { bail!("GatherND takes indices of one axis or more") };
        ensure!(
            n <= places.len() && n + depth <= data.len() && places[..n] == data[..n],
            "indices of the shape {indices:?} into {data:?}"
        );
        Ok(places.iter().chain(&data[n + depth..]).copied().collect())
    }
}

impl Kernel for GatherNd {
    fn name(&self) -> &'static str {
        "GatherND"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [data, indices] = inputs else { bail!("GatherND takes two inputs") };
        Ok(tvec!(fact(data.dtype, &self.shape(&lengths(data)?, &lengths(indices)?)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (data, indices) = (&inputs[0], &inputs[1]);
        let shape = self.shape(data.shape(), indices.shape())?;
        let depth = indices.shape()[indices.rank() - 1];
        let n_places: usize = indices.shape()[..indices.rank() - 1].iter().product();
        let per_batch = n_places / data.shape()[..self.n_batch].iter().product::<usize>().max(1);
        let inner = &data.shape()[self.n_batch..];
        let (own, n_inner) = (strides(inner), inner.iter().product::<usize>());
        let n_slice: usize = inner[depth..].iter().product();
        let indices = int_values(indices)?;
        let starts = (0..n_places).map(|place| {
            let mut start = place / per_batch.max(1) * n_inner;
            for (axis, index) in indices[place * depth..][..depth].iter().enumerate() {
                start += index_of(*index, inner[axis])? * own[axis];
            }
            Ok(start)
        });
        let starts = starts.collect::<TractResult<Vec<usize>>>()?;
        Ok(tvec!(typed!(data.datum_type(), slices(data, &starts, n_slice, &shape))?))
    }
}

fn slices<T: Datum>(data: &Tensor, starts: &[usize], n_slice: usize, shape: &[usize]) -> TractResult<Tensor> {
    let from = elements::<T>(data)?;
    tensor(shape, starts.iter().flat_map(|start| from[*start..][..n_slice].iter().cloned()).collect())
}

fn parse_scatter(node: &NodeProto) -> TractResult<Parsed> {
    let reduction = match text(node, "reduction").as_deref() {
        None | Some("none") => Reduction::None,
        Some("add") => Reduction::Add,
        Some("mul") => Reduction::Mul,
        Some("max") => Reduction::Max,
        Some("min") => Reduction::Min,
        Some(other) => return reject(node, &format!("the reduction {other} is not supported")),
    };
    Parsed::kernel(ScatterNd { reduction })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reduction {
    None,
    Add,
    Mul,
    Max,
    Min,
}

#[derive(Debug)]
struct ScatterNd {
    reduction: Reduction,
}

impl Kernel for ScatterNd {
    fn name(&self) -> &'static str {
        "ScatterND"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [data, indices, updates] = inputs else { bail!("ScatterND takes three inputs") };
        let (shape, indices, updates) = (lengths(data)?, lengths(indices)?, lengths(updates)?);
        let Some((depth, places)) = indices.split_last() else { bail!("ScatterND takes indices of one axis or more") };
        ensure!(*depth <= shape.len(), "indices of {depth} axes into {shape:?}");
        let expected: Vec<usize> = places.iter().chain(&shape[*depth..]).copied().collect();
        ensure!(updates == expected, "updates of the shape {updates:?} in place of {expected:?}");
        Ok(tvec!(fact(data.dtype, &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (data, indices, updates) = (&inputs[0], &inputs[1], &inputs[2]);
        let depth = indices.shape()[indices.rank() - 1];
        let own = strides(data.shape());
        let n_slice: usize = data.shape()[depth..].iter().product();
        let n_places: usize = indices.shape()[..indices.rank() - 1].iter().product();
        let indices = int_values(indices)?;
        let starts = (0..n_places).map(|place| {
            let mut start = 0;
            for (axis, index) in indices[place * depth..][..depth].iter().enumerate() {
                start += index_of(*index, data.shape()[axis])? * own[axis];
            }
            Ok(start)
        });
        let starts = starts.collect::<TractResult<Vec<usize>>>()?;
        let dtype = data.datum_type();
        if self.reduction == Reduction::None {
            return Ok(tvec!(typed!(dtype, replaced(data, updates, &starts, n_slice))?));
        }
        let onto = |idx: usize| (starts[idx / n_slice] + idx % n_slice, idx);
        if dtype.is_integer() {
            let (mut values, updates) = (int_values(data)?, int_values(updates)?);
            for (at, idx) in (0..updates.len()).map(onto) {
                values[at] = match self.reduction {
                    Reduction::Add => values[at].wrapping_add(updates[idx]),
                    Reduction::Mul => values[at].wrapping_mul(updates[idx]),
                    Reduction::Max => values[at].max(updates[idx]),
                    _ => values[at].min(updates[idx]),
                };
            }
            return Ok(tvec!(from_ints(dtype, data.shape(), values)?));
        }
        let (mut values, updates) = (float_values(data)?, float_values(updates)?);
        for (at, idx) in (0..updates.len()).map(onto) {
            values[at] = match self.reduction {
                Reduction::Add => values[at] + updates[idx],
                Reduction::Mul => values[at] * updates[idx],
                Reduction::Max => values[at].max(updates[idx]),
                _ => values[at].min(updates[idx]),
            };
        }
        Ok(tvec!(from_floats(dtype, data.shape(), values)?))
    }
}

fn replaced<T: Datum>(data: &Tensor, updates: &Tensor, starts: &[usize], n_slice: usize) -> TractResult<Tensor> {
    let (mut values, updates) = (elements::<T>(data)?.to_vec(), elements::<T>(updates)?);
    for (idx, start) in starts.iter().enumerate() {
        values[*start..][..n_slice].clone_from_slice(&updates[idx * n_slice..][..n_slice]);
    }
    tensor(data.shape(), values)
}

#[derive(Debug)]
struct Compress {
    axis: Option<i64>,
}

impl Compress {
    fn shape(&self, input: &[usize], condition: &[bool]) -> TractResult<(Vec<usize>, Vec<usize>)> {
        let kept: Vec<usize> = condition.iter().enumerate().filter(|(_, kept)| **kept).map(|(idx, _)| idx).collect();
        let (mut shape, axis) = match self.axis {
            Some(axis) => (input.to_vec(), axis_of(axis, input.len())?),
            None => (vec![input.iter().product()], 0),
        };
        ensure!(kept.last().is_none_or(|last| *last < shape[axis]), "a condition longer than the axis");
        shape[axis] = kept.len();
        Ok((shape, kept))
    }
}

impl Kernel for Compress {
    fn name(&self) -> &'static str {
        "Compress"
    }

    fn shaping(&self) -> Vec<usize> {
        vec![1]
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input, condition] = inputs else { bail!("Compress takes two inputs") };
        let Some(condition) = &condition.value else { return depends_on_data("the condition of Compress is computed") };
        Ok(tvec!(fact(input.dtype, &self.shape(&lengths(input)?, elements::<bool>(condition)?)?.0)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (shape, kept) = self.shape(inputs[0].shape(), elements::<bool>(&inputs[1])?)?;
        let (n_before, length, n_after) = match self.axis {
            Some(axis) => around(inputs[0].shape(), axis_of(axis, inputs[0].rank())?),
            None => (1, inputs[0].len(), 1),
        };
        let starts: Vec<usize> =
            (0..n_before).flat_map(|before| kept.iter().map(move |idx| (before * length + idx) * n_after)).collect();
        Ok(tvec!(typed!(inputs[0].datum_type(), slices(&inputs[0], &starts, n_after, &shape))?))
    }
}
