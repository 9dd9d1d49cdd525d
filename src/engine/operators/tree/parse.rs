//! Trees from the parallel attribute arrays of a node, with every reference checked.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::reject;
use super::Trees;
use super::ensemble::{Aggregate, Child, Comparison, Ensemble, Node, Number, Rule};
use crate::engine::proto::{attribute, floats, int, ints, tensor, tensor_floats, text, texts};

/// More than any classifier or regressor has; bounds what one node can make us allocate.
const MOST_TARGETS: usize = 1 << 16;

/// The number of targets of a regressor.
pub(super) fn n_targets(node: &NodeProto) -> TractResult<usize> {
    match usize::try_from(int(node, "n_targets").unwrap_or(1)) {
        Ok(n_targets @ 1..=MOST_TARGETS) => Ok(n_targets),
        _ => reject(node, "`n_targets` must be a small positive number"),
    }
}

/// The aggregate of a regressor.
pub(super) fn aggregate(node: &NodeProto) -> TractResult<Aggregate> {
    match text(node, "aggregate_function").as_deref() {
        None | Some("SUM") => Ok(Aggregate::Sum),
        Some("AVERAGE") => Ok(Aggregate::Average),
        Some("MIN") => Ok(Aggregate::Min),
        Some("MAX") => Ok(Aggregate::Max),
        Some(other) => reject(node, &format!("the aggregate `{other}` is unknown")),
    }
}

/// Values added to the aggregates; may be empty.
pub(super) fn base_values(node: &NodeProto) -> TractResult<Vec<f64>> {
    numbers(node, "base_values")
}

/// A float list or its `_as_tensor` twin, in double precision.
fn numbers(node: &NodeProto, name: &str) -> TractResult<Vec<f64>> {
    let twin = format!("{name}_as_tensor");
    match tensor(node, &twin) {
        Some(values) => match tensor_floats(values) {
            Some(values) => Ok(values),
            None => reject(node, &format!("`{twin}` cannot be read")),
        },
        None => Ok(floats(node, name).iter().copied().map(f64::from).collect()),
    }
}

fn comparisons(node: &NodeProto) -> TractResult<Vec<Option<Comparison>>> {
    texts(node, "nodes_modes")
        .iter()
        .map(|mode| {
            Ok(Some(match mode.as_str() {
                "LEAF" => return Ok(None),
                "BRANCH_LEQ" => Comparison::LessOrEqual,
                "BRANCH_LT" => Comparison::Less,
                "BRANCH_GTE" => Comparison::GreaterOrEqual,
                "BRANCH_GT" => Comparison::Greater,
                "BRANCH_EQ" => Comparison::Equal,
                "BRANCH_NEQ" => Comparison::NotEqual,
                other => return reject(node, &format!("the node mode `{other}` is unknown")),
            }))
        })
        .collect()
}

/// The trees of a node whose leaf attributes begin with `prefix` (`class` or `target`).
pub(super) fn trees(node: &NodeProto, prefix: &str, n_targets: usize) -> TractResult<Trees> {
    if attribute(node, "nodes_values").is_some_and(|a| !a.floats.is_empty())
        && attribute(node, "nodes_values_as_tensor").is_some()
    {
        return reject(node, "it has its thresholds twice");
    }
    let arrays = Arrays::read(node, prefix, n_targets)?;
    let shape = arrays.link(node)?;
    let double = OnceLock::new();
    let stored_double = ["nodes_values_as_tensor".to_owned(), format!("{prefix}_weights_as_tensor")];
    if stored_double.iter().any(|name| attribute(node, name).is_some()) {
        double.get_or_init(|| shape.ensemble(&arrays, n_targets));
    }
    Ok(Trees { single: shape.ensemble(&arrays, n_targets), double })
}

/// Whether every row reaches a leaf with a value for that target: some tree has it on all of its leaves.
pub(super) fn always_names(node: &NodeProto, prefix: &str, target: i64) -> bool {
    let list = |name: &str| ints(node, &format!("{prefix}_{name}"));
    let leaves = list("treeids").iter().zip(list("nodeids")).zip(list("ids"));
    let naming: HashSet<(i64, i64)> =
        leaves.filter(|(_, id)| **id == target).map(|((tree, leaf), _)| (*tree, *leaf)).collect();
    let mut trees: HashMap<i64, bool> = HashMap::new();
    let nodes = ints(node, "nodes_treeids").iter().zip(ints(node, "nodes_nodeids"));
    for ((tree, id), mode) in nodes.zip(texts(node, "nodes_modes")) {
        let names = trees.entry(*tree).or_insert(true);
        *names &= mode != "LEAF" || naming.contains(&(*tree, *id));
    }
    trees.values().any(|names| *names)
}

