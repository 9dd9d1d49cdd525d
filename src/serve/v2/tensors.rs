//! From the tensors of a request to those of the model: names, types and shapes as the contract has them, or 400.

use axum::body::Bytes;
use serde::Deserializer;
use serde::de::DeserializeSeed as _;

use super::binary;
use super::elements::{DataSeed, Parsed};
use super::request::{Input, Request, Values, n_elements};
use crate::engine::tensor::{Tensor, TensorData};
use crate::project::contract::{Dim, ModelContract, TensorSpec};
use crate::serve::error::ApiError;

/// Texts that stand for a missing one, by model input and column.
#[derive(Debug, Default)]
pub(in crate::serve) struct MissingTexts {
    /// Input, column (`None`: the input is this feature alone) and text.
    pub(in crate::serve) texts: Vec<(String, Option<usize>, String)>,
}

impl MissingTexts {
    fn find(&self, input: &str, column: usize) -> Option<&str> {
        self.texts
            .iter()
            .find(|(name, at, _)| name == input && at.is_none_or(|at| at == column))
            .map(|(_, _, text)| text.as_str())
    }
}

/// The request's tensors in the order of the contract; `tail` is what came behind the JSON.
pub(super) fn model_inputs(
    request: &mut Request<'_>,
    tail: Option<&Bytes>,
    contract: &ModelContract,
    missing: &MissingTexts,
) -> Result<Vec<Tensor>, ApiError> {
    let given = std::mem::take(&mut request.inputs);
    let mut tensors: Vec<Option<Tensor>> = vec![None; contract.inputs.len()];
    let mut rest = tail.map_or(&[][..], |tail| &tail[..]);
    for input in given {
        let Some(position) = contract.inputs.iter().position(|spec| spec.name == input.name) else {
            let known: Vec<&str> = contract.inputs.iter().map(|spec| spec.name.as_str()).collect();
            let message = format!("the model has no input `{}`; its inputs are {}", input.name, known.join(", "));
            return Err(ApiError::bad_request(message));
        };
        if tensors[position].is_some() {
            return Err(ApiError::bad_request(format!("input `{}` is given twice", input.name)));
        }
        let spec = &contract.inputs[position];
        check(&input, spec)?;
        tensors[position] = Some(tensor(input, spec, missing, &mut rest)?);
    }
    if !rest.is_empty() {
        return Err(ApiError::bad_request(format!("{} bytes behind the JSON belong to no input", rest.len())));
    }
    let absent: Vec<&str> = contract
        .inputs
        .iter()
        .zip(&tensors)
        .filter(|(_, tensor)| tensor.is_none())
        .map(|(spec, _)| spec.name.as_str())
        .collect();
    if !absent.is_empty() {
        return Err(ApiError::bad_request(format!("input `{}` is missing", absent.join("`, `"))));
    }
    let tensors: Vec<Tensor> = tensors.into_iter().flatten().collect();
    check_symbols(&tensors, contract)?;
    Ok(tensors)
}

/// Type and shape against the contract.
fn check(input: &Input<'_>, spec: &TensorSpec) -> Result<(), ApiError> {
    if input.dtype != spec.dtype {
        let (name, wanted, given) = (&spec.name, spec.dtype.v2_name(), input.dtype.v2_name());
        return Err(ApiError::bad_request(format!("input `{name}` is {wanted}, given was {given}")));
    }
    check_shape(&input.shape, spec)
}

fn check_shape(shape: &[usize], spec: &TensorSpec) -> Result<(), ApiError> {
    let fits = shape.len() == spec.shape.len()
        && shape.iter().zip(&spec.shape).all(|(length, dim)| dim.fixed().is_none_or(|fixed| fixed == *length as u64));
    if !fits {
        return Err(ApiError::bad_request(format!(
            "input `{}` has the shape {}, given was {shape:?}",
            spec.name,
            spec.shape_text(),
        )));
    }
    if shape.contains(&0) {
        return Err(ApiError::bad_request(format!("input `{}` is empty: its shape is {shape:?}", spec.name)));
    }
    Ok(())
}

