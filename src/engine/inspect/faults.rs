//! What tract is known to get wrong without saying so: such nodes are refused.
//!
//! Found by running ONNX's own operator tests and by reading tract's source; each has its reason beside it.

use tract_onnx::pb;

use super::{Findings, name_some};
use crate::engine::proto::{each_node, int, node_label, text};

/// Refuses nodes that would be computed wrongly.
pub(super) fn check(graph: &pb::GraphProto, findings: &mut Findings) {
    let mut found: Vec<(String, &'static str, Vec<String>)> = Vec::new();
    let mut random = Vec::new();
    each_node(graph, &mut |node| {
        if let Some((what, fix)) = fault(node) {
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

fn given(list: &[String], position: usize) -> bool {
    list.get(position).is_some_and(|name| !name.is_empty())
}

/// What would be computed wrongly, and what to do about it.
fn fault(node: &pb::NodeProto) -> Option<(String, &'static str)> {
    let operator = node.op_type.as_str();
    match operator {
        "SpaceToDepth" if text(node, "mode").as_deref() == Some("CRD") => {
            Some(("SpaceToDepth in the mode CRD is not supported".to_owned(), "Export it in the mode DCR."))
        }
        "Attention" | "GroupQueryAttention" | "MultiHeadAttention" => attention(node),
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
        let what = fault(&layer(operator, attributes)).map(|(what, _)| what);
        assert_eq!(what.as_deref(), expected);
    }

    #[test]
    fn other_faults_are_refused_only_where_they_show() {
        check("SpaceToDepth", &[("blocksize", "2")], None);
        check("SpaceToDepth", &[("mode", "CRD")], Some("SpaceToDepth in the mode CRD is not supported"));
        check(
            "GroupQueryAttention",
            &[("local_window_size", "4")],
            Some("GroupQueryAttention with a local window is not supported"),
        );
    }
}
