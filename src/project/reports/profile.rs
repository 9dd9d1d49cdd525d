//! The report of a profile: what each operator of a version costs.

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::Machine;
use crate::project::documents::Evidence;

/// `reports/profile/<time>.ron`: what each operator of a version costs, on one machine and at one batch size.
///
/// A multiply-add counts as two operations. Nothing is judged by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileReport {
    /// When it started.
    pub time: Timestamp,
    /// The version measured.
    pub version: Version,
    /// The machine.
    pub machine: Machine,
    /// Where the rows come from: `256 rows of data/reference.csv`.
    pub rows: String,
    /// What else is to be known about the measurement, each in one sentence without a period.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Rows a call.
    pub batch: u32,
    /// Threads that run the model.
    pub threads: u32,
    /// What was measured.
    pub profile: Profile,
    /// Hashes of what was measured.
    pub evidence: Evidence,
}

/// What a model costs: as a whole, by operator of the file, and by step of what runs in its place.
///
/// The engine fuses, folds and replaces the file's nodes before it runs anything. A step is what runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Calls that were timed as a whole, and as many that were timed step by step.
    pub n_calls: u64,
    /// Calls that warmed up.
    pub n_warm_up: u64,
    /// Nanoseconds of a call that nothing is timed in.
    pub plain: Spread,
    /// Nanoseconds of a call whose steps are timed.
    pub timed: Spread,
    /// Nanoseconds that reading the clock adds to each step.
    pub clock_ns: f64,
    /// Median nanoseconds of the steps of a call, added up; shares are of this.
    pub steps_ns: f64,
    /// Arithmetic of a call, without the steps where it cannot be said.
    pub flops: u64,
    /// Nodes of the file whose arithmetic cannot be said.
    pub n_flops_unknown: u64,
    /// Arithmetic of one row; `None` when the model does not take one.
    pub flops_one_row: Option<u64>,
    /// Trained values in the file.
    pub n_parameters: u64,
    /// Bytes of the trained values as the engine keeps them.
    pub weight_bytes: u64,
    /// The most bytes of inputs, outputs and intermediate tensors that are needed at one time.
    pub peak_activation_bytes: u64,
    /// The step at which that is.
    pub peak_step: String,
    /// Nodes in the file.
    pub n_nodes: u64,
    /// Nodes of the file without a step of their own: fused with another, folded into a constant, or without effect.
    pub n_nodes_without_step: u64,
    /// Steps of a call.
    pub n_steps: u64,
    /// Median nanoseconds of those steps that `steps` leaves out, added up.
    #[serde(default)]
    pub left_out_ns: f64,
    /// By operator of the file, the slowest first.
    pub operators: Vec<OperatorCost>,
    /// The costliest steps, in the order they run.
    pub steps: Vec<StepCost>,
}

/// How a duration varies over the calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean, which a few calls that were held up can raise far.
    pub mean: f64,
    /// A quarter of the calls took at most this.
    pub lower: f64,
    /// Half of the calls took at most this.
    pub median: f64,
    /// Three quarters of the calls took at most this.
    pub upper: f64,
}

/// What all nodes of one operator cost together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatorCost {
    /// Domain; empty is `ai.onnx`, and also that of the engine's own steps.
    pub domain: String,
    /// Operator as in the file; of steps that belong to no node of the file, the engine's name.
    pub operator: String,
    /// Nodes in the file; 0 for the engine's own steps.
    pub n_nodes: u64,
    /// Nodes of the file without a step of their own.
    pub n_without_step: u64,
    /// Steps that run for them.
    pub n_steps: u64,
    /// What those steps are to the engine, each once.
    pub runs_as: Vec<String>,
    /// Median nanoseconds of those steps, added up.
    pub time_ns: f64,
    /// Arithmetic of a call; `None` where it cannot be said of any node.
    pub flops: Option<u64>,
    /// Arithmetic of one row, in the same way.
    pub flops_one_row: Option<u64>,
    /// Nodes whose arithmetic cannot be said.
    pub n_flops_unknown: u64,
    /// Bytes of the inputs, weights and outputs of its nodes for one row, as the file has them; `None` when the model
    /// does not take one row.
    pub bytes_one_row: Option<u64>,
    /// Trained values of its nodes; a value that several nodes use counts at the first.
    pub n_parameters: u64,
    /// Bytes of those values in the file.
    pub parameter_bytes: u64,
    /// Bytes its steps read in a call: their inputs and their weights.
    pub bytes_read: u64,
    /// Bytes its steps write in a call.
    pub bytes_written: u64,
}

/// What one step costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepCost {
    /// Its place in the order of running, from 0.
    pub idx: u64,
    /// The node of the file it comes from; empty when that was not kept.
    pub node: String,
    /// The operator of that node.
    pub node_operator: String,
    /// Other nodes of the file that run in it, as far as that can be told.
    #[serde(default)]
    pub fused: Vec<String>,
    /// Its name to the engine.
    pub name: String,
    /// Its operator to the engine.
    pub operator: String,
    /// What was fused into it, or how much it holds; empty when there is nothing to say.
    #[serde(default)]
    pub detail: String,
    /// Type and shape of each input that is computed: `float32[1, 12]`.
    pub inputs: Vec<String>,
    /// Type and shape of each output.
    pub outputs: Vec<String>,
    /// How often it ran while it was timed.
    pub n_calls: u64,
    /// Nanoseconds of one run.
    pub time: Spread,
    /// Arithmetic of one run; `None` where it cannot be said.
    pub flops: Option<u64>,
    /// Bytes of its inputs.
    pub bytes_read: u64,
    /// Bytes of its weights, which it reads as well.
    pub weight_bytes: u64,
    /// Bytes of its outputs, which is what it adds to the memory in use.
    pub bytes_written: u64,
    /// Bytes of all tensors that are needed while it runs.
    pub live_bytes: u64,
}

impl Profile {
    /// How much longer a call takes because its steps are timed, as a share of the plain call; at least 0.
    pub fn overhead(&self) -> f64 {
        if 0.0 < self.plain.median { (self.timed.median / self.plain.median - 1.0).max(0.0) } else { 0.0 }
    }

    /// A part of the time of all steps, 0 to 1.
    pub fn share(&self, ns: f64) -> f64 {
        if 0.0 < self.steps_ns { (ns / self.steps_ns).clamp(0.0, 1.0) } else { 0.0 }
    }
}

impl OperatorCost {
    /// Whether it stands for steps that belong to no node of the file.
    pub fn is_engines_own(&self) -> bool {
        self.n_nodes == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_overhead_stay_within_bounds() {
        let spread = |median: f64| Spread { median, ..Spread::default() };
        let profile = Profile { plain: spread(10.0), timed: spread(12.0), steps_ns: 8.0, ..Profile::default() };
        assert!((profile.overhead() - 0.2).abs() < 1e-12);
        assert!((profile.share(2.0) - 0.25).abs() < 1e-12);
        assert!((profile.share(9.0) - 1.0).abs() < 1e-12);
        let quicker = Profile { timed: spread(9.0), ..profile };
        assert!(
            quicker.overhead() <= 0.0 && Profile::default().overhead() <= 0.0 && Profile::default().share(1.0) <= 0.0
        );
    }
}
