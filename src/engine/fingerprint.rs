//! What changed between two versions of a model: nothing, its preprocessing only, or more.
//!
//! Each node has two digests. The shallow one covers its operator, attributes and constant inputs; it tells which
//! nodes differ. The deep one also covers everything it is computed from; it tells whether the graphs are equal.
//! Preprocessing is what stands between the graph's inputs and the first node that is not preprocessing; a deep digest
//! can be taken with it, or with all of it seen as one step. Names of nodes and inner values do not count.

use std::collections::{BTreeSet, HashMap};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tract_onnx::pb;

use super::error::EngineError;
use super::file;
use super::guard::guarded;
use super::inspect::{order, real_inputs, resolve};
use super::proto::{external, is_default_domain, is_external, operator_label};

/// Operators that prepare data for a model.
const PREPROCESSING: &[&str] =
    &["Binarizer", "FeatureVectorizer", "Imputer", "LabelEncoder", "Normalizer", "OneHotEncoder", "Scaler"];

/// Operators that are part of preprocessing where they stand among it.
const BETWEEN: &[&str] = &["Cast", "Concat", "Reshape"];

/// A graph's identity, made to be compared by [`bump`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphFingerprint {
    /// Of the whole graph.
    whole: String,
    /// Of the graph with its preprocessing seen as one step.
    body: String,
    nodes: Vec<NodeFingerprint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct NodeFingerprint {
    label: String,
    shallow: String,
    deep: String,
    preprocessing: bool,
}

/// How two graphs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GraphDifference {
    /// They compute the same in the same way.
    Equal,
    /// They are equal but for how data is prepared.
    PreprocessingOnly {
        /// The preprocessing nodes that differ, as `operator name`.
        nodes: Vec<String>,
    },
    /// They differ in more than that.
    Different {
        /// The nodes that differ, as `operator name`.
        nodes: Vec<String>,
    },
}

/// The fingerprint of a model file.
pub fn graph_fingerprint(path: &Path) -> Result<GraphFingerprint, EngineError> {
    let file = file::read(path)?;
    let computed = guarded("comparing the model", || {
        let graph = file.proto.graph.as_ref()?;
        let order = order(graph)?;
        Some(Fingerprinting { path, graph }.compute(&file.proto, &order))
    })?;
    computed.ok_or_else(|| EngineError::Damaged {
        path: path.to_owned(),
        reason: "some of its nodes wait for each other".to_owned(),
    })
}

/// What changed from `old` to `new`.
pub fn bump(old: &GraphFingerprint, new: &GraphFingerprint) -> GraphDifference {
    if old.whole == new.whole {
        return GraphDifference::Equal;
    }
    if old.body == new.body {
        let nodes = differing(old, new, true);
        return GraphDifference::PreprocessingOnly { nodes };
    }
    GraphDifference::Different { nodes: differing(old, new, false) }
}

/// Labels of the nodes that one graph has and the other has not, the new graph's first.
fn differing(old: &GraphFingerprint, new: &GraphFingerprint, only_preprocessing: bool) -> Vec<String> {
    let pick = |digest: fn(&NodeFingerprint) -> &String| {
        let mut labels: Vec<String> = Vec::new();
        for (here, there) in [(new, old), (old, new)] {
            let mut known: HashMap<&String, usize> = HashMap::new();
            for node in &there.nodes {
                *known.entry(digest(node)).or_default() += 1;
            }
            for node in here.nodes.iter().filter(|node| node.preprocessing || !only_preprocessing) {
                match known.get_mut(digest(node)) {
                    Some(count) if 0 < *count => *count -= 1,
                    _ if labels.contains(&node.label) => {}
                    _ => labels.push(node.label.clone()),
                }
            }
        }
        labels
    };
    let labels = pick(|node| &node.shallow);
    // The same nodes in another order: only what they are computed from differs.
    if labels.is_empty() { pick(|node| &node.deep) } else { labels }
}

type Hash = [u8; 32];

/// A hash over parts, each with its length, so that no two lists of parts look alike.
#[derive(Default)]
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, part: impl AsRef<[u8]>) -> &mut Self {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    fn int(&mut self, value: i64) -> &mut Self {
        self.add(value.to_le_bytes())
    }

    fn finish(&mut self) -> Hash {
        std::mem::take(&mut self.0).finalize().into()
    }
}

