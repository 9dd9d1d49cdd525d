//! Operators that tract lacks or gets wrong, each as a [`Kernel`] over whole tensors.
//!
//! Where ONNX's specification is silent they follow ONNX Runtime; where that cannot be told either, building fails,
//! which refuses the model.

#![cfg_attr(
    not(test),
    expect(clippy::wildcard_imports, reason = "operators need most of tract's names, and its macros need the rest")
)]

mod cast;
mod choice;
mod encoders;
mod features;
mod kernel;
mod linear;
mod normalization;
mod scalers;
mod scores;
mod standard;
mod svm;
mod text;
mod tree;

use std::sync::Arc;

use choice::{ByUs, Choice};
pub(crate) use kernel::elements;
use kernel::expansion;
pub(crate) use kernel::{Fact, Kernel, Work, depends_on_data, kernel_of};
pub(in crate::engine) use standard::erf;
use tract_onnx::model::{OnnxOpRegister, ParsingContext};
use tract_onnx::pb::{ModelProto, NodeProto};
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::{InferenceOp, bail, format_err};

use super::proto::is_default_domain;

/// Every operator computed here besides the standard ones, by family.
const FAMILIES: &[&[Operator]] = &[
    cast::OPERATORS,
    encoders::OPERATORS,
    features::OPERATORS,
    linear::OPERATORS,
    normalization::OPERATORS,
    scalers::OPERATORS,
    svm::OPERATORS,
    text::OPERATORS,
    tree::OPERATORS,
];

/// `ai.onnx.ml`, the domain of classical machine learning.
const ML: &str = "ai.onnx.ml";
/// ONNX Runtime's own operators.
const MICROSOFT: &str = "com.microsoft";
/// ONNX's own domain.
const ONNX: &str = "";

/// Which version of the two domains of ONNX a model uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    /// Of ONNX's own domain; 0 when the model does not say.
    pub(crate) onnx: i64,
    /// Of `ai.onnx.ml`; 1 when the model does not say.
    pub(crate) ml: i64,
}

impl Versions {
    /// What the model says.
    pub(crate) fn of(model: &ModelProto) -> Self {
        let version =
            |is: fn(&str) -> bool| model.opset_import.iter().find(|opset| is(&opset.domain)).map(|opset| opset.version);
        Self { onnx: version(is_default_domain).unwrap_or(0), ml: version(|domain| domain == ML).unwrap_or(1) }
    }
}

/// An operator that is computed here instead of by tract.
pub(crate) struct Operator {
    /// Its domain; empty is ONNX's own.
    domain: &'static str,
    /// Its name.
    name: &'static str,
    /// Whether this very node is computed here; where it says no, tract computes it.
    takes: fn(&NodeProto, Versions) -> bool,
    /// Reads its attributes, or says why they cannot be followed.
    parse: fn(&NodeProto, Versions) -> TractResult<Parsed>,
}

impl Operator {
    /// An operator that is always computed here.
    const fn new(
        domain: &'static str,
        name: &'static str,
        parse: fn(&NodeProto, Versions) -> TractResult<Parsed>,
    ) -> Self {
        Self { domain, name, takes: |_, _| true, parse }
    }
}

/// An operator whose attributes were read.
pub(crate) enum Parsed {
    /// Computed here.
    Kernel(Arc<dyn Kernel>),
    /// Lowered to tract's own operators.
    Lowered(Box<dyn InferenceOp>),
    /// Computed here for some element types, by tract for the others.
    ByType(Arc<dyn Kernel>, ByUs),
}

impl Parsed {
    #[expect(clippy::unnecessary_wraps, reason = "every operator's parse ends with one of these")]
    fn kernel(kernel: impl Kernel) -> TractResult<Self> {
        Ok(Self::Kernel(Arc::new(kernel)))
    }

    #[expect(clippy::unnecessary_wraps, reason = "every operator's parse ends with one of these")]
    fn by_type(kernel: impl Kernel, by_us: ByUs) -> TractResult<Self> {
        Ok(Self::ByType(Arc::new(kernel), by_us))
    }
}

/// Every operator computed here.
fn all() -> impl Iterator<Item = &'static Operator> {
    FAMILIES.iter().chain(standard::FAMILIES).copied().flatten()
}

fn same_domain(left: &str, right: &str) -> bool {
    left == right || is_default_domain(left) && is_default_domain(right)
}

/// The operator that computes this node, if it is one of ours.
pub(crate) fn find(node: &NodeProto, versions: Versions) -> Option<&'static Operator> {
    all().find(|own| own.name == node.op_type && same_domain(own.domain, &node.domain) && (own.takes)(node, versions))
}

/// Whether an operator of that name is computed here, at least in some cases.
pub(crate) fn knows(domain: &str, operator: &str) -> bool {
    all().any(|own| own.name == operator && same_domain(own.domain, domain))
}

/// Reads the node's attributes, if it is computed here.
pub(crate) fn parse(node: &NodeProto, versions: Versions) -> Option<TractResult<Parsed>> {
    find(node, versions).map(|own| (own.parse)(node, versions))
}

/// Why the attributes of this node cannot be followed, if they cannot.
pub(crate) fn objection(node: &NodeProto, versions: Versions) -> Option<String> {
    parse(node, versions)?.err().map(|error| error.to_string())
}

/// tract knows operators by bare name only; ours are registered under their domain and name, see [`claim`].
pub(crate) fn register(register: &mut OnnxOpRegister) {
    for own in all() {
        register.0.insert(claimed(own), build);
    }
}

fn claimed(own: &Operator) -> String {
    format!("{}:{}", own.domain, own.name)
}

/// Renames the node so that tract leaves it to us, if it is computed here.
pub(crate) fn claim(node: &mut NodeProto, versions: Versions) {
    if let Some(own) = find(node, versions) {
        node.op_type = claimed(own);
    }
}

/// Reads the attributes of a node that was [`claim`]ed.
pub(crate) fn parse_claimed(node: &NodeProto, versions: Versions) -> Option<TractResult<Parsed>> {
    let own = all().find(|own| claimed(own) == node.op_type)?;
    Some((own.parse)(node, versions))
}

/// What an operator's builder gives to tract.
type Built = (Box<dyn InferenceOp>, Vec<String>);

fn build(context: &ParsingContext<'_>, node: &NodeProto) -> TractResult<Built> {
    let own = all().find(|own| claimed(own) == node.op_type);
    let own = own.ok_or_else(|| format_err!("{} is not computed here", node.op_type))?;
    let parsed = (own.parse)(node, Versions::of(context.model))?;
    let built = match parsed {
        Parsed::Kernel(kernel) => expansion(kernel),
        Parsed::Lowered(lowered) => lowered,
        Parsed::ByType(kernel, by_us) => {
            let Some(tracts) = context.framework.op_register.0.get(own.name) else {
                bail!("tract has no {}", own.name)
            };
            let plain = NodeProto { op_type: own.name.to_owned(), ..node.clone() };
            let (tract, closures) = tracts(context, &plain)?;
            return Ok((Box::new(Choice { name: own.name, tract, own: expansion(kernel), by_us }), closures));
        }
    };
    Ok((built, vec![]))
}

/// Fails with the operator's name before the reason.
fn reject<T>(node: &NodeProto, reason: &str) -> TractResult<T> {
    let name = node.op_type.rsplit(':').next().unwrap_or_default();
    bail!("{name} {}: {reason}", super::proto::node_label(node))
}
