//! `TreeEnsemble`, which replaces the two older operators, rewritten as a `TreeEnsembleRegressor`.

use std::collections::HashMap;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;

use super::super::reject;
use super::regressor::TreeEnsembleRegressor;
use crate::engine::proto::{attribute, int, ints, n_elements, tensor, tensor_floats};

/// Bounds what the expansion of sets can make us allocate.
const MOST_NODES: usize = 1 << 22;
/// The mode that asks whether a value is in a set.
const MEMBER: u8 = 6;
const MODES: [&str; 6] = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"];

/// Builds a `TreeEnsemble`.
pub(super) fn parse(node: &NodeProto) -> TractResult<TreeEnsembleRegressor> {
    let source = Source::read(node)?;
    let mut target = Target::default();
    for (tree, root) in source.roots.iter().enumerate() {
        source.copy(*root, tree, &mut target)?;
    }
    Ok(TreeEnsembleRegressor::parse(&target.node(node, source.is_double)?)?.keeping_double())
}

/// The attributes of a `TreeEnsemble`.
struct Source<'a> {
    node: &'a NodeProto,
    modes: Vec<u8>,
    thresholds: Vec<f64>,
    features: &'a [i64],
    missing_is_yes: &'a [i64],
    /// Node or leaf after each node, on yes and on no.
    children: [&'a [i64]; 2],
    is_leaf: [&'a [i64]; 2],
    /// The set of each node that asks for membership.
    sets: Vec<Vec<f64>>,
    leaf_targets: &'a [i64],
    leaf_weights: Vec<f64>,
    roots: Vec<usize>,
    is_double: bool,
}

/// Where the copy of a child hangs: a copied node and its side.
type Parent = Option<(usize, usize)>;

enum Task {
    Node(usize, Parent),
    Leaf(usize, Parent),
}

impl<'a> Source<'a> {
    fn read(node: &'a NodeProto) -> TractResult<Self> {
        let numbers = |name: &str| match tensor(node, name).and_then(tensor_floats) {
            Some(numbers) => Ok(numbers),
            None => reject(node, &format!("`{name}` must be a tensor of float or double")),
        };
        let Some(modes) = tensor(node, "nodes_modes").and_then(bytes) else {
            return reject(node, "`nodes_modes` must be a tensor of uint8");
        };
        let thresholds = numbers("nodes_splits")?;
        let n_nodes = modes.len();
        let source = Self {
            node,
            thresholds,
            features: ints(node, "nodes_featureids"),
            missing_is_yes: ints(node, "nodes_missing_value_tracks_true"),
            children: [ints(node, "nodes_truenodeids"), ints(node, "nodes_falsenodeids")],
            is_leaf: [ints(node, "nodes_trueleafs"), ints(node, "nodes_falseleafs")],
            sets: sets(node, &modes)?,
            leaf_targets: ints(node, "leaf_targetids"),
            leaf_weights: numbers("leaf_weights")?,
            roots: positions(node, "tree_roots", n_nodes)?,
            is_double: tensor(node, "nodes_splits").is_some_and(|t| t.data_type == DataType::Double as i32),
            modes,
        };
        let lengths = [source.thresholds.len(), source.features.len()];
        let sides = source.children.iter().chain(&source.is_leaf).map(|list| list.len());
        if n_nodes == 0 || lengths.into_iter().chain(sides).any(|length| length != n_nodes) {
            return reject(node, "its node arrays are empty or of different lengths");
        }
        if ![0, n_nodes].contains(&source.missing_is_yes.len()) {
            return reject(node, "`nodes_missing_value_tracks_true` has another length than the nodes");
        }
        if source.leaf_targets.len() != source.leaf_weights.len() {
            return reject(node, "its leaf arrays have different lengths");
        }
        if source.modes.iter().any(|mode| MEMBER < *mode) {
            return reject(node, "a node mode is unknown");
        }
        Ok(source)
    }

    /// Copies a tree; nodes that several others share stay shared, leaves do not.
    fn copy(&self, root: usize, tree: usize, target: &mut Target) -> TractResult<()> {
        let first = target.modes.len();
        let mut copies: HashMap<usize, usize> = HashMap::new();
        let mut tasks = vec![Task::Node(root, None)];
        while let Some(task) = tasks.pop() {
            if MOST_NODES < target.modes.len() + tasks.len() {
                return reject(self.node, "its trees are not trees, or too large");
            }
            match task {
                Task::Leaf(leaf, parent) => {
                    let (Some(id), Some(weight)) = (self.leaf_targets.get(leaf), self.leaf_weights.get(leaf)) else {
                        return reject(self.node, &format!("the leaf {leaf} is missing"));
                    };
                    let at = target.push(tree, first, parent, "LEAF", 0, 0.0, 0);
                    target.leaf(tree, at - first, *id, *weight);
                }
                Task::Node(node, parent) => {
                    if let Some(copy) = copies.get(&node) {
                        target.hang(parent, *copy, first);
                        continue;
                    }
                    copies.insert(node, target.modes.len());
                    let Some(mode) = self.modes.get(node) else {
                        return reject(self.node, &format!("the node {node} is missing"));
                    };
                    let missing = self.missing_is_yes.get(node).copied().unwrap_or(0);
                    let (feature, threshold) = (self.features[node], self.thresholds[node]);
                    let [yes, no] = [0, 1].map(|side| (self.children[side][node], self.is_leaf[side][node] != 0));
                    if let Some(mode) = MODES.get(usize::from(*mode)) {
                        let at = target.push(tree, first, parent, mode, feature, threshold, missing);
                        self.plan(yes, Some((at, 0)), &mut tasks)?;
                        self.plan(no, Some((at, 1)), &mut tasks)?;
                        continue;
                    }
                    // A set is asked for one member after the other.
                    let mut parent = parent;
                    for member in &self.sets[node] {
                        let at = target.push(tree, first, parent, "BRANCH_EQ", feature, *member, missing);
                        self.plan(yes, Some((at, 0)), &mut tasks)?;
                        parent = Some((at, 1));
                    }
                    self.plan(no, parent, &mut tasks)?;
                }
            }
        }
        Ok(())
    }

    fn plan(&self, (child, is_leaf): (i64, bool), parent: Parent, tasks: &mut Vec<Task>) -> TractResult<()> {
        let Ok(child) = usize::try_from(child) else { return reject(self.node, "a child is negative") };
        tasks.push(if is_leaf { Task::Leaf(child, parent) } else { Task::Node(child, parent) });
        Ok(())
    }
}

/// The attributes of a `TreeEnsembleRegressor`.
#[derive(Default)]
struct Target {
    trees: Vec<i64>,
    ids: Vec<i64>,
    modes: Vec<&'static str>,
    features: Vec<i64>,
    thresholds: Vec<f64>,
    missing_is_yes: Vec<i64>,
    children: [Vec<i64>; 2],
    leaf_trees: Vec<i64>,
    leaf_nodes: Vec<i64>,
    leaf_targets: Vec<i64>,
    leaf_weights: Vec<f64>,
}

fn id(position: usize) -> i64 {
    (position as u64).cast_signed()
}

impl Target {
    #[expect(clippy::too_many_arguments, reason = "a node has that many parts")]
    fn push(
        &mut self,
        tree: usize,
        first: usize,
        parent: Parent,
        mode: &'static str,
        feature: i64,
        threshold: f64,
        missing: i64,
    ) -> usize {
        let at = self.modes.len();
        self.trees.push(id(tree));
        self.ids.push(id(at - first));
        self.modes.push(mode);
        self.features.push(feature);
        self.thresholds.push(threshold);
        self.missing_is_yes.push(missing);
        self.children.iter_mut().for_each(|children| children.push(0));
        self.hang(parent, at, first);
        at
    }

    fn hang(&mut self, parent: Parent, at: usize, first: usize) {
        if let Some((parent, side)) = parent {
            self.children[side][parent] = id(at - first);
        }
    }

    fn leaf(&mut self, tree: usize, node: usize, target: i64, weight: f64) {
        self.leaf_trees.push(id(tree));
        self.leaf_nodes.push(id(node));
        self.leaf_targets.push(target);
        self.leaf_weights.push(weight);
    }

    fn node(self, source: &NodeProto, is_double: bool) -> TractResult<NodeProto> {
        let aggregate = match int(source, "aggregate_function") {
            Some(0) => "AVERAGE",
            None | Some(1) => "SUM",
            Some(2) => "MIN",
            Some(3) => "MAX",
            Some(_) => return reject(source, "its aggregate function is unknown"),
        };
        let transform = match int(source, "post_transform") {
            None | Some(0) => "NONE",
            // The specification has these two the other way round; ONNX Runtime counts as the older operators list them.
            Some(1) => "LOGISTIC",
            Some(2) => "SOFTMAX",
            Some(3) => "SOFTMAX_ZERO",
            Some(4) => "PROBIT",
            Some(_) => return reject(source, "its post transform is unknown"),
        };
        let [yes, no] = self.children;
        let mut made = NodeProto { attribute: Vec::new(), ..source.clone() };
        let mut push = |name: &str, set: &mut dyn FnMut(&mut AttributeProto)| {
            let mut attribute = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
            set(&mut attribute);
            made.attribute.push(attribute);
        };
        for (name, list) in [
            ("nodes_treeids", self.trees),
            ("nodes_nodeids", self.ids),
            ("nodes_featureids", self.features),
            ("nodes_missing_value_tracks_true", self.missing_is_yes),
            ("nodes_truenodeids", yes),
            ("nodes_falsenodeids", no),
            ("target_treeids", self.leaf_trees),
            ("target_nodeids", self.leaf_nodes),
            ("target_ids", self.leaf_targets),
        ] {
            push(name, &mut |attribute| attribute.ints.clone_from(&list));
        }
        push("nodes_modes", &mut |attribute| {
            attribute.strings = self.modes.iter().map(|mode| mode.as_bytes().to_vec()).collect();
        });
        for (name, list) in [("nodes_values", self.thresholds), ("target_weights", self.leaf_weights)] {
            if is_double {
                push(&format!("{name}_as_tensor"), &mut |attribute| {
                    attribute.r#type = AttributeType::Tensor as i32;
                    attribute.t = Some(TensorProto {
                        dims: vec![id(list.len())],
                        data_type: DataType::Double as i32,
                        double_data: list.clone(),
                        ..TensorProto::default()
                    });
                });
            } else {
                push(name, &mut |attribute| attribute.floats = list.iter().map(|value| *value as f32).collect());
            }
        }
        push("aggregate_function", &mut |attribute| attribute.s = aggregate.as_bytes().to_vec());
        push("post_transform", &mut |attribute| attribute.s = transform.as_bytes().to_vec());
        push("n_targets", &mut |attribute| attribute.i = int(source, "n_targets").unwrap_or(1));
        Ok(made)
    }
}

fn positions(node: &NodeProto, name: &str, length: usize) -> TractResult<Vec<usize>> {
    let list: Option<Vec<usize>> =
        ints(node, name).iter().map(|idx| usize::try_from(*idx).ok().filter(|idx| *idx < length)).collect();
    match list.filter(|list| !list.is_empty()) {
        Some(list) => Ok(list),
        None => reject(node, &format!("`{name}` is empty or names a node that is missing")),
    }
}

/// The set of each node, empty for those that ask otherwise; sets are divided by NaN.
fn sets(node: &NodeProto, modes: &[u8]) -> TractResult<Vec<Vec<f64>>> {
    let values = match (attribute(node, "membership_values"), tensor(node, "membership_values").map(tensor_floats)) {
        (None, _) => Vec::new(),
        (_, Some(Some(values))) => values,
        _ => return reject(node, "`membership_values` must be a tensor of float or double"),
    };
    let mut given = values.split(|value| value.is_nan());
    let mut sets = Vec::with_capacity(modes.len());
    for mode in modes {
        sets.push(if *mode == MEMBER {
            let Some(set) = given.next().filter(|set| !set.is_empty()) else {
                return reject(node, "a node that asks for membership has no set");
            };
            set.to_vec()
        } else {
            Vec::new()
        });
    }
    Ok(sets)
}

/// The elements of a tensor of uint8.
fn bytes(tensor: &TensorProto) -> Option<Vec<u8>> {
    let values: Vec<u8> = if tensor.raw_data.is_empty() {
        tensor.int32_data.iter().map(|value| u8::try_from(*value).ok()).collect::<Option<_>>()?
    } else {
        tensor.raw_data.clone()
    };
    let fits = tensor.data_type == DataType::Uint8 as i32 && n_elements(tensor) == Some(values.len() as u64);
    fits.then_some(values)
}
