//! NaN and infinity, kept as ONNX Runtime keeps them: a missing number must not become a confident answer.
//!
//! Comparisons and vector kernels of tract take a number in place of NaN, and some of its simplifications do. Such
//! operators of a typed model are put in wrappers or replaced here, whatever operator of ONNX they came from: after what
//! can be taken into products and convolutions by kernels that keep NaN, before tract takes the rest into its own.

#![cfg_attr(
    not(test),
    expect(clippy::wildcard_imports, reason = "operators need most of tract's names, and its macros need the rest")
)]

mod choose;
mod guarded;
mod piecewise;
#[cfg(test)]
mod tests;

use choose::Choose;
use guarded::{Guarded, Kept};
use piecewise::Piecewise;
use tract_onnx::tract_hir::internal::tract_core::ops::array::Gather;
use tract_onnx::tract_hir::internal::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_hir::internal::tract_core::ops::cnn::MaxPool;
use tract_onnx::tract_hir::internal::tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};
use tract_onnx::tract_hir::internal::tract_core::ops::lstm_cell::LstmEpilogue;
use tract_onnx::tract_hir::internal::tract_core::ops::math::{Max, Min, Mul, Pow, Sqrt, Square};
use tract_onnx::tract_hir::internal::tract_core::ops::nn::{LeakyRelu, Reduce, Reducer, Softmax};
use tract_onnx::tract_hir::internal::tract_core::ops::scan::Scan;
use tract_onnx::tract_hir::internal::{
    OutletId, TractResult, TypedFact, TypedModel, TypedModelPatch, TypedNode, TypedOp,
};

/// What stands in the place of a node, and what it takes.
type Replacement = (Box<dyn TypedOp>, Vec<OutletId>);

/// Keeps tract from simplifying what is not the same for NaN, infinity and negative roots; comes before it simplifies.
pub(crate) fn hide(model: TypedModel) -> TractResult<TypedModel> {
    replace(model, |model, node| {
        let hidden = if let Some(op) = node.op_as::<TypedBinOp>() {
            let zero = |input: &OutletId| {
                let fact = model.outlet_fact(*input)?;
                TractResult::Ok(fact.datum_type.is_float() && constant(fact)? == Some(0.0))
            };
            // It would become 0, and is not for infinity.
            op.0.is::<Mul>() && node.inputs.iter().map(zero).collect::<TractResult<Vec<bool>>>()?.contains(&true)
        } else if is_element_wise::<Sqrt>(node) {
            // The square of a root would become its operand, and is not for negative numbers.
            node.outputs[0].successors.iter().any(|successor| {
                let next = model.node(successor.node);
                let product =
                    |op: &TypedBinOp| op.0.is::<Pow>() || op.0.is::<Mul>() && next.inputs[0] == next.inputs[1];
                is_element_wise::<Square>(next) || next.op_as::<TypedBinOp>().is_some_and(product)
            })
        } else {
            false
        };
        Ok(hidden.then(|| guarded(node, Kept::Everything)))
    })
}

/// The operator of tract in a wrapper, or the operator itself.
pub(crate) fn inside(op: &dyn TypedOp) -> &dyn TypedOp {
    op.downcast_ref::<Guarded>().map_or(op, |guarded| guarded.op.as_ref())
}

/// Operations for each element, if the operator is one of ours.
pub(crate) fn operations(op: &dyn TypedOp) -> Option<usize> {
    let simple = op.downcast_ref::<Piecewise>().map(|piecewise| piecewise.operations());
    simple.or_else(|| op.is::<Choose>().then_some(1))
}

