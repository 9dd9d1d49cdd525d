//! Changes to a parsed file before tract sees it; what the model computes stays the same.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value;

/// Makes the file fit for tract.
pub(crate) fn for_tract(proto: &mut pb::ModelProto) {
    if let Some(graph) = proto.graph.as_mut() {
        rewrite(graph);
    }
}

fn rewrite(graph: &mut pb::GraphProto) {
    graph.value_info.clear();
    graph.input.iter_mut().for_each(forget_symbols);
    graph.initializer.iter_mut().for_each(store_plainly);
    for node in &mut graph.node {
        node.doc_string.clear();
        // A ZipMap only gives names to columns; they are in the contract.
        if node.op_type == "ZipMap" {
            "Identity".clone_into(&mut node.op_type);
            node.domain.clear();
            node.attribute.clear();
        }
        for attribute in &mut node.attribute {
            attribute.t.iter_mut().chain(&mut attribute.tensors).for_each(store_plainly);
            attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(rewrite);
        }
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
