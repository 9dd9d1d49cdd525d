//! Step by step against the whole graph, over every stored model.

use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::tract_hir::internal::{
    Datum as _, IntoTValue as _, IntoTensor as _, TValue, TVec, Tensor, TractResult,
};

use super::*;
use crate::engine::inspect::inspection;
use crate::project::contract::Dim;

/// Numbers that differ, also from row to row.
fn ramp(spec: &TensorSpec, shape: &[usize]) -> TValue {
    let n_elements = shape.iter().product::<usize>();
    let numbers: Vec<f32> = (0..n_elements).map(|idx| ((idx * 7 % 11) as f32 - 4.0) / 3.0).collect();
    let tensor = match spec.dtype {
        Dtype::Text => ArrayD::from_shape_vec(shape, vec!["a".to_owned(); n_elements]).unwrap().into_tensor(),
        dtype => {
            let tensor = ArrayD::from_shape_vec(shape, numbers).unwrap().into_tensor();
            let tensor = if dtype.is_float() { tensor } else { tensor.cast_to::<i64>().unwrap().into_owned() };
            tensor.cast_to_dt(convert::datum_type(dtype)).unwrap().into_owned()
        }
    };
    tensor.into_tvalue()
}

fn lengths(spec: &TensorSpec) -> Vec<usize> {
    let length = |dim: &Dim| match dim {
        Dim::Fixed(length) => *length as usize,
        Dim::Symbol(_) => 3,
    };
    spec.shape.iter().map(length).collect()
}

fn near(left: &Tensor, right: &Tensor) -> bool {
    if left.datum_type() == f32::datum_type() || left.datum_type() == f64::datum_type() {
        return left.shape() == right.shape() && left.close_enough(right, true).is_ok();
    }
    let plain = |tensor: &Tensor| convert::from_tract("", tensor, None).unwrap();
    plain(left) == plain(right)
}

/// `None` when the model is refused or is no whole.
fn agree(path: &Path) -> Option<Result<(), String>> {
    let mut file = file::read(path).ok()?;
    let inspection = inspection(&file, path).ok()?;
    if inspection.refusals().next().is_some() {
        return None;
    }
    rewrite::for_tract(&mut file.proto);
    let planner = Planner::new(&file.proto, path, &file.sha256).ok()?;
    let specs = &inspection.contract.inputs;
    let shapes: Shapes = specs.iter().map(lengths).collect();
    let plan = planner.plan(specs, &shapes).ok()?;
    plan.whole()?;
    let inputs = || specs.iter().zip(&shapes).map(|(spec, shape)| ramp(spec, shape)).collect::<TVec<TValue>>();
    let contained = |work: &dyn Fn() -> TractResult<TVec<TValue>>| contained(work);
    let whole = contained(&|| plan.run(inputs()));
    let program = match planner.program() {
        Ok(program) => program,
        Err(reason) => return Some(Err(reason)),
    };
    Some(match (whole, contained(&|| program.run_tensors(inputs()))) {
        (Ok(whole), Ok(steps)) => match whole.iter().zip(&steps).find(|(left, right)| !near(left, right)) {
            Some((left, right)) => Err(format!("{left:?} in one, {right:?} in steps")),
            None => Ok(()),
        },
        (Err(_), Err(_)) => Ok(()),
        (Err(reason), Ok(_)) => Err(format!("steps give an answer where the whole does not: {reason}")),
        (Ok(_), Err(reason)) => Err(reason),
    })
}

#[test]
fn every_stored_model_answers_the_same_in_steps_as_in_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("models");
    let mut n_compared = 0;
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "onnx") {
            continue;
        }
        match agree(&path) {
            None => {}
            Some(Ok(())) => n_compared += 1,
            Some(Err(reason)) => failures.push(format!("{}: {reason}", path.display())),
        }
    }
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n"));
    assert!(100 < n_compared, "{n_compared} models were compared");
}
