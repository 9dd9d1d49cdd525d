//! What tract is known to get wrong without saying so: such nodes are refused.
//!
//! Found by running ONNX's own operator tests and by reading tract's source; each has its reason beside it.

use tract_onnx::pb;

use super::{Findings, name_some};
use crate::engine::maps;
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
        if let Some(transform) = skipped_transform(node) {
            findings.warn(
                format!(
                    "{} {} asks for {transform} of a single target, which ONNX Runtime leaves out, and so it is here",
                    node.op_type,
                    node_label(node)
                ),
                "Export the transform as an operator of its own.",
            );
        }
        if node.op_type == "TreeEnsemble" && matches!(int(node, "post_transform"), Some(1 | 2)) {
            findings.warn(
                format!("TreeEnsemble {} has a post transform whose number ONNX Runtime reads as LOGISTIC (1) or SOFTMAX (2), against the specification, and so it is here", node_label(node)),
                "Export the transform as an operator of its own.",
            );
        }
        if let Some((what, fix)) = maps::objection(graph, node) {
            findings.refuse(format!("The {} {} {what}", node.op_type, node_label(node)), fix);
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

/// The transform that ONNX Runtime does not apply to a regressor's single target, against the specification.
fn skipped_transform(node: &pb::NodeProto) -> Option<String> {
    let probit_counts = match node.op_type.as_str() {
        "LinearRegressor" if int(node, "targets").unwrap_or(1) == 1 => true,
        "TreeEnsembleRegressor" if int(node, "n_targets").unwrap_or(1) == 1 => true,
        "SVMRegressor" => false,
        _ => return None,
    };
    let transform = text(node, "post_transform")?;
    (transform != "NONE" && !(probit_counts && transform == "PROBIT")).then_some(transform)
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
    fn a_transform_that_onnx_runtime_skips_is_told() {
        let skipped =
            |operator: &str, transform: &str| skipped_transform(&layer(operator, &[("post_transform", transform)]));
        assert_eq!(skipped("LinearRegressor", "LOGISTIC").as_deref(), Some("LOGISTIC"));
        assert_eq!(skipped("TreeEnsembleRegressor", "PROBIT"), None);
        assert_eq!(skipped("SVMRegressor", "PROBIT").as_deref(), Some("PROBIT"));
        assert_eq!(skipped("LinearRegressor", "NONE"), None);
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
