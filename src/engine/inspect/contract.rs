//! Inputs and outputs.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value;

use super::Findings;
use crate::engine::maps;
use crate::engine::proto::{class_labels, data_type_name, dtype};
use crate::project::contract::{ClassLabel, Dim, Dtype, ModelContract, TensorSpec};

/// The contract that the graph states; what the file leaves open about outputs is filled in by loading.
pub(super) fn contract(graph: &pb::GraphProto, findings: &mut Findings) -> ModelContract {
    let inputs: Vec<TensorSpec> = real_inputs(graph).filter_map(|input| input_spec(graph, input, findings)).collect();
    if inputs.is_empty() {
        findings.refuse("The model takes no input", "Export it with at least one input.");
    }
    let unnamed: Vec<&str> = inputs
        .iter()
        .filter(|input| input.shape.contains(&Dim::Symbol(String::new())))
        .map(|input| input.name.as_str())
        .collect();
    if !unnamed.is_empty() {
        findings.about("contract.unnamed");
        let names = unnamed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        findings.note(
            format!("Axes without a name are taken as free: {}", super::name_some(&names)),
            "Name them when exporting, to have them checked against each other.",
        );
    }
    findings.about("contract.outputs");
    let producers = producers(graph);
    let batch =
        inputs.first().and_then(|input| input.shape.first()).cloned().unwrap_or_else(|| Dim::Symbol(String::new()));
    let outputs: Vec<TensorSpec> =
        graph.output.iter().filter_map(|output| output_spec(output, &producers, &batch, findings)).collect();
    if graph.output.is_empty() {
        findings.refuse("The model gives no output", "Export it with at least one output.");
    }
    ModelContract { inputs, outputs }
}

/// The graph's inputs without those that have an initial value.
pub(crate) fn real_inputs(graph: &pb::GraphProto) -> impl Iterator<Item = &pb::ValueInfoProto> {
    let initialised: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    graph.input.iter().filter(move |input| !initialised.contains(input.name.as_str()))
}

/// Which node gives each value.
fn producers(graph: &pb::GraphProto) -> HashMap<&str, &pb::NodeProto> {
    graph.node.iter().flat_map(|node| node.output.iter().map(move |output| (output.as_str(), node))).collect()
}

fn input_spec(graph: &pb::GraphProto, input: &pb::ValueInfoProto, findings: &mut Findings) -> Option<TensorSpec> {
    let name = &input.name;
    let Some(Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        findings.refuse(
            format!("The input `{name}` is not a tensor (a sequence, an optional or a map, perhaps)"),
            "Export the model with tensors as inputs.",
        );
        return None;
    };
    let Some(dtype) = dtype(tensor.elem_type) else {
        findings.refuse(
            format!(
                "The input `{name}` has the element type {}, which is not supported",
                data_type_name(tensor.elem_type)
            ),
            "Export the model with float32 inputs.",
        );
        return None;
    };
    if tensor.shape.is_none() {
        findings.note(format!("The input `{name}` does not state its shape"), "State it when exporting.");
    }
    let classes = maps::vocabulary(graph, name).unwrap_or_default();
    if !classes.is_empty() {
        let columns = classes.len();
        findings.about("contract.maps");
        findings.note(
            format!("The input `{name}` is a map in ONNX (DictVectorizer); here it is a table with a column for each of {columns} keys"),
            "Give 0 where a map has no such key.",
        );
        findings.about("contract.inputs");
    }
    Some(TensorSpec { name: name.clone(), dtype, shape: dims(tensor), classes })
}

fn dims(tensor: &pb::type_proto::Tensor) -> Vec<Dim> {
    let dims = tensor.shape.iter().flat_map(|shape| &shape.dim);
    dims.map(|dim| match &dim.value {
        // Some exporters write 0 or -1 for a length they do not know.
        Some(DimValue::DimValue(length @ 1..)) => Dim::Fixed(length.cast_unsigned()),
        Some(DimValue::DimParam(name)) if name != "?" => Dim::Symbol(name.clone()),
        _ => Dim::Symbol(String::new()),
    })
    .collect()
}

fn output_spec(
    output: &pb::ValueInfoProto,
    producers: &HashMap<&str, &pb::NodeProto>,
    batch: &Dim,
    findings: &mut Findings,
) -> Option<TensorSpec> {
    let name = &output.name;
    let classes = classes(name, producers);
    let zip_map = producers.get(name.as_str()).is_some_and(|node| node.op_type == "ZipMap");
    if zip_map {
        findings.about("contract.maps");
        let labels = if classes.is_empty() { "its classes".to_owned() } else { format!("{} classes", classes.len()) };
        findings.note(
            format!("The output `{name}` is a list of maps in ONNX (ZipMap); here it is a table with a column for each of {labels}"),
            "Nothing is needed here; Triton takes it only when exported with the option `zipmap: False`.",
        );
        findings.about("contract.outputs");
        let columns = if classes.is_empty() { Dim::Symbol(String::new()) } else { Dim::Fixed(classes.len() as u64) };
        return Some(TensorSpec {
            name: name.clone(),
            dtype: Dtype::F32,
            shape: vec![batch.clone(), columns],
            classes,
        });
    }
    let Some(Value::TensorType(tensor)) = output.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        // A type that is there but is none of a tensor; without any, it is typed when loaded.
        if output.r#type.is_some() {
            findings.refuse(
                format!("The output `{name}` is not a tensor (a sequence, an optional or a map, perhaps)"),
                "Export the model with tensors as outputs.",
            );
            return None;
        }
        return Some(TensorSpec { name: name.clone(), dtype: Dtype::F32, shape: vec![batch.clone()], classes });
    };
    // Undefined (0) is left to loading.
    let Some(dtype) = dtype(tensor.elem_type).or_else(|| (tensor.elem_type == 0).then_some(Dtype::F32)) else {
        findings.refuse(
            format!(
                "The output `{name}` has the element type {}, which is not supported",
                data_type_name(tensor.elem_type)
            ),
            "Export the model with float32 outputs.",
        );
        return None;
    };
    let shape = dims(tensor);
    let fits = match shape.last() {
        Some(Dim::Fixed(length)) => *length == classes.len() as u64,
        Some(Dim::Symbol(_)) => shape.len() == 2,
        None => false,
    };
    Some(TensorSpec { name: name.clone(), dtype, shape, classes: if fits { classes } else { Vec::new() } })
}

/// The class labels of a value that holds a classifier's scores.
fn classes(output: &str, producers: &HashMap<&str, &pb::NodeProto>) -> Vec<ClassLabel> {
    const FARTHEST: usize = 32;
    let mut value = output;
    let mut labels = Vec::new();
    for _ in 0..FARTHEST {
        let Some(node) = producers.get(value) else { break };
        match node.op_type.as_str() {
            "ZipMap" => labels = class_labels(node),
            "Identity" | "Cast" | "Normalizer" | "Softmax" => {}
            // The second output of a classifier is its scores.
            operator if operator.ends_with("Classifier") && node.output.get(1).map(String::as_str) == Some(value) => {
                return if labels.is_empty() { class_labels(node) } else { labels };
            }
            _ => break,
        }
        let Some(input) = node.input.first() else { break };
        value = input;
    }
    labels
}
