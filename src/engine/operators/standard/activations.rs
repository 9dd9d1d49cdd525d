//! The activation functions of recurrent layers.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::engine::proto::{floats, texts};

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Activation {
    kind: Kind,
    alpha: f64,
    beta: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Affine,
    Elu,
    HardSigmoid,
    LeakyRelu,
    Relu,
    ScaledTanh,
    Sigmoid,
    Softplus,
    Softsign,
    Tanh,
    ThresholdedRelu,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "affine" => Self::Affine,
            "elu" => Self::Elu,
            "hardsigmoid" => Self::HardSigmoid,
            "leakyrelu" => Self::LeakyRelu,
            "relu" => Self::Relu,
            "scaledtanh" => Self::ScaledTanh,
            "sigmoid" => Self::Sigmoid,
            "softplus" => Self::Softplus,
            "softsign" => Self::Softsign,
            "tanh" => Self::Tanh,
            "thresholdedrelu" => Self::ThresholdedRelu,
            _ => return None,
        })
    }

    /// How many of alpha and beta it takes.
    fn n_parameters(self) -> usize {
        match self {
            Self::Affine | Self::HardSigmoid | Self::ScaledTanh => 2,
            Self::Elu | Self::LeakyRelu | Self::ThresholdedRelu => 1,
            Self::Relu | Self::Sigmoid | Self::Softplus | Self::Softsign | Self::Tanh => 0,
        }
    }

    fn has_no_default(self) -> bool {
        matches!(self, Self::Affine | Self::ScaledTanh | Self::ThresholdedRelu)
    }

    /// Alpha and beta where the model does not say.
    fn defaults(self) -> (f32, f32) {
        match self {
            Self::HardSigmoid => (0.2, 0.5),
            Self::Elu | Self::ThresholdedRelu => (1.0, 0.0),
            Self::LeakyRelu => (0.01, 0.0),
            Self::Affine => (1.0, 0.0),
            Self::ScaledTanh => (1.0, 1.0),
            Self::Relu | Self::Sigmoid | Self::Softplus | Self::Softsign | Self::Tanh => (0.0, 0.0),
        }
    }
}

impl Activation {
    /// Its value at `x`.
    pub(super) fn apply(self, x: f64) -> f64 {
        let Self { kind, alpha, beta } = self;
        match kind {
            Kind::Affine => alpha * x + beta,
            Kind::Elu => {
                if x < 0.0 {
                    alpha * x.exp_m1()
                } else {
                    x
                }
            }
            Kind::HardSigmoid => (alpha * x + beta).clamp(0.0, 1.0),
            Kind::LeakyRelu => {
                if x < 0.0 {
                    alpha * x
                } else {
                    x
                }
            }
            Kind::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Kind::ScaledTanh => alpha * (beta * x).tanh(),
            Kind::Sigmoid => (1.0 + (-x).exp()).recip(),
            Kind::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Kind::Softsign => x / (1.0 + x.abs()),
            Kind::Tanh => x.tanh(),
            Kind::ThresholdedRelu => {
                if alpha <= x {
                    x
                } else {
                    0.0
                }
            }
        }
    }
}

/// The activations of every direction.
pub(super) fn activations(
    node: &NodeProto,
    defaults: &[&str],
    n_directions: usize,
) -> TractResult<Vec<Vec<Activation>>> {
    let mut names = texts(node, "activations");
    if names.is_empty() {
        names = (0..n_directions).flat_map(|_| defaults.iter().map(|name| (*name).to_owned())).collect();
    }
    ensure!(names.len() == defaults.len() * n_directions, "{} activations for {n_directions} directions", names.len());
    // Alphas and betas stand in the order of the activations that take one.
    let mut alphas = floats(node, "activation_alpha").iter();
    let mut betas = floats(node, "activation_beta").iter();
    let mut all = Vec::with_capacity(names.len());
    for name in &names {
        let kind = Kind::of(name).ok_or_else(|| format_err!("the activation {name} is not supported"))?;
        let (alpha, beta) = kind.defaults();
        // ONNX leaves open what holds without them, and ONNX Runtime takes zeros.
        ensure!(
            !kind.has_no_default() || alphas.len() > 0 && (kind.n_parameters() < 2 || betas.len() > 0),
            "the activation {name} without activation_alpha and activation_beta"
        );
        let alpha = if 0 < kind.n_parameters() { alphas.next().copied().unwrap_or(alpha) } else { alpha };
        let beta = if 1 < kind.n_parameters() { betas.next().copied().unwrap_or(beta) } else { beta };
        all.push(Activation { kind, alpha: f64::from(alpha), beta: f64::from(beta) });
    }
    Ok(all.chunks(defaults.len()).map(<[_]>::to_vec).collect())
}
