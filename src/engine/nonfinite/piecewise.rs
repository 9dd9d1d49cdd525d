//! Functions of one number that are cheap: bounds, leaky units. One pass, in place where the tensor is not shared.

use tract_onnx::tract_hir::internal::tract_core::tract_linalg::multithread::par_chunks_mut;
use tract_onnx::tract_hir::internal::*;

/// A function of one number; NaN comes out of NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Piecewise {
    /// Not less than the first, then not more than the second.
    Bounded(f64, f64),
    /// Numbers below 0 times this.
    Leaky(f32),
    /// The number times `x / 6 + 1 / 2`, which is kept between 0 and 1.
    HardSwish,
}

impl Eq for Piecewise {}

impl Piecewise {
    /// With one bound, below or above.
    pub(super) fn bound(bound: f64, below: bool) -> Self {
        if below { Self::Bounded(bound, f64::INFINITY) } else { Self::Bounded(f64::NEG_INFINITY, bound) }
    }

    /// Comparisons and products for each element.
    pub(super) fn operations(self) -> usize {
        match self {
            Self::Bounded(low, high) => usize::from(low.is_finite()) + usize::from(high.is_finite()),
            Self::Leaky(_) | Self::HardSwish => 1,
        }
    }

    fn apply(self, values: &mut Tensor) -> TractResult<()> {
        match (self, values.datum_type()) {
            (Self::Bounded(low, high), DatumType::F64) => each(values, |x: f64| bounded(x, low, high)),
            (Self::Bounded(low, high), DatumType::F32) => {
                let (low, high) = (low as f32, high as f32);
                each(values, |x: f32| bounded(x, low, high))
            }
            (Self::Bounded(low, high), DatumType::F16) => {
                let (low, high) = (f16::from_f64(low), f16::from_f64(high));
                each(values, |x: f16| bounded(x, low, high))
            }
            (Self::Leaky(alpha), DatumType::F32) => each(values, |x: f32| if x < 0.0 { alpha * x } else { x }),
            (Self::Leaky(alpha), DatumType::F16) => {
                each(values, |x: f16| if x.to_f32() < 0.0 { f16::from_f32(alpha * x.to_f32()) } else { x })
            }
            (Self::HardSwish, DatumType::F32) => each(values, hard_swish),
            (Self::HardSwish, DatumType::F16) => each(values, |x: f16| f16::from_f32(hard_swish(x.to_f32()))),
            (_, other) => bail!("{self:?} of {other:?}"),
        }
    }
}

/// The comparisons are such that NaN passes through, in one instruction each.
fn bounded<T: PartialOrd>(x: T, low: T, high: T) -> T {
    let raised = if x < low { low } else { x };
    if high < raised { high } else { raised }
}

fn hard_swish(x: f32) -> f32 {
    x * bounded(x / 6.0 + 0.5, 0.0, 1.0)
}

fn each<T: Datum + Copy>(values: &mut Tensor, function: impl Fn(T) -> T + Send + Sync) -> TractResult<()> {
    let mut view = values.try_as_plain_ram_mut()?;
    let values = view.as_slice_mut::<T>()?;
    let n = values.len();
    par_chunks_mut(values, 1, n, |_, part| {
        for value in part {
            *value = function(*value);
        }
        Ok(())
    })
}

impl Op for Piecewise {
    fn name(&self) -> StaticName {
        match self {
            Self::Bounded(..) => "Bounded".into(),
            Self::Leaky(_) => "LeakyRelu".into(),
            Self::HardSwish => "HardSwish".into(),
        }
    }

    op_as_typed_op!();
}

impl EvalOp for Piecewise {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut values = args_1!(inputs).into_tensor();
        self.apply(&mut values)?;
        Ok(tvec!(values.into_tvalue()))
    }
}

impl TypedOp for Piecewise {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].datum_type.fact(inputs[0].shape.iter())))
    }

    /// Two bounds, one after the other, are one pass.
    fn declutter(&self, model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
        let Some(before) = model.linear_prec(node.id)? else { return Ok(None) };
        let (Some(&Self::Bounded(low, high)), &Self::Bounded(then_low, then_high)) = (before.op_as::<Self>(), self)
        else {
            return Ok(None);
        };
        if model.outputs.iter().any(|output| output.node == before.id) {
            return Ok(None);
        }
        let both = Self::Bounded(bounded(low.min(high), then_low, then_high), bounded(high, then_low, then_high));
        let mut patch = TypedModelPatch::default();
        let input = patch.tap_model(model, before.inputs[0])?;
        let output = patch.wire_node(&node.name, both, &[input])?;
        patch.shunt_outside(model, node.id.into(), output[0])?;
        Ok(Some(patch))
    }

    as_op!();
}
