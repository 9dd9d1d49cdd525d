//! An operator that tract computes for some element types, and a kernel of ours for the others.

use std::fmt;

use tract_onnx::tract_hir::internal::*;

use super::kernel::Fact;

/// Says whether a kernel of ours computes such inputs, given the operator's name; shapes may be missing.
pub(super) type ByUs = fn(&str, &[Fact]) -> bool;

/// Both ways to compute an operator.
#[derive(Clone)]
pub(super) struct Choice {
    /// The operator's name.
    pub(super) name: &'static str,
    /// tract's way.
    pub(super) tract: Box<dyn InferenceOp>,
    /// Our way.
    pub(super) own: Box<dyn InferenceOp>,
    /// Which it is.
    pub(super) by_us: ByUs,
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Choice").field(&self.name).finish()
    }
}

impl PartialEq for Choice {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl Eq for Choice {}

fn of_values(values: &[TValue]) -> Vec<Fact> {
    let fact = |value: &TValue| Fact::new(value.datum_type(), []).with_value(Some(value.clone().into_arc_tensor()));
    values.iter().map(fact).collect()
}

impl Choice {
    fn chosen(&self, facts: &[Fact]) -> &dyn InferenceOp {
        if (self.by_us)(self.name, facts) { self.own.as_ref() } else { self.tract.as_ref() }
    }
}

impl Op for Choice {
    fn name(&self) -> StaticName {
        self.name.into()
    }

    not_a_typed_op!();
}

impl EvalOp for Choice {
    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        self.chosen(&of_values(&inputs)).eval_out_of_plan(inputs)
    }

    fn eval(&self, context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        self.chosen(&of_values(&inputs)).eval(context, inputs)
    }
}

impl InferenceOp for Choice {
    fn infer_facts(
        &mut self,
        inputs: TVec<&InferenceFact>,
        outputs: TVec<&InferenceFact>,
        observed: TVec<&InferenceFact>,
    ) -> TractResult<(TVec<InferenceFact>, TVec<InferenceFact>, TVec<InferenceFact>)> {
        let facts: Option<Vec<Fact>> = inputs
            .iter()
            .map(|input| Some(Fact::new(input.datum_type.concretize()?, []).with_value(input.value.concretize())))
            .collect();
        let Some(facts) = facts else {
            let cloned = |facts: TVec<&InferenceFact>| facts.into_iter().cloned().collect();
            return Ok((cloned(inputs), cloned(outputs), cloned(observed)));
        };
        let chosen = if (self.by_us)(self.name, &facts) { &mut self.own } else { &mut self.tract };
        chosen.infer_facts(inputs, outputs, observed)
    }

    fn nboutputs(&self) -> TractResult<usize> {
        self.tract.nboutputs()
    }

    fn to_typed(
        &self,
        source: &InferenceModel,
        node: &InferenceNode,
        target: &mut TypedModel,
        mapping: &HashMap<OutletId, OutletId>,
    ) -> TractResult<TVec<OutletId>> {
        let fact = |input: &OutletId| {
            let fact = target.outlet_fact(mapping[input])?;
            Ok(Fact::new(fact.datum_type, []).with_value(fact.konst.clone()))
        };
        let facts = node.inputs.iter().map(fact).collect::<TractResult<Vec<Fact>>>()?;
        self.chosen(&facts).to_typed(source, node, target, mapping)
    }

    as_op!();
}
