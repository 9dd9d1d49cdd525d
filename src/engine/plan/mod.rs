//! From a parsed file to something that runs, for each combination of input shapes.
//!
//! Shapes are concrete in every plan: with symbolic ones tract panics in recurrent layers and is many times slower in
//! convolutions.

mod steps;
mod whole;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tract_onnx::pb;
use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::tract_hir::internal::{
    Arc, DimLike as _, InferenceModel, IntoTValue as _, IntoTensor as _, TValue, TVec, Tensor, TractResult, TypedModel,
    TypedRunnableModel,
};

use super::convert;
use super::error::EngineError;
use super::guard::{guarded, one_line};
use super::proto::{each_node, is_default_domain};
use super::{file, rewrite};
use crate::project::contract::{Dtype, TensorSpec};

pub(crate) use steps::{Program, Source, computes as computes_step_by_step};

/// Plans kept; the least recently used is dropped.
const MOST_PLANS: usize = 8;

/// Shapes in a row for which the whole graph may fail before it is no longer tried.
const MOST_FAILED: usize = 3;

/// The shapes of the inputs, in the contract's order.
pub(crate) type Shapes = Vec<Vec<usize>>;

/// A model made ready for certain input shapes.
#[derive(Clone)]
pub(crate) enum Plan {
    /// The whole graph as one model of tract.
    Whole(Arc<TypedRunnableModel>),
    /// The graph step by step, whatever the shapes.
    Steps(Arc<Program>),
}

impl Plan {
    /// Runs it on inputs in the contract's order.
    pub(crate) fn run(&self, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        match self {
            Self::Whole(plan) => plan.run(inputs),
            Self::Steps(program) => program.run_tensors(inputs),
        }
    }

    /// The model of tract, where the whole graph is one.
    pub(crate) fn whole(&self) -> Option<&Arc<TypedRunnableModel>> {
        match self {
            Self::Whole(plan) => Some(plan),
            Self::Steps(_) => None,
        }
    }
}

/// What is known of an output before any run: its element type, and its lengths (`None` where it differs).
pub(crate) type Announced = (Option<Dtype>, Vec<Option<usize>>);

