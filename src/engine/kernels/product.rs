//! Products with a constant matrix.

use tract_onnx::tract_hir::internal::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_hir::internal::tract_core::tract_linalg::multithread::par_chunks_mut;
use tract_onnx::tract_hir::internal::*;

use super::Held;
use super::dense::{Packed, Reading, Run};
use super::fuse::{self, Finish};
use crate::engine::operators::elements;

/// Fewer weights are not worth a kernel.
const FEWEST_WEIGHTS: usize = 256;
/// Multiplications that count as one element when it is judged whether threads pay.
pub(super) const MULTIPLICATIONS: usize = 64;

/// Rows of values times a constant matrix.
#[derive(Clone, Debug)]
struct Product {
    weights: Arc<Packed>,
    finish: Finish,
}

impl PartialEq for Product {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.weights, &other.weights) && self.finish.is(&other.finish)
    }
}

impl Eq for Product {}

/// What it holds, if it is such a product.
pub(super) fn held(op: &dyn TypedOp) -> Option<Held> {
    let product = op.downcast_ref::<Product>()?;
    Some(Held { bytes: product.weights.bytes(), finish: product.finish.parts() })
}

/// The patch that puts our kernel in the place of this node, if it is such a product.
pub(super) fn replacement(model: &TypedModel, id: usize) -> TractResult<Option<TypedModelPatch>> {
    let node = model.node(id);
    let Some(op) = node.op_as::<EinSum>() else { return Ok(None) };
    let single = f32::datum_type();
    let &[left, right] = node.inputs.as_slice() else { return Ok(None) };
    if op.q_params.is_some() || op.operating_dt != single || node.outputs[0].fact.datum_type != single {
        return Ok(None);
    }
    for (slot, rows, matrix) in [(0, left, right), (1, right, left)] {
        let (rows_fact, matrix_fact) = (model.outlet_fact(rows)?, model.outlet_fact(matrix)?);
        let Some(constant) = &matrix_fact.konst else { continue };
        if rows_fact.konst.is_some() || rows_fact.datum_type != single || constant.datum_type() != single {
            continue;
        }
        let Some((k, n)) = roles(&op.axes, slot, rows_fact.rank(), node.outputs[0].fact.rank(), constant.shape())
        else {
            continue;
        };
        let (shape, values) = (constant.shape(), elements::<f32>(constant)?);
        if values.len() < FEWEST_WEIGHTS || rows_fact.shape.as_concrete().is_none() {
            continue;
        }
        let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
        let (k_stride, n_stride) = (stride(k), stride(n));
        let weights = Packed::new(shape[k], shape[n], |row, column| values[row * k_stride + column * n_stride]);
        let finish = Finish::new(vec![0.0; shape[n]]);
        let product = Product { weights: Arc::new(weights), finish };
        return Ok(Some(TypedModelPatch::replace_single_op(model, node, &[rows], product)?));
    }
    Ok(None)
}

/// Which axes of the matrix are multiplied and which are given out, when the rest is as in a matrix product: the last
/// axis of the rows is multiplied, all others stay where they are, and the matrix has no other axis of any length.
fn roles(axes: &AxesMapping, slot: usize, rank: usize, output_rank: usize, matrix: &[usize]) -> Option<(usize, usize)> {
    let (mut k, mut n) = (None, None);
    if rank != output_rank || rank == 0 {
        return None;
    }
    for axis in axes.iter_all_axes() {
        let (rows, of_matrix, output) = (&axis.inputs[slot], &axis.inputs[1 - slot], &axis.outputs[0]);
        match (rows.as_slice(), of_matrix.as_slice(), output.as_slice()) {
            (&[last], &[at], &[]) if last + 1 == rank && k.is_none() => k = Some(at),
            (&[], &[at], &[last]) if last + 1 == rank && n.is_none() => n = Some(at),
            (&[from], &[], &[to]) if from == to && from + 1 < rank => {}
            (&[from], &[at], &[to]) if from == to && from + 1 < rank && matrix[at] == 1 => {}
            _ => return None,
        }
    }
    k.zip(n)
}

impl Op for Product {
    fn name(&self) -> StaticName {
        "Product".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Product {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Packed { depth, n, .. } = *self.weights;
        let mut shape: TVec<usize> = inputs[0].shape().into();
        if let Some(last) = shape.last_mut() {
            *last = n;
        }
        let input = elements::<f32>(&inputs[0])?;
        let residual = if self.finish.residual { Some(elements::<f32>(&inputs[1])?) } else { None };
        let bias = self.weights.padded(&self.finish.bias);
        let mut output = Tensor::zero::<f32>(&shape)?;
        let reading = Reading { segments: 1, run: depth, pitch: 0, footprint: depth };
        let work = output.len() * depth / MULTIPLICATIONS;
        par_chunks_mut(output.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?, n, work, |first, output| {
            let run = Run {
                packed: &self.weights,
                bias: &bias,
                input,
                reading,
                start: |position| (first + position) * depth,
                residual: residual.map(|residual| &residual[first * n..][..output.len()]),
                output,
                activation: self.finish.activation,
            };
            pulp::Arch::new().dispatch(run);
            Ok(())
        })?;
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Product {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let mut shape: TVec<TDim> = inputs[0].shape.iter().cloned().collect();
        let Some(last) = shape.last_mut() else { bail!("a product needs an axis") };
        ensure!(*last == self.weights.depth.to_dim(), "{} values are expected, not {last}", self.weights.depth);
        *last = self.weights.n.to_dim();
        Ok(tvec!(f32::fact(&*shape)))
    }

    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        Ok(tvec!((Cost::FMA(f32::datum_type()), inputs[0].shape.volume() * self.weights.n)))
    }

    /// The order of the rows does not matter.
    fn change_axes(
        &self,
        model: &TypedModel,
        node: &TypedNode,
        _io: InOut,
        change: &AxisOp,
    ) -> TractResult<Option<AxisChangeConsequence>> {
        let rank = node.outputs[0].fact.rank();
        let fits = match change {
            AxisOp::Rm(axis) => *axis + 1 < rank,
            AxisOp::Add(axis) => *axis < rank,
            AxisOp::Move(from, to) => *from + 1 < rank && *to + 1 < rank,
            AxisOp::Reshape(..) => false,
        };
        Ok(fits.then(|| AxisChangeConsequence::new(model, node, None, change)))
    }

    fn declutter(&self, model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
        fuse::next(model, node, &self.finish, true, |finish| Self { finish, ..self.clone() })
    }

    as_op!();
}
