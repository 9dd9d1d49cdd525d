//! The one bridge between our operators and tract's three operator traits.

use std::fmt::Debug;
use std::sync::Arc;

use tract_onnx::tract_hir::internal::*;

/// Element type and shape of an operator's input or output.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    /// Element type.
    pub(crate) dtype: DatumType,
    /// Axes.
    pub(crate) shape: TVec<TDim>,
    /// The elements, where they are known before the model runs.
    pub(crate) value: Option<Arc<Tensor>>,
}

impl Fact {
    /// A fact from its parts.
    pub(crate) fn new(dtype: DatumType, shape: impl IntoIterator<Item = TDim>) -> Self {
        Self { dtype, shape: shape.into_iter().collect(), value: None }
    }

    /// The same with its elements, where they are known.
    pub(crate) fn with_value(self, value: Option<Arc<Tensor>>) -> Self {
        Self { value, ..self }
    }
}

/// An operator as a function over whole tensors.
pub(crate) trait Kernel: Debug + Send + Sync + 'static {
    /// The operator's name.
    fn name(&self) -> &'static str;

    /// How many outputs it has.
    fn n_outputs(&self) -> usize {
        1
    }

    /// Which inputs say what shape comes out: their elements must be known before the model runs.
    fn shaping(&self) -> Vec<usize> {
        vec![]
    }

    /// What comes out when this goes in; fails on inputs it cannot take.
    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>>;

    /// Computes the outputs.
    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>>;

    /// What a run takes, for a profile: by default nothing is known.
    fn work(&self, _inputs: &[Fact]) -> Work {
        Work::default()
    }
}

/// What a run of an operator takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Operations in floating point, a multiply-add counted as two; `None` where that cannot be said.
    pub(crate) flops: Option<u64>,
    /// Bytes that the operator holds and reads: its coefficients, vectors, trees.
    pub(crate) held_bytes: u64,
    /// What it holds, in a few words; empty when there is nothing to say.
    pub(crate) holds: String,
}

impl Work {
    /// So many operations for each row of the first input.
    pub(crate) fn per_row(inputs: &[Fact], n_operations: usize, held_bytes: usize) -> Self {
        let rows = inputs.first().and_then(|input| row_dim(input).ok()?.to_usize().ok());
        let flops = rows.map(|rows| (rows as u64).saturating_mul(n_operations as u64));
        Self { flops, held_bytes: held_bytes as u64, holds: String::new() }
    }

    /// So many operations for each element of the first input.
    pub(crate) fn per_element(inputs: &[Fact], n_operations: usize, held_bytes: usize) -> Self {
        let volume = inputs.first().and_then(|input| input.shape.iter().product::<TDim>().to_usize().ok());
        let flops = volume.map(|volume| (volume as u64).saturating_mul(n_operations as u64));
        Self { flops, held_bytes: held_bytes as u64, holds: String::new() }
    }

    /// The same with words for what it holds.
    pub(crate) fn holding(self, holds: String) -> Self {
        Self { holds, ..self }
    }
}

/// The kernel behind an operator of tract, if it is one of ours.
pub(crate) fn kernel_of(op: &dyn TypedOp) -> Option<&dyn Kernel> {
    op.downcast_ref::<KernelOp>().map(|op| op.0.as_ref())
}

/// Whether a kernel could not announce its outputs because their shapes depend on the inputs' elements; it says so in
/// these words, and can still run.
pub(crate) fn depends_on_data(error: &TractError) -> bool {
    error.to_string().contains("depends on data")
}

/// The kernel as an operator of tract.
pub(crate) fn expansion(kernel: Arc<dyn Kernel>) -> Box<dyn InferenceOp> {
    expand(KernelOp(kernel))
}

/// A [`Kernel`] as an operator of tract, before and after typing.
#[derive(Clone, Debug)]
struct KernelOp(Arc<dyn Kernel>);

impl PartialEq for KernelOp {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for KernelOp {}

impl KernelOp {
    fn announce(&self, s: &mut Solver<'_>, facts: &[Fact], outputs: &[TensorProxy]) -> InferenceResult {
        for (output, fact) in outputs.iter().zip(self.0.outputs(facts)?) {
            s.equals(&output.datum_type, fact.dtype)?;
            s.equals(&output.shape, ShapeFactoid::from(fact.shape))?;
        }
        Ok(())
    }
}

/// tract's symbolic integers are plain integers to our operators.
fn plain(dtype: DatumType) -> DatumType {
    if dtype == TDim::datum_type() { i64::datum_type() } else { dtype }
}

impl Expansion for KernelOp {
    fn name(&self) -> StaticName {
        self.0.name().into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.0.n_outputs())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        ensure!(outputs.len() <= self.0.n_outputs(), "{} has {} outputs", self.0.name(), self.0.n_outputs());
        s.given_all(inputs.iter().map(|input| &input.datum_type), move |s, dtypes: Vec<DatumType>| {
            s.given_all(inputs.iter().map(|input| &input.shape), move |s, shapes: Vec<TVec<TDim>>| {
                let facts: Vec<Fact> =
                    dtypes.iter().zip(shapes).map(|(dtype, shape)| Fact::new(plain(*dtype), shape)).collect();
                let shaping: Vec<usize> = self.0.shaping().into_iter().filter(|idx| *idx < inputs.len()).collect();
                if shaping.is_empty() {
                    return self.announce(s, &facts, outputs);
                }
                let values: Vec<_> = shaping.iter().map(|idx| &inputs[*idx].value).collect();
                s.given_all(values, move |s, values: Vec<Arc<Tensor>>| {
                    let mut facts = facts.clone();
                    for (idx, value) in shaping.iter().zip(values) {
                        facts[*idx].value = Some(value);
                    }
                    self.announce(s, &facts, outputs)
                })
            })
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut wires: TVec<OutletId> = inputs.into();
        for (idx, wire) in wires.iter_mut().enumerate() {
            if model.outlet_fact(*wire)?.datum_type == TDim::datum_type() {
                let cast = tract_core::ops::cast::cast(i64::datum_type());
                *wire = model.wire_node(format!("{prefix}.plain-{idx}"), cast, &[*wire])?[0];
            }
        }
        model.wire_node(prefix, self.clone(), &wires)
    }
}

impl Op for KernelOp {
    fn name(&self) -> StaticName {
        self.0.name().into()
    }

