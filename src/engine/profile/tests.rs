//! Profiles of the stored models, against what `tests/models/make_costs.py` counts with the package `onnx`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::*;
use crate::engine::tensor::TensorData;
use crate::project::contract::Dtype;
use crate::project::reports::{OperatorCost, Spread, StepCost};

#[derive(Deserialize)]
struct Counted {
    parameters: u64,
    nodes: u64,
    /// By batch and operator.
    flops: BTreeMap<usize, BTreeMap<String, u64>>,
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn made_up(model: &Model, batch: usize) -> Vec<Tensor> {
    let tensor = |spec: &crate::project::contract::TensorSpec| {
        let shape: Vec<usize> =
            spec.shape.iter().map(|dim| dim.fixed().map_or(batch, |length| length as usize)).collect();
        let n: usize = shape.iter().product();
        let data = match spec.dtype {
            Dtype::F32 => TensorData::F32(vec![0.5; n]),
            Dtype::F64 => TensorData::F64(vec![0.5; n]),
            Dtype::I64 => TensorData::I64(vec![1; n]),
            Dtype::Bool => TensorData::Bool(vec![true; n]),
            Dtype::Text => TensorData::Text(vec!["a".to_owned(); n]),
            other => panic!("{other} is new here"),
        };
        Tensor::new(&spec.name, shape, data)
    };
    model.inspection().contract.inputs.iter().map(tensor).collect()
}

const FEW: ProfileRequest = ProfileRequest { n_batches: 1, max_calls: 3, budget_ms: 1 };

fn profiled(name: &str, batch: usize) -> Profile {
    let model = Model::load(&models().join(format!("{name}.onnx"))).unwrap();
    let rows = made_up(&model, batch);
    profile(&model, rows, FEW, &mut |_| ()).unwrap()
}

fn operator<'a>(profile: &'a Profile, name: &str) -> &'a OperatorCost {
    profile.operators.iter().find(|operator| operator.operator == name).unwrap()
}

