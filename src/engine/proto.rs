//! Reading ONNX's protobuf structures: attributes by name, tensors' sizes, graphs within graphs.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};

use crate::project::contract::{ClassLabel, Dtype};

/// The attribute of that name.
pub(crate) fn attribute<'a>(node: &'a pb::NodeProto, name: &str) -> Option<&'a pb::AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// The integer attribute of that name.
pub(crate) fn int(node: &pb::NodeProto, name: &str) -> Option<i64> {
    attribute(node, name).map(|attribute| attribute.i)
}

/// The float attribute of that name.
pub(crate) fn float(node: &pb::NodeProto, name: &str) -> Option<f32> {
    attribute(node, name).map(|attribute| attribute.f)
}

/// The text attribute of that name; bytes that are not UTF-8 are replaced.
pub(crate) fn text(node: &pb::NodeProto, name: &str) -> Option<String> {
    attribute(node, name).map(|attribute| String::from_utf8_lossy(&attribute.s).into_owned())
}

/// The integer list of that name; empty when absent.
pub(crate) fn ints<'a>(node: &'a pb::NodeProto, name: &str) -> &'a [i64] {
    attribute(node, name).map_or(&[], |attribute| &attribute.ints)
}

/// The float list of that name; empty when absent.
pub(crate) fn floats<'a>(node: &'a pb::NodeProto, name: &str) -> &'a [f32] {
    attribute(node, name).map_or(&[], |attribute| &attribute.floats)
}

/// The text list of that name; empty when absent.
pub(crate) fn texts(node: &pb::NodeProto, name: &str) -> Vec<String> {
    attribute(node, name).map_or_else(Vec::new, |attribute| {
        attribute.strings.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    })
}

/// The tensor attribute of that name.
pub(crate) fn tensor<'a>(node: &'a pb::NodeProto, name: &str) -> Option<&'a pb::TensorProto> {
    attribute(node, name).and_then(|attribute| attribute.t.as_ref())
}

/// The class labels of a classifier or a `ZipMap`: its integer list or its text list.
pub(crate) fn class_labels(node: &pb::NodeProto) -> Vec<ClassLabel> {
    let integers = [ints(node, "classlabels_int64s"), ints(node, "classlabels_ints")].concat();
    if integers.is_empty() {
        texts(node, "classlabels_strings").into_iter().map(ClassLabel::Text).collect()
    } else {
        integers.into_iter().map(ClassLabel::Int).collect()
    }
}

/// How a person finds the node: its name, else its first output.
pub(crate) fn node_label(node: &pb::NodeProto) -> String {
    if node.name.is_empty() {
        format!("of `{}`", node.output.iter().find(|output| !output.is_empty()).map_or("?", String::as_str))
    } else {
        format!("`{}`", node.name)
    }
}

/// The operator with its domain, e.g. `LSTM` or `com.microsoft:Tokenizer`.
pub(crate) fn operator_label(domain: &str, operator: &str) -> String {
    if is_default_domain(domain) { operator.to_owned() } else { format!("{domain}:{operator}") }
}

/// Whether the domain is ONNX's own.
pub(crate) fn is_default_domain(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The element type, when it is one that tensors here can have.
pub(crate) fn dtype(data_type: i32) -> Option<Dtype> {
    Some(match DataType::try_from(data_type).ok()? {
        DataType::Bool => Dtype::Bool,
        DataType::Uint8 => Dtype::U8,
        DataType::Uint16 => Dtype::U16,
        DataType::Uint32 => Dtype::U32,
        DataType::Uint64 => Dtype::U64,
        DataType::Int8 => Dtype::I8,
        DataType::Int16 => Dtype::I16,
        DataType::Int32 => Dtype::I32,
        DataType::Int64 => Dtype::I64,
        DataType::Float16 => Dtype::F16,
        DataType::Float => Dtype::F32,
        DataType::Double => Dtype::F64,
        DataType::String => Dtype::Text,
        _ => return None,
    })
}

/// The name of an element type as ONNX writes it, for messages.
pub(crate) fn data_type_name(data_type: i32) -> String {
    DataType::try_from(data_type)
        .map_or_else(|_unknown| format!("element type {data_type}"), |known| known.as_str_name().to_ascii_lowercase())
}

/// Bytes of one element; `None` for text.
pub(crate) fn element_bytes(dtype: Dtype) -> Option<u64> {
    match dtype {
        Dtype::Bool | Dtype::U8 | Dtype::I8 => Some(1),
        Dtype::U16 | Dtype::I16 | Dtype::F16 => Some(2),
        Dtype::U32 | Dtype::I32 | Dtype::F32 => Some(4),
        Dtype::U64 | Dtype::I64 | Dtype::F64 => Some(8),
        Dtype::Text => None,
    }
}

/// Number of elements; `None` when a length is negative or the product overflows.
pub(crate) fn n_elements(tensor: &pb::TensorProto) -> Option<u64> {
    tensor.dims.iter().try_fold(1_u64, |product, dim| product.checked_mul(u64::try_from(*dim).ok()?))
}

/// Whether the elements are in another file.
pub(crate) fn is_external(tensor: &pb::TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32)
}

