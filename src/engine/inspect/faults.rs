//! What tract is known to get wrong without saying so: such nodes are refused.
//!
//! Found by running ONNX's own operator tests and by reading tract's source; each has its reason beside it.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::{Findings, name_some, stores};
use crate::engine::proto::{attribute, each_node, float, int, node_label, text, texts};

/// Refuses nodes that would be computed wrongly.
pub(super) fn check(graph: &pb::GraphProto, opset: i64, findings: &mut Findings) {
    let half = holds_half(graph);
    let mut found: Vec<(String, &'static str, Vec<String>)> = Vec::new();
    let mut random = Vec::new();
    each_node(graph, &mut |node| {
        if let Some((what, fix)) = fault(node, opset, half) {
            match found.iter_mut().find(|(known, _, _)| *known == what) {
                Some((_, _, labels)) => labels.push(node_label(node)),
                None => found.push((what, fix, vec![node_label(node)])),
            }
        }
        if node.op_type.starts_with("Random") || matches!(node.op_type.as_str(), "Multinomial" | "Bernoulli") {
            random.push(node_label(node));
        }
        if node.op_type == "ZipMap" && !graph.output.iter().any(|output| node.output.contains(&output.name)) {
            findings.refuse(
                format!("The ZipMap {} is not an output of the model", node_label(node)),
                "Export the model with the option `zipmap: False`.",
            );
        }
    });
    for (what, fix, labels) in found {
        findings.refuse(format!("{what} ({})", name_some(&labels)), fix);
    }
    if !random.is_empty() {
        findings.about("operator.random");
        findings.warn(
            format!("The model draws random numbers: its answers cannot be repeated ({})", name_some(&random)),
            "Export it in evaluation mode.",
        );
    }
}

/// Whether half-precision numbers occur.
fn holds_half(graph: &pb::GraphProto) -> bool {
    let half = DataType::Float16 as i32;
    let mut found = stores(graph, half);
    each_node(graph, &mut |node| found |= node.op_type == "Cast" && int(node, "to") == Some(i64::from(half)));
    found
        || super::contract::real_inputs(graph).any(|input| {
            matches!(
                input.r#type.as_ref().and_then(|kind| kind.value.as_ref()),
                Some(pb::type_proto::Value::TensorType(tensor)) if tensor.elem_type == half
            )
        })
}

fn given(list: &[String], position: usize) -> bool {
    list.get(position).is_some_and(|name| !name.is_empty())
}

/// What would be computed wrongly, and what to do about it.
fn fault(node: &pb::NodeProto, opset: i64, half: bool) -> Option<(String, &'static str)> {
    let operator = node.op_type.as_str();
    match operator {
        "LSTM" | "GRU" | "RNN" => recurrent(node, opset),
        // Out-of-width shifts differ.
        "BitShift" => Some((
            "BitShift is not supported".to_owned(),
            "Replace the shift by a multiplication or a division by a power of two.",
        )),
        "SpaceToDepth" if text(node, "mode").as_deref() == Some("CRD") => {
            Some(("SpaceToDepth in the mode CRD is not supported".to_owned(), "Export it in the mode DCR."))
        }
        "Celu" if half => Some(("Celu in float16 is not supported".to_owned(), "Export the model in float32.")),
        "Attention" | "GroupQueryAttention" | "MultiHeadAttention" => attention(node),
        // Only alpha = 1 is computed.
        "Swish" if float(node, "alpha").is_some_and(|alpha| alpha.to_bits() != 1.0_f32.to_bits()) => Some((
            "Swish with an alpha other than 1 is not supported".to_owned(),
            "Export it as x * Sigmoid(alpha * x).",
        )),
        // ONNX Runtime skips the transform of a single target, tract does not.
        "LinearRegressor"
            if int(node, "targets").unwrap_or(1) == 1
                && text(node, "post_transform").is_some_and(|transform| transform != "NONE") =>
        {
            Some((
                "LinearRegressor with a post transform of a single target is not defined alike everywhere".to_owned(),
                "Export the transform as an operator of its own.",
            ))
        }
        _ => None,
    }
}

fn recurrent(node: &pb::NodeProto, opset: i64) -> Option<(String, &'static str)> {
    let operator = &node.op_type;
    let refuse = |what: &str, fix| Some((format!("{operator} {what} is not supported"), fix));
    let direction = text(node, "direction");
    let bidirectional = direction.as_deref() == Some("bidirectional");
    let defaults: &[&str] = match operator.as_str() {
        "LSTM" => &["sigmoid", "tanh", "tanh"],
        "GRU" => &["sigmoid", "tanh"],
        _ => &["tanh"],
    };
    let activations: Vec<String> = texts(node, "activations").iter().map(|name| name.to_lowercase()).collect();
    let usual = activations.iter().zip(defaults.iter().cycle()).all(|(given, default)| given == default);
    // tract ignores the direction; from operator set 10 on, the sequence is reversed for it.
    if direction.as_deref() == Some("reverse") && opset < 10 {
        return refuse("in the direction `reverse`", "Export it with operator set 10 or newer.");
    }
    if attribute(node, "clip").is_some() {
        return refuse("with `clip`", "Train and export it without clipping.");
    }
    if !usual {
        return refuse("with activations other than the usual", "Use the layer's default activations.");
    }
    if int(node, "input_forget").unwrap_or(0) != 0 {
        return refuse("with coupled input and forget gates", "Train and export it without `input_forget`.");
    }
    if bidirectional && int(node, "layout").unwrap_or(0) != 0 {
        return refuse("in both directions with the batch first", "Export it with `layout=0`.");
    }
    None
}

fn attention(node: &pb::NodeProto) -> Option<(String, &'static str)> {
    const WITHOUT_CACHE: &str = "Export the model without a key-value cache.";
    let operator = &node.op_type;
    let window = node.attribute.iter().any(|attribute| attribute.name.contains("window") && attribute.i > 0);
    if window {
        return Some((format!("{operator} with a local window is not supported"), "Export it with full attention."));
    }
    let past = match operator.as_str() {
        "Attention" => given(&node.input, 4) || given(&node.input, 5),
        "MultiHeadAttention" => given(&node.input, 6) || given(&node.input, 7),
        _ => given(&node.input, 3) || given(&node.input, 4),
    };
    (past || given(&node.output, 1) || given(&node.output, 2))
        .then(|| (format!("{operator} with past keys and values is not supported"), WITHOUT_CACHE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(operator: &str, attributes: &[(&str, &str)]) -> pb::NodeProto {
        let attribute = |(name, value): &(&str, &str)| pb::AttributeProto {
            name: (*name).to_owned(),
            s: value.as_bytes().to_vec(),
            i: value.parse().unwrap_or(0),
            strings: value.split(' ').map(|word| word.as_bytes().to_vec()).collect(),
            ..pb::AttributeProto::default()
        };
        pb::NodeProto {
            op_type: operator.to_owned(),
            attribute: attributes.iter().map(attribute).collect(),
            ..pb::NodeProto::default()
        }
    }

    #[track_caller]
    fn check(operator: &str, attributes: &[(&str, &str)], expected: Option<&str>) {
        let what = fault(&layer(operator, attributes), 9, false).map(|(what, _)| what);
        assert_eq!(what.as_deref(), expected);
    }

    #[test]
    fn recurrent_layers_are_refused_where_tract_ignores_their_attributes() {
        check("LSTM", &[("direction", "forward")], None);
        check("GRU", &[("direction", "bidirectional")], None);
        check("GRU", &[("direction", "reverse")], Some("GRU in the direction `reverse` is not supported"));
        check("LSTM", &[("clip", "3")], Some("LSTM with `clip` is not supported"));
        check("RNN", &[("activations", "Relu")], Some("RNN with activations other than the usual is not supported"));
        check("LSTM", &[("activations", "Sigmoid Tanh Tanh Sigmoid Tanh Tanh")], None);
        check("LSTM", &[("input_forget", "1")], Some("LSTM with coupled input and forget gates is not supported"));
    }

    #[test]
    fn other_faults_are_refused_only_where_they_show() {
        check("SpaceToDepth", &[("blocksize", "2")], None);
        check("SpaceToDepth", &[("mode", "CRD")], Some("SpaceToDepth in the mode CRD is not supported"));
        check("Celu", &[], None);
        assert!(fault(&layer("Celu", &[]), 9, true).is_some());
        check(
            "GroupQueryAttention",
            &[("local_window_size", "4")],
            Some("GroupQueryAttention with a local window is not supported"),
        );
    }
}