/// Replaces what loses NaN; comes after the model was simplified.
pub(crate) fn keep(model: TypedModel) -> TractResult<TypedModel> {
    replace(model, |model, node| {
        let inputs = || node.inputs.clone();
        if let Some(op) = node.op_as::<TypedBinOp>() {
            let largest = op.0.is::<Max>();
            return if largest || op.0.is::<Min>() { larger_or_smaller(model, node, largest) } else { Ok(None) };
        }
        if let Some(op) = node.op_as::<ElementWiseOp>() {
            if !model.outlet_fact(node.inputs[0])?.datum_type.is_float() {
                return Ok(None);
            }
            if let Some(LeakyRelu { alpha }) = op.0.downcast_ref::<LeakyRelu>() {
                return Ok(Some((Box::new(Piecewise::Leaky(*alpha)), inputs())));
            }
            if op.0.name() == "HardSwish" {
                return Ok(Some((Box::new(Piecewise::HardSwish), inputs())));
            }
            return Ok(guarded::exactly(&op.0.name()).map(|exactly| guarded(node, Kept::Number(exactly))));
        }
        let kept = if let Some(op) = node.op_as::<Softmax>() {
            Kept::Rows(op.axes.clone())
        } else if let Some(op) = node.op_as::<Reduce>() {
            match op.reducer {
                Reducer::Max => Kept::Largest { sign: 1.0, infinite: true },
                Reducer::Min => Kept::Largest { sign: -1.0, infinite: true },
                _ => return Ok(None),
            }
        } else if node.op_as::<MaxPool>().is_some_and(|op| op.with_index_outputs.is_none()) {
            Kept::Largest { sign: 1.0, infinite: false }
        } else if let Some(op) = node.op_as::<LstmEpilogue>() {
            Kept::Cells(op.hidden)
        } else if let Some(op) = node.op_as::<Gather>() {
            Kept::Places(op.axis)
        } else if let Some(scan) = node.op_as::<Scan>() {
            let body = keep(scan.body.clone())?;
            return Ok(Some((Box::new(Scan { body, ..scan.clone() }), inputs())));
        } else {
            return Ok(None);
        };
        let float = model.outlet_fact(node.inputs[0])?.datum_type.is_float();
        Ok((float || matches!(kept, Kept::Places(_))).then(|| guarded(node, kept)))
    })
}

fn replace(
    mut model: TypedModel,
    replacement: impl Fn(&TypedModel, &TypedNode) -> TractResult<Option<Replacement>>,
) -> TractResult<TypedModel> {
    for id in model.eval_order()? {
        if let Some((op, inputs)) = replacement(&model, model.node(id))? {
            let patch = TypedModelPatch::replace_single_op(&model, model.node(id), &inputs, op)?;
            patch.apply(&mut model)?;
        }
    }
    model.compact()?;
    Ok(model)
}

fn guarded(node: &TypedNode, kept: Kept) -> Replacement {
    (Box::new(Guarded { op: node.op.clone(), kept }), node.inputs.clone())
}

fn is_element_wise<T: ElementWiseMiniOp>(node: &TypedNode) -> bool {
    node.op_as::<ElementWiseOp>().is_some_and(|op| op.0.is::<T>())
}

/// The value of a constant that is the same everywhere.
fn constant(fact: &TypedFact) -> TractResult<Option<f64>> {
    match &fact.uniform {
        Some(uniform) if fact.datum_type.is_float() => Ok(Some(uniform.cast_to_scalar::<f64>()?)),
        _ => Ok(None),
    }
}

/// `Max` and `Min` of floating-point numbers: with a bound, or of two tensors.
fn larger_or_smaller(model: &TypedModel, node: &TypedNode, largest: bool) -> TractResult<Option<Replacement>> {
    let output = &node.outputs[0].fact;
    let &[left, right] = node.inputs.as_slice() else { return Ok(None) };
    let (left_fact, right_fact) = (model.outlet_fact(left)?, model.outlet_fact(right)?);
    let dtype = output.datum_type;
    if !dtype.is_float() || left_fact.datum_type != dtype || right_fact.datum_type != dtype {
        return Ok(None);
    }
    for (value, value_fact, bound) in [(left, left_fact, right_fact), (right, right_fact, left_fact)] {
        let Some(bound) = constant(bound)?.filter(|bound| !bound.is_nan()) else { continue };
        if value_fact.shape == output.shape {
            return Ok(Some((Box::new(Piecewise::bound(bound, largest)), vec![value])));
        }
    }
    Ok(Some((Box::new(Choose { largest }), node.inputs.clone())))
}
