//! Functions that a model brings along, put in place of the nodes that call them.
//!
//! What cannot be put in place (a function that calls itself, one that grows without bounds, one written for other
//! versions of its operators) stays a call, which the inspection refuses by name.

use std::collections::HashMap;

use tract_onnx::pb;
use tract_onnx::prelude::Framework as _;

use super::proto::is_default_domain;

/// Functions within functions; what exporters write has a few levels.
const DEEPEST: usize = 64;
/// Nodes after all functions are in place.
const MOST_NODES: usize = 200_000;

/// Puts every function in place of its calls; `defaults` are the functions' default attributes, in their order.
pub(crate) fn inline(model: &mut pb::ModelProto, defaults: Vec<Vec<pb::AttributeProto>>) {
    if model.functions.is_empty() {
        return;
    }
    let mut defaults = defaults.into_iter();
    let mut functions = HashMap::new();
    for function in &model.functions {
        let defaults = defaults.next().unwrap_or_default();
        if fits(function, &model.opset_import) {
            functions.insert(key(function.domain(), function.name()), (function.clone(), defaults));
        }
    }
    for import in model.functions.iter().flat_map(|function| function.opset_import.clone()).collect::<Vec<_>>() {
        if !model.opset_import.iter().any(|known| same_domain(&known.domain, &import.domain)) {
            model.opset_import.push(import);
        }
    }
    let mut inlining = Inlining { functions, n_nodes: 0, n_calls: 0 };
    if let Some(graph) = model.graph.as_mut() {
        inlining.graph(graph, 0);
    }
}

fn key(domain: &str, name: &str) -> (String, String) {
    (if is_default_domain(domain) { String::new() } else { domain.to_owned() }, name.to_owned())
}

fn same_domain(left: &str, right: &str) -> bool {
    left == right || is_default_domain(left) && is_default_domain(right)
}

/// Whether the function's operators are of the versions that the model uses.
fn fits(function: &pb::FunctionProto, imports: &[pb::OperatorSetIdProto]) -> bool {
    function.opset_import.iter().all(|own| {
        let known = imports.iter().find(|known| same_domain(&known.domain, &own.domain));
        known.is_none_or(|known| known.version == own.version)
    })
}

struct Inlining {
    functions: HashMap<(String, String), (pb::FunctionProto, Vec<pb::AttributeProto>)>,
    n_nodes: usize,
    n_calls: usize,
}

impl Inlining {
    fn graph(&mut self, graph: &mut pb::GraphProto, depth: usize) {
        let nodes = std::mem::take(&mut graph.node);
        for node in nodes {
            self.node(node, &mut graph.node, depth);
        }
    }

    fn node(&mut self, mut node: pb::NodeProto, into: &mut Vec<pb::NodeProto>, depth: usize) {
        self.n_nodes += 1;
        let body = (depth < DEEPEST && self.n_nodes < MOST_NODES)
            .then(|| self.functions.get(&key(&node.domain, &node.op_type)))
            .flatten()
            .map(|(function, defaults)| instance(function, defaults, &node, self.n_calls));
        let Some(body) = body else {
            for graph in
                node.attribute.iter_mut().flat_map(|attribute| attribute.g.iter_mut().chain(&mut attribute.graphs))
            {
                self.graph(graph, depth);
            }
            into.push(node);
            return;
        };
        self.n_calls += 1;
        for inner in body {
            self.node(inner, into, depth + 1);
        }
    }
}

/// The function's nodes with the call's values and attributes in place of its own.
fn instance(
    function: &pb::FunctionProto,
    defaults: &[pb::AttributeProto],
    call: &pb::NodeProto,
    n_calls: usize,
) -> Vec<pb::NodeProto> {
    // Not the call's own name: it would grow with every level.
    let prefix = format!("{}/{n_calls}/", function.name());
    let mut names: HashMap<&str, &str> = HashMap::new();
    for (idx, input) in function.input.iter().enumerate() {
        names.insert(input, call.input.get(idx).map_or("", String::as_str));
    }
    let mut passed = Vec::new();
    for (output, given) in function.output.iter().zip(&call.output).filter(|(_, given)| !given.is_empty()) {
        // An output that is an input, or asked for twice, is handed through.
        if let Some(source) = names.get(output.as_str()) {
            passed.push(pb::NodeProto {
                op_type: "Identity".to_owned(),
                input: vec![(*source).to_owned()],
                output: vec![given.clone()],
                ..pb::NodeProto::default()
            });
        } else {
            names.insert(output, given);
        }
    }
    let mut attributes: HashMap<&str, &pb::AttributeProto> =
        defaults.iter().map(|default| (default.name.as_str(), default)).collect();
    attributes.extend(call.attribute.iter().map(|given| (given.name.as_str(), given)));
    let instance = Instance { names, attributes, prefix };
    let mut nodes: Vec<pb::NodeProto> = function.node.clone();
    for node in &mut nodes {
        instance.node(node);
    }
    nodes.extend(passed);
    nodes
}

