//! Changes to a parsed file before tract sees it; what the model computes stays the same.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value;

use super::operators::Versions;
use super::{maps, operators, proto};

/// Makes the file fit for tract.
pub(crate) fn for_tract(model: &mut pb::ModelProto) {
    let versions = Versions::of(model);
    if let Some(graph) = model.graph.as_mut() {
        rewrite(graph, versions);
    }
}

fn rewrite(graph: &mut pb::GraphProto, versions: Versions) {
    graph.value_info.clear();
    graph.input.iter_mut().for_each(forget_symbols);
    graph.initializer.iter_mut().for_each(store_plainly);
    for node in &mut graph.node {
        node.doc_string.clear();
        close_gaps(node);
        maps::forget_names(node);
        // Without a value it gives zeros in float32; tract makes them float64.
        if node.op_type == "ConstantOfShape" && proto::is_default_domain(&node.domain) && node.attribute.is_empty() {
            node.attribute.push(zero());
        }
        for attribute in &mut node.attribute {
            attribute.t.iter_mut().chain(&mut attribute.tensors).for_each(store_plainly);
            attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(|graph| rewrite(graph, versions));
        }
        operators::claim(node, versions);
    }
}

/// tract counts an operator's inputs and outputs without those that have no name, so that the ones behind a gap would
/// be taken for others: what is not asked for at the end is dropped, and an output within gets a name.
fn close_gaps(node: &mut pb::NodeProto) {
    while node.input.last().is_some_and(String::is_empty) {
        node.input.pop();
    }
    while node.output.last().is_some_and(String::is_empty) {
        node.output.pop();
    }
    // Recurrent layers are told which of their outputs are missing.
    if matches!(node.op_type.as_str(), "LSTM" | "GRU" | "RNN") {
        return;
    }
    let prefix = node.output.concat();
    for (idx, output) in node.output.iter_mut().enumerate().filter(|(_, output)| output.is_empty()) {
        *output = format!("{prefix}/unused/{idx}");
    }
}

/// The value `[0.0]` in float32.
fn zero() -> pb::AttributeProto {
    pb::AttributeProto {
        name: "value".to_owned(),
        r#type: pb::attribute_proto::AttributeType::Tensor as i32,
        t: Some(pb::TensorProto {
            dims: vec![1],
            data_type: DataType::Float as i32,
            float_data: vec![0.0],
            ..pb::TensorProto::default()
        }),
        ..pb::AttributeProto::default()
    }
}

/// Every plan has concrete shapes, so names of axes are not needed; tract would parse them as formulas, and a hostile
/// formula can be deep enough to exhaust the stack.
fn forget_symbols(value: &mut pb::ValueInfoProto) {
    let Some(Value::TensorType(tensor)) = value.r#type.as_mut().and_then(|kind| kind.value.as_mut()) else { return };
    for dim in tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim) {
        if !matches!(dim.value, Some(DimValue::DimValue(1..))) {
            dim.value = None;
        }
    }
}

/// tract reads unsigned 32 and 64 bit integers from the wrong fields unless they are stored as raw bytes.
fn store_plainly(tensor: &mut pb::TensorProto) {
    if !tensor.raw_data.is_empty() {
        return;
    }
    match DataType::try_from(tensor.data_type) {
        Ok(DataType::Uint32) => {
            tensor.raw_data = tensor.uint64_data.drain(..).flat_map(|value| (value as u32).to_le_bytes()).collect();
        }
        Ok(DataType::Uint64) => {
            tensor.raw_data = tensor.uint64_data.drain(..).flat_map(u64::to_le_bytes).collect();
        }
        _ => {}
    }
}