/// Where a value comes from.
#[derive(Clone)]
struct Origin {
    whole: Hash,
    body: Hash,
    kind: OriginKind,
}

#[derive(Clone, PartialEq, Eq)]
enum OriginKind {
    /// Stored in the file, or computed from that alone.
    Constant,
    /// An input or preprocessed from these inputs.
    Prepared(BTreeSet<String>),
    Computed,
}

struct Fingerprinting<'a> {
    path: &'a Path,
    graph: &'a pb::GraphProto,
}

impl Fingerprinting<'_> {
    fn compute(&self, proto: &pb::ModelProto, order: &[usize]) -> GraphFingerprint {
        let mut origins: HashMap<&str, Origin> = HashMap::new();
        for stored in &self.graph.initializer {
            let hash = self.tensor(stored);
            origins.insert(&stored.name, Origin { whole: hash, body: hash, kind: OriginKind::Constant });
        }
        for input in real_inputs(self.graph) {
            let whole = Parts::default().add("input").add(&input.name).finish();
            let sources = BTreeSet::from([input.name.clone()]);
            // An input that is used as it is may be preprocessed in the other version.
            let body = prepared(&sources);
            origins.insert(&input.name, Origin { whole, body, kind: OriginKind::Prepared(sources) });
        }
        let mut nodes = Vec::with_capacity(order.len());
        for node in order.iter().map(|idx| &self.graph.node[*idx]) {
            let inputs: Vec<Option<&Origin>> = node.input.iter().map(|input| origins.get(input.as_str())).collect();
            let (fingerprint, origin) = self.node(node, &inputs);
            nodes.push(fingerprint);
            for (idx, output) in node.output.iter().enumerate() {
                let numbered = |hash: Hash| Parts::default().add(hash).int((idx as u64).cast_signed()).finish();
                let body = match origin.kind {
                    OriginKind::Prepared(_) => origin.body,
                    OriginKind::Constant | OriginKind::Computed => numbered(origin.body),
                };
                origins.insert(output, Origin { whole: numbered(origin.whole), body, kind: origin.kind.clone() });
            }
        }
        let (mut whole, mut body) = (Parts::default(), Parts::default());
        let mut opsets: Vec<(&str, i64)> = proto
            .opset_import
            .iter()
            .map(|opset| (if is_default_domain(&opset.domain) { "" } else { opset.domain.as_str() }, opset.version))
            .collect();
        opsets.sort_unstable();
        for (domain, version) in opsets {
            whole.add(domain).int(version);
            // A new version of the preprocessing's operators does not touch the rest.
            if domain != "ai.onnx.ml" {
                body.add(domain).int(version);
            }
        }
        for output in &self.graph.output {
            whole.add(&output.name);
            body.add(&output.name);
            if let Some(origin) = origins.get(output.name.as_str()) {
                whole.add(origin.whole);
                body.add(origin.body);
            }
        }
        GraphFingerprint { whole: file::hexadecimal(&whole.finish()), body: file::hexadecimal(&body.finish()), nodes }
    }

    fn node(&self, node: &pb::NodeProto, inputs: &[Option<&Origin>]) -> (NodeFingerprint, Origin) {
        let kind = kind(node, inputs);
        let mut shallow = Parts::default();
        shallow.add(&node.op_type).add(if is_default_domain(&node.domain) { "" } else { &node.domain });
        let mut attributes: Vec<&pb::AttributeProto> = node.attribute.iter().collect();
        attributes.sort_by_key(|attribute| &attribute.name);
        for attribute in attributes {
            shallow.add(self.attribute(attribute));
        }
        for constant in inputs.iter().flatten().filter(|origin| origin.kind == OriginKind::Constant) {
            shallow.add(constant.whole);
        }
        let shallow = shallow.finish();
        let (mut whole, mut body) = (Parts::default(), Parts::default());
        whole.add(shallow);
        body.add(shallow);
        for input in inputs {
            if let Some(origin) = input {
                whole.add(origin.whole);
                body.add(origin.body);
            } else {
                whole.add("absent");
                body.add("absent");
            }
        }
        let body = match &kind {
            OriginKind::Prepared(sources) => prepared(sources),
            OriginKind::Constant | OriginKind::Computed => body.finish(),
        };
        let origin = Origin { whole: whole.finish(), body, kind };
        let name = if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name };
        let fingerprint = NodeFingerprint {
            label: format!("{} {name}", operator_label(&node.domain, &node.op_type)),
            shallow: file::hexadecimal(&shallow),
            deep: file::hexadecimal(&origin.whole),
            preprocessing: matches!(origin.kind, OriginKind::Prepared(_)),
        };
        (fingerprint, origin)
    }

    fn attribute(&self, attribute: &pb::AttributeProto) -> Hash {
        let mut parts = Parts::default();
        parts.add(&attribute.name).add(attribute.f.to_bits().to_le_bytes()).int(attribute.i).add(&attribute.s);
        parts.add(attribute.floats.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect::<Vec<u8>>());
        parts.add(attribute.ints.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        parts.int((attribute.strings.len() as u64).cast_signed());
        for text in &attribute.strings {
            parts.add(text);
        }
        for tensor in attribute.t.iter().chain(&attribute.tensors) {
            parts.add(self.tensor(tensor));
        }
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            parts.add(self.subgraph(graph));
        }
        parts.finish()
    }

    /// Subgraphs are compared with their names.
    fn subgraph(&self, graph: &pb::GraphProto) -> Hash {
        let mut parts = Parts::default();
        for stored in &graph.initializer {
            parts.add(&stored.name).add(self.tensor(stored));
        }
        for port in graph.input.iter().chain(&graph.output) {
            parts.add(&port.name);
        }
        for node in &graph.node {
            parts.add(&node.op_type).add(&node.domain);
            for name in node.input.iter().chain(&node.output) {
                parts.add(name);
            }
            for attribute in &node.attribute {
                parts.add(self.attribute(attribute));
            }
        }
        parts.finish()
    }

    fn tensor(&self, tensor: &pb::TensorProto) -> Hash {
        let mut parts = Parts::default();
        parts.int(i64::from(tensor.data_type));
        parts.add(tensor.dims.iter().flat_map(|dim| dim.to_le_bytes()).collect::<Vec<u8>>());
        parts.add(&tensor.raw_data);
        parts.add(tensor.float_data.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect::<Vec<u8>>());
        parts.add(tensor.double_data.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect::<Vec<u8>>());
        parts.add(tensor.int32_data.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        parts.add(tensor.int64_data.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        parts.add(tensor.uint64_data.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        for text in &tensor.string_data {
            parts.add(text);
        }
        if is_external(tensor) {
            parts.add(self.external(tensor).unwrap_or_default());
        }
        parts.finish()
    }

    /// The digest of weights in another file; nothing when they cannot be read.
    fn external(&self, tensor: &pb::TensorProto) -> Option<Hash> {
        let file = resolve(self.path, external(tensor, "location")?).ok()?;
        let number = |key| external(tensor, key).map(str::parse::<u64>).transpose().ok();
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?.unwrap_or(u64::MAX));
        let mut file = std::fs::File::open(file).ok()?;
        file.seek(SeekFrom::Start(offset)).ok()?;
        let mut reader = file.take(length);
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match reader.read(&mut buffer).ok()? {
                0 => return Some(hash.finalize().into()),
                n_read => hash.update(&buffer[..n_read]),
            }
        }
    }
}

