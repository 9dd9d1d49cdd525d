//! The nodes of a file, for tracing back what runs: names, operators, trained values.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb;

use crate::engine::proto::{
    attribute_values, dtype, each_node, element_bytes, is_default_domain, n_elements, subgraphs,
};

/// A node of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileNode {
    /// Its name; its first output when it has none.
    pub(crate) name: String,
    /// Its domain; empty is ONNX's own.
    pub(crate) domain: String,
    /// Its operator.
    pub(crate) operator: String,
    /// Trained values that it is the first to use.
    pub(crate) n_parameters: u64,
    /// Bytes of those.
    pub(crate) parameter_bytes: u64,
    /// The nodes it takes values of, as positions.
    pub(crate) takes: Vec<usize>,
}

/// The nodes of a file's own graph, in its order. What is within `If`, `Loop` and `Scan` counts to that node.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileNodes {
    nodes: Vec<FileNode>,
    by_name: HashMap<String, usize>,
}

impl FileNodes {
    /// The nodes of a graph that was not rewritten yet.
    pub(crate) fn of(graph: &pb::GraphProto) -> Self {
        let mut stored: HashMap<&str, (u64, u64)> =
            graph.initializer.iter().map(|tensor| (tensor.name.as_str(), size(tensor))).collect();
        let outputs = |(idx, node): (usize, &'_ pb::NodeProto)| -> Vec<(String, usize)> {
            node.output.iter().map(|output| (output.clone(), idx)).collect()
        };
        let sources: HashMap<String, usize> = graph.node.iter().enumerate().flat_map(outputs).collect();
        let mut nodes = Vec::with_capacity(graph.node.len());
        for node in &graph.node {
            let mut own = inner(node);
            for input in &node.input {
                add(&mut own, stored.remove(input.as_str()).unwrap_or_default());
            }
            // A body names the values around it without taking them as inputs.
            let mut around = HashSet::new();
            for subgraph in subgraphs(node) {
                each_node(subgraph, &mut |inner| {
                    around.extend(inner.input.iter().map(String::as_str));
                });
            }
            let mut around: Vec<&str> = around.into_iter().collect();
            around.sort_unstable();
            for name in around {
                add(&mut own, stored.remove(name).unwrap_or_default());
            }
            let name =
                if node.name.is_empty() { node.output.first().cloned().unwrap_or_default() } else { node.name.clone() };
            let domain = if is_default_domain(&node.domain) { String::new() } else { node.domain.clone() };
            nodes.push(FileNode {
                name,
                domain,
                operator: node.op_type.clone(),
                n_parameters: own.0,
                parameter_bytes: own.1,
                takes: node.input.iter().filter_map(|input| sources.get(input).copied()).collect(),
            });
        }
        let mut by_name = HashMap::with_capacity(nodes.len());
        for (idx, node) in nodes.iter().enumerate() {
            by_name.entry(node.name.clone()).or_insert(idx);
        }
        Self { nodes, by_name }
    }

    /// The nodes, in the file's order.
    pub(crate) fn all(&self) -> &[FileNode] {
        &self.nodes
    }

    /// The node that the engine's name comes from: that of the same name, or of the longest beginning before a dot.
    pub(crate) fn origin(&self, name: &str) -> Option<usize> {
        let mut name = name;
        loop {
            if let Some(idx) = self.by_name.get(name) {
                return Some(*idx);
            }
            name = &name[..name.rfind('.')?];
        }
    }
}

impl FileNodes {
    /// The nearest node that `is_wanted`, from one upwards, and the nodes on the way to it, that one first.
    pub(crate) fn upwards(&self, from: usize, is_wanted: impl Fn(usize) -> bool) -> Option<(usize, Vec<usize>)> {
        /// What is fused in one step is never far.
        const FARTHEST: usize = 8;
        let mut ways = vec![vec![from]];
        for _ in 0..FARTHEST {
            let mut farther = Vec::new();
            for way in ways {
                for next in way.last().into_iter().flat_map(|last| &self.nodes[*last].takes) {
                    if is_wanted(*next) {
                        return Some((*next, way));
                    }
                    // A branching graph has very many ways.
                    if farther.len() < 64 {
                        farther.push(way.iter().copied().chain([*next]).collect());
                    }
                }
            }
            ways = farther;
        }
        None
    }
}

/// Values and bytes that a node carries in itself.
fn inner(node: &pb::NodeProto) -> (u64, u64) {
    let mut sum = attribute_values(node);
    for subgraph in subgraphs(node) {
        for tensor in &subgraph.initializer {
            add(&mut sum, size(tensor));
        }
        for node in &subgraph.node {
            add(&mut sum, inner(node));
        }
    }
    sum
}

fn add(sum: &mut (u64, u64), more: (u64, u64)) {
    *sum = (sum.0.saturating_add(more.0), sum.1.saturating_add(more.1));
}

/// Elements and bytes of a stored tensor; of text only the elements are known.
fn size(tensor: &pb::TensorProto) -> (u64, u64) {
    let n = n_elements(tensor).unwrap_or(0);
    (n, dtype(tensor.data_type).and_then(element_bytes).unwrap_or(0).saturating_mul(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, operator: &str, inputs: &[&str], output: &str) -> pb::NodeProto {
        pb::NodeProto {
            name: name.to_owned(),
            op_type: operator.to_owned(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![output.to_owned()],
            ..pb::NodeProto::default()
        }
    }

    fn tensor(name: &str, dims: &[i64]) -> pb::TensorProto {
        pb::TensorProto { name: name.to_owned(), dims: dims.to_vec(), data_type: 1, ..pb::TensorProto::default() }
    }

    #[test]
    fn a_shared_value_counts_once_and_names_lead_back() {
        let graph = pb::GraphProto {
            node: vec![
                node("a.b", "Gemm", &["x", "w", "bias"], "y"),
                node("", "MatMul", &["y", "w"], "z"),
                node("a", "Relu", &["z"], "out"),
            ],
            initializer: vec![tensor("w", &[3, 4]), tensor("bias", &[4])],
            ..pb::GraphProto::default()
        };
        let nodes = FileNodes::of(&graph);
        let sizes: Vec<(u64, u64)> = nodes.all().iter().map(|node| (node.n_parameters, node.parameter_bytes)).collect();
        assert_eq!(sizes, [(16, 64), (0, 0), (0, 0)]);
        let origin = |name: &str| nodes.origin(name).map(|idx| nodes.all()[idx].name.as_str());
        assert_eq!(origin("a.b"), Some("a.b"));
        assert_eq!(origin("a.b.matmul.pack"), Some("a.b"));
        assert_eq!(origin("a.c"), Some("a"));
        assert_eq!(origin("z.einsum"), Some("z"), "a node without a name is called by its output");
        assert_eq!(origin("elsewhere"), None);
        assert_eq!(nodes.upwards(2, |idx| nodes.all()[idx].operator == "Gemm"), Some((0, vec![2, 1])));
        assert_eq!(nodes.upwards(2, |_| false), None);
    }
}
