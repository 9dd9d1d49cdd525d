//! Functions of one number in the element types that tract has no code for.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, only};
use super::super::{ONNX, Operator, Parsed, Versions};
use super::common::{float_values, from_floats};
use crate::engine::proto::{float, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    by_type("Abs"),
    by_type("Acos"),
    by_type("Acosh"),
    by_type("Asin"),
    by_type("Asinh"),
    by_type("Atan"),
    by_type("Atanh"),
    by_type("Ceil"),
    by_type("Celu"),
    by_type("Cos"),
    by_type("Cosh"),
    by_type("Elu"),
    by_type("Erf"),
    by_type("Exp"),
    by_type("Floor"),
    by_type("Gelu"),
    by_type("HardSigmoid"),
    by_type("HardSwish"),
    by_type("LeakyRelu"),
    by_type("Log"),
    by_type("Mish"),
    by_type("Neg"),
    by_type("Reciprocal"),
    by_type("Relu"),
    by_type("Round"),
    by_type("Selu"),
    by_type("Shrink"),
    by_type("Sigmoid"),
    by_type("Sign"),
    by_type("Sin"),
    by_type("Sinh"),
    by_type("Softplus"),
    by_type("Softsign"),
    by_type("Sqrt"),
    by_type("Swish"),
    by_type("Tan"),
    by_type("Tanh"),
    by_type("ThresholdedRelu"),
];

const fn by_type(name: &'static str) -> Operator {
    Operator::new(ONNX, name, parse)
}

/// Whether tract has no code for the type, or code of another meaning.
fn by_us(name: &str, dtype: DatumType) -> bool {
    let integer = dtype.is_integer() && dtype != TDim::datum_type();
    match name {
        // tract computes Celu wrongly unless alpha is 1.
        // and Softplus only while its exponential is finite.
        "Celu" | "Softplus" => true,
        "Swish" => dtype != f32::datum_type(),
        _ => dtype == f64::datum_type() || integer,
    }
}

fn parse(node: &NodeProto, _versions: Versions) -> TractResult<Parsed> {
    let name = node.op_type.rsplit(':').next().unwrap_or_default();
    let alpha = float(node, "alpha").map(f64::from);
    let beta = float(node, "beta").map(f64::from);
    let function: Box<dyn Fn(f64) -> f64 + Send + Sync> = match name {
        "Abs" => Box::new(f64::abs),
        "Acos" => Box::new(f64::acos),
        "Acosh" => Box::new(f64::acosh),
        "Asin" => Box::new(f64::asin),
        "Asinh" => Box::new(f64::asinh),
        "Atan" => Box::new(f64::atan),
        "Atanh" => Box::new(f64::atanh),
        "Ceil" => Box::new(f64::ceil),
        "Celu" => {
            let alpha = alpha.unwrap_or(1.0);
            Box::new(move |x| if x < 0.0 { alpha * (x / alpha).exp_m1() } else { x })
        }
        "Cos" => Box::new(f64::cos),
        "Cosh" => Box::new(f64::cosh),
        "Elu" => {
            let alpha = alpha.unwrap_or(1.0);
            Box::new(move |x| if x < 0.0 { alpha * x.exp_m1() } else { x })
        }
        "Erf" => Box::new(erf),
        "Exp" => Box::new(f64::exp),
        "Floor" => Box::new(f64::floor),
        "Gelu" if text(node, "approximate").as_deref() == Some("tanh") => {
            Box::new(|x| 0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh()))
        }
        "Gelu" => Box::new(|x| 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))),
        "HardSigmoid" => {
            let (alpha, beta) = (alpha.unwrap_or(0.2_f32.into()), beta.unwrap_or(0.5));
            Box::new(move |x| (alpha * x + beta).clamp(0.0, 1.0))
        }
        "HardSwish" => Box::new(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        "LeakyRelu" => {
            let alpha = alpha.unwrap_or(0.01_f32.into());
            Box::new(move |x| if x < 0.0 { alpha * x } else { x })
        }
        "Log" => Box::new(f64::ln),
        "Mish" => Box::new(|x| x * softplus(x).tanh()),
        "Neg" => Box::new(|x| -x),
        "Reciprocal" => Box::new(f64::recip),
        "Relu" => Box::new(|x| if x < 0.0 { 0.0 } else { x }),
        "Round" => Box::new(f64::round_ties_even),
        "Selu" => {
            let alpha = alpha.unwrap_or(1.673_263_2);
            let gamma = float(node, "gamma").map_or(1.050_701, f64::from);
            Box::new(move |x| gamma * if x < 0.0 { alpha * x.exp_m1() } else { x })
        }
        "Shrink" => {
            let bias = float(node, "bias").map_or(0.0, f64::from);
            let lambda = float(node, "lambd").map_or(0.5, f64::from);
            Box::new(move |x| {
                if x < -lambda {
                    x + bias
                } else if lambda < x {
                    x - bias
                } else {
                    0.0
                }
            })
        }
        "Sigmoid" => Box::new(sigmoid),
        "Sign" => Box::new(|x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                x
            }
        }),
        "Sin" => Box::new(f64::sin),
        "Sinh" => Box::new(f64::sinh),
        "Softplus" => Box::new(softplus),
        "Softsign" => Box::new(|x| x / (1.0 + x.abs())),
        "Sqrt" => Box::new(f64::sqrt),
        "Swish" => {
            let alpha = alpha.unwrap_or(1.0);
            Box::new(move |x| x * sigmoid(alpha * x))
        }
        "Tan" => Box::new(f64::tan),
        "Tanh" => Box::new(f64::tanh),
        "ThresholdedRelu" => {
            let alpha = alpha.unwrap_or(1.0);
            Box::new(move |x| if alpha < x { x } else { 0.0 })
        }
        other => bail!("{other} is not computed here"),
    };
    let own = OPERATORS.iter().find(|own| own.name == name).map_or("", |own| own.name);
    let kernel = Unary { name: own, function };
    // tract computes alpha = 1 only.
    if name == "Swish" && alpha.is_some_and(|alpha| alpha.to_bits() != 1.0_f64.to_bits()) {
        return Parsed::kernel(kernel);
    }
    Parsed::by_type(kernel, |name, facts| facts.first().is_some_and(|fact| by_us(name, fact.dtype)))
}