/// The digest of whatever preprocessing makes of these inputs.
fn prepared(sources: &BTreeSet<String>) -> Hash {
    let mut parts = Parts::default();
    parts.add("prepared");
    for source in sources {
        parts.add(source);
    }
    parts.finish()
}

/// Whether a node's outputs are constant, preprocessed or computed.
fn kind(node: &pb::NodeProto, inputs: &[Option<&Origin>]) -> OriginKind {
    let mut sources = BTreeSet::new();
    for (origin, name) in inputs.iter().zip(&node.input) {
        match origin.map(|origin| &origin.kind) {
            Some(OriginKind::Constant) => {}
            Some(OriginKind::Prepared(inputs)) => sources.extend(inputs.iter().cloned()),
            None if name.is_empty() => {}
            Some(OriginKind::Computed) | None => return OriginKind::Computed,
        }
    }
    let operator = node.op_type.as_str();
    let prepares = (node.domain == "ai.onnx.ml" && PREPROCESSING.contains(&operator))
        || (is_default_domain(&node.domain) && BETWEEN.contains(&operator));
    match (sources.is_empty(), prepares) {
        // Random numbers have no inputs either, but are not constant; they are equal when their attributes are.
        (true, _) => OriginKind::Constant,
        (false, true) => OriginKind::Prepared(sources),
        (false, false) => OriginKind::Computed,
    }
}