    op_as_typed_op!();
}

impl EvalOp for KernelOp {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        Ok(self.0.run(&inputs)?.into_iter().map(Tensor::into_tvalue).collect())
    }
}

impl TypedOp for KernelOp {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let facts: Vec<Fact> = inputs
            .iter()
            .map(|fact| Fact::new(fact.datum_type, fact.shape.iter().cloned()).with_value(fact.konst.clone()))
            .collect();
        Ok(self.0.outputs(&facts)?.into_iter().map(|fact| fact.dtype.fact(fact.shape)).collect())
    }

    as_op!();
}

// ---------------------------------------------------------------------------
// What kernels have in common

/// The elements of a tensor.
pub(crate) fn elements<T: Datum>(tensor: &Tensor) -> TractResult<&[T]> {
    tensor.try_as_plain_ram()?.as_slice::<T>()
}

/// A tensor from its elements.
pub(crate) fn tensor<T: Datum>(shape: &[usize], elements: Vec<T>) -> TractResult<Tensor> {
    Ok(tract_ndarray::ArrayD::from_shape_vec(shape, elements)?.into_tensor())
}

/// Rows and columns of an input of one or two axes; one axis is a single row.
pub(crate) fn rows_and_columns(shape: &[usize]) -> TractResult<(usize, usize)> {
    match shape {
        [columns] => Ok((1, *columns)),
        [rows, columns] => Ok((*rows, *columns)),
        _ => bail!("one or two axes are expected, there are {}", shape.len()),
    }
}

/// Number of rows of an input of one or two axes, before it is known as a number.
pub(crate) fn row_dim(fact: &Fact) -> TractResult<TDim> {
    match fact.shape.as_slice() {
        [_] => Ok(1.to_dim()),
        [rows, _] => Ok(rows.clone()),
        shape => bail!("one or two axes are expected, there are {}", shape.len()),
    }
}

/// The one input of an operator.
pub(crate) fn only<'a, T>(name: &str, inputs: &'a [T]) -> TractResult<&'a T> {
    match inputs {
        [input] => Ok(input),
        _ => bail!("{name} takes one input, {} are given", inputs.len()),
    }
}

/// Fails unless the element type is a number that the `ai.onnx.ml` operators take.
pub(crate) fn ensure_number(name: &str, dtype: DatumType) -> TractResult<()> {
    let taken = [f32::datum_type(), f64::datum_type(), i64::datum_type(), i32::datum_type()];
    ensure!(taken.contains(&dtype), "{name} does not take {dtype:?}");
    Ok(())
}

#[cfg(test)]
pub(crate) mod testing {
    //! Short ways to say a node, a tensor and a run.

    use tract_onnx::pb::{AttributeProto, NodeProto};
    use tract_onnx::tract_hir::internal::*;

    use super::{Fact, Kernel, elements};

    /// A node of that operator and name.
    pub(crate) fn node(operator: &str, name: &str) -> NodeProto {
        NodeProto { op_type: operator.to_owned(), name: name.to_owned(), ..NodeProto::default() }
    }

    /// Adds an attribute.
    pub(crate) trait With {
        fn with(self, name: &str, set: impl FnOnce(&mut AttributeProto)) -> Self;
    }

    impl With for NodeProto {
        fn with(mut self, name: &str, set: impl FnOnce(&mut AttributeProto)) -> Self {
            let mut attribute = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
            set(&mut attribute);
            self.attribute.push(attribute);
            self
        }
    }

    /// A tensor of two axes.
    pub(crate) fn tensor2<T: Datum, const N: usize>(rows: &[[T; N]]) -> Tensor {
        super::tensor(&[rows.len(), N], rows.iter().flatten().cloned().collect()).unwrap()
    }

    /// Every output, after checking that it is what the kernel announced.
    pub(crate) fn run_all(kernel: &dyn Kernel, inputs: &[Tensor]) -> Vec<Tensor> {
        let facts: Vec<Fact> = inputs
            .iter()
            .map(|t| {
                Fact::new(t.datum_type(), t.shape().iter().map(ToDim::to_dim)).with_value(Some(Arc::new(t.clone())))
            })
            .collect();
        let announced = kernel.outputs(&facts).unwrap();
        let values: Vec<TValue> = inputs.iter().map(|tensor| tensor.clone().into_tvalue()).collect();
        let outputs = kernel.run(&values).unwrap();
        assert_eq!(announced.len(), outputs.len());
        for (fact, output) in announced.iter().zip(&outputs) {
            assert_eq!(fact.dtype, output.datum_type());
            let shape: Vec<usize> = fact.shape.iter().map(|dim| dim.to_usize().unwrap()).collect();
            assert_eq!(shape, output.shape());
        }
        outputs.into_iter().collect()
    }

    /// The elements of the first output.
    pub(crate) fn run<T: Datum>(kernel: &dyn Kernel, inputs: &[Tensor]) -> Vec<T> {
        elements::<T>(&run_all(kernel, inputs)[0]).unwrap().to_vec()
    }
}
