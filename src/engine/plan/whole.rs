//! The whole graph as one model of tract: the fast way, for graphs whose shapes follow from the inputs' shapes.

use std::path::Path;

use tract_onnx::pb;
use tract_onnx::tract_hir::internal::{
    Arc, InferenceFact, InferenceModel, InferenceModelExt as _, IntoRunnable as _, TractResult, TypedModel,
    TypedRunnableModel, bail, ensure,
};

use super::Shapes;
use super::steps::odd;
use crate::engine::{convert, kernels, nonfinite, registry};
use crate::project::contract::TensorSpec;

/// Reads the graph, which must be fit for tract.
pub(super) fn parse(proto: &pb::ModelProto, path: &Path) -> TractResult<InferenceModel> {
    let parsed = registry::framework().parse(proto, Some(folder(path)?))?;
    ensure!(parsed.unresolved_inputs.is_empty(), "values without a source: {:?}", parsed.unresolved_inputs);
    Ok(parsed.model)
}

/// The model's folder, where its external data is.
pub(super) fn folder(path: &Path) -> TractResult<&str> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Some(folder) = folder.to_str() else { bail!("the model's folder has a name that is not Unicode") };
    Ok(folder)
}

/// The model for these shapes; every inner shape is known.
pub(super) fn typed(template: &InferenceModel, specs: &[TensorSpec], shapes: &Shapes) -> TractResult<TypedModel> {
    let mut model = template.clone();
    for (idx, (spec, shape)) in specs.iter().zip(shapes).enumerate() {
        model.set_input_fact(idx, InferenceFact::dt_shape(convert::datum_type(spec.dtype), shape.iter().copied()))?;
    }
    let mut model = nonfinite::hide(model.into_typed()?)?;
    if odd(&model) {
        // Shapes that tract computes are often known only when it has folded them.
        kernels::state_padding(&mut model)?;
        model = model.into_decluttered()?;
        ensure!(!odd(&model), "some shapes depend on values, or have no elements");
    }
    Ok(model)
}

/// The model ready to run: with our kernels and tract's optimiser, or as it is; NaN is kept either way.
pub(super) fn runnable(model: TypedModel, optimise: bool) -> TractResult<Arc<TypedRunnableModel>> {
    if optimise {
        nonfinite::keep(kernels::specialise(model)?)?.into_optimized()?.into_runnable()
    } else {
        nonfinite::keep(model)?.into_runnable()
    }
}