fn sigmoid(x: f64) -> f64 {
    (1.0 + (-x).exp()).recip()
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The error function, by its series near 0 and its continued fraction beyond.
pub(in crate::engine) fn erf(x: f64) -> f64 {
    const SQRT_PI: f64 = 1.772_453_850_905_516;
    let magnitude = x.abs();
    if x.is_nan() {
        return x;
    }
    if magnitude < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..100 {
            term *= -x * x / f64::from(n);
            let part = term / f64::from(2 * n + 1);
            sum += part;
            if part.abs() < 1e-17 * sum.abs() {
                break;
            }
        }
        return 2.0 / SQRT_PI * sum;
    }
    if 6.0 < magnitude {
        return x.signum();
    }
    let fraction = (1..=60).rev().fold(magnitude, |fraction, n| magnitude + f64::from(n) / 2.0 / fraction);
    x.signum() * (1.0 - (-magnitude * magnitude).exp() / (fraction * SQRT_PI))
}

struct Unary {
    name: &'static str,
    function: Box<dyn Fn(f64) -> f64 + Send + Sync>,
}

impl std::fmt::Debug for Unary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Kernel for Unary {
    fn name(&self) -> &'static str {
        self.name
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let input = only(self.name, inputs)?;
        Ok(tvec!(Fact::new(input.dtype, input.shape.iter().cloned())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let input = &inputs[0];
        let dtype = input.datum_type();
        if dtype.is_integer() {
            // Exact where the function is: what 64 bits hold that a double does not, is not rounded.
            let values = super::common::int_values(input)?;
            ensure!(
                dtype != u64::datum_type() || values.iter().all(|v| 0 <= *v),
                "{} of so large an integer",
                self.name
            );
            let values = values.into_iter().map(|value| match self.name {
                "Abs" => value.wrapping_abs(),
                "Neg" => value.wrapping_neg(),
                "Sign" => value.signum(),
                "Relu" => value.max(0),
                _ => (self.function)(value as f64) as i64,
            });
            let values: Vec<i64> = values.collect();
            return Ok(tvec!(super::common::from_ints(dtype, input.shape(), values)?));
        }
        let values = float_values(input)?.into_iter().map(|value| (self.function)(value)).collect();
        Ok(tvec!(from_floats(dtype, input.shape(), values)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_exact_to_the_last_digits() {
        // From SciPy's `scipy.special.erf`.
        for (x, expected) in [
            (0.5, 0.5204998778130465),
            (-1.0, -0.8427007929497149),
            (2.0, 0.9953222650189527),
            (2.6, 0.9997639655834707),
            (4.0, 0.9999999845827421),
            (7.0, 1.0),
        ] {
            assert!((erf(x) - expected).abs() < 1e-14, "{x}: {}", erf(x));
        }
    }
}
