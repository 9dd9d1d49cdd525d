//! From a graph to steps.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tract_onnx::data_resolver::FopenDataResolver;
use tract_onnx::pb;
use tract_onnx::tensor::load_tensor;
use tract_onnx::tract_hir::internal::{
    IntoArcTensor as _, Tensor, TractResult, bail, ensure, format_err, tensor0, tensor1,
};

use super::control::{Body, Branches, Looped, Scanned};
use super::segment::{Header, Segment, label};
use super::sequence::SequenceOperator;
use super::{Action, Port, Program, Step};
use crate::engine::inspect::{order, real_inputs};
use crate::engine::operators::{self, Parsed, Versions};
use crate::engine::proto::{attribute, is_default_domain, subgraphs, texts};

/// Graphs inside graphs; what exporters write has a few levels.
const DEEPEST: usize = 32;

type Constants = HashMap<String, Arc<Tensor>>;

impl Program {
    /// The steps of a model that was made fit for tract.
    pub(crate) fn new(proto: &pb::ModelProto, folder: &str) -> TractResult<Self> {
        let Some(graph) = proto.graph.as_ref() else { bail!("there is no graph") };
        let header = Header { opset_import: proto.opset_import.clone(), folder: folder.to_owned() };
        let context = Context { header: Arc::new(header), versions: Versions::of(proto) };
        let free = free_names(graph);
        ensure!(free.is_empty(), "values without a source: {free:?}");
        compile(graph, &context, &Constants::new(), &[], 0)
    }
}

struct Context {
    header: Arc<Header>,
    versions: Versions,
}

/// Every value that the node needs: its inputs, and what its graphs take from around them.
fn needs(node: &pb::NodeProto) -> Vec<String> {
    let mut names: Vec<String> = node.input.iter().filter(|name| !name.is_empty()).cloned().collect();
    names.extend(subgraphs(node).flat_map(free_names));
    names
}

/// The values that a graph takes from around it.
fn free_names(graph: &pb::GraphProto) -> Vec<String> {
    let mut own: HashSet<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    own.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
    own.extend(graph.node.iter().flat_map(|node| &node.output).map(String::as_str));
    let used = graph.node.iter().flat_map(needs).chain(graph.output.iter().map(|output| output.name.clone()));
    let mut free: Vec<String> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    for name in used {
        if !own.contains(name.as_str()) && seen.insert(name.clone()) {
            free.push(name);
        }
    }
    free
}

/// Places for values, by name.
#[derive(Default)]
struct Places {
    by_name: HashMap<String, usize>,
    constants: Vec<Option<Arc<Tensor>>>,
}

impl Places {
    fn add(&mut self, name: &str, constant: Option<Arc<Tensor>>) -> usize {
        let place = self.constants.len();
        self.constants.push(constant);
        self.by_name.insert(name.to_owned(), place);
        place
    }

    fn of(&self, name: &str) -> TractResult<usize> {
        self.by_name.get(name).copied().ok_or_else(|| format_err!("`{name}` has no source"))
    }

    fn constant(&self, name: &str) -> Option<&Arc<Tensor>> {
        self.constants[*self.by_name.get(name)?].as_ref()
    }
}

/// Some nodes that become one step.
enum Group {
    /// For tract.
    Together(Vec<usize>),
    /// A step of its own.
    Alone(usize),
}

/// The steps of a graph; `captured` are the values it takes from around it, unless they are known.
fn compile(
    graph: &pb::GraphProto,
    context: &Context,
    known: &Constants,
    captured: &[String],
    depth: usize,
) -> TractResult<Program> {
    ensure!(depth < DEEPEST, "graphs stand inside of each other more than {DEEPEST} levels deep");
    let mut places = Places::default();
    for (name, value) in sorted(known) {
        places.add(name, Some(Arc::clone(value)));
    }
    let captures: Vec<usize> = captured.iter().map(|name| places.add(name, None)).collect();
    for tensor in &graph.initializer {
        let value = load_tensor(&FopenDataResolver, tensor, Some(&context.header.folder))?;
        places.add(&tensor.name, Some(value.into_arc_tensor()));
    }
    let inputs: Vec<Port> = real_inputs(graph).map(|input| Port::new(places.add(&input.name, None), input)).collect();
    for node in &graph.node {
        let constant = constant(node, context)?;
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            places.add(output, constant.clone());
        }
    }
    let groups = groups(graph, context, captured, depth)?;
    let mut users: HashMap<String, Vec<usize>> = HashMap::new();
    for (idx, node) in graph.node.iter().enumerate() {
        for name in needs(node) {
            users.entry(name).or_default().push(idx);
        }
    }
    let asked: HashSet<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    let mut steps = Vec::with_capacity(groups.len());
    for group in groups {
        steps.extend(match group {
            Group::Alone(idx) => Some(alone(&graph.node[idx], context, &places, depth)?),
            Group::Together(members) => together(graph, &members, context, &places, &users, &asked)?,
        });
    }
    let outputs = graph.output.iter().map(|output| Ok(Port::new(places.of(&output.name)?, output)));
    let outputs: Vec<Port> = outputs.collect::<TractResult<_>>()?;
    let mut needed: HashSet<usize> = outputs.iter().map(|port| port.place).collect();
    for step in steps.iter_mut().rev() {
        for place in step.inputs.iter().flatten() {
            if needed.insert(*place) && places.constants[*place].is_none() {
                step.last_uses.push(*place);
            }
        }
    }
    Ok(Program { constants: places.constants, inputs, captures, steps, outputs })
}

