//! Normalisations that tract computes only for stored parameters, or with a part left out.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{Slots, around, axis_of, each_position, fact, float_values, from_floats, lengths, offset, strides};
use crate::engine::proto::{attribute, float, int};

/// The domain of ONNX Runtime's own operators.
const MICROSOFT: &str = "com.microsoft";

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "BatchNormalization", |node, _| parse_batch(node)),
    Operator::new(ONNX, "MeanVarianceNormalization", |node, _| {
        let axes = attribute(node, "axes").map_or_else(|| vec![0, 2, 3], |axes| axes.ints.clone());
        Parsed::kernel(MeanVariance { axes })
    }),
    Operator::new(MICROSOFT, "SkipLayerNormalization", |node, _| parse_skip(node, true)),
    Operator::new(MICROSOFT, "SkipSimplifiedLayerNormalization", |node, _| parse_skip(node, false)),
];

fn parse_batch(node: &NodeProto) -> TractResult<Parsed> {
    if int(node, "training_mode").unwrap_or(0) != 0 || 1 < node.output.len() {
        return reject(node, "training is not supported; export the model in evaluation mode");
    }
    if int(node, "spatial").unwrap_or(1) != 1 {
        return reject(node, "statistics of every element (`spatial` 0) are not supported");
    }
    let epsilon = f64::from(float(node, "epsilon").unwrap_or(1e-5));
    // tract wants stored parameters.
    Parsed::by_type(BatchNormalization { epsilon }, |_, facts| {
        facts.iter().skip(1).any(|fact| fact.value.is_none() || fact.dtype != facts[0].dtype)
    })
}

#[derive(Debug)]
struct BatchNormalization {
    epsilon: f64,
}

