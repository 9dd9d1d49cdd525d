//! Kernels that take the place of tract's where tract loses time: products with constant weights, and convolutions,
//! which run over channels-last data.

#![cfg_attr(
    not(test),
    expect(clippy::wildcard_imports, reason = "operators need most of tract's names, and its macros need the rest")
)]

mod convolution;
mod dense;
mod depthwise;
mod fuse;
mod product;
#[cfg(test)]
mod tests;

use tract_onnx::tract_hir::internal::tract_core::ops::cnn::Conv;
use tract_onnx::tract_hir::internal::*;

/// What a kernel holds and does, for a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Bytes of its weights.
    pub(crate) bytes: u64,
    /// What is done to its output within it, in order.
    pub(crate) finish: Vec<&'static str>,
}

/// What this operator holds, if it is one of our kernels.
pub(crate) fn held(op: &dyn TypedOp) -> Option<Held> {
    convolution::held(op).or_else(|| product::held(op))
}

/// The model with our kernels in it; what it computes stays the same but for rounding.
pub(crate) fn specialise(mut model: TypedModel) -> TractResult<TypedModel> {
    // Before tract takes convolutions of single pixels and the axis of a single row apart, and after it has worked
    // constants out.
    replace(&mut model)?;
    model.declutter()?;
    if replace(&mut model)? {
        model.declutter()?;
    }
    Ok(model)
}

/// States the padding of convolutions that ask for `SAME`, which tract would work out wrongly when it simplifies the
/// graph, see [`convolution::with_stated_padding`]; fails where a shape that it takes is not known yet.
pub(crate) fn state_padding(model: &mut TypedModel) -> TractResult<()> {
    for id in model.eval_order()? {
        let Some(conv) = model.node(id).op_as::<Conv>().cloned() else { continue };
        if !convolution::asks_for_same(&conv) {
            continue;
        }
        let patch = convolution::with_stated_padding(model, model.node(id), &conv)?;
        let Some(patch) = patch else { bail!("the padding of {} depends on values", model.node(id)) };
        patch.apply(model)?;
    }
    Ok(())
}

/// Whether anything was replaced. Moves of axes between convolutions cancel out when the model is decluttered, and what
/// follows a kernel is taken into it.
fn replace(model: &mut TypedModel) -> TractResult<bool> {
    let mut changed = false;
    for id in model.eval_order()? {
        let patch = match convolution::replacement(model, id)? {
            Some(patch) => Some(patch),
            None => product::replacement(model, id)?,
        };
        if let Some(patch) = patch {
            patch.apply(model)?;
            changed = true;
        }
    }
    Ok(changed)
}