fn sorted(constants: &Constants) -> Vec<(&String, &Arc<Tensor>)> {
    let mut all: Vec<_> = constants.iter().collect();
    all.sort_by_key(|(name, _)| *name);
    all
}

/// The value of a `Constant`.
fn constant(node: &pb::NodeProto, context: &Context) -> TractResult<Option<Arc<Tensor>>> {
    if node.op_type != "Constant" || !is_default_domain(&node.domain) {
        return Ok(None);
    }
    let Some(given) = node.attribute.first() else { bail!("{} has no value", label(node)) };
    let value = match given.name.as_str() {
        "value" => match &given.t {
            Some(tensor) => load_tensor(&FopenDataResolver, tensor, Some(&context.header.folder))?,
            None => bail!("{} has no value", label(node)),
        },
        "value_float" => tensor0(given.f),
        "value_floats" => tensor1(&given.floats),
        "value_int" => tensor0(given.i),
        "value_ints" => tensor1(&given.ints),
        "value_string" => tensor0(String::from_utf8_lossy(&given.s).into_owned()),
        "value_strings" => tensor1(&texts(node, "value_strings")),
        other => bail!("{}: the attribute `{other}` is not supported", label(node)),
    };
    Ok(Some(value.into_arc_tensor()))
}

/// Whether the node is a step of its own; `others` are values that may be no tensors.
fn stands_alone(node: &pb::NodeProto, context: &Context, others: &HashSet<&str>) -> TractResult<bool> {
    if let Some(parsed) = operators::parse_claimed(node, context.versions) {
        return Ok(matches!(parsed?, Parsed::Kernel(_)));
    }
    if !is_default_domain(&node.domain) {
        return Ok(false);
    }
    Ok(match node.op_type.as_str() {
        "Identity" => node.input.first().is_some_and(|input| others.contains(input.as_str())),
        "If" | "Loop" | "Scan" | "SequenceMap" => true,
        _ => SequenceOperator::of(node).is_some(),
    })
}

/// The nodes that are needed, in an order that leaves as many of tract's as can be together.
fn groups(graph: &pb::GraphProto, context: &Context, captured: &[String], depth: usize) -> TractResult<Vec<Group>> {
    let Some(order) = order(graph) else { bail!("some nodes wait for each other") };
    let outputs =
        |node: &pb::NodeProto| node.output.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>();
    let mut wanted: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let mut live: Vec<usize> = Vec::new();
    for idx in order.into_iter().rev() {
        let node = &graph.node[idx];
        if outputs(node).iter().any(|name| wanted.contains(name)) {
            wanted.extend(needs(node));
            live.push(idx);
        }
    }
    live.reverse();

    let mut others: HashSet<&str> = HashSet::new();
    if 0 < depth {
        others.extend(captured.iter().map(String::as_str));
        others.extend(graph.input.iter().map(|input| input.name.as_str()));
    }
    // A node's level is the number of steps on their own that must have been taken before it.
    let mut levels: HashMap<String, usize> = HashMap::new();
    let mut placed: Vec<(usize, bool, usize)> = Vec::with_capacity(live.len());
    for idx in live {
        let node = &graph.node[idx];
        if node.op_type == "Constant" && is_default_domain(&node.domain) {
            continue;
        }
        let alone = stands_alone(node, context, &others)?;
        let level = needs(node).iter().filter_map(|name| levels.get(name)).max().copied().unwrap_or(0);
        for name in outputs(node) {
            levels.insert(name, level + usize::from(alone));
        }
        if alone {
            others.extend(node.output.iter().map(String::as_str));
        }
        placed.push((level, alone, idx));
    }
    placed.sort_by_key(|(level, alone, _)| (*level, *alone));
    let mut groups: Vec<Group> = Vec::new();
    for (_, alone, idx) in placed {
        match groups.last_mut() {
            Some(Group::Together(members)) if !alone => members.push(idx),
            _ if alone => groups.push(Group::Alone(idx)),
            _ => groups.push(Group::Together(vec![idx])),
        }
    }
    Ok(groups)
}

