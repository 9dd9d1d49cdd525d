//! Whether the graph hangs together: every value has one source, and nothing waits for itself.

use std::collections::{HashMap, HashSet, VecDeque};

use tract_onnx::pb;

use super::Findings;
use crate::engine::proto::{each_node, node_label, subgraphs};

const EXPORT_AGAIN: &str = "Check the model with `onnx.checker.check_model`, and export it again.";

/// Refuses a graph that does not hang together.
pub(super) fn check(graph: &pb::GraphProto, findings: &mut Findings) {
    check_graph(graph, &HashSet::new(), findings);
    // Within a graph the same value may come out twice, as from a branch that gives one value for two.
    for (at, output) in graph.output.iter().enumerate() {
        if graph.output[..at].iter().any(|before| before.name == output.name) {
            findings.refuse(format!("The graph is broken: the output `{}` is there twice", output.name), EXPORT_AGAIN);
        }
    }
}

fn check_graph<'a>(graph: &'a pb::GraphProto, outer: &HashSet<&'a str>, findings: &mut Findings) {
    if !graph.sparse_initializer.is_empty() {
        findings.refuse("The model stores sparse tensors, which are not supported", "Export it with dense tensors.");
    }
    let mut known = outer.clone();
    let mut own: HashSet<&str> = HashSet::new();
    for input in &graph.input {
        if !own.insert(&input.name) {
            findings.refuse(format!("The graph is broken: the input `{}` is there twice", input.name), EXPORT_AGAIN);
        }
    }
    own.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
    for node in &graph.node {
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if !own.insert(output) {
                findings.refuse(format!("The graph is broken: the value `{output}` has two sources"), EXPORT_AGAIN);
            }
        }
    }
    known.extend(&own);
    for node in &graph.node {
        for input in node.input.iter().filter(|input| !input.is_empty() && !known.contains(input.as_str())) {
            findings.refuse(
                format!("The graph is broken: the node {} takes `{input}`, which has no source", node_label(node)),
                EXPORT_AGAIN,
            );
        }
        for subgraph in subgraphs(node) {
            check_graph(subgraph, &known, findings);
        }
    }
    for output in graph.output.iter().filter(|output| !known.contains(output.name.as_str())) {
        findings.refuse(format!("The graph is broken: the output `{}` has no source", output.name), EXPORT_AGAIN);
    }
    if order(graph).is_none() {
        findings.refuse("The graph is broken: some nodes wait for each other", EXPORT_AGAIN);
    }
}

/// The nodes in an order in which each comes after those it waits for; `None` when some wait for each other.
pub(crate) fn order(graph: &pb::GraphProto) -> Option<Vec<usize>> {
    let source: HashMap<&str, usize> = graph
        .node
        .iter()
        .enumerate()
        .flat_map(|(idx, node)| node.output.iter().map(move |output| (output.as_str(), idx)))
        .filter(|(output, _)| !output.is_empty())
        .collect();
    let mut waits_for = vec![0_usize; graph.node.len()];
    let mut wakes: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    for (idx, node) in graph.node.iter().enumerate() {
        let mut needs: HashSet<usize> =
            node.input.iter().filter_map(|input| source.get(input.as_str()).copied()).collect();
        for subgraph in subgraphs(node) {
            each_node(subgraph, &mut |inner| {
                needs.extend(inner.input.iter().filter_map(|input| source.get(input.as_str()).copied()));
            });
            needs.extend(subgraph.output.iter().filter_map(|output| source.get(output.name.as_str()).copied()));
        }
        waits_for[idx] = needs.len();
        #[expect(clippy::iter_over_hash_type, reason = "the order in which nodes are woken does not matter")]
        for need in needs {
            wakes[need].push(idx);
        }
    }
    let mut ready: VecDeque<usize> = (0..graph.node.len()).filter(|idx| waits_for[*idx] == 0).collect();
    let mut order = Vec::with_capacity(graph.node.len());
    while let Some(idx) = ready.pop_front() {
        order.push(idx);
        for next in &wakes[idx] {
            waits_for[*next] -= 1;
            if waits_for[*next] == 0 {
                ready.push_back(*next);
            }
        }
    }
    (order.len() == graph.node.len()).then_some(order)
}