/// Makes plans and keeps the latest.
pub(crate) struct Planner {
    path: PathBuf,
    sha256: String,
    /// The whole graph for tract, if it can be.
    template: Option<InferenceModel>,
    /// The graph step by step; made when it is first needed.
    program: OnceLock<Result<Arc<Program>, String>>,
    /// For how many shapes in a row the whole graph could not be.
    n_failed: AtomicUsize,
    /// Whether there are recurrent layers.
    recurrent: bool,
    /// The most recently used last.
    plans: Mutex<Vec<(Shapes, Plan)>>,
}

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planner").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Planner {
    /// Reads a graph that was made fit for tract.
    pub(crate) fn new(proto: &pb::ModelProto, path: &Path, sha256: &str) -> Result<Self, EngineError> {
        let mut planner = Self {
            path: path.to_owned(),
            sha256: sha256.to_owned(),
            template: None,
            program: OnceLock::new(),
            n_failed: AtomicUsize::new(0),
            recurrent: false,
            plans: Mutex::default(),
        };
        let mut only_steps = false;
        if let Some(graph) = proto.graph.as_ref() {
            each_node(graph, &mut |node| {
                only_steps |= is_default_domain(&node.domain) && computes_step_by_step(&node.op_type);
                planner.recurrent |= matches!(node.op_type.as_str(), "LSTM" | "GRU" | "RNN" | "Scan");
            });
        }
        let failed = |reason| EngineError::Prepare { shapes: "any input".to_owned(), reason };
        let mut reason = String::new();
        if !only_steps {
            match contained(|| whole::parse(proto, path)) {
                Ok(template) => planner.template = Some(template),
                Err(whole) => reason = whole,
            }
        }
        if planner.template.is_none() {
            let program = contained(|| Program::new(proto, whole::folder(path)?));
            match program {
                Ok(program) => planner.program = OnceLock::from(Ok(Arc::new(program))),
                Err(steps) => return Err(failed(if reason.is_empty() { steps } else { reason })),
            }
        }
        Ok(planner)
    }

    /// Names of the inputs and the number of outputs, as they were found in the graph.
    pub(crate) fn ports(&self) -> (Vec<&str>, usize) {
        match (&self.template, self.program.get()) {
            (Some(template), _) => {
                let names = template.inputs.iter().map(|outlet| template.node(outlet.node).name.as_str());
                (names.collect(), template.outputs.len())
            }
            (None, Some(Ok(program))) => program.ports(),
            (None, _) => (Vec::new(), 0),
        }
    }

    /// What the outputs are for inputs of these shapes, as far as it can be told.
    pub(crate) fn announced(&self, specs: &[TensorSpec], shapes: &Shapes) -> Result<Vec<Announced>, EngineError> {
        let plan = self.plan(specs, shapes)?;
        if let Some(whole) = plan.whole() {
            let facts = whole.model().outputs.iter().map(|outlet| whole.model().outlet_fact(*outlet));
            let announced = facts.flatten().map(|fact| {
                let lengths = fact.shape.iter().map(|dim| dim.to_usize().ok()).collect();
                (convert::dtype(fact.datum_type.unquantized()), lengths)
            });
            return Ok(announced.collect());
        }
        // Lengths may depend on values.
        let found = contained(|| {
            let outputs = plan.run(zeros(specs, shapes)?)?;
            let announced =
                outputs.iter().map(|tensor| (convert::dtype(tensor.datum_type()), vec![None; tensor.rank()]));
            Ok(announced.collect())
        });
        Ok(found.unwrap_or_default())
    }

    /// The model for inputs of these shapes before anything is optimised; `None` when tract does not take it whole.
    pub(crate) fn typed(&self, specs: &[TensorSpec], shapes: &Shapes) -> Option<TypedModel> {
        let template = self.template.as_ref()?;
        contained(|| whole::typed(template, specs, shapes)).ok()
    }

    /// The graph step by step, read from the file again if it must be.
    fn program(&self) -> Result<Arc<Program>, String> {
        let read = || -> Result<Arc<Program>, String> {
            let mut file = file::read(&self.path).map_err(|error| error.to_string())?;
            if file.sha256 != self.sha256 {
                return Err("the file changed after it was loaded".to_owned());
            }
            rewrite::for_tract(&mut file.proto);
            contained(|| Program::new(&file.proto, whole::folder(&self.path)?)).map(Arc::new)
        };
        self.program.get_or_init(read).clone()
    }

    /// The plan for these shapes, prepared now if it is not at hand.
    pub(crate) fn plan(&self, specs: &[TensorSpec], shapes: &Shapes) -> Result<Plan, EngineError> {
        let lock = || self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut plans = lock();
            if let Some(at) = plans.iter().position(|(known, _)| known == shapes) {
                let found = plans.remove(at);
                let plan = found.1.clone();
                plans.push(found);
                return Ok(plan);
            }
        }
        // Prepared outside of the lock, so that runs with other shapes go on; two may prepare the same.
        let plan = self.prepare(specs, shapes)?;
        let mut plans = lock();
        if MOST_PLANS <= plans.len() {
            plans.remove(0);
        }
        plans.push((shapes.clone(), plan.clone()));
        Ok(plan)
    }

    fn prepare(&self, specs: &[TensorSpec], shapes: &Shapes) -> Result<Plan, EngineError> {
        let reason = match self.prepare_whole(specs, shapes) {
            Ok(plan) => return Ok(plan),
            Err(reason) => reason,
        };
        let reason = match self.program() {
            Ok(program) => {
                tracing::info!(reason, "the model runs step by step");
                return Ok(Plan::Steps(program));
            }
            Err(steps) if reason.is_empty() => steps,
            Err(_) => reason,
        };
        let shapes = specs.iter().zip(shapes).map(|(spec, shape)| format!("`{}` {shape:?}", spec.name));
        Err(EngineError::Prepare { shapes: shapes.collect::<Vec<_>>().join(", "), reason })
    }

    /// The whole graph for tract, or why it cannot be; empty when that was found out before.
    fn prepare_whole(&self, specs: &[TensorSpec], shapes: &Shapes) -> Result<Plan, String> {
        let Some(template) = self.template.as_ref().filter(|_| self.n_failed.load(Ordering::Relaxed) < MOST_FAILED)
        else {
            return Err(String::new());
        };
        // tract's optimiser fails on some recurrent layers, at times only when they run.
        let attempt = |model: TypedModel, optimise: bool| {
            contained(|| {
                let plan = whole::runnable(model, optimise)?;
                if self.recurrent {
                    plan.run(zeros(specs, shapes)?)?;
                }
                Ok(Plan::Whole(plan))
            })
        };
        let prepared = contained(|| whole::typed(template, specs, shapes)).and_then(|typed| {
            attempt(typed.clone(), true).or_else(|reason| {
                let plan = attempt(typed, false).map_err(|_as_before| reason.clone())?;
                tracing::warn!(reason, "the model runs without optimisation");
                Ok(plan)
            })
        });
        match prepared {
            Ok(_) => self.n_failed.store(0, Ordering::Relaxed),
            Err(_) => _ = self.n_failed.fetch_add(1, Ordering::Relaxed),
        }
        prepared
    }
}

/// Does work of tract; errors and panics become their text.
fn contained<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match guarded("preparing the model", work) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(one_line(&error)),
        Err(error) => Err(error.to_string()),
    }
}

/// Inputs of nothing but zeros.
fn zeros(specs: &[TensorSpec], shapes: &Shapes) -> TractResult<TVec<TValue>> {
    let zero = |(spec, shape): (&TensorSpec, &Vec<usize>)| {
        let dtype = convert::datum_type(spec.dtype);
        if spec.dtype == Dtype::Text {
            return Ok(ArrayD::from_elem(shape.as_slice(), String::new()).into_tensor().into_tvalue());
        }
        Ok(Tensor::zero_dt(dtype, shape)?.into_tvalue())
    };
    specs.iter().zip(shapes).map(zero).collect()
}

#[cfg(test)]
mod tests;