fn together(
    graph: &pb::GraphProto,
    members: &[usize],
    context: &Context,
    places: &Places,
    users: &HashMap<String, Vec<usize>>,
    asked: &HashSet<&str>,
) -> TractResult<Option<Step>> {
    let nodes: Vec<pb::NodeProto> = members.iter().map(|idx| graph.node[*idx].clone()).collect();
    let inside: HashSet<usize> = members.iter().copied().collect();
    let is_used = |name: &String| {
        asked.contains(name.as_str())
            || users.get(name).is_some_and(|users| users.iter().any(|idx| !inside.contains(idx)))
    };
    let outputs = nodes.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty() && is_used(name));
    let outputs: Vec<String> = outputs.cloned().collect();
    if outputs.is_empty() {
        return Ok(None);
    }
    let own: HashSet<&String> = nodes.iter().flat_map(|node| &node.output).collect();
    let mut inputs: Vec<String> = Vec::new();
    let mut constants = Constants::new();
    for name in nodes.iter().flat_map(|node| &node.input).filter(|name| !name.is_empty() && !own.contains(name)) {
        if let Some(value) = places.constant(name) {
            constants.insert(name.clone(), Arc::clone(value));
        } else if !inputs.contains(name) {
            inputs.push(name.clone());
        }
    }
    let find = |names: &[String]| names.iter().map(|name| Ok(Some(places.of(name)?))).collect::<TractResult<Vec<_>>>();
    Ok(Some(Step {
        inputs: find(&inputs)?,
        outputs: find(&outputs)?,
        action: Action::Segment(Segment::new(Arc::clone(&context.header), nodes, inputs, constants, outputs)),
        last_uses: Vec::new(),
        label: String::new(),
    }))
}

fn alone(node: &pb::NodeProto, context: &Context, places: &Places, depth: usize) -> TractResult<Step> {
    let find = |name: &String| if name.is_empty() { Ok(None) } else { places.of(name).map(Some) };
    let mut inputs = node.input.iter().map(find).collect::<TractResult<Vec<_>>>()?;
    let n_inputs = inputs.len();
    let mut body = |name: &str| -> TractResult<Body> {
        let Some(graph) = attribute(node, name).and_then(|attribute| attribute.g.as_ref()) else {
            bail!("{} has no `{name}`", label(node))
        };
        let (mut known, mut captured, mut at) = (Constants::new(), Vec::new(), Vec::new());
        for name in free_names(graph) {
            if let Some(value) = places.constant(&name) {
                known.insert(name, Arc::clone(value));
            } else {
                at.push(inputs.len());
                inputs.push(Some(places.of(&name)?));
                captured.push(name);
            }
        }
        Ok(Body { program: compile(graph, context, &known, &captured, depth + 1)?, captured: at })
    };
    let parsed = operators::parse_claimed(node, context.versions).transpose()?;
    let action = match (parsed, node.op_type.as_str()) {
        (Some(Parsed::Kernel(kernel)), _) => Action::Kernel(kernel),
        (Some(Parsed::Lowered(_) | Parsed::ByType(..)), _) => bail!("{} is no step of its own", label(node)),
        (None, "If") => Action::If(Branches { then: body("then_branch")?, otherwise: body("else_branch")? }),
        (None, "Loop") => Action::Loop(Looped { body: body("body")?, n_inputs }),
        (None, "Scan") => {
            ensure!(8 < context.versions.onnx, "{}: export it with operator set 9 or newer", label(node));
            Action::Scan(Scanned::new(node, body("body")?).map_err(|error| format_err!("{}: {error}", label(node)))?)
        }
        (None, "SequenceMap") => Action::SequenceMap(body("body")?),
        (None, _) => match SequenceOperator::of(node) {
            Some(operator) => Action::Sequence(operator),
            None => bail!("{} is no step of its own", label(node)),
        },
    };
    Ok(Step {
        action,
        inputs,
        outputs: node.output.iter().map(find).collect::<TractResult<_>>()?,
        last_uses: Vec::new(),
        label: label(node),
    })
}
