//! A loaded model: prepared once for each combination of input shapes, run many times.

use std::fmt;
use std::path::Path;

use tract_onnx::pb;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value;
use tract_onnx::tract_hir::internal::{IntoTValue as _, TValue, TVec, TractResult, TypedModel, ensure};

use super::error::EngineError;
use super::file::{self, ModelFile};
use super::guard::{guarded, one_line};
use super::inspect::{inspection, real_inputs};
use super::plan::{Plan, Planner, Shapes};
use super::profile::FileNodes;
use super::tensor::Tensor as PlainTensor;
use super::{convert, rewrite};
use crate::project::contract::{Dim, Dtype, Inspection, TensorSpec};

/// A model that can be run, from any thread.
pub struct Model {
    inspection: Inspection,
    /// The file's nodes, for tracing back what runs.
    nodes: FileNodes,
    planner: Planner,
    /// Inputs of unknown rank, whose shape in the contract is empty.
    any_rank: Vec<bool>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("sha256", &self.inspection.sha256).finish_non_exhaustive()
    }
}

impl Model {
    /// Reads, inspects and prepares the model; a refused one is an error with its reasons.
    pub fn load(path: &Path) -> Result<Self, EngineError> {
        let ModelFile { proto, size_bytes, sha256 } = file::read(path)?;
        let mut file = ModelFile { proto, size_bytes, sha256 };
        let inspection = inspection(&file, path)?;
        let findings: Vec<_> = inspection.refusals().cloned().collect();
        if !findings.is_empty() {
            return Err(EngineError::Refused { path: path.to_owned(), findings });
        }
        let gaps = Gaps::of(&file.proto);
        let nodes = file.proto.graph.as_ref().map(FileNodes::of).unwrap_or_default();
        rewrite::for_tract(&mut file.proto);
        let planner = Planner::new(&file.proto, path, &inspection.sha256)?;
        let mut model = Self { inspection, nodes, planner, any_rank: gaps.any_rank.clone() };
        model.check_ports(path)?;
        model.try_one_row(&gaps)?;
        Ok(model)
    }

    /// What the file says, its outputs completed from what was prepared.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// The file's nodes.
    pub(super) fn file_nodes(&self) -> &FileNodes {
        &self.nodes
    }

    /// The plan that runs these inputs, and the inputs as it takes them.
    pub(super) fn opened(&self, inputs: &[PlainTensor]) -> Result<(Plan, TVec<TValue>), EngineError> {
        let ordered = self.order(inputs)?;
        let shapes: Shapes = ordered.iter().map(|tensor| tensor.shape.clone()).collect();
        let plan = self.planner.plan(&self.inspection.contract.inputs, &shapes)?;
        let values = guarded("preparing the inputs", || {
            let values = ordered.iter().map(|tensor| Ok(convert::into_tract(tensor)?.into_tvalue()));
            values.collect::<TractResult<TVec<TValue>>>()
        })?;
        Ok((plan, values.map_err(|error| EngineError::Run { reason: one_line(&error) })?))
    }

    /// The model of tract with inputs of these shapes, before anything is optimised, where the whole graph is one.
    pub(super) fn typed(&self, shapes: &Shapes) -> Option<TypedModel> {
        self.planner.typed(&self.inspection.contract.inputs, shapes)
    }

    /// Runs the model on inputs in any order, matched by name; gives the outputs in the graph's order.
    pub fn run(&self, inputs: &[PlainTensor]) -> Result<Vec<PlainTensor>, EngineError> {
        let ordered = self.order(inputs)?;
        let shapes: Shapes = ordered.iter().map(|tensor| tensor.shape.clone()).collect();
        let plan = self.planner.plan(&self.inspection.contract.inputs, &shapes)?;
        let outputs = guarded("running the model", || {
            let values = ordered.iter().map(|tensor| Ok(convert::into_tract(tensor)?.into_tvalue()));
            let outputs = plan.run(values.collect::<TractResult<TVec<TValue>>>()?)?;
            let specs = &self.inspection.contract.outputs;
            ensure!(outputs.len() == specs.len(), "{} outputs came in place of {}", outputs.len(), specs.len());
            outputs
                .iter()
                .zip(specs)
                .map(|(output, spec)| convert::from_tract(&spec.name, output, Some(spec.dtype)))
                .collect::<TractResult<Vec<PlainTensor>>>()
        })?;
        outputs.map_err(|error| EngineError::Run { reason: one_line(&error) })
    }