struct Instance<'a> {
    names: HashMap<&'a str, &'a str>,
    attributes: HashMap<&'a str, &'a pb::AttributeProto>,
    prefix: String,
}

impl Instance<'_> {
    fn rename(&self, name: &mut String) {
        if !name.is_empty() {
            *name = match self.names.get(name.as_str()) {
                Some(given) => (*given).to_owned(),
                None => format!("{}{name}", self.prefix),
            };
        }
    }

    fn node(&self, node: &mut pb::NodeProto) {
        node.input.iter_mut().chain(&mut node.output).for_each(|name| self.rename(name));
        if !node.name.is_empty() {
            node.name = format!("{}{}", self.prefix, node.name);
        }
        let attributes = std::mem::take(&mut node.attribute);
        for mut attribute in attributes {
            if attribute.ref_attr_name.is_empty() {
                attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(|graph| self.graph(graph));
                node.attribute.push(attribute);
            } else if let Some(given) = self.attributes.get(attribute.ref_attr_name.as_str()) {
                node.attribute.push(pb::AttributeProto { name: attribute.name, ..(*given).clone() });
            }
        }
    }

    fn graph(&self, graph: &mut pb::GraphProto) {
        graph.node.iter_mut().for_each(|node| self.node(node));
        graph.initializer.iter_mut().for_each(|tensor| self.rename(&mut tensor.name));
        graph.input.iter_mut().chain(&mut graph.output).for_each(|value| self.rename(&mut value.name));
        graph.value_info.clear();
    }
}

/// The default attributes of a function, of which tract's protobuf knows nothing, from the function's bytes.
pub(crate) fn defaults(function: &[u8]) -> Vec<pb::AttributeProto> {
    const ATTRIBUTE_PROTO: u64 = 11;
    let mut found = Vec::new();
    let mut rest = function;
    while let Some((key, after)) = varint(rest) {
        let (length, after) = match key & 7 {
            0 => match varint(after) {
                Some((_, after)) => (0, after),
                None => break,
            },
            1 => (8, after),
            2 => match varint(after) {
                Some((length, after)) => (length, after),
                None => break,
            },
            5 => (4, after),
            _ => break,
        };
        let Some((content, after)) = usize::try_from(length).ok().and_then(|length| after.split_at_checked(length))
        else {
            break;
        };
        if key >> 3 == ATTRIBUTE_PROTO && key & 7 == 2 {
            found.extend(attribute(content));
        }
        rest = after;
    }
    found
}

/// Reads an attribute by wrapping it into a node, a graph and a model.
fn attribute(bytes: &[u8]) -> Option<pb::AttributeProto> {
    /// Number and kind of the fields: an attribute of a node, a node of a graph, the graph of a model.
    const FIELDS: [u8; 3] = [0x2a, 0x0a, 0x3a];
    let mut wrapped = bytes.to_vec();
    for field in FIELDS {
        let mut outer = vec![field];
        let mut length = wrapped.len();
        while 127 < length {
            outer.push((length & 127) as u8 | 128);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.append(&mut wrapped);
        wrapped = outer;
    }
    let model = tract_onnx::onnx().proto_model_for_read(&mut wrapped.as_slice()).ok()?;
    model.graph?.node.into_iter().next()?.attribute.into_iter().next()
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (idx, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 127) << (7 * idx).min(63);
        if *byte < 128 {
            return Some((value, &bytes[idx + 1..]));
        }
    }
    None
}