/// The value of a key of external data.
pub(crate) fn external<'a>(tensor: &'a pb::TensorProto, key: &str) -> Option<&'a str> {
    tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
}

/// The graphs a node carries (branches of `If`, bodies of `Scan` and `Loop`).
pub(crate) fn subgraphs(node: &pb::NodeProto) -> impl Iterator<Item = &pb::GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

/// Calls `visit` with every node, also those of graphs within graphs.
pub(crate) fn each_node<'a>(graph: &'a pb::GraphProto, visit: &mut dyn FnMut(&'a pb::NodeProto)) {
    for node in &graph.node {
        visit(node);
        for subgraph in subgraphs(node) {
            each_node(subgraph, visit);
        }
    }
}

/// Calls `visit` with every tensor stored in the graph: initialisers and tensor attributes, at any depth.
pub(crate) fn each_tensor<'a>(graph: &'a pb::GraphProto, visit: &mut dyn FnMut(&'a pb::TensorProto)) {
    graph.initializer.iter().for_each(&mut *visit);
    for node in &graph.node {
        for attribute in &node.attribute {
            attribute.t.iter().chain(&attribute.tensors).for_each(&mut *visit);
        }
        for subgraph in subgraphs(node) {
            each_tensor(subgraph, visit);
        }
    }
}

/// Trained values in the attributes of an `ai.onnx.ml` node, and their bytes.
pub(crate) fn attribute_values(node: &pb::NodeProto) -> (u64, u64) {
    if node.domain != "ai.onnx.ml" {
        return (0, 0);
    }
    let mut sum = (0_u64, 0_u64);
    // How often a node was reached in training is no parameter.
    for attribute in node.attribute.iter().filter(|attribute| !attribute.name.starts_with("nodes_hitrates")) {
        let floats = attribute.floats.len() as u64;
        let tensor = attribute.t.as_ref();
        let n_tensor = tensor.and_then(n_elements).unwrap_or(0);
        let bytes = tensor.and_then(|tensor| element_bytes(dtype(tensor.data_type)?)).unwrap_or(0);
        sum.0 = sum.0.saturating_add(floats).saturating_add(n_tensor);
        sum.1 = sum.1.saturating_add(4 * floats).saturating_add(bytes.saturating_mul(n_tensor));
    }
    sum
}

/// The float values of a tensor attribute (float32 or float64), as float64.
pub(crate) fn tensor_floats(tensor: &pb::TensorProto) -> Option<Vec<f64>> {
    let raw = &tensor.raw_data;
    let values: Vec<f64> = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float if raw.is_empty() => tensor.float_data.iter().copied().map(f64::from).collect(),
        DataType::Float => raw.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect(),
        DataType::Double if raw.is_empty() => tensor.double_data.clone(),
        DataType::Double => raw.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
        _ => return None,
    };
    (n_elements(tensor) == Some(values.len() as u64) && !is_external(tensor)).then_some(values)
}

/// The integer values of a tensor (int32 or int64), as int64.
pub(crate) fn tensor_ints(tensor: &pb::TensorProto) -> Option<Vec<i64>> {
    let raw = &tensor.raw_data;
    let values: Vec<i64> = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Int64 if raw.is_empty() => tensor.int64_data.clone(),
        DataType::Int64 => raw.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(),
        DataType::Int32 if raw.is_empty() => tensor.int32_data.iter().copied().map(i64::from).collect(),
        DataType::Int32 => raw.as_chunks().0.iter().map(|bytes| i64::from(i32::from_le_bytes(*bytes))).collect(),
        _ => return None,
    };
    (n_elements(tensor) == Some(values.len() as u64) && !is_external(tensor)).then_some(values)
}

/// The text values of a tensor.
pub(crate) fn tensor_texts(tensor: &pb::TensorProto) -> Option<Vec<String>> {
    (tensor.data_type == DataType::String as i32)
        .then(|| tensor.string_data.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect())
}
