//! Operators of `ai.onnx.ml` that tract lacks or gets wrong, each as a [`Kernel`] over whole tensors.
//!
//! Where ONNX's specification is silent they follow ONNX Runtime; where that cannot be told either, building fails,
//! which refuses the model.

#![cfg_attr(
    not(test),
    expect(clippy::wildcard_imports, reason = "operators need most of tract's names, and its macros need the rest")
)]

mod cast;
mod encoders;
mod features;
mod kernel;
mod linear;
mod scalers;
mod scores;
mod svm;
mod tree;

use kernel::boxed;
use tract_onnx::model::OnnxOpRegister;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::{InferenceOp, bail};

/// Operators of `ai.onnx.ml` registered here.
pub(crate) const OWN_ML_OPERATORS: &[&str] = &[
    "ArrayFeatureExtractor",
    "Binarizer",
    "FeatureVectorizer",
    "Imputer",
    "LabelEncoder",
    "LinearClassifier",
    "Normalizer",
    "OneHotEncoder",
    "SVMClassifier",
    "SVMRegressor",
    "Scaler",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
];

/// Adds the operators, replacing tract's of the same names.
pub(crate) fn register(register: &mut OnnxOpRegister) {
    register.insert("ArrayFeatureExtractor", |_, node| Ok(boxed(features::ArrayFeatureExtractor::parse(node)?)));
    register.insert("Binarizer", |_, node| Ok(boxed(scalers::Binarizer::parse(node)?)));
    register.insert("Cast", |_, node| cast::parse(node));
    register.insert("FeatureVectorizer", |_, node| Ok(boxed(features::FeatureVectorizer::parse(node)?)));
    register.insert("Imputer", |_, node| Ok(boxed(scalers::Imputer::parse(node)?)));
    register.insert("LabelEncoder", |context, node| {
        let version = context.model.opset_import.iter().find(|opset| opset.domain == "ai.onnx.ml");
        Ok(boxed(encoders::LabelEncoder::parse(node, version.map_or(1, |opset| opset.version))?))
    });
    register.insert("LinearClassifier", |_, node| Ok(boxed(linear::LinearClassifier::parse(node)?)));
    register.insert("Normalizer", |_, node| Ok(boxed(scalers::Normalizer::parse(node)?)));
    register.insert("OneHotEncoder", |_, node| Ok(boxed(encoders::OneHotEncoder::parse(node)?)));
    register.insert("SVMClassifier", |_, node| Ok(boxed(svm::SvmClassifier::parse(node)?)));
    register.insert("SVMRegressor", |_, node| Ok(boxed(svm::SvmRegressor::parse(node)?)));
    register.insert("Scaler", |_, node| Ok(boxed(scalers::Scaler::parse(node)?)));
    register.insert("TreeEnsembleClassifier", |_, node| Ok(boxed(tree::TreeEnsembleClassifier::parse(node)?)));
    register.insert("TreeEnsembleRegressor", |_, node| Ok(boxed(tree::TreeEnsembleRegressor::parse(node)?)));
}

/// Why the attributes of this node cannot be followed, if they cannot.
pub(crate) fn objection(node: &NodeProto, ml_version: i64) -> Option<String> {
    let built: TractResult<()> = match node.op_type.as_str() {
        "ArrayFeatureExtractor" => features::ArrayFeatureExtractor::parse(node).map(drop),
        "Binarizer" => scalers::Binarizer::parse(node).map(drop),
        "FeatureVectorizer" => features::FeatureVectorizer::parse(node).map(drop),
        "Imputer" => scalers::Imputer::parse(node).map(drop),
        "LabelEncoder" => encoders::LabelEncoder::parse(node, ml_version).map(drop),
        "LinearClassifier" => linear::LinearClassifier::parse(node).map(drop),
        "Normalizer" => scalers::Normalizer::parse(node).map(drop),
        "OneHotEncoder" => encoders::OneHotEncoder::parse(node).map(drop),
        "SVMClassifier" => svm::SvmClassifier::parse(node).map(drop),
        "SVMRegressor" => svm::SvmRegressor::parse(node).map(drop),
        "Scaler" => scalers::Scaler::parse(node).map(drop),
        "TreeEnsembleClassifier" => tree::TreeEnsembleClassifier::parse(node).map(drop),
        "TreeEnsembleRegressor" => tree::TreeEnsembleRegressor::parse(node).map(drop),
        _ => Ok(()),
    };
    built.err().map(|error| error.to_string())
}

/// What an operator's builder gives to tract.
type Built = (Box<dyn InferenceOp>, Vec<String>);

/// Fails with the operator's name before the reason.
fn reject<T>(node: &NodeProto, reason: &str) -> TractResult<T> {
    bail!("{} {}: {reason}", node.op_type, super::proto::node_label(node))
}
