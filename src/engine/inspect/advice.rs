//! What to do about an operator that cannot be run: the option of the exporter that avoids it.

/// What wrote the file, as far as it matters for advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exporter {
    Sklearn,
    OnnxMlTools,
    Torch,
    Tensorflow,
    Other,
}

impl Exporter {
    /// From the file's producer.
    pub(super) fn of(producer: &str) -> Self {
        match producer.to_ascii_lowercase().as_str() {
            "skl2onnx" => Self::Sklearn,
            "onnxmltools" => Self::OnnxMlTools,
            "pytorch" => Self::Torch,
            "tf2onnx" | "keras2onnx" => Self::Tensorflow,
            _ => Self::Other,
        }
    }

    /// How it is told to use an older operator set.
    fn older_operators(self) -> &'static str {
        match self {
            Self::Sklearn => {
                "Export it with an older operator set: `to_onnx(model, X, target_opset={'': 17, 'ai.onnx.ml': 3})`."
            }
            Self::OnnxMlTools => {
                "Export it with an older operator set: `convert_…(model, initial_types=…, target_opset=15)`."
            }
            Self::Torch => {
                "Export it with an older operator set: `torch.onnx.export(…, dynamo=True, opset_version=18)`."
            }
            Self::Tensorflow => "Export it with an older operator set: `python -m tf2onnx.convert … --opset 17`.",
            Self::Other => "Export the model without this operator, or with an older operator set.",
        }
    }
}

/// What to do about an operator that is not supported.
pub(super) fn advice(exporter: Exporter, domain: &str, operator: &str) -> &'static str {
    match domain {
        "" | "ai.onnx" => standard(exporter, operator),
        "ai.onnx.ml" => match operator {
            "CastMap" => {
                "Train on a table in place of dictionaries: one column for each key, for instance with OneHotEncoder."
            }
            _ => exporter.older_operators(),
        },
        "com.microsoft" if operator.starts_with("QLinear") || operator.contains("Quant") => {
            "Quantise it in the QDQ form: `quantize_static(…, quant_format=QuantFormat.QDQ)`, or use the unquantised model."
        }
        "com.microsoft" | "com.microsoft.nchwc" | "com.ms.internal.nhwc" => {
            "ONNX Runtime's optimiser wrote it: use the model from before it was optimised (no \
             `optimized_model_filepath`, no `optimum --optimize`), or save it with \
             `graph_optimization_level = ORT_ENABLE_BASIC`."
        }
        "ai.onnx.contrib" | "com.microsoft.extensions" => {
            "It is from onnxruntime-extensions (tokenizers, image and audio decoding): do that before the model, and export \
             the model alone."
        }
        "org.pytorch.aten" | "aten" | "prim" => {
            "The exporter did not know this PyTorch operation: export with `torch.onnx.export(…, dynamo=True)`."
        }
        "ai.onnx.training" | "ai.onnx.preview.training" => "Export the model for inference, after training.",
        "ai.onnx.converters.tensorflow" => "Convert without `--custom-ops`, with a newer tf2onnx or `--opset 17`.",
        "ai.catboost" => "Save it with `model.save_model(path, format=\"onnx\")` and numeric features only.",
        _ => match exporter {
            Exporter::Sklearn | Exporter::OnnxMlTools => {
                "A converter of one's own wrote it: export the part of the pipeline after that step, and do the step before \
                 the model."
            }
            Exporter::Torch => {
                "Export without operations of one's own: replace the custom one by standard PyTorch operations."
            }
            Exporter::Tensorflow | Exporter::Other => "Export the model with standard operators only.",
        },
    }
}

fn standard(exporter: Exporter, operator: &str) -> &'static str {
    match operator {
        "Loop" | "Scan" => match exporter {
            Exporter::Torch => {
                "Export it with `torch.onnx.export(…, dynamo=True)`, or write the loop with a fixed number of turns, which \
                 the exporter unrolls."
            }
            Exporter::Tensorflow => "Build recurrent layers with `unroll=True` and a fixed length, then export again.",
            _ => "Export the model without loops: with fixed lengths, or unrolled.",
        },
        "ImageDecoder" => "Decode pictures before the model, and give it their pixels.",
        "Bernoulli" | "Multinomial" => {
            "Export it in evaluation mode (`model.eval()`), so that nothing is drawn at random."
        }
        "Adam" | "Adagrad" | "Momentum" | "Gradient" => "Export the model for inference, after training.",
        operator if operator.contains("Sequence") || operator.starts_with("Optional") => match exporter {
            Exporter::Torch => {
                "Export it with `torch.onnx.export(…, dynamo=True)`, and return tensors in place of lists."
            }
            _ => "Export the model with tensors in place of sequences.",
        },
        _ => exporter.older_operators(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_the_option_of_the_exporter_at_hand() {
        for (producer, domain, operator, expected) in [
            ("skl2onnx", "", "Scatter", "target_opset={"),
            ("pytorch", "", "Loop", "dynamo=True"),
            ("tf2onnx", "", "Loop", "unroll=True"),
            ("pytorch", "", "Col2Im", "opset_version=18"),
            ("tf2onnx", "", "Col2Im", "--opset 17"),
            ("onnx.quantize", "com.microsoft", "QLinearAdd", "QDQ"),
            ("", "com.microsoft", "FusedConv", "ORT_ENABLE_BASIC"),
            ("skl2onnx", "com.example", "Mystery", "after that step"),
        ] {
            let given = advice(Exporter::of(producer), domain, operator);
            assert!(given.contains(expected), "{producer} {domain} {operator}: {given}");
        }
    }
}