    /// The inputs in the contract's order, checked against it.
    fn order<'a>(&self, inputs: &'a [PlainTensor]) -> Result<Vec<&'a PlainTensor>, EngineError> {
        let specs = &self.inspection.contract.inputs;
        let expected = || {
            let specs = specs.iter().map(|spec| format!("`{}` ({} {})", spec.name, spec.dtype, spec.shape_text()));
            specs.collect::<Vec<_>>().join(", ")
        };
        for (idx, input) in inputs.iter().enumerate() {
            let twice = inputs[..idx].iter().any(|other| other.name == input.name);
            if twice || !specs.iter().any(|spec| spec.name == input.name) {
                let how = if twice { "given twice" } else { "unknown" };
                return Err(EngineError::UnexpectedInput { name: input.name.clone(), how, expected: expected() });
            }
        }
        let mut bound: Vec<(&str, usize, &str)> = Vec::new();
        let mut ordered = Vec::with_capacity(specs.len());
        for (spec, any_rank) in specs.iter().zip(&self.any_rank) {
            let Some(input) = inputs.iter().find(|input| input.name == spec.name) else {
                return Err(EngineError::MissingInput { name: spec.name.clone(), expected: expected() });
            };
            check_input(spec, *any_rank, input, &mut bound)?;
            ordered.push(input);
        }
        Ok(ordered)
    }

    /// Whether tract's ports are those of the contract.
    fn check_ports(&self, path: &Path) -> Result<(), EngineError> {
        let specs = &self.inspection.contract.inputs;
        let (names, n_outputs) = self.planner.ports();
        if names.into_iter().eq(specs.iter().map(|spec| spec.name.as_str()))
            && n_outputs == self.inspection.contract.outputs.len()
        {
            return Ok(());
        }
        let reason = "its inputs and outputs are not those it states".to_owned();
        Err(EngineError::Damaged { path: path.to_owned(), reason })
    }

    /// Prepares a single row, where its shape is known, and completes the contract from what comes of it.
    fn try_one_row(&mut self, gaps: &Gaps) -> Result<(), EngineError> {
        if self.any_rank.contains(&true) {
            return Ok(());
        }
        let shapes: Option<Shapes> = self.inspection.contract.inputs.iter().map(|spec| one_row(&spec.shape)).collect();
        let Some(shapes) = shapes else { return Ok(()) };
        let announced = self.planner.announced(&self.inspection.contract.inputs, &shapes)?;
        let batch = self.inspection.contract.inputs.first().and_then(|spec| spec.shape.first()).cloned();
        for ((idx, spec), (dtype, lengths)) in self.inspection.contract.outputs.iter_mut().enumerate().zip(announced) {
            if gaps.untyped.get(idx) == Some(&true) {
                spec.dtype = dtype.unwrap_or(Dtype::F32);
            }
            if gaps.shapeless.get(idx) == Some(&true) {
                let dim = |length: Option<usize>| {
                    length.map_or_else(|| Dim::Symbol(String::new()), |length| Dim::Fixed(length as u64))
                };
                let shape: Vec<Dim> = lengths.iter().copied().map(dim).collect();
                if lengths.contains(&None) && spec.shape.len() == shape.len() {
                    // What the file says is more than what is found.
                    continue;
                }
                spec.shape = shape;
                if lengths.first() == Some(&None) {
                    continue;
                }
                if let (Some(first), Some(symbol @ Dim::Symbol(_))) = (spec.shape.first_mut(), &batch) {
                    *first = symbol.clone();
                }
            }
        }
        Ok(())
    }
}

/// The shape of one row, when everything but the first axis is fixed.
fn one_row(shape: &[Dim]) -> Option<Vec<usize>> {
    let lengths = shape.iter().enumerate().map(|(axis, dim)| match dim {
        Dim::Fixed(length) => usize::try_from(*length).ok(),
        Dim::Symbol(_) => (axis == 0).then_some(1),
    });
    lengths.collect()
}

/// What the file leaves open.
struct Gaps {
    any_rank: Vec<bool>,
    untyped: Vec<bool>,
    shapeless: Vec<bool>,
}

impl Gaps {
    fn of(proto: &pb::ModelProto) -> Self {
        fn kind(value: &pb::ValueInfoProto) -> Option<&pb::type_proto::Tensor> {
            match value.r#type.as_ref()?.value.as_ref()? {
                Value::TensorType(tensor) => Some(tensor),
            }
        }
        let graph = proto.graph.as_ref();
        let stated = |tensor: &pb::type_proto::Tensor| {
            // An axis without length or name in an output says nothing.
            let dims = |shape: &pb::TensorShapeProto| {
                shape.dim.iter().skip(1).all(|dim| !matches!(dim.value, None | Some(DimValue::DimValue(..1))))
            };
            tensor.shape.as_ref().is_some_and(dims)
        };
        let inputs = graph.into_iter().flat_map(real_inputs).map(kind);
        let outputs = || graph.into_iter().flat_map(|graph| &graph.output).map(kind);
        Self {
            any_rank: inputs.map(|kind| kind.is_none_or(|tensor| tensor.shape.is_none())).collect(),
            untyped: outputs().map(|kind| kind.is_none_or(|tensor| tensor.elem_type == 0)).collect(),
            shapeless: outputs().map(|kind| !kind.is_some_and(stated)).collect(),
        }
    }
}

fn check_input<'a>(
    spec: &'a TensorSpec,
    any_rank: bool,
    input: &PlainTensor,
    bound: &mut Vec<(&'a str, usize, &'a str)>,
) -> Result<(), EngineError> {
    if input.data.dtype() != spec.dtype {
        let (expected, given) = (spec.dtype, input.data.dtype());
        return Err(EngineError::InputType { name: spec.name.clone(), expected, given });
    }
    let wrong = |detail: String| {
        let given = format!("{:?}", input.shape);
        Err(EngineError::InputShape { name: spec.name.clone(), expected: spec.shape_text(), given, detail })
    };
    if !input.is_consistent() {
        return wrong(format!(" with {} elements", input.data.len()));
    }
    if !any_rank && input.shape.len() != spec.shape.len() {
        return wrong(String::new());
    }
    // A list of integers, such as the axes of an operator, may be empty.
    let list = input.shape.len() == 1 && matches!(spec.dtype, Dtype::I64 | Dtype::I32);
    if input.shape.contains(&0) && !list {
        return wrong("; there must be at least one row".to_owned());
    }
    if any_rank {
        return Ok(());
    }
    for (dim, length) in spec.shape.iter().zip(&input.shape) {
        match dim {
            Dim::Fixed(expected) if *expected != *length as u64 => return wrong(String::new()),
            Dim::Symbol(name) if !name.is_empty() => match bound.iter().find(|(known, _, _)| known == name) {
                Some((_, known, _)) if known == length => {}
                Some((_, known, by)) => return wrong(format!("; {name} is {known} in the input `{by}`")),
                None => bound.push((name, *length, &spec.name)),
            },
            Dim::Fixed(_) | Dim::Symbol(_) => {}
        }
    }
    Ok(())
}
