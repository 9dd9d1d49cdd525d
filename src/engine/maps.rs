//! Maps, which only `ai.onnx.ml` knows, as tables with a column for each key.
//!
//! `DictVectorizer` lays a map out in the order of its vocabulary; in its place the table itself is the input.
//! `ZipMap` gives names to columns. Both compute nothing: they become `Identity`, and the names are in the contract.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value;

use super::proto::{ints, texts};
use crate::project::contract::ClassLabel;

/// The keys of a `DictVectorizer`, in the order of its columns.
fn keys(node: &pb::NodeProto) -> Vec<ClassLabel> {
    let texts = texts(node, "string_vocabulary").into_iter().map(ClassLabel::Text);
    texts.chain(ints(node, "int64_vocabulary").iter().copied().map(ClassLabel::Int)).collect()
}

fn is_dict_vectorizer(node: &pb::NodeProto) -> bool {
    node.op_type == "DictVectorizer" && node.domain == "ai.onnx.ml"
}

/// The names of the columns of an input that is a map in the file.
pub(crate) fn vocabulary(graph: &pb::GraphProto, input: &str) -> Option<Vec<ClassLabel>> {
    let mut takers = graph.node.iter().filter(|node| node.input.iter().any(|taken| taken == input));
    let first = takers.next().filter(|node| is_dict_vectorizer(node))?;
    let keys = keys(first);
    (!keys.is_empty() && takers.all(|other| is_dict_vectorizer(other) && self::keys(other) == keys)).then_some(keys)
}

/// Gives inputs that are maps the type of a table; tract's structures know no maps, so these have no type at all.
pub(crate) fn type_inputs(graph: &mut pb::GraphProto) {
    let widths: Vec<Option<usize>> = graph
        .input
        .iter()
        .map(|input| {
            let untyped = input.r#type.as_ref().is_none_or(|kind| kind.value.is_none());
            if untyped { vocabulary(graph, &input.name).map(|keys| keys.len()) } else { None }
        })
        .collect();
    for (input, width) in graph.input.iter_mut().zip(widths) {
        let Some(width) = width else { continue };
        let length =
            Dimension { value: Some(DimValue::DimValue((width as u64).cast_signed())), ..Dimension::default() };
        let shape = pb::TensorShapeProto { dim: vec![Dimension::default(), length] };
        let tensor = pb::type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(shape) };
        input.r#type = Some(pb::TypeProto { value: Some(Value::TensorType(tensor)), ..pb::TypeProto::default() });
    }
}

/// Makes an `Identity` of a node that only names columns.
pub(crate) fn forget_names(node: &mut pb::NodeProto) {
    if node.op_type == "ZipMap" || is_dict_vectorizer(node) {
        "Identity".clone_into(&mut node.op_type);
        node.domain.clear();
        node.attribute.clear();
    }
}

/// Why a node's maps cannot be tables, and what to do about it.
pub(crate) fn objection(graph: &pb::GraphProto, node: &pb::NodeProto) -> Option<(&'static str, &'static str)> {
    let is_input = |name: &String| graph.input.iter().any(|input| input.name == *name);
    if is_dict_vectorizer(node)
        && !node.input.first().is_some_and(|name| is_input(name) && vocabulary(graph, name).is_some())
    {
        return Some((
            "does not take a map that is an input of the model",
            "Train on a table in place of dictionaries: one column for each key.",
        ));
    }
    if node.op_type == "ZipMap" && !node.output.iter().all(|output| leads_out(graph, output)) {
        return Some(("is not an output of the model", "Export the model with the option `zipmap: False`."));
    }
    None
}

/// Whether a value is used as an output only, or by nodes that pass it on to one.
fn leads_out(graph: &pb::GraphProto, value: &str) -> bool {
    let mut values = vec![value];
    let mut left = graph.node.len();
    while let Some(value) = values.pop() {
        for taker in graph.node.iter().filter(|node| node.input.iter().any(|taken| taken == value)) {
            if taker.op_type != "Identity" || left == 0 {
                return false;
            }
            left -= 1;
            values.extend(taker.output.iter().map(String::as_str));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(operator: &str, domain: &str, input: &str, output: &str) -> pb::NodeProto {
        pb::NodeProto {
            op_type: operator.to_owned(),
            domain: domain.to_owned(),
            input: vec![input.to_owned()],
            output: vec![output.to_owned()],
            ..pb::NodeProto::default()
        }
    }

    fn graph(nodes: Vec<pb::NodeProto>) -> pb::GraphProto {
        let input = pb::ValueInfoProto { name: "x".to_owned(), ..pb::ValueInfoProto::default() };
        pb::GraphProto { input: vec![input], node: nodes, ..pb::GraphProto::default() }
    }

    fn vectorizer() -> pb::NodeProto {
        let strings = pb::AttributeProto {
            name: "string_vocabulary".to_owned(),
            strings: vec![b"age".to_vec(), b"fare".to_vec()],
            ..pb::AttributeProto::default()
        };
        pb::NodeProto { attribute: vec![strings], ..node("DictVectorizer", "ai.onnx.ml", "x", "y") }
    }

    #[test]
    fn a_map_becomes_a_table_with_the_vocabulary_as_columns() {
        let mut graph = graph(vec![vectorizer()]);
        let keys = vec![ClassLabel::Text("age".to_owned()), ClassLabel::Text("fare".to_owned())];
        assert_eq!(vocabulary(&graph, "x"), Some(keys));
        type_inputs(&mut graph);
        let Some(Value::TensorType(tensor)) = &graph.input[0].r#type.as_ref().unwrap().value else { panic!() };
        let lengths = &tensor.shape.as_ref().unwrap().dim;
        assert_eq!((lengths[0].value.clone(), lengths[1].value.clone()), (None, Some(DimValue::DimValue(2))));
        assert_eq!(objection(&graph, &graph.node[0]), None);
    }

    #[test]
    fn a_map_that_is_used_otherwise_is_refused() {
        let both = graph(vec![vectorizer(), node("CastMap", "ai.onnx.ml", "x", "z")]);
        assert_eq!(vocabulary(&both, "x"), None);
        assert!(objection(&both, &both.node[0]).is_some());
    }

    #[test]
    fn names_of_columns_may_be_passed_on_to_an_output_only() {
        let passed = graph(vec![node("ZipMap", "ai.onnx.ml", "x", "y"), node("Identity", "", "y", "z")]);
        assert_eq!(objection(&passed, &passed.node[0]), None);
        let used = graph(vec![node("ZipMap", "ai.onnx.ml", "x", "y"), node("SequenceAt", "", "y", "z")]);
        assert!(objection(&used, &used.node[0]).is_some());
    }
}