/// The attribute arrays, of matching lengths.
struct Arrays<'a> {
    tree_ids: &'a [i64],
    node_ids: &'a [i64],
    feature_ids: Vec<u32>,
    thresholds: Vec<f64>,
    comparisons: Vec<Option<Comparison>>,
    yes_ids: &'a [i64],
    no_ids: &'a [i64],
    missing_is_yes: &'a [i64],
    leaf_tree_ids: &'a [i64],
    leaf_node_ids: &'a [i64],
    leaf_targets: Vec<u32>,
    leaf_values: Vec<f64>,
}

impl<'a> Arrays<'a> {
    fn read(node: &'a NodeProto, prefix: &str, n_targets: usize) -> TractResult<Self> {
        let feature_ids: Option<Vec<u32>> =
            ints(node, "nodes_featureids").iter().map(|idx| u32::try_from(*idx).ok()).collect();
        let Some(feature_ids) = feature_ids else { return reject(node, "a feature id is negative or too large") };
        let leaf_targets: Option<Vec<u32>> = ints(node, &format!("{prefix}_ids"))
            .iter()
            .map(|idx| u32::try_from(*idx).ok().filter(|idx| (*idx as usize) < n_targets))
            .collect();
        let Some(leaf_targets) = leaf_targets else {
            return reject(node, &format!("a leaf names a target outside of the {n_targets} there are"));
        };
        let arrays = Self {
            tree_ids: ints(node, "nodes_treeids"),
            node_ids: ints(node, "nodes_nodeids"),
            feature_ids,
            thresholds: numbers(node, "nodes_values")?,
            comparisons: comparisons(node)?,
            yes_ids: ints(node, "nodes_truenodeids"),
            no_ids: ints(node, "nodes_falsenodeids"),
            missing_is_yes: ints(node, "nodes_missing_value_tracks_true"),
            leaf_tree_ids: ints(node, &format!("{prefix}_treeids")),
            leaf_node_ids: ints(node, &format!("{prefix}_nodeids")),
            leaf_targets,
            leaf_values: numbers(node, &format!("{prefix}_weights"))?,
        };
        let n_nodes = arrays.tree_ids.len();
        let lengths = [
            arrays.node_ids.len(),
            arrays.feature_ids.len(),
            arrays.thresholds.len(),
            arrays.comparisons.len(),
            arrays.yes_ids.len(),
            arrays.no_ids.len(),
        ];
        if n_nodes == 0 || lengths.iter().any(|length| *length != n_nodes) {
            return reject(node, "its node arrays are empty or of different lengths");
        }
        let n_values = arrays.leaf_values.len();
        let lengths = [arrays.leaf_tree_ids.len(), arrays.leaf_node_ids.len(), arrays.leaf_targets.len()];
        if n_values == 0 || lengths.iter().any(|length| *length != n_values) {
            return reject(node, "its leaf arrays are empty or of different lengths");
        }
        if ![0, n_nodes].contains(&arrays.missing_is_yes.len()) {
            return reject(node, "`nodes_missing_value_tracks_true` has another length than the nodes");
        }
        Ok(arrays)
    }

