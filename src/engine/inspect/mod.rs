//! What an ONNX file takes, gives and asks for, read without running it.

mod advice;
mod contract;
mod external;
mod faults;
mod older;
mod structure;
mod surprises;
mod tensors;

use std::collections::BTreeMap;
use std::path::Path;

use tract_onnx::pb;

pub(crate) use contract::real_inputs;
pub(crate) use external::resolve;
pub(crate) use structure::order;

use super::error::EngineError;
use super::file::{self, ModelFile};
use super::guard::guarded;
use super::operators::Versions;
use super::proto::{attribute_values, each_node, is_default_domain, n_elements, node_label, operator_label};
use super::{operators, registry};
use crate::project::contract::{Finding, Inspection, OperatorCount, Severity};
use crate::project::runtimes::{NEWEST_CHECKED_OPSET, OLDEST_OPSET};

/// Nodes named in one finding.
const MOST_NODES_NAMED: usize = 5;

/// Reads the file without running it; whatever keeps an ONNX model from being run is a finding, not an error.
pub fn inspect(path: &Path) -> Result<Inspection, EngineError> {
    let file = file::read(path)?;
    inspection(&file, path)
}

/// The inspection of a file that was read.
pub(crate) fn inspection(file: &ModelFile, path: &Path) -> Result<Inspection, EngineError> {
    guarded("inspecting the model", || judge(file, path))
}

fn judge(file: &ModelFile, path: &Path) -> Inspection {
    let proto = &file.proto;
    let empty = pb::GraphProto::default();
    let graph = proto.graph.as_ref().unwrap_or(&empty);
    let mut findings = Findings::default();
    opsets(proto, graph, &mut findings);
    findings.about("graph.broken");
    structure::check(graph, &mut findings);
    unsupported(proto, graph, &mut findings);
    findings.about("operator.fault");
    faults::check(graph, &mut findings);
    findings.about("weights.damaged");
    tensors::check(graph, path, &mut findings);
    surprises::check(graph, &mut findings);
    findings.about("contract.inputs");
    let contract = contract::contract(graph, &mut findings);
    findings.sort();
    Inspection {
        contract,
        ir_version: proto.ir_version,
        opsets: proto
            .opset_import
            .iter()
            .map(|opset| {
                let domain = if is_default_domain(&opset.domain) { "" } else { &opset.domain };
                (domain.to_owned(), opset.version)
            })
            .collect(),
        producer: format!("{} {}", proto.producer_name, proto.producer_version).trim().to_owned(),
        size_bytes: file.size_bytes,
        sha256: file.sha256.clone(),
        n_parameters: n_parameters(graph),
        operators: count_operators(graph),
        metadata: proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect(),
        findings: findings.list,
    }
}

/// Findings under construction.
#[derive(Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    /// The kind of the findings that come.
    id: &'static str,
}

impl Findings {
    /// Says of what kind the findings are that come.
    fn about(&mut self, id: &'static str) {
        self.id = id;
    }

    fn add(&mut self, severity: Severity, what: impl Into<String>, fix: impl Into<String>) {
        let finding = Finding { id: self.id.to_owned(), severity, what: what.into(), fix: fix.into() };
        if !self.list.contains(&finding) {
            self.list.push(finding);
        }
    }

    fn note(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Note, what, fix);
    }

    fn warn(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Warning, what, fix);
    }

    fn refuse(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Refused, what, fix);
    }

    /// The worst first, and those of one topic together.
    fn sort(&mut self) {
        let mut topics: Vec<String> = Vec::new();
        for finding in &self.list {
            if !topics.iter().any(|topic| topic == finding.topic()) {
                topics.push(finding.topic().to_owned());
            }
        }
        let place = |finding: &Finding| topics.iter().position(|topic| topic == finding.topic());
        self.list.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), place(finding)));
    }
}

/// The newest IR version and version of `ai.onnx.ml` that are read here.
const NEWEST_IR: i64 = 14;
const NEWEST_ML: i64 = 5;