impl Kernel for BatchNormalization {
    fn name(&self) -> &'static str {
        "BatchNormalization"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        ensure!(inputs.len() == 5, "BatchNormalization takes five inputs");
        let shape = lengths(&inputs[0])?;
        let n_channels = shape.get(1).copied().unwrap_or(1);
        for parameter in &inputs[1..] {
            ensure!(
                lengths(parameter)? == [n_channels],
                "there is not one parameter for each of {n_channels} channels"
            );
        }
        Ok(tvec!(fact(inputs[0].dtype, &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape = inputs[0].shape();
        let (n_channels, n_after) =
            if shape.len() < 2 { (1, 1) } else { (shape[1], shape[2..].iter().product::<usize>()) };
        let parameters = inputs[1..].iter().map(|tensor| float_values(tensor)).collect::<TractResult<Vec<_>>>()?;
        let mut values = float_values(&inputs[0])?;
        for (idx, value) in values.iter_mut().enumerate() {
            let channel = idx / n_after.max(1) % n_channels.max(1);
            let [scale, bias, mean, variance] = [0, 1, 2, 3].map(|which| parameters[which][channel]);
            *value = (*value - mean) / (variance + self.epsilon).sqrt() * scale + bias;
        }
        Ok(tvec!(from_floats(inputs[0].datum_type(), shape, values)?))
    }
}

#[derive(Debug)]
struct MeanVariance {
    axes: Vec<i64>,
}

impl Kernel for MeanVariance {
    fn name(&self) -> &'static str {
        "MeanVarianceNormalization"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [input] = inputs else { bail!("MeanVarianceNormalization takes one input") };
        let shape = lengths(input)?;
        self.axes.iter().try_for_each(|axis| axis_of(*axis, shape.len()).map(|_axis| ()))?;
        Ok(tvec!(fact(input.dtype, &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape = inputs[0].shape();
        let mut kept = shape.to_vec();
        for axis in &self.axes {
            kept[axis_of(*axis, shape.len())?] = 1;
        }
        let mut own = strides(&kept);
        for (axis, stride) in own.iter_mut().enumerate() {
            if kept[axis] == 1 {
                *stride = 0;
            }
        }
        let mut groups = Vec::with_capacity(inputs[0].len());
        each_position(shape, |position| {
            groups.push(offset(position, &own));
            Ok(())
        })?;
        let mut values = float_values(&inputs[0])?;
        let n_groups: usize = kept.iter().product();
        let mut counts = vec![0.0; n_groups];
        let mut means = vec![0.0; n_groups];
        for (value, group) in values.iter().zip(&groups) {
            counts[*group] += 1.0;
            means[*group] += value;
        }
        means.iter_mut().zip(&counts).for_each(|(mean, count)| *mean /= count);
        let mut variances = vec![0.0; n_groups];
        for (value, group) in values.iter().zip(&groups) {
            variances[*group] += (value - means[*group]).powi(2) / counts[*group];
        }
        for (value, group) in values.iter_mut().zip(&groups) {
            *value = (*value - means[*group]) / (variances[*group].sqrt() + 1e-9);
        }
        Ok(tvec!(from_floats(inputs[0].datum_type(), shape, values)?))
    }
}

fn parse_skip(node: &NodeProto, centred: bool) -> TractResult<Parsed> {
    if node.output.iter().skip(1).any(|output| !output.is_empty()) && node.output.len() != 4 {
        return reject(node, "the mean and the deviation are not given out");
    }
    Parsed::kernel(SkipNormalization {
        centred,
        epsilon: f64::from(float(node, "epsilon").unwrap_or(1e-12)),
        slots: Slots::of(node),
        wanted: node.output.iter().map(|name| !name.is_empty()).collect(),
    })
}

/// The sum of two inputs and a bias, normalised along the last axis.
#[derive(Debug)]
struct SkipNormalization {
    centred: bool,
    epsilon: f64,
    slots: Slots,
    wanted: Vec<bool>,
}

impl SkipNormalization {
    /// Where gamma, beta and the bias are.
    fn places(&self) -> (usize, Option<usize>, usize) {
        if self.centred { (2, Some(3), 4) } else { (2, None, 3) }
    }
}

impl Kernel for SkipNormalization {
    fn name(&self) -> &'static str {
        if self.centred { "SkipLayerNormalization" } else { "SkipSimplifiedLayerNormalization" }
    }

    fn n_outputs(&self) -> usize {
        self.wanted.len()
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let (input, skip) = (self.slots.need(inputs, 0)?, self.slots.need(inputs, 1)?);
        let (shape, skip) = (lengths(input)?, lengths(skip)?);
        ensure!(!shape.is_empty() && shape.ends_with(&skip), "inputs of the shapes {shape:?} and {skip:?} are added");
        let (gamma, beta, bias) = self.places();
        for position in [Some(gamma), beta, Some(bias)].into_iter().flatten() {
            if let Some(parameter) = self.slots.get(inputs, position) {
                ensure!(lengths(parameter)? == shape[shape.len() - 1..], "a parameter of another length");
            }
        }
        let one = fact(f32::datum_type(), &[1]);
        let same = fact(input.dtype, &shape);
        let all = [same.clone(), one.clone(), one, same];
        Ok(all.into_iter().take(self.wanted.len()).collect())
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = self.slots.need(inputs, 0)?;
        let (shape, dtype) = (input.shape(), input.datum_type());
        let (_, n_columns, _) = around(shape, shape.len() - 1);
        let (gamma, beta, bias) = self.places();
        let parameter = |position: Option<usize>| {
            let given = position.and_then(|position| self.slots.get(inputs, position));
            given.map(|tensor| float_values(tensor)).transpose()
        };
        let (gamma, beta, bias) = (parameter(Some(gamma))?, parameter(beta)?, parameter(Some(bias))?);
        let skip = float_values(self.slots.need(inputs, 1)?)?;
        let mut sums = float_values(input)?;
        for (idx, sum) in sums.iter_mut().enumerate() {
            *sum += skip[idx % skip.len()] + bias.as_ref().map_or(0.0, |bias| bias[idx % n_columns]);
        }
        let mut normalised = Vec::with_capacity(sums.len());
        for row in sums.chunks(n_columns.max(1)) {
            let n = n_columns as f64;
            let mean = if self.centred { row.iter().sum::<f64>() / n } else { 0.0 };
            let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
            let deviation = (variance + self.epsilon).sqrt();
            normalised.extend(row.iter().enumerate().map(|(column, value)| {
                let scaled = (value - mean) / deviation * gamma.as_ref().map_or(1.0, |gamma| gamma[column]);
                scaled + beta.as_ref().map_or(0.0, |beta| beta[column])
            }));
        }
        let nothing = || from_floats(f32::datum_type(), &[1], vec![0.0]);
        let all = [from_floats(dtype, shape, normalised)?, nothing()?, nothing()?, from_floats(dtype, shape, sums)?];
        Ok(all.into_iter().take(self.wanted.len()).collect())
    }
}
