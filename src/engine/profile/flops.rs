//! The arithmetic of one operator, as the field counts it.
//!
//! A multiply-add is two operations, so a product of `[M, K]` with `[K, N]` is `2·M·N·K`. Other arithmetic is one
//! operation for each element. Moving, casting and comparing are none. What fits none of this is not known.

use tract_onnx::tract_core::ops::binary::{OptBinByScalar, OptBinChain, OptBinUnicast, TypedBinOp};
use tract_onnx::tract_core::ops::cnn::{OptSumPool, SumPool};
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::matmul::optimized::{OptMatMul, ProtoFusedSpec};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};
use tract_onnx::tract_core::ops::scan::{OptScan, Scan};
use tract_onnx::tract_hir::internal::{Cost, DatumType, ToDim as _, TypedFact, TypedModel, TypedNode, TypedOp};

use crate::engine::operators::{Fact, Work, kernel_of};
use crate::engine::{kernels, nonfinite};

/// The deepest nesting of bodies that is looked into.
const DEEPEST: usize = 8;

/// Operators that only move, cast, choose or compare.
const WITHOUT_ARITHMETIC: &[&str] = &[
    "AddAxis",
    "ArgMax",
    "ArgMin",
    "ArrayFeatureExtractor",
    "Binarizer",
    "BitShift",
    "Cast",
    "CategoryMapper",
    "CenterCropPad",
    "Compress",
    "Concat",
    "Const",
    "ConstantOfShape",
    "DiagGather",
    "Dummy",
    "DynSlice",
    "DynTile",
    "Equal",
    "EyeLike",
    "FeatureVectorizer",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "GatherNd",
    "Identity",
    "Iff",
    "Im2col",
    "Imputer",
    "IntoShape",
    "IsInf",
    "IsNaN",
    "KeepNaN",
    "LabelEncoder",
    "LazyIm2col",
    "MaxPool",
    "MaxRoiPool",
    "MaxUnpool",
    "MoveAxis",
    "MultiBroadcastTo",
    "NearestUpsample",
    "NonMaxSuppression",
    "NonZero",
    "OneHot",
    "OneHotEncoder",
    "Onehot",
    "OptMatMulPack",
    "OptMaxPool",
    "OptSimpleMatMulPack",
    "Pad",
    "PermuteAxes",
    "Range",
    "ReduceMax",
    "ReduceMin",
    "RegexFullMatch",
    "Reshape",
    "ReverseSequence",
    "RmAxis",
    "RotateHalf",
    "ScatterElements",
    "ScatterND",
    "ScatterNd",
    "Shape",
    "Size",
    "Slice",
    "Source",
    "Split",
    "Squeeze",
    "StridedSlice",
    "StringConcat",
    "StringNormalizer",
    "StringSplit",
    "TextCast",
    "TfIdfVectorizer",
    "Tile",
    "Tokenizer",
    "TopK",
    "Topk",
    "Trilu",
    "Truncation",
    "Unique",
];

/// Operators of ours that compute each element once.
const OF_EACH_ELEMENT: &[&str] = &["Clip", "Max", "Min", "Pow"];

/// Convolutions that run as one operator; their third input is the bias.
const CONVOLUTIONS: &[&str] = &["BlockedConv", "Conv", "DepthWiseConv", "DirectSpatialConv"];

/// The arithmetic of a node whose inputs have these facts; `None` where it cannot be said.
pub(super) fn flops(model: &TypedModel, node: &TypedNode) -> Option<u64> {
    node_flops(model, node, 0)
}

/// What one of our own operators says of itself.
pub(super) fn own_work(model: &TypedModel, node: &TypedNode) -> Option<Work> {
    let kernel = kernel_of(node.op.as_ref())?;
    let facts = model.node_input_facts(node.id).ok()?;
    let facts: Vec<Fact> = facts.iter().map(|fact| Fact::new(fact.datum_type, fact.shape.iter().cloned())).collect();
    Some(kernel.work(&facts))
}