fn opsets(proto: &pb::ModelProto, graph: &pb::GraphProto, findings: &mut Findings) {
    findings.about("version.ir");
    if NEWEST_IR < proto.ir_version {
        findings.warn(
            format!("The file is of IR version {}; up to {NEWEST_IR} are known", proto.ir_version),
            "Set `model.ir_version = 10` before saving, unless it uses something newer, or use an older onnx package.",
        );
    }
    findings.about("version.opset");
    for (at, opset) in proto.opset_import.iter().enumerate() {
        if proto.opset_import[..at].iter().any(|before| same_domain(&before.domain, &opset.domain)) {
            findings.warn(
                format!("The file states a version of the operators of `{}` twice", domain_name(&opset.domain)),
                "Export it again; other runtimes may refuse it.",
            );
        }
        if opset.domain == "ai.onnx.ml" && NEWEST_ML < opset.version {
            findings.warn(
                format!("The model uses version {} of ai.onnx.ml; up to {NEWEST_ML} are known", opset.version),
                "Export it with `target_opset={'': 17, 'ai.onnx.ml': 3}`.",
            );
        }
    }
    let version = proto.opset_import.iter().find(|opset| is_default_domain(&opset.domain)).map(|opset| opset.version);
    match version {
        Some(version) if version < OLDEST_OPSET => {
            let changed = older::changed(graph, version);
            if !changed.is_empty() {
                findings.refuse(
                    format!(
                        "The model uses operator set {version}, whose operators meant other things ({})",
                        changed.join(", ")
                    ),
                    "Convert it with `onnx.version_converter.convert_version(model, 17)`, or export it again.",
                );
            }
        }
        Some(version) if NEWEST_CHECKED_OPSET < version => findings.warn(
            format!(
                "The model uses operator set {version}; up to {NEWEST_CHECKED_OPSET} were checked against ONNX Runtime"
            ),
            "Compare its predictions with known ones, or export it with an older operator set.",
        ),
        None if proto.opset_import.is_empty() => {
            findings.refuse("The model does not say which operator sets it uses", "Export it again.");
        }
        // Models of `ai.onnx.ml` alone need no operator set of the default domain.
        Some(_) | None => {}
    }
}

fn same_domain(left: &str, right: &str) -> bool {
    left == right || is_default_domain(left) && is_default_domain(right)
}

fn domain_name(domain: &str) -> &str {
    if is_default_domain(domain) { "ai.onnx" } else { domain }
}

/// Names up to a few nodes.
fn name_some(labels: &[String]) -> String {
    let named = labels.iter().take(MOST_NODES_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match labels.len().checked_sub(MOST_NODES_NAMED) {
        Some(more @ 1..) => format!("{named} and {more} more"),
        _ => named,
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

fn unsupported(proto: &pb::ModelProto, graph: &pb::GraphProto, findings: &mut Findings) {
    let versions = Versions::of(proto);
    let mut missing: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut objections = Vec::new();
    each_node(graph, &mut |node| {
        if registry::supports(&node.domain, &node.op_type) {
            objections.extend(operators::objection(node, versions));
        } else {
            missing.entry((node.domain.clone(), node.op_type.clone())).or_default().push(node_label(node));
        }
    });
    let exporter = advice::Exporter::of(&proto.producer_name);
    findings.about("operator.unsupported");
    for ((domain, operator), labels) in missing {
        let is_function = proto.functions.iter().any(|function| {
            function.domain.as_deref().unwrap_or("") == domain && function.name.as_deref() == Some(&operator)
        });
        let fix = if is_function {
            "It is a function inside the model that could not be put in place: inline it with `onnx.inliner.inline_local_functions(model)`."
        } else {
            advice::advice(exporter, &domain, &operator)
        };
        findings.refuse(
            format!(
                "The operator {} is not supported ({}: {})",
                operator_label(&domain, &operator),
                plural(labels.len()),
                name_some(&labels)
            ),
            fix,
        );
    }
    findings.about("operator.attributes");
    for objection in objections {
        findings.refuse(objection, "Export the model again, or report it with the file.");
    }
}

fn count_operators(graph: &pb::GraphProto) -> Vec<OperatorCount> {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    each_node(graph, &mut |node| {
        let domain = if is_default_domain(&node.domain) { String::new() } else { node.domain.clone() };
        *counts.entry((domain, node.op_type.clone())).or_default() += 1;
    });
    let mut counts: Vec<OperatorCount> =
        counts.into_iter().map(|((domain, operator), count)| OperatorCount { domain, operator, count }).collect();
    counts.sort_by_key(|operator| std::cmp::Reverse(operator.count));
    counts
}

/// Elements of initialisers and of numeric attributes of `ai.onnx.ml` operators.
fn n_parameters(graph: &pb::GraphProto) -> u64 {
    fn initialisers(graph: &pb::GraphProto) -> u64 {
        let own: u64 = graph.initializer.iter().filter_map(n_elements).fold(0, u64::saturating_add);
        let nested = graph.node.iter().flat_map(super::proto::subgraphs).map(initialisers);
        nested.fold(own, u64::saturating_add)
    }
    let mut count = initialisers(graph);
    each_node(graph, &mut |node| count = count.saturating_add(attribute_values(node).0));
    count
}
