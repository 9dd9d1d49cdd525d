//! What may surprise in a model that runs: types that are narrowed, nodes in training mode, inputs that do nothing.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb;

use super::contract::real_inputs;
use super::{Findings, name_some, plural};
use crate::engine::proto::{
    data_type_name, dtype, each_node, each_tensor, element_bytes, int, n_elements, node_label, subgraphs,
};
use crate::project::contract::Dtype;

/// Weights from which a model is called large.
const LARGE_BYTES: u64 = 512 << 20;

/// Operators of `ai.onnx.ml` whose answers are float32 whatever they are given, in ONNX Runtime too.
const SINGLE: &[&str] = &[
    "FeatureVectorizer",
    "LinearClassifier",
    "LinearRegressor",
    "Normalizer",
    "OneHotEncoder",
    "SVMClassifier",
    "SVMRegressor",
    "Scaler",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
];

/// Adds what is to be known before the model is used.
pub(super) fn check(graph: &pb::GraphProto, findings: &mut Findings) {
    training(graph, findings);
    narrowing(graph, findings);
    quantised(graph, findings);
    unused(graph, findings);
    names(graph, findings);
    size(graph, findings);
}

fn training(graph: &pb::GraphProto, findings: &mut Findings) {
    findings.about("training.mode");
    let mut labels = Vec::new();
    each_node(graph, &mut |node| {
        if node.op_type == "BatchNormalization" && int(node, "training_mode").unwrap_or(0) != 0 {
            labels.push(node_label(node));
        }
    });
    if !labels.is_empty() {
        findings.refuse(
            format!(
                "BatchNormalization is in training mode: it would answer by the other rows of the batch ({})",
                name_some(&labels)
            ),
            "Call `model.eval()` before exporting, with `training=TrainingMode.EVAL` where the exporter has that option.",
        );
    }
}

fn elem_type(value: &pb::ValueInfoProto) -> Option<Dtype> {
    match value.r#type.as_ref()?.value.as_ref()? {
        pb::type_proto::Value::TensorType(tensor) => dtype(tensor.elem_type),
    }
}

fn named(values: &[&str]) -> String {
    name_some(&values.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
}

fn narrowing(graph: &pb::GraphProto, findings: &mut Findings) {
    let of = |wanted: &[Dtype]| -> Vec<&str> {
        let inputs = real_inputs(graph).filter(|input| elem_type(input).is_some_and(|dtype| wanted.contains(&dtype)));
        inputs.map(|input| input.name.as_str()).collect()
    };
    findings.about("type.float64");
    let doubles = of(&[Dtype::F64]);
    let mut single: Vec<String> = Vec::new();
    each_node(graph, &mut |node| {
        if node.domain == "ai.onnx.ml" && SINGLE.contains(&node.op_type.as_str()) && !single.contains(&node.op_type) {
            single.push(node.op_type.clone());
        }
    });
    if !doubles.is_empty() && !single.is_empty() {
        findings.note(
            format!(
                "The input {} is float64, but the answers of {} are float32, here as in ONNX Runtime: about 7 digits hold",
                named(&doubles),
                single.join(", ")
            ),
            "Export with float32 inputs (`FloatTensorType`) and compare with golden rows; thresholds of trees can fall on \
             the other side.",
        );
    }
    findings.about("type.int64");
    let integers = of(&[Dtype::I64, Dtype::U64]);
    if !integers.is_empty() {
        findings.note(
            format!(
                "The input {} is a 64-bit whole number; from tables and named requests up to ±9,007,199,254,740,991 are \
                 taken, and larger ones refused",
                named(&integers)
            ),
            "Send larger ones as tensors in binary, or keep identifiers as text.",
        );
    }
}

fn quantised(graph: &pb::GraphProto, findings: &mut Findings) {
    findings.about("type.quantised");
    let mut n_nodes = 0;
    each_node(graph, &mut |node| {
        let name = node.op_type.as_str();
        n_nodes += usize::from(
            name.starts_with("QLinear")
                || matches!(
                    name,
                    "QuantizeLinear" | "DequantizeLinear" | "DynamicQuantizeLinear" | "MatMulInteger" | "ConvInteger"
                ),
        );
    });
    if 0 < n_nodes {
        findings.note(
            format!("The model is quantised ({}): another runtime may round a step apart", plural(n_nodes)),
            "Keep golden rows from the original framework, and choose their tolerance by what the quantisation costs.",
        );
    }
}

/// Every name that a graph reads, also from within its branches.
fn read_names<'a>(graph: &'a pb::GraphProto, read: &mut HashSet<&'a str>) {
    read.extend(graph.output.iter().map(|output| output.name.as_str()));
    for node in &graph.node {
        read.extend(node.input.iter().map(String::as_str));
        for subgraph in subgraphs(node) {
            read_names(subgraph, read);
        }
    }
}

fn unused(graph: &pb::GraphProto, findings: &mut Findings) {
    let mut read = HashSet::new();
    read_names(graph, &mut read);
    findings.about("unused.input");
    let inputs: Vec<&str> =
        real_inputs(graph).map(|input| input.name.as_str()).filter(|name| !read.contains(name)).collect();
    if !inputs.is_empty() {
        findings.warn(
            format!("No node reads the input {}: it must be given and changes nothing", named(&inputs)),
            "Check that the features are the right ones, and leave it out of the export.",
        );
    }
    findings.about("unused.weights");
    let idle: Vec<&pb::TensorProto> =
        graph.initializer.iter().filter(|tensor| !read.contains(tensor.name.as_str())).collect();
    if !idle.is_empty() {
        let bytes: u64 = idle.iter().filter_map(|tensor| bytes_of(tensor)).fold(0, u64::saturating_add);
        let names: Vec<&str> = idle.iter().map(|tensor| tensor.name.as_str()).collect();
        findings.note(
            format!("No node reads the weights {} ({bytes} bytes)", named(&names)),
            "They can be dropped: `onnxsim`, or export the model again.",
        );
    }
}

fn names(graph: &pb::GraphProto, findings: &mut Findings) {
    findings.about("names.twice");
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for node in graph.node.iter().filter(|node| !node.name.is_empty()) {
        *counts.entry(node.name.as_str()).or_default() += 1;
    }
    let twice: Vec<&str> = graph
        .node
        .iter()
        .map(|node| node.name.as_str())
        .filter(|name| counts.remove(name).is_some_and(|count| 1 < count))
        .collect();
    if !twice.is_empty() {
        findings.note(
            format!("Several nodes have the name {}; other runtimes may refuse that", named(&twice)),
            "Export the model again with a newer exporter, which names nodes apart.",
        );
    }
}

fn bytes_of(tensor: &pb::TensorProto) -> Option<u64> {
    n_elements(tensor)?.checked_mul(element_bytes(dtype(tensor.data_type)?)?)
}

fn size(graph: &pb::GraphProto, findings: &mut Findings) {
    findings.about("weights.large");
    let (mut total, mut largest) = (0_u64, (0_u64, String::new()));
    each_tensor(graph, &mut |tensor| {
        let bytes = bytes_of(tensor).unwrap_or(0);
        total = total.saturating_add(bytes);
        if largest.0 < bytes {
            largest = (bytes, format!("`{}`, {}", tensor.name, data_type_name(tensor.data_type)));
        }
    });
    if LARGE_BYTES <= total {
        findings.note(
            format!(
                "The weights take {} MB of memory, more while loading; the largest is {} ({} MB)",
                total / 1_000_000,
                largest.1,
                largest.0 / 1_000_000
            ),
            "Give the container that much memory, or export half-precision weights.",
        );
    }
}
