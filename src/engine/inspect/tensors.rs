//! Whether every stored tensor is what it says: its element type, its number of elements, its place.

use std::path::Path;

use tract_onnx::pb;

use super::{Findings, external};
use crate::engine::proto::{data_type_name, dtype, each_tensor, element_bytes, is_external, n_elements};
use crate::project::contract::Dtype;

/// Refuses tensors that cannot be read as they are described.
pub(super) fn check(graph: &pb::GraphProto, path: &Path, findings: &mut Findings) {
    let mut files: Vec<String> = Vec::new();
    each_tensor(graph, &mut |tensor| {
        let name =
            if tensor.name.is_empty() { "a constant".to_owned() } else { format!("the tensor `{}`", tensor.name) };
        let Some(dtype) = dtype(tensor.data_type) else {
            findings.about("type.unsupported");
            findings.refuse(
                format!("The element type {} of {name} is not supported", data_type_name(tensor.data_type)),
                "Export the model in float32.",
            );
            findings.about("weights.damaged");
            return;
        };
        let Some(n_elements) = n_elements(tensor) else {
            findings.refuse(format!("The file is damaged: {name} has an impossible shape"), "Export the model again.");
            return;
        };
        if is_external(tensor) {
            match external::check(tensor, path, element_bytes(dtype).and_then(|bytes| bytes.checked_mul(n_elements))) {
                Ok(location) if files.contains(&location) => {}
                Ok(location) => files.push(location),
                Err((what, fix)) => {
                    findings.about("weights.external");
                    findings.refuse(format!("{what} ({name})"), fix);
                    findings.about("weights.damaged");
                }
            }
        } else if !is_complete(tensor, dtype, n_elements) {
            findings.refuse(
                format!("The file is damaged: {name} does not have the {n_elements} elements it announces"),
                "Export the model again.",
            );
        }
    });
    if !files.is_empty() {
        findings.about("weights.external");
        let names = files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>();
        findings.note(
            format!("The weights are in other files, which belong to the model: {}", super::name_some(&names)),
            "Keep them in the model's folder, or export the model as one file.",
        );
    }
}

fn is_complete(tensor: &pb::TensorProto, dtype: Dtype, n_elements: u64) -> bool {
    if !tensor.raw_data.is_empty() {
        return element_bytes(dtype).and_then(|bytes| bytes.checked_mul(n_elements))
            == Some(tensor.raw_data.len() as u64);
    }
    let stored = match dtype {
        Dtype::Bool | Dtype::U8 | Dtype::I8 | Dtype::U16 | Dtype::I16 | Dtype::F16 | Dtype::I32 => {
            tensor.int32_data.len()
        }
        Dtype::U32 | Dtype::U64 => tensor.uint64_data.len(),
        Dtype::I64 => tensor.int64_data.len(),
        Dtype::F32 => tensor.float_data.len(),
        Dtype::F64 => tensor.double_data.len(),
        Dtype::Text => tensor.string_data.len(),
    };
    stored as u64 == n_elements
}
