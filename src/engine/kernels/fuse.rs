//! Taking into a kernel what is done to its output: a bias, an addition, an activation.

use tract_onnx::tract_hir::internal::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_hir::internal::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_hir::internal::tract_core::ops::math::{Add, Max, Min};
use tract_onnx::tract_hir::internal::tract_core::ops::nn::gelu_exact::GeluExact;
use tract_onnx::tract_hir::internal::*;

use super::dense::Activation;
use crate::engine::operators::elements;

/// What follows the columns of a kernel's output.
#[derive(Clone, Debug)]
pub(super) struct Finish {
    /// One for each column.
    pub(super) bias: Arc<Vec<f32>>,
    /// Whether a second input is added.
    pub(super) residual: bool,
    pub(super) activation: Activation,
}

impl Finish {
    /// A bias alone.
    pub(super) fn new(bias: Vec<f32>) -> Self {
        Self { bias: Arc::new(bias), residual: false, activation: Activation::None }
    }

    /// What it does, each a word; nothing for a bias of zeros.
    pub(super) fn parts(&self) -> Vec<&'static str> {
        let biased = self.bias.iter().any(|bias| *bias != 0.0);
        let activation = match self.activation {
            Activation::None => None,
            Activation::Clamp(..) => Some("clamp"),
            Activation::Gelu => Some("gelu"),
        };
        [biased.then_some("add"), self.residual.then_some("add"), activation].into_iter().flatten().collect()
    }

    /// Whether both are the same one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bias, &other.bias) && self.residual == other.residual && self.activation == other.activation
    }
}

/// The patch that takes the node after a kernel into it, if that can be; `make` gives the kernel with another finish.
pub(super) fn next<K: Into<Box<dyn TypedOp>>>(
    model: &TypedModel,
    node: &TypedNode,
    finish: &Finish,
    adds: bool,
    make: impl Fn(Finish) -> K,
) -> TractResult<Option<TypedModelPatch>> {
    let [successor] = &*node.outputs[0].successors else { return Ok(None) };
    if model.outputs.iter().any(|output| output.node == node.id) {
        return Ok(None);
    }
    let after = model.node(successor.node);
    let mut new = finish.clone();
    let mut residual = None;
    if after.op_as::<ElementWiseOp>().is_some_and(|op| op.0.is::<GeluExact>()) {
        if finish.activation != Activation::None {
            return Ok(None);
        }
        new.activation = Activation::Gelu;
        return Ok(Some(TypedModelPatch::fuse_with_next(model, node, make(new))?));
    }
    let Some(op) = after.op_as::<TypedBinOp>() else { return Ok(None) };
    let &[left, right] = after.inputs.as_slice() else { return Ok(None) };
    let other = if successor.slot == 0 { right } else { left };
    let (fact, other_fact) = (&node.outputs[0].fact, model.outlet_fact(other)?);
    let single = f32::datum_type();
    if other_fact.datum_type != single || after.outputs[0].fact.shape != fact.shape || left.node == right.node {
        return Ok(None);
    }
    if op.0.is::<Max>() || op.0.is::<Min>() {
        let Some(bound) = scalar(other_fact)? else { return Ok(None) };
        let (low, high) = match finish.activation {
            Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
            Activation::Clamp(low, high) => (low, high),
            Activation::Gelu => return Ok(None),
        };
        new.activation = if op.0.is::<Max>() {
            Activation::Clamp(low.max(bound), high.max(bound))
        } else {
            Activation::Clamp(low.min(bound), high.min(bound))
        };
    } else if op.0.is::<Add>() && adds && !finish.residual && finish.activation == Activation::None {
        if let Some(bias) = per_column(other_fact, finish.bias.len())? {
            new.bias = Arc::new(finish.bias.iter().zip(bias).map(|(old, more)| old + more).collect());
        } else if other_fact.shape == fact.shape && other_fact.konst.is_none() {
            new.residual = true;
            residual = Some(other);
        } else {
            return Ok(None);
        }
    } else {
        return Ok(None);
    }
    let mut patch = TypedModelPatch::default();
    let mut inputs = patch.taps(model, &node.inputs)?;
    if let Some(residual) = residual {
        inputs.push(patch.tap_model(model, residual)?);
    }
    let output = patch.wire_node(&node.name, make(new), &inputs)?;
    patch.shunt_outside(model, after.id.into(), output[0])?;
    Ok(Some(patch))
}

/// A constant that is a number, and the same everywhere.
fn scalar(fact: &TypedFact) -> TractResult<Option<f32>> {
    let Some(constant) = &fact.konst else { return Ok(None) };
    let [first, rest @ ..] = elements::<f32>(constant)? else { return Ok(None) };
    Ok((!first.is_nan() && rest.iter().all(|value| value.to_bits() == first.to_bits())).then_some(*first))
}

/// A constant that differs only along the last axis.
fn per_column(fact: &TypedFact, n: usize) -> TractResult<Option<Vec<f32>>> {
    let Some(constant) = &fact.konst else { return Ok(None) };
    let values = elements::<f32>(constant)?;
    Ok(match constant.shape().last() {
        _ if values.len() == 1 => Some(vec![values[0]; n]),
        Some(last) if *last == n && values.len() == n => Some(values.to_vec()),
        _ => None,
    })
}
