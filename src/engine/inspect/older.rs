//! Operator sets from before today's meanings.

use tract_onnx::pb;

use crate::engine::proto::{each_node, is_default_domain};

/// Operators that mean in an operator set older than the oldest that is read what they mean today, with that set.
///
/// Exporters state the oldest set that has all of a model's operators: 1 for a tree with its labels.
const SINCE: &[(&str, i64)] = &[
    ("Abs", 6),
    ("ArgMax", 1),
    ("ArgMin", 1),
    ("Cast", 6),
    ("Ceil", 6),
    ("Concat", 4),
    ("Constant", 1),
    ("Elu", 6),
    ("Exp", 6),
    ("Flatten", 1),
    ("Floor", 6),
    ("Gather", 1),
    ("GlobalAveragePool", 1),
    ("GlobalMaxPool", 1),
    ("HardSigmoid", 6),
    ("Identity", 1),
    ("InstanceNormalization", 6),
    ("LeakyRelu", 6),
    ("Log", 6),
    ("MatMul", 1),
    ("Neg", 6),
    ("Not", 1),
    ("Reciprocal", 6),
    ("ReduceL1", 1),
    ("ReduceL2", 1),
    ("ReduceLogSumExp", 1),
    ("ReduceMax", 1),
    ("ReduceMean", 1),
    ("ReduceMin", 1),
    ("ReduceProd", 1),
    ("ReduceSum", 1),
    ("ReduceSumSquare", 1),
    ("Relu", 6),
    ("Reshape", 5),
    ("Selu", 6),
    ("Shape", 1),
    ("Sigmoid", 6),
    ("Softmax", 1),
    ("Softplus", 1),
    ("Softsign", 1),
    ("Sqrt", 6),
    ("Squeeze", 1),
    ("Tanh", 6),
    ("Transpose", 1),
    ("Unsqueeze", 1),
];

/// Operators of ONNX's own domain that mean another thing today than in that old operator set.
pub(super) fn changed(graph: &pb::GraphProto, version: i64) -> Vec<&str> {
    let mut changed: Vec<&str> = Vec::new();
    each_node(graph, &mut |node| {
        let same = SINCE.iter().any(|(name, since)| *name == node.op_type && *since <= version);
        if !same && is_default_domain(&node.domain) && !changed.contains(&node.op_type.as_str()) {
            changed.push(&node.op_type);
        }
    });
    changed
}