fn node_flops(model: &TypedModel, node: &TypedNode, depth: usize) -> Option<u64> {
    if let Some(flops) = own_work(model, node).and_then(|work| work.flops) {
        return Some(flops);
    }
    let inputs = model.node_input_facts(node.id).ok()?;
    let op: &dyn TypedOp = nonfinite::inside(node.op.as_ref());
    if let Some(scan) = op.downcast_ref::<Scan>() {
        return body_flops(&scan.body, scan.iteration_count(&inputs)?.to_i64().ok()?, depth);
    }
    if let Some(scan) = op.downcast_ref::<OptScan>() {
        return body_flops(scan.plan.model(), scan.iteration_count(&inputs)?.to_i64().ok()?, depth);
    }
    let name = op.name();
    if WITHOUT_ARITHMETIC.contains(&name.as_ref()) {
        return Some(0);
    }
    let output = &node.outputs.first()?.fact;
    let per_output = |times: usize| arithmetic(output).map(|n| n.saturating_mul(times as u64));
    if let Some(times) = nonfinite::operations(op) {
        return per_output(times);
    }
    if op.is::<TypedBinOp>() || op.is::<OptBinByScalar>() || op.is::<OptBinUnicast>() || op.is::<ElementWiseOp>() {
        return per_output(1);
    }
    if let Some(chain) = op.downcast_ref::<OptBinChain>() {
        return per_output(chain.steps.len());
    }
    if OF_EACH_ELEMENT.contains(&name.as_ref()) {
        return per_output(1);
    }
    // A cell of a recurrent layer, for each hidden value: sigmoids, hyperbolic tangents, sums and products of its gates.
    match name.as_ref() {
        "LstmEpilogue" => return per_output(9),
        "GruEpilogue" => return per_output(10),
        _ => {}
    }
    let pool = op.downcast_ref::<SumPool>().map(|pool| &pool.pool_spec);
    if let Some(pool) = pool.or_else(|| op.downcast_ref::<OptSumPool>().map(|pool| &pool.pool_spec)) {
        return per_output(pool.kernel_shape.iter().product());
    }
    if let Some(reduce) = op.downcast_ref::<Reduce>() {
        return match reduce.reducer {
            Reducer::Sum | Reducer::Prod => arithmetic(inputs.first()?),
            Reducer::MeanOfSquares => arithmetic(inputs.first()?).map(|n| n.saturating_mul(2)),
            Reducer::Min | Reducer::Max | Reducer::All | Reducer::Any | Reducer::ArgMax(_) | Reducer::ArgMin(_) => {
                Some(0)
            }
        };
    }
    let declared = declared(op, &inputs)?;
    if let Some(product) = op.downcast_ref::<OptMatMul>() {
        // Each operation that was fused into the product runs over its output.
        let fused = |op: &&ProtoFusedSpec| !matches!(op, ProtoFusedSpec::AddMatMul { .. } | ProtoFusedSpec::Store(_));
        return Some(declared.saturating_add(per_output(product.micro_ops.iter().filter(fused).count())?));
    }
    if let Some(held) = kernels::held(op) {
        return Some(declared.saturating_add(per_output(held.finish.len())?));
    }
    // A convolution adds its bias, which is zero when the file has none.
    let bias = inputs.get(2).filter(|_| CONVOLUTIONS.contains(&name.as_ref()));
    let adds = bias.is_some_and(|bias| !bias.konst.as_ref().is_some_and(|bias| bias.is_zero().unwrap_or(false)));
    Some(if adds { declared.saturating_add(per_output(1)?) } else { declared })
}

/// What the engine itself declares: products, convolutions, normalisations, attention.
fn declared(op: &dyn TypedOp, inputs: &[&TypedFact]) -> Option<u64> {
    let costs = op.cost(inputs).ok()?;
    let mut sum = None;
    for (cost, count) in costs {
        let times = match cost {
            Cost::FMA(_) => 2,
            Cost::Div(_) => 1,
            Cost::Buffer(_) | Cost::Params(_) | Cost::Custom(..) => continue,
        };
        let count = u64::try_from(count.to_i64().ok()?).ok()?;
        sum = Some(u64::saturating_add(sum.unwrap_or(0), count.saturating_mul(times)));
    }
    sum
}

/// Elements that are computed with; integers and truth values are counted by none.
fn arithmetic(fact: &TypedFact) -> Option<u64> {
    if !matches!(fact.datum_type, DatumType::F16 | DatumType::F32 | DatumType::F64) {
        return Some(0);
    }
    volume(fact)
}

/// Number of elements, when it is a number.
pub(super) fn volume(fact: &TypedFact) -> Option<u64> {
    let volume = fact.shape.iter().try_fold(1_i64, |n, dim| n.checked_mul(dim.to_dim().to_i64().ok()?))?;
    u64::try_from(volume).ok()
}

fn body_flops(body: &TypedModel, n_rounds: i64, depth: usize) -> Option<u64> {
    if DEEPEST <= depth {
        return None;
    }
    let rounds = u64::try_from(n_rounds).ok()?;
    let order = body.eval_order().ok()?;
    let one = order
        .into_iter()
        .try_fold(0_u64, |sum, id| Some(sum.saturating_add(node_flops(body, body.node(id), depth + 1)?)))?;
    Some(one.saturating_mul(rounds))
}
