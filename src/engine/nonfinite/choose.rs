//! The larger or the smaller of two numbers, NaN where one of them is.

use tract_onnx::tract_hir::internal::*;

use crate::engine::operators::elements;

/// Of two tensors, stretched to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choose {
    /// Whether the larger one is wanted.
    pub(super) largest: bool,
}

/// NaN on either side comes out.
fn choose<T: PartialOrd + Copy>(left: T, right: T, largest: bool) -> T {
    let is_number = left.partial_cmp(&left).is_some();
    let wanted = if largest { left > right } else { left < right };
    if wanted || !is_number { left } else { right }
}

impl Choose {
    fn of<T: Datum + Copy + PartialOrd>(&self, left: TValue, right: &Tensor) -> TractResult<Tensor> {
        if left.shape() == right.shape() {
            let mut left = left.into_tensor();
            {
                let mut view = left.try_as_plain_ram_mut()?;
                for (left, right) in view.as_slice_mut::<T>()?.iter_mut().zip(elements::<T>(right)?) {
                    *left = choose(*left, *right, self.largest);
                }
            }
            return Ok(left);
        }
        let shape = tract_core::broadcast::multi_broadcast(&[left.shape(), right.shape()])?;
        let (left, right) = (left.to_plain_array_view::<T>()?, right.to_plain_array_view::<T>()?);
        let (Some(left), Some(right)) = (left.broadcast(&*shape), right.broadcast(&*shape)) else {
            bail!("the shapes {:?} and {:?} cannot be stretched to each other", left.shape(), right.shape());
        };
        let chosen =
            tract_ndarray::Zip::from(left).and(right).map_collect(|left, right| choose(*left, *right, self.largest));
        Ok(chosen.into_tensor())
    }
}

impl Op for Choose {
    fn name(&self) -> StaticName {
        if self.largest { "Max".into() } else { "Min".into() }
    }

    op_as_typed_op!();
}

impl EvalOp for Choose {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (left, right) = args_2!(inputs);
        let chosen = match left.datum_type() {
            DatumType::F16 => self.of::<f16>(left, &right)?,
            DatumType::F32 => self.of::<f32>(left, &right)?,
            DatumType::F64 => self.of::<f64>(left, &right)?,
            other => bail!("the larger or smaller of {other:?}"),
        };
        Ok(tvec!(chosen.into_tvalue()))
    }
}

impl TypedOp for Choose {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = tract_core::broadcast::multi_broadcast(&[&inputs[0].shape, &inputs[1].shape])?;
        Ok(tvec!(inputs[0].datum_type.fact(shape)))
    }

    as_op!();
}
