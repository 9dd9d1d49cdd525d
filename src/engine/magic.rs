//! What a file that is not an ONNX model is, told from its first bytes.

/// What the file is (with its article) and what to do, when its first bytes say that it is something else.
pub(super) fn recognise(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const SKL2ONNX: &str = "Load it in Python and export it: `skl2onnx.to_onnx(model, X[:1])`.";
    const TORCH: &str = "Load it in Python and export it: `torch.onnx.export(model, args, \"model.onnx\")`.";
    const KERAS: &str = "Load it in Python and export it: `model.export(\"model.onnx\", format=\"onnx\")`.";
    const CHOOSE: &str = "Choose the .onnx file.";
    const BOOSTER: &str = "Load it in Python and export it with onnxmltools.";
    const WEIGHTS: &str = "It holds weights without a graph: load it in its framework and export that to ONNX.";
    let starts: &[(&[u8], &str, &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "a PNG picture", CHOOSE),
        (b"\xff\xd8\xff", "a JPEG picture", CHOOSE),
        (b"GIF8", "a GIF picture", CHOOSE),
        (b"%PDF-", "a PDF document", CHOOSE),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as an older Keras model", KERAS),
        (b"PK\x03\x04", "a zip archive, such as a PyTorch checkpoint, a .keras model or a .npz file", TORCH),
        (b"PK\x05\x06", "an empty zip archive", CHOOSE),
        (b"\x80\x02", "a Python pickle, such as a joblib or PyTorch file", SKL2ONNX),
        (b"\x80\x03", "a Python pickle, such as a joblib file", SKL2ONNX),
        (b"\x80\x04", "a Python pickle, such as a joblib file", SKL2ONNX),
        (b"\x80\x05", "a Python pickle, such as a joblib file", SKL2ONNX),
        (b"x\x01", "zlib-compressed data, such as a compressed joblib file", SKL2ONNX),
        (b"x\x5e", "zlib-compressed data, such as a compressed joblib file", SKL2ONNX),
        (b"x\x9c", "zlib-compressed data, such as a compressed joblib file", SKL2ONNX),
        (b"x\xda", "zlib-compressed data, such as a compressed joblib file", SKL2ONNX),
        (b"ZF0x", "a compressed joblib file", SKL2ONNX),
        (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
        (b"BZh", "a bzip2 archive", "Unpack it first."),
        (b"\xfd7zXZ\0", "an xz archive", "Unpack it first."),
        (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it first."),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first."),
        (b"\x7fELF", "a program", CHOOSE),
        (b"PAR1", "a Parquet table", "It is data, not a model: set it as the project's data instead."),
        (b"ARROW1", "an Arrow table", "It is data, not a model."),
        (b"\x93NUMPY", "a NumPy array", "It is data, not a model."),
        (b"GGUF", "a GGUF language model", WEIGHTS),
        (b"binf", "an XGBoost model", BOOSTER),
        (b"{L\0", "an XGBoost model (UBJSON)", BOOSTER),
        (b"tree\n", "a LightGBM model", BOOSTER),
        (b"CBM1", "a CatBoost model", "Save it with `model.save_model(path, format=\"onnx\")`."),
        (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "Fetch the file with `git lfs pull`."),
        (b"<!DOCTYPE", "a web page", "The download gave a page instead of the file; download it again."),
        (b"<!doctype", "a web page", "The download gave a page instead of the file; download it again."),
        (b"<html", "a web page", "The download gave a page instead of the file; download it again."),
        (b"<?xml", "an XML document, such as PMML or OpenVINO", "Export the model to ONNX instead."),
    ];
    if let Some((_, found, fix)) = starts.iter().find(|(magic, _, _)| head.starts_with(magic)) {
        return Some((found, fix));
    }
    match head.get(4..8) {
        Some(b"TFL3") => return Some(("a TensorFlow Lite model", "Convert the original model with tf2onnx.")),
        Some(b"ORTM") => {
            return Some(("an ONNX Runtime (.ort) model", "Choose the .onnx file it was converted from."));
        }
        _ => {}
    }
    if head.len() > 9 && head[8] == b'{' && head[2..8].iter().all(|byte| *byte == 0) {
        return Some(("a safetensors file", WEIGHTS));
    }
    let text = head.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 32..=126));
    match head.first() {
        Some(b'{' | b'[') if text => {
            Some(("a JSON document", "An XGBoost or LightGBM model saved as JSON can be exported with onnxmltools."))
        }
        Some(0) => Some(("a file of another kind (it begins with a zero byte)", CHOOSE)),
        _ if text && head.len() >= 32 => Some(("a text file", CHOOSE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::recognise;

    #[track_caller]
    fn check(head: &[u8], expected: Option<&str>) {
        assert_eq!(recognise(head).map(|(found, _)| found), expected);
    }

    #[test]
    fn files_of_other_kinds_are_named() {
        check(b"\x89PNG\r\n\x1a\n....", Some("a PNG picture"));
        check(b"\x80\x04\x95", Some("a Python pickle, such as a joblib file"));
        check(b"\x20\0\0\0TFL3", Some("a TensorFlow Lite model"));
        check(b"{\"learner\":1}", Some("a JSON document"));
        check(b"\x40\0\0\0\0\0\0\0{\"a\"", Some("a safetensors file"));
        check(&[0; 100], Some("a file of another kind (it begins with a zero byte)"));
    }

    #[test]
    fn an_onnx_file_is_not_mistaken() {
        check(b"\x08\x08\x12\x07pytorch", None);
        check(b"\x08\n\x12\x08skl2onnx", None);
        check(b"\x3a\x10", None);
    }
}
