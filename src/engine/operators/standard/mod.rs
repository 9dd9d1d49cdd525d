//! Standard operators that tract lacks, or computes otherwise than ONNX says.

mod activations;
mod bounds;
mod col2im;
mod common;
mod deform;
mod det;
mod grid_sample;
mod indexed;
mod interpolation;
mod losses;
mod norms;
mod older;
mod one_hot;
mod pad;
mod pairs;
mod pooling;
mod products;
mod quantize;
mod quantized;
mod recurrent;
mod reduce;
mod regions;
mod resize;
mod sequence;
mod slicing;
mod top;
mod transposed;
mod unary;
mod unique;
mod windows;

pub(in crate::engine) use unary::erf;

use super::Operator;

/// Every standard operator computed here, by theme.
pub(super) const FAMILIES: &[&[Operator]] = &[
    bounds::OPERATORS,
    col2im::OPERATORS,
    deform::OPERATORS,
    det::OPERATORS,
    grid_sample::OPERATORS,
    norms::OPERATORS,
    older::OPERATORS,
    one_hot::OPERATORS,
    pad::OPERATORS,
    pairs::OPERATORS,
    indexed::OPERATORS,
    losses::OPERATORS,
    pooling::OPERATORS,
    pooling::UNPOOLING,
    products::OPERATORS,
    quantize::OPERATORS,
    quantized::OPERATORS,
    recurrent::OPERATORS,
    reduce::OPERATORS,
    regions::OPERATORS,
    resize::OPERATORS,
    sequence::CROPPING,
    sequence::OPERATORS,
    slicing::OPERATORS,
    top::OPERATORS,
    transposed::OPERATORS,
    unary::OPERATORS,
    unique::OPERATORS,
];