    /// Follows every tree from its root, and refuses what is not a tree.
    fn link(&self, node: &NodeProto) -> TractResult<Links> {
        let mut places: HashMap<(i64, i64), usize> = HashMap::with_capacity(self.tree_ids.len());
        for (idx, id) in self.tree_ids.iter().copied().zip(self.node_ids.iter().copied()).enumerate() {
            if places.insert(id, idx).is_some() {
                return reject(node, &format!("node {} of tree {} is there twice", id.1, id.0));
            }
        }
        let mut values_of: Vec<Vec<usize>> = vec![Vec::new(); self.tree_ids.len()];
        for (idx, id) in self.leaf_tree_ids.iter().copied().zip(self.leaf_node_ids.iter().copied()).enumerate() {
            let Some(place) = places.get(&id) else {
                return reject(
                    node,
                    &format!("a leaf value belongs to node {} of tree {}, which is missing", id.1, id.0),
                );
            };
            values_of[*place].push(idx);
        }
        let mut links = Links::default();
        // Exporters let several questions about the same set of categories share what follows.
        let may_share =
            self.comparisons.iter().any(|mode| matches!(mode, Some(Comparison::Equal | Comparison::NotEqual)));
        let mut seen: Vec<Option<Child>> = vec![None; self.tree_ids.len()];
        let mut previous_tree = None;
        for root in 0..self.tree_ids.len() {
            // The first node listed of each tree is its root.
            if previous_tree == Some(self.tree_ids[root]) {
                continue;
            }
            previous_tree = Some(self.tree_ids[root]);
            // Where to write the child that is being followed: a node and its side.
            let mut pending: Vec<(usize, Option<(usize, bool)>)> = vec![(root, None)];
            while let Some((place, parent)) = pending.pop() {
                if let Some(child) = seen[place] {
                    if !may_share || parent.is_none() {
                        return reject(node, "its nodes do not form trees: one is reached twice");
                    }
                    links.hang(parent, child);
                    continue;
                }
                let child = if self.comparisons[place].is_some() {
                    let at = links.nodes.len();
                    links.nodes.push((place, Child::UNKNOWN, Child::UNKNOWN));
                    for (side, id) in [(false, self.no_ids[place]), (true, self.yes_ids[place])] {
                        let Some(next) = places.get(&(self.tree_ids[place], id)) else {
                            return reject(node, &format!("node {id} of tree {} is missing", self.tree_ids[place]));
                        };
                        pending.push((*next, Some((at, side))));
                    }
                    Child::node(at)
                } else {
                    if values_of[place].is_empty() {
                        return reject(node, "a leaf has no value");
                    }
                    links.leaves.push(std::mem::take(&mut values_of[place]));
                    Child::leaf(links.leaves.len() - 1)
                };
                let Some(child) = child else { return reject(node, "it has too many nodes") };
                seen[place] = Some(child);
                links.hang(parent, child);
            }
        }
        if may_share && !links.end() {
            return reject(node, "its nodes do not form trees: one follows itself");
        }
        Ok(links)
    }
}

/// Which node leads where, in the order of evaluation.
#[derive(Default)]
struct Links {
    /// Place in the arrays, then the children on yes and on no.
    nodes: Vec<(usize, Child, Child)>,
    /// Places of each leaf's values.
    leaves: Vec<Vec<usize>>,
    roots: Vec<Child>,
}

impl Links {
    /// Puts a child in its place: below a node on its side, or among the roots.
    fn hang(&mut self, parent: Option<(usize, bool)>, child: Child) {
        match parent {
            None => self.roots.push(child),
            Some((at, true)) => self.nodes[at].1 = child,
            Some((at, false)) => self.nodes[at].2 = child,
        }
    }

    /// Whether no node follows itself.
    fn end(&self) -> bool {
        let places: HashMap<Child, usize> =
            (0..self.nodes.len()).filter_map(|at| Some((Child::node(at)?, at))).collect();
        let children = |at: usize| {
            let (_, yes, no) = self.nodes[at];
            [yes, no].into_iter().filter_map(|child| places.get(&child).copied())
        };
        let mut parents = vec![0_usize; self.nodes.len()];
        (0..self.nodes.len()).flat_map(children).for_each(|at| parents[at] += 1);
        let mut free: Vec<usize> = (0..self.nodes.len()).filter(|at| parents[*at] == 0).collect();
        let mut n_free = 0;
        while let Some(at) = free.pop() {
            n_free += 1;
            for child in children(at) {
                parents[child] -= 1;
                if parents[child] == 0 {
                    free.push(child);
                }
            }
        }
        n_free == self.nodes.len()
    }

    fn ensemble<T: Number>(&self, arrays: &Arrays<'_>, n_targets: usize) -> Ensemble<T> {
        let rules: Vec<Rule> = self
            .nodes
            .iter()
            .map(|(place, _, _)| Rule {
                comparison: arrays.comparisons[*place].unwrap_or(Comparison::LessOrEqual),
                missing_is_yes: arrays.missing_is_yes.get(*place) == Some(&1),
            })
            .collect();
        let plain = rules.iter().all(|rule| rule.comparison == Comparison::LessOrEqual && !rule.missing_is_yes);
        let mut leaf_starts = vec![0_u32];
        let mut leaf_values = Vec::with_capacity(arrays.leaf_values.len());
        for leaf in &self.leaves {
            leaf_values
                .extend(leaf.iter().map(|idx| (arrays.leaf_targets[*idx], T::nearest(arrays.leaf_values[*idx]))));
            leaf_starts.push(leaf_values.len() as u32);
        }
        let nodes = self.nodes.iter().map(|(place, yes, no)| Node {
            threshold: T::nearest(arrays.thresholds[*place]),
            feature: arrays.feature_ids[*place],
            yes: *yes,
            no: *no,
        });
        Ensemble {
            nodes: nodes.collect(),
            rules: if plain { Vec::new() } else { rules },
            roots: self.roots.clone(),
            leaf_starts,
            leaf_values,
            n_targets,
            prepared: OnceLock::new(),
        }
    }
}