fn tensor(input: Input<'_>, spec: &TensorSpec, missing: &MissingTexts, rest: &mut &[u8]) -> Result<Tensor, ApiError> {
    let name = &spec.name;
    let n_expected = n_elements(&input.shape)
        .ok_or_else(|| ApiError::bad_request(format!("the shape of input `{name}` is too large")))?;
    let mut parsed = match input.values {
        Values::Json(parsed) => parsed,
        Values::Binary(size) => {
            let Some((bytes, after)) = rest.split_at_checked(size) else {
                return Err(ApiError::bad_request(format!(
                    "input `{name}` has {size} bytes behind the JSON, but only {} are left there",
                    rest.len()
                )));
            };
            *rest = after;
            let data = binary::decode(spec.dtype, bytes, n_expected)
                .map_err(|reason| ApiError::bad_request(format!("input `{name}`: {reason}")))?;
            return Ok(Tensor::new(name.as_str(), input.shape, data));
        }
    };
    if let Some(nesting) = &parsed.nesting
        && *nesting != input.shape
    {
        return Err(ApiError::bad_request(format!(
            "the data of input `{name}` is nested as {nesting:?}, its shape says {:?}",
            input.shape
        )));
    }
    if parsed.data.len() != n_expected {
        return Err(ApiError::bad_request(format!(
            "input `{name}` has {} elements, its shape {:?} asks for {n_expected}",
            parsed.data.len(),
            input.shape
        )));
    }
    if let TensorData::Text(values) = &mut parsed.data {
        let n_columns = input.shape.get(1..).and_then(n_elements).unwrap_or(1).max(1);
        for &position in &parsed.nulls {
            let Some(text) = missing.find(name, position % n_columns) else {
                return Err(ApiError::bad_request(format!(
                    "element {position} of input `{name}` is null, and no category stands for a missing one"
                )));
            };
            text.clone_into(&mut values[position]);
        }
    }
    Ok(Tensor::new(name.as_str(), input.shape, parsed.data))
}

/// A tensor from its data alone, nested or flat, its shape told from the nesting; the error is for a person.
///
/// `null` is NaN in a float tensor, and `Err` in a text tensor.
pub(in crate::serve) fn tensor_from_json<'de, D: Deserializer<'de>>(
    spec: &TensorSpec,
    data: D,
) -> Result<Tensor, String> {
    let Parsed { data, nulls, nesting } =
        DataSeed { dtype: spec.dtype, expected: 0 }.deserialize(data).map_err(|error| error.to_string())?;
    if !nulls.is_empty() {
        return Err("a text is null".to_owned());
    }
    let n = data.len();
    // A flat list fills an axis that is alone, or alone of more than one.
    let shape = if let Some(nesting) = nesting {
        nesting
    } else {
        let rest: Option<usize> =
            spec.shape.iter().skip(1).try_fold(1_usize, |n, dim| n.checked_mul(dim.fixed()? as usize));
        match (spec.shape.len(), rest) {
            (0 | 1, _) => vec![n; spec.shape.len()],
            (rank, Some(width)) if width != 0 && (width == 1 || n == width) => {
                let mut shape = vec![n / width];
                shape.extend(spec.shape[1..rank].iter().filter_map(|dim| dim.fixed().map(|n| n as usize)));
                shape
            }
            _ => return Err(format!("the shape is {}, given was a flat list", spec.shape_text())),
        }
    };
    Ok(Tensor::new(spec.name.as_str(), shape, data))
}

/// The request's tensors, which are checked against the contract.
pub(in crate::serve) fn check_tensors(tensors: &[Tensor], contract: &ModelContract) -> Result<(), ApiError> {
    for (tensor, spec) in tensors.iter().zip(&contract.inputs) {
        check_shape(&tensor.shape, spec)?;
    }
    check_symbols(tensors, contract)
}

/// Axes of the same symbol have the same length; unnamed first axes count as one symbol, the batch.
fn check_symbols(tensors: &[Tensor], contract: &ModelContract) -> Result<(), ApiError> {
    if tensors.len() < 2 {
        return Ok(());
    }
    let mut lengths: Vec<(&str, usize, &str)> = Vec::new();
    for (tensor, spec) in tensors.iter().zip(&contract.inputs) {
        for (axis, dim) in spec.shape.iter().enumerate() {
            let Dim::Symbol(symbol) = dim else { continue };
            if symbol.is_empty() && axis != 0 {
                continue;
            }
            let length = tensor.shape[axis];
            match lengths.iter().find(|(known, ..)| known == symbol) {
                None => lengths.push((symbol, length, &spec.name)),
                Some((_, other, _)) if *other == length => {}
                Some((_, other, first)) => {
                    let axis_name = if symbol.is_empty() { "the batch" } else { symbol };
                    return Err(ApiError::bad_request(format!(
                        "{axis_name} is {other} in input `{first}` and {length} in input `{}`",
                        spec.name
                    )));
                }
            }
        }
    }
    Ok(())
}