#[test]
fn products_and_parameters_are_those_counted_from_the_file() {
    let counted: BTreeMap<String, Counted> =
        serde_json::from_str(&std::fs::read_to_string(models().join("costs.json")).unwrap()).unwrap();
    let mut n_compared = 0;
    let mut wrong = Vec::new();
    for (name, counted) in &counted {
        let Ok(model) = Model::load(&models().join(format!("{name}.onnx"))) else { continue };
        for (batch, operators) in &counted.flops {
            let Ok(profile) = profile(&model, made_up(&model, *batch), FEW, &mut |_| ()) else { continue };
            if (profile.n_parameters, profile.n_nodes) != (counted.parameters, counted.nodes) {
                wrong.push(format!("{name}: {} parameters, {} nodes", profile.n_parameters, profile.n_nodes));
            }
            for (operator, flops) in operators {
                n_compared += 1;
                let got = profile.operators.iter().find(|cost| cost.operator == *operator).and_then(|cost| cost.flops);
                if got != Some(*flops) {
                    wrong.push(format!("{name}, batch {batch}, {operator}: {got:?} instead of {flops}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(12 <= n_compared, "only {n_compared} were compared");
}

/// By hand, at two rows: 4 columns to 6, a hyperbolic tangent, 6 to 1, a sigmoid, one minus it.
#[test]
fn a_network_costs_what_is_counted_by_hand() {
    let profile = profiled("mlp_binary", 2);
    let flops = |name: &str| operator(&profile, name).flops;
    assert_eq!(flops("MatMul"), Some(2 * 2 * 4 * 6 + 2 * 2 * 6));
    assert_eq!(flops("Add"), Some(2 * 6 + 2));
    assert_eq!((flops("Tanh"), flops("Sigmoid"), flops("Sub")), (Some(2 * 6), Some(2), Some(2)));
    assert_eq!((flops("Concat"), flops("ArgMax"), flops("Cast")), (Some(0), Some(0), Some(0)));
    assert_eq!((profile.flops, profile.flops_one_row, profile.n_flops_unknown), (150, Some(75), 0));
    assert_eq!(operator(&profile, "MatMul").n_parameters, 4 * 6 + 6);
    // One row: what the products read, weights among it, and write.
    assert_eq!(operator(&profile, "MatMul").bytes_one_row, Some(4 * (4 + 4 * 6 + 6 + 6 + 6 + 1)));
    // What runs does the same arithmetic as what is in the file.
    assert_eq!(profile.steps.iter().map(|step| step.flops.unwrap()).sum::<u64>(), profile.flops);
}

#[test]
fn what_is_fused_into_a_product_is_still_the_products() {
    let profile = profiled("mlp_binary", 2);
    let product = profile.steps.iter().find(|step| step.operator == "OptMatMul").unwrap();
    assert_eq!((product.node.as_str(), product.node_operator.as_str()), ("MatMul", "MatMul"));
    assert_eq!((product.fused.as_slice(), product.detail.as_str()), (&["Add".to_owned()][..], "product + add"));
    let add = operator(&profile, "Add");
    assert_eq!((add.n_nodes, add.n_without_step, add.n_steps), (2, 2, 0));
    assert_eq!(add.runs_as, ["within MatMul"]);
    assert!(operator(&profile, "MatMul").runs_as.contains(&"OptMatMul".to_owned()));
}

#[test]
fn bytes_and_the_peak_of_activations_follow_the_shapes() {
    let profile = profiled("small_convolution", 2);
    let step = |name: &str| profile.steps.iter().find(|step| step.name == name).unwrap();
    let pool = step("p");
    // Whether the channels come first is the optimiser's choice.
    let order = pool.inputs[0].as_str();
    assert!(matches!(order, "float32[2, 3, 6, 6]" | "float32[2, 6, 6, 3]"), "{order}");
    assert_eq!(pool.outputs, ["float32[2, 3, 3, 3]"]);
    assert_eq!((pool.bytes_read, pool.bytes_written), (4 * 2 * 3 * 36, 4 * 2 * 3 * 9));
    // Its input and its output, and nothing else is waited for by then.
    assert_eq!(pool.live_bytes, 4 * 2 * 3 * (36 + 9));
    let largest = profile.steps.iter().map(|step| step.live_bytes).max().unwrap();
    assert_eq!((profile.peak_activation_bytes, profile.peak_step.as_str()), (largest, "c"));
    // The weights of the file, padded to the kernels' panels.
    let parameters: u64 = profile.operators.iter().map(|operator| operator.parameter_bytes).sum();
    assert_eq!(parameters, 4 * 142);
    assert!(parameters <= profile.weight_bytes, "{}", profile.weight_bytes);
}

/// Products of 256 weights and more run in kernels of ours, which hold their weights and what follows.
#[test]
fn our_kernels_say_what_they_hold_and_what_they_compute() {
    for name in ["products", "convolutions"] {
        let profile = profiled(name, 2);
        let kernels = profile.steps.iter().filter(|step| matches!(step.operator.as_str(), "Product" | "Convolution"));
        let kernels: Vec<&StepCost> = kernels.collect();
        assert!(!kernels.is_empty(), "{name}");
        for step in &kernels {
            assert!(0 < step.weight_bytes && step.flops.is_some_and(|flops| 0 < flops), "{name}: {step:?}");
            assert!(!step.node.is_empty(), "{name}: {step:?}");
        }
        assert!(kernels.iter().any(|step| step.detail.starts_with("product + ")), "{name}");
    }
}

#[test]
fn our_own_operators_say_what_they_take_and_trees_make_no_figures_up() {
    let scaler = profiled("scaler", 3);
    let n_columns =
        Model::load(&models().join("scaler.onnx")).unwrap().inspection().contract.inputs[0].shape[1].fixed();
    assert_eq!(operator(&scaler, "Scaler").flops, n_columns.map(|n| 2 * 3 * n));
    let linear = profiled("linear_three_none", 5);
    let cost = operator(&linear, "LinearClassifier");
    let n_columns = (cost.n_parameters - 3) / 3;
    assert_eq!(cost.flops, Some(5 * (2 * 3 * n_columns + 3)));
    let forest = profiled("forest_binary", 4);
    let trees = operator(&forest, "TreeEnsembleClassifier");
    assert_eq!((trees.flops, trees.flops_one_row, trees.n_flops_unknown), (None, None, 1));
    assert_eq!(forest.n_flops_unknown, 1);
    let step = forest.steps.iter().find(|step| step.operator == "TreeEnsembleClassifier").unwrap();
    assert!(step.detail.contains("trees") && step.detail.contains("splits"), "{}", step.detail);
    assert!(0 < step.weight_bytes && step.flops.is_none());
}

#[test]
fn every_step_is_timed_in_every_call_and_the_parts_stay_within_the_whole() {
    let profile = profiled("mixed_pipeline", 3);
    assert_eq!(profile.n_calls, 3);
    assert!(profile.steps.iter().all(|step| step.n_calls == 3 && 0.0 < step.time.mean));
    assert!(profile.steps.iter().enumerate().all(|(idx, step)| step.idx == idx as u64));
    assert_eq!(profile.n_steps, profile.steps.len() as u64);
    let means: f64 = profile.steps.iter().map(|step| step.time.mean).sum();
    assert!(means <= profile.timed.mean, "{means} {}", profile.timed.mean);
    let by_operator: f64 = profile.operators.iter().map(|operator| operator.time_ns).sum();
    assert!((by_operator - profile.steps_ns).abs() < 1e-6 * profile.steps_ns);
    let nodes: u64 = profile.operators.iter().map(|operator| operator.n_nodes).sum();
    assert_eq!(nodes, profile.n_nodes);
}

#[test]
fn a_loop_counts_its_body_once_a_round() {
    let profile = profiled("lstm_forward", 1);
    let cost = operator(&profile, "LSTM");
    // 4 rounds of 7 rows: from 2 inputs and 3 hidden values to 4 gates of 3, then 9 operations a hidden value.
    let (n_rounds, n_rows, n_inputs, n_hidden) = (4, 7, 2, 3);
    let products = 2 * 4 * n_hidden * (n_inputs + n_hidden);
    let gates = 4 * n_hidden;
    // The two products are added, then the bias, which is summed anew in every round.
    let flops = n_rounds * (n_rows * (products + 2 * gates + 9 * n_hidden) + gates);
    assert_eq!((cost.flops, cost.n_flops_unknown), (Some(flops), 0));
    assert_eq!(cost.n_parameters, 12 * 2 + 12 * 3 + 24);
}

#[test]
fn of_very_many_steps_the_costliest_are_kept() {
    let step =
        |idx: u64| StepCost { idx, time: Spread { median: idx as f64, ..Spread::default() }, ..StepCost::default() };
    let many = Profile { n_steps: 50_000, steps: (0..50_000).map(step).collect(), ..Profile::default() };
    let kept = keep_costliest(many);
    assert_eq!((kept.steps.len(), kept.n_steps), (MOST_STEPS, 50_000));
    assert_eq!((kept.steps[0].idx, kept.steps[MOST_STEPS - 1].idx), (48_000, 49_999));
    assert!((kept.left_out_ns - (0..48_000_u64).sum::<u64>() as f64).abs() < 1.0);
}

#[test]
fn what_cannot_be_profiled_is_an_error_in_words() {
    let model = Model::load(&models().join("scaler.onnx")).unwrap();
    let ask = |tensors: Vec<Tensor>, n_batches| {
        profile(&model, tensors, ProfileRequest { n_batches, ..FEW }, &mut |_| ()).unwrap_err().to_string()
    };
    assert!(ask(Vec::new(), 1).contains("the batches are not complete"));
    assert!(ask(made_up(&model, 1), 2).contains("the batches are not complete"));
    let mut wrong = made_up(&model, 1);
    wrong[0].name = "elsewhere".to_owned();
    assert!(ask(wrong, 1).contains("elsewhere"));
}
