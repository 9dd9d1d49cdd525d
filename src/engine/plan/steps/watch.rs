//! What the steps are and what each takes, for a profile.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tract_onnx::tract_hir::internal::{TValue, TVec, TractResult};

use super::value::Value;
use super::{Action, Program};
/// What is known of a step before it runs.
#[derive(Debug)]
pub(crate) struct StepFacts {
    /// Names of its nodes; the first output of one that has no name.
    pub(crate) nodes: Vec<String>,
    /// The operator; of several nodes, how many they are.
    pub(crate) operator: String,
    /// What its inputs come from: earlier steps by position, and the graph's inputs.
    pub(crate) reads: Vec<Source>,
    /// Whether the graph gives one of its outputs.
    pub(crate) is_output: bool,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The graph's input of that position.
    Input(usize),
    /// The step of that position.
    Step(usize),
}

/// What was seen of a step that ran.
#[derive(Debug)]
pub(crate) struct StepRun {
    /// Its position.
    pub(crate) idx: usize,
    /// How long it took.
    pub(crate) took: Duration,
    /// Its inputs that are computed; empty unless they were asked for.
    pub(crate) inputs: Vec<TValue>,
    /// Its outputs; empty unless they were asked for.
    pub(crate) outputs: Vec<TValue>,
}

impl Program {
    /// The steps of the graph itself; those of loops and branches count to their node.
    pub(crate) fn facts(&self) -> Vec<StepFacts> {
        let mut sources: HashMap<usize, Source> =
            self.inputs.iter().enumerate().map(|(idx, port)| (port.place, Source::Input(idx))).collect();
        let mut facts = Vec::with_capacity(self.steps.len());
        for (idx, step) in self.steps.iter().enumerate() {
            let reads = step.inputs.iter().flatten().filter_map(|place| sources.get(place).copied()).collect();
            sources.extend(step.outputs.iter().flatten().map(|place| (*place, Source::Step(idx))));
            // A label says the operator, and the name between two marks.
            let named = || vec![step.label.split('`').nth(1).unwrap_or_default().to_owned()];
            let (nodes, operator) = match &step.action {
                Action::Segment(segment) => {
                    let name = |node: &tract_onnx::pb::NodeProto| {
                        if node.name.is_empty() {
                            node.output.first().cloned().unwrap_or_default()
                        } else {
                            node.name.clone()
                        }
                    };
                    let operator = match segment.nodes() {
                        [only] => only.op_type.rsplit(':').next().unwrap_or_default().to_owned(),
                        nodes => format!("{} nodes at once", nodes.len()),
                    };
                    (segment.nodes().iter().map(name).collect(), operator)
                }
                Action::Kernel(kernel) => (named(), kernel.name().to_owned()),
                Action::Sequence(_) => (named(), step.label.split(' ').next().unwrap_or_default().to_owned()),
                Action::If(_) => (named(), "If".to_owned()),
                Action::Loop(_) => (named(), "Loop".to_owned()),
                Action::Scan(_) => (named(), "Scan".to_owned()),
                Action::SequenceMap(_) => (named(), "SequenceMap".to_owned()),
            };
            let is_output = self.outputs.iter().any(|port| step.outputs.contains(&Some(port.place)));
            facts.push(StepFacts { nodes, operator, reads, is_output });
        }
        facts
    }

    /// Constants of the graph itself, as tensors.
    pub(crate) fn constants(&self) -> impl Iterator<Item = &tract_onnx::prelude::Tensor> {
        self.constants.iter().flatten().map(std::convert::AsRef::as_ref)
    }

    /// Runs the model and tells of each step; with `looking` also what goes in and out of it.
    pub(crate) fn run_watched(
        &self,
        inputs: TVec<TValue>,
        looking: bool,
        watch: &mut dyn FnMut(StepRun),
    ) -> TractResult<()> {
        let tensors = |values: &mut dyn Iterator<Item = &Value>| -> Vec<TValue> {
            values
                .flat_map(|value| match value {
                    Value::Tensor(tensor) => vec![tensor.clone()],
                    Value::Sequence(tensors) => tensors.clone(),
                    Value::Nothing => Vec::new(),
                })
                .collect()
        };
        let inputs = inputs.into_iter().map(Value::from).collect();
        self.run_by(inputs, &[], &mut |idx, step, values| {
            let taken = if looking {
                tensors(&mut step.inputs.iter().flatten().filter_map(|place| values[*place].as_ref()))
            } else {
                Vec::new()
            };
            let started = Instant::now();
            let outputs = self.run_step(step, values)?;
            let took = started.elapsed();
            let given = if looking { tensors(&mut outputs.iter()) } else { Vec::new() };
            watch(StepRun { idx, took, inputs: taken, outputs: given });
            Ok(outputs)
        })?;
        Ok(())
    }
}
