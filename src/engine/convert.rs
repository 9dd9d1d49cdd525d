//! Between our tensors and tract's.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::tract_hir::internal::{Datum, DatumType, IntoTensor as _, Tensor, TractResult, bail, f16};

use super::tensor::{Tensor as PlainTensor, TensorData};
use crate::project::contract::Dtype;

/// ONNX's number for float64.
pub(crate) const ONNX_DOUBLE: i32 = DataType::Double as i32;
/// ONNX's number for int64.
pub(crate) const ONNX_INT64: i32 = DataType::Int64 as i32;

/// tract's element type.
pub(crate) fn datum_type(dtype: Dtype) -> DatumType {
    match dtype {
        Dtype::Bool => DatumType::Bool,
        Dtype::U8 => DatumType::U8,
        Dtype::U16 => DatumType::U16,
        Dtype::U32 => DatumType::U32,
        Dtype::U64 => DatumType::U64,
        Dtype::I8 => DatumType::I8,
        Dtype::I16 => DatumType::I16,
        Dtype::I32 => DatumType::I32,
        Dtype::I64 => DatumType::I64,
        Dtype::F16 => DatumType::F16,
        Dtype::F32 => DatumType::F32,
        Dtype::F64 => DatumType::F64,
        Dtype::Text => DatumType::String,
    }
}

/// Our element type; symbolic integers count as int64.
pub(crate) fn dtype(datum_type: DatumType) -> Option<Dtype> {
    Some(match datum_type {
        DatumType::Bool => Dtype::Bool,
        DatumType::U8 => Dtype::U8,
        DatumType::U16 => Dtype::U16,
        DatumType::U32 => Dtype::U32,
        DatumType::U64 => Dtype::U64,
        DatumType::I8 => Dtype::I8,
        DatumType::I16 => Dtype::I16,
        DatumType::I32 => Dtype::I32,
        DatumType::I64 | DatumType::TDim => Dtype::I64,
        DatumType::F16 => Dtype::F16,
        DatumType::F32 => Dtype::F32,
        DatumType::F64 => Dtype::F64,
        DatumType::String => Dtype::Text,
        _ => return None,
    })
}

/// A tract tensor with the same elements.
pub(crate) fn into_tract(tensor: &PlainTensor) -> TractResult<Tensor> {
    fn build<T: Datum>(shape: &[usize], elements: &[T]) -> TractResult<Tensor> {
        Ok(ArrayD::from_shape_vec(shape, elements.to_vec())?.into_tensor())
    }
    let shape = tensor.shape.as_slice();
    match &tensor.data {
        TensorData::Bool(elements) => build(shape, elements),
        TensorData::U8(elements) => build(shape, elements),
        TensorData::U16(elements) => build(shape, elements),
        TensorData::U32(elements) => build(shape, elements),
        TensorData::U64(elements) => build(shape, elements),
        TensorData::I8(elements) => build(shape, elements),
        TensorData::I16(elements) => build(shape, elements),
        TensorData::I32(elements) => build(shape, elements),
        TensorData::I64(elements) => build(shape, elements),
        TensorData::F16(bits) => build(shape, &bits.iter().map(|bits| f16::from_bits(*bits)).collect::<Vec<f16>>()),
        TensorData::F32(elements) => build(shape, elements),
        TensorData::F64(elements) => build(shape, elements),
        TensorData::Text(elements) => build(shape, elements),
    }
}

/// Our tensor with the same elements, cast to `dtype` where that is known and another.
pub(crate) fn from_tract(name: &str, tensor: &Tensor, as_dtype: Option<Dtype>) -> TractResult<PlainTensor> {
    fn read<T: Datum>(tensor: &Tensor) -> TractResult<Vec<T>> {
        Ok(tensor.to_plain_array_view::<T>()?.iter().cloned().collect())
    }
    let own = dtype(tensor.datum_type().unquantized());
    let Some(target) = as_dtype.or(own) else { bail!("the output `{name}` has the type {:?}", tensor.datum_type()) };
    let tensor = tensor.cast_to_dt(datum_type(target))?;
    let data = match target {
        Dtype::Bool => TensorData::Bool(read(&tensor)?),
        Dtype::U8 => TensorData::U8(read(&tensor)?),
        Dtype::U16 => TensorData::U16(read(&tensor)?),
        Dtype::U32 => TensorData::U32(read(&tensor)?),
        Dtype::U64 => TensorData::U64(read(&tensor)?),
        Dtype::I8 => TensorData::I8(read(&tensor)?),
        Dtype::I16 => TensorData::I16(read(&tensor)?),
        Dtype::I32 => TensorData::I32(read(&tensor)?),
        Dtype::I64 => TensorData::I64(read(&tensor)?),
        Dtype::F16 => TensorData::F16(read::<f16>(&tensor)?.into_iter().map(f16::to_bits).collect()),
        Dtype::F32 => TensorData::F32(read(&tensor)?),
        Dtype::F64 => TensorData::F64(read(&tensor)?),
        Dtype::Text => TensorData::Text(read(&tensor)?),
    };
    Ok(PlainTensor::new(name, tensor.shape().to_vec(), data))
}
