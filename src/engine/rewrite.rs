//! Changes to a parsed file before tract sees it; what the model computes stays the same.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value;

use super::operators::Versions;
use super::{operators, proto};

/// Makes the file fit for tract.
pub(crate) fn for_tract(model: &mut pb::ModelProto) {
    let versions = Versions::of(model);
    if let Some(graph) = model.graph.as_mut() {
        rewrite(graph, versions);
    }
}

fn rewrite(graph: &mut pb::GraphProto, versions: Versions) {
    let nodes = std::mem::take(&mut graph.node);
    graph.node = nodes.into_iter().flat_map(unreverse).collect();
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

/// A recurrent layer that runs backwards, as one that runs forwards between two reversals: tract ignores the direction.
fn unreverse(mut node: pb::NodeProto) -> Vec<pb::NodeProto> {
    let recurrent = matches!(node.op_type.as_str(), "LSTM" | "GRU" | "RNN");
    if !recurrent || proto::text(&node, "direction").as_deref() != Some("reverse") || node.input.is_empty() {
        return vec![node];
    }
    let axis = i64::from(proto::int(&node, "layout").unwrap_or(0) == 1);
    node.attribute.retain(|attribute| attribute.name != "direction");
    let prefix = node.output.concat();
    let bounds = [("start", -1), ("end", i64::MIN), ("axis", axis), ("step", -1)];
    let bounds: Vec<(String, i64)> =
        bounds.into_iter().map(|(name, value)| (format!("{prefix}/reversal/{name}"), value)).collect();
    let reversal = |from: &str, to: &str| pb::NodeProto {
        op_type: "Slice".to_owned(),
        input: std::iter::once(from.to_owned()).chain(bounds.iter().map(|(name, _)| name.clone())).collect(),
        output: vec![to.to_owned()],
        ..pb::NodeProto::default()
    };
    let mut nodes: Vec<pb::NodeProto> = bounds.iter().map(|(name, value)| constant(name, *value)).collect();
    let backwards = format!("{prefix}/reversal/input");
    nodes.push(reversal(&node.input[0], &backwards));
    node.input[0] = backwards;
    // The whole sequence is given out in its own order; the last states are the same either way.
    let whole = node.output.first().filter(|output| !output.is_empty()).cloned();
    if let Some(whole) = whole {
        let inner = format!("{prefix}/reversal/output");
        node.output[0].clone_from(&inner);
        nodes.push(node);
        nodes.push(reversal(&inner, &whole));
    } else {
        nodes.push(node);
    }
    nodes
}

/// A node that gives `[value]`.
fn constant(name: &str, value: i64) -> pb::NodeProto {
    let attribute = pb::AttributeProto {
        name: "value".to_owned(),
        r#type: pb::attribute_proto::AttributeType::Tensor as i32,
        t: Some(pb::TensorProto {
            dims: vec![1],
            data_type: DataType::Int64 as i32,
            int64_data: vec![value],
            ..pb::TensorProto::default()
        }),
        ..pb::AttributeProto::default()
    };
    pb::NodeProto {
        op_type: "Constant".to_owned(),
        output: vec![name.to_owned()],
        attribute: vec![attribute],
        ..pb::NodeProto::default()
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
