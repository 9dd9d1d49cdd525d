//! The model's contract: what an ONNX file takes and gives, as plain data.
//!
//! Filled by `engine`, stored in `version.ron`, judged and displayed by the steps.
//! Nothing here knows how a model is run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Element type of a tensor, named as in ONNX, shown as in the Open Inference Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Dtype {
    /// 8-bit truth value.
    Bool,
    /// Unsigned 8-bit integer.
    U8,
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// Signed 8-bit integer.
    I8,
    /// Signed 16-bit integer.
    I16,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer.
    I64,
    /// IEEE 754 half precision.
    F16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// UTF-8 text.
    Text,
}

impl Dtype {
    /// The datatype name of the Open Inference Protocol V2 (text is `BYTES`).
    pub fn v2_name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::U8 => "UINT8",
            Self::U16 => "UINT16",
            Self::U32 => "UINT32",
            Self::U64 => "UINT64",
            Self::I8 => "INT8",
            Self::I16 => "INT16",
            Self::I32 => "INT32",
            Self::I64 => "INT64",
            Self::F16 => "FP16",
            Self::F32 => "FP32",
            Self::F64 => "FP64",
            Self::Text => "BYTES",
        }
    }

    /// The inverse of [`Dtype::v2_name`].
    pub fn from_v2_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.v2_name() == name)
    }

    /// Every element type.
    pub const ALL: [Self; 13] = [
        Self::Bool,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::F16,
        Self::F32,
        Self::F64,
        Self::Text,
    ];

    /// The word people use for it: `float32`, `int64`, `string`, …
    pub fn plain_name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::Text => "string",
        }
    }

    /// Whether values are floating point, so that NaN can stand for a missing value.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plain_name())
    }
}

/// One axis of a shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dim {
    /// A fixed length.
    Fixed(u64),
    /// A length that is free at run time; unnamed ones are the empty string.
    Symbol(String),
}

impl Dim {
    /// The length, when it is fixed.
    pub fn fixed(&self) -> Option<u64> {
        match self {
            Self::Fixed(length) => Some(*length),
            Self::Symbol(_) => None,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(length) => write!(f, "{length}"),
            Self::Symbol(name) if name.is_empty() => f.write_str("?"),
            Self::Symbol(name) => f.write_str(name),
        }
    }
}

/// A class label of a classifier, as the model's author wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassLabel {
    /// An integer label.
    Int(i64),
    /// A text label.
    Text(String),
}

impl fmt::Display for ClassLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(label) => write!(f, "{label}"),
            Self::Text(label) => f.write_str(label),
        }
    }
}

/// One input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    /// Name in the graph.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Axes; the first is the batch when it is a symbol.
    pub shape: Vec<Dim>,
    /// Names of the columns of a class-score output (from `ZipMap` or the classifier itself), in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassLabel>,
}

impl TensorSpec {
    /// The shape as people write it: `[N, 12]`.
    pub fn shape_text(&self) -> String {
        let dims: Vec<String> = self.shape.iter().map(Dim::to_string).collect();
        format!("[{}]", dims.join(", "))
    }
}

/// What a model takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelContract {
    /// Real inputs (initialisers excluded), in graph order.
    pub inputs: Vec<TensorSpec>,
    /// Outputs, in graph order.
    pub outputs: Vec<TensorSpec>,
}

/// How often an operator occurs in a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorCount {
    /// Domain; the empty string is `ai.onnx`.
    pub domain: String,
    /// Operator type.
    pub operator: String,
    /// Number of nodes.
    pub count: u64,
}

/// A finding about a model file, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of finding it is, for programs: `operator.unsupported`, `type.float64`; empty in older files.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Finding {
    /// The topic it belongs to: the first word of its kind.
    pub fn topic(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// May surprise.
    Warning,
    /// The model is refused.
    Refused,
}

/// Everything read from an ONNX file without running it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Inputs and outputs.
    pub contract: ModelContract,
    /// IR version of the file.
    pub ir_version: i64,
    /// Imported operator sets: domain (empty is `ai.onnx`) and version.
    pub opsets: Vec<(String, i64)>,
    /// Name and version of the exporter, e.g. `skl2onnx 1.20.0`.
    pub producer: String,
    /// File size.
    pub size_bytes: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Number of trained values (elements of initialisers and of numeric node attributes such as tree thresholds).
    pub n_parameters: u64,
    /// Nodes by operator, most frequent first.
    pub operators: Vec<OperatorCount>,
    /// The file's own metadata properties.
    pub metadata: Vec<(String, String)>,
    /// What to know before using it; any [`Severity::Refused`] means it cannot be run here.
    pub findings: Vec<Finding>,
}

impl Inspection {
    /// Whether the model is refused, and by which findings.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Refused)
    }

    /// Version of the default operator set, 0 when absent.
    pub fn opset(&self) -> i64 {
        self.opsets.iter().find(|(domain, _)| domain.is_empty()).map_or(0, |(_, version)| *version)
    }
}
