//! Where ONNX Runtime itself loses NaN, which no stored answer shows: by the definitions, as PyTorch has it.

use tract_onnx::tract_hir::internal::tract_core::ops::array::Gather;
use tract_onnx::tract_hir::internal::tract_core::ops::cnn::{MaxPool, PaddingSpec, PoolSpec};
use tract_onnx::tract_hir::internal::tract_core::ops::lstm_cell::LstmEpilogue;
use tract_onnx::tract_hir::internal::tract_core::ops::math::{max, min};
use tract_onnx::tract_hir::internal::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_hir::internal::tract_core::ops::nn::{Reduce, Reducer};
use tract_onnx::tract_hir::internal::*;

use super::keep;
use super::piecewise::Piecewise;
use crate::engine::operators::elements;

const NAN: f32 = f32::NAN;

/// A model of one operator.
fn model(op: impl Into<Box<dyn TypedOp>>, inputs: &[Tensor]) -> TypedModel {
    let mut model = TypedModel::default();
    let sources: Vec<OutletId> = inputs
        .iter()
        .enumerate()
        .map(|(idx, input)| model.add_source(format!("x{idx}"), input.datum_type().fact(input.shape())).unwrap())
        .collect();
    let outputs = model.wire_node("op", op, &sources).unwrap();
    model.select_output_outlets(&outputs).unwrap();
    model
}

fn run(op: impl Into<Box<dyn TypedOp>>, inputs: &[Tensor], optimise: bool) -> TractResult<Vec<Vec<f32>>> {
    let model = keep(model(op, inputs).into_decluttered()?)?;
    let plan = if optimise { model.into_optimized()? } else { model }.into_runnable()?;
    let outputs = plan.run(inputs.iter().map(|input| input.clone().into_tvalue()).collect())?;
    outputs.iter().map(|output| Ok(elements::<f32>(output)?.to_vec())).collect()
}

#[track_caller]
fn check(op: impl Into<Box<dyn TypedOp>> + Clone, inputs: &[Tensor], expected: &[&[f32]]) {
    for optimise in [false, true] {
        let got = run(op.clone(), inputs, optimise).unwrap();
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            let same = |(got, expected): (&f32, &f32)| {
                got.is_nan() == expected.is_nan()
                    && (got.is_nan() || got.to_bits() == expected.to_bits() || (got - expected).abs() <= 1e-6)
            };
            assert!(got.len() == expected.len() && got.iter().zip(*expected).all(same), "{got:?}, not {expected:?}");
        }
    }
}

#[test]
fn a_window_with_nan_has_no_largest_number() {
    let spec = PoolSpec::new(DataFormat::NCHW, tvec!(1, 2), PaddingSpec::Valid, None, None, 1, 1);
    let input = tensor1(&[NAN, 1.0, 2.0, NAN, -3.0_f32, -4.0]).into_shape(&[1, 1, 1, 6]).unwrap();
    check(MaxPool::new(spec, None), &[input], &[&[NAN, 2.0, NAN, NAN, -3.0]]);
}

#[test]
fn the_largest_and_smallest_of_a_row_keep_nan_wherever_it_is() {
    let rows = tensor2(&[[1.0, NAN, 3.0_f32], [f32::NEG_INFINITY; 3], [-1.0, -2.0, f32::INFINITY]]);
    let infinite = f32::INFINITY;
    let largest = [NAN, -infinite, infinite];
    for (reducer, expected) in [(Reducer::Max, largest), (Reducer::Min, [NAN, -infinite, -2.0])] {
        for optimise in [false, true] {
            let got = run(Reduce::new(tvec!(1), reducer), std::slice::from_ref(&rows), optimise).unwrap();
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&got[0][1..]), bits(&expected[1..]));
            assert!(got[0][0].is_nan());
        }
    }
}

#[test]
fn an_lstm_passes_nan_on_to_its_own_unit_only() {
    // Two units: nothing comes into the first but NaN at one gate, into the second nothing at all.
    let gates = tensor2(&[[0.0, 0.0, 0.0, 0.0, NAN, 0.0, 0.0, 0.0_f32]]);
    let cells = tensor2(&[[1.0, 1.0_f32]]);
    let half = 0.5_f32;
    check(LstmEpilogue { hidden: 2 }, &[gates, cells], &[&[NAN, half * half.tanh()], &[NAN, half]]);
}

#[test]
fn a_place_outside_of_an_axis_is_an_error_and_no_panic() {
    let table = tensor2(&[[1.0, 2.0_f32], [3.0, 4.0]]);
    check(Gather::new(0), &[table.clone(), tensor1(&[-1_i64, 0])], &[&[3.0, 4.0, 1.0, 2.0]]);
    for place in [2_i64, -3] {
        let error = run(Gather::new(0), &[table.clone(), tensor1(&[place])], true).unwrap_err();
        assert!(format!("{error:#}").contains(&format!("the place {place} is outside of an axis of 2")), "{error:#}");
    }
}

#[test]
fn two_bounds_become_one_pass() {
    let input = tensor1(&[NAN, -1.0, 0.5, 7.0_f32, f32::INFINITY]);
    for (low, high) in [(0.0_f32, 6.0_f32), (3.0, 1.0)] {
        let mut bounded = model(max(), &[input.clone(), input.clone()]);
        let low = bounded.add_const("low", tensor1(&[low])).unwrap();
        let high = bounded.add_const("high", tensor1(&[high])).unwrap();
        let source = bounded.inputs[0];
        let raised = bounded.wire_node("raised", max(), &[source, low]).unwrap();
        let both = bounded.wire_node("both", min(), &[raised[0], high]).unwrap();
        bounded.select_output_outlets(&both).unwrap();
        bounded.set_input_outlets(&[source]).unwrap();
        let expected = keep(bounded.clone()).unwrap().into_runnable().unwrap();
        let optimised = keep(bounded).unwrap().into_optimized().unwrap();
        assert_eq!(optimised.nodes().iter().filter(|node| node.op_is::<Piecewise>()).count(), 1);
        let optimised = optimised.into_runnable().unwrap();
        let run = |plan: &Arc<TypedRunnableModel>| plan.run(tvec!(input.clone().into_tvalue())).unwrap()[0].clone();
        let (got, expected) = (run(&optimised), run(&expected));
        let bits = |tensor: &TValue| elements::<f32>(tensor).unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&got), bits(&expected));
        assert!(elements::<f32>(&got).unwrap()[0].is_nan());
    }
}
