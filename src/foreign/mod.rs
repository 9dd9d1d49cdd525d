//! Model files of other frameworks: what they hold, why they are not loaded, and the script that converts them.
//!
//! Nothing that a file asks for is imported, built or called: a pickle's instructions are only read, archives are only
//! unpacked up to a bound, and what cannot be understood is said so.

mod archive;
mod describe;
mod items;
mod other;
mod pickle;
mod script;
mod source;
mod suspicious;

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use lz4_flex::frame::FrameDecoder;
use serde::Serialize;

use crate::problem::Problem;
use source::{MOST_BYTES, MOST_UNPACKED, Source};

/// A model file of another framework.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// What the file is, with its article: `a joblib file (zlib) with a scikit-learn Pipeline`.
    pub found: String,
    /// Why it is not loaded, a sentence.
    pub reason: String,
    /// The class of the model, such as `sklearn.pipeline.Pipeline`; empty when it could not be told.
    pub class: String,
    /// The models within it, from the outside in.
    pub parts: Vec<String>,
    /// Libraries and their versions, where the file says so; an empty version is not known.
    pub made_with: Vec<(String, String)>,
    /// Number of features, where the file says so.
    pub n_features: Option<u64>,
    /// Their names, where the file says so.
    pub feature_names: Vec<String>,
    /// Names in it that no model needs, and what they can do.
    pub suspicious: Vec<(String, String)>,
    /// What to know before converting it.
    pub warnings: Vec<String>,
    /// What to do, a sentence.
    pub fix: String,
    /// A Python program that converts it; empty where none can.
    pub script: String,
}

impl Foreign {
    /// Why it cannot be used as it is.
    pub fn problem(&self, path: &Path) -> Problem {
        Problem::new(
            format!("This is not an ONNX model but {}. {}", self.found, self.reason),
            path.display().to_string(),
            &self.fix,
        )
    }
}

/// What the file holds, when it is a model of another framework; `None` for ONNX files and for anything else.
pub fn examine(path: &Path) -> Result<Option<Foreign>, Problem> {
    let failed = |error: io::Error| {
        Problem::new(
            format!("The file could not be read ({error})"),
            path.display().to_string(),
            "Check that the file exists and may be read.",
        )
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Ok(other::folder(path));
    }
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(None);
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut head = Vec::with_capacity(4096);
    file.by_ref().take(4096).read_to_end(&mut head).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(told(&mut file, path, &head))
}

/// How a pickle is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Zlib,
    Gzip,
    Lz4,
    /// Packed in a way that is not unpacked here, by its name.
    Closed(&'static str),
}

impl Packing {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Zlib => "zlib",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Closed(name) => name,
        }
    }
}

fn told(file: &mut File, path: &Path, head: &[u8]) -> Option<Foreign> {
    let packing = match head {
        [0x80, 0..=5, ..] => Packing::Plain,
        [b'x', 1 | 0x5e | 0x9c | 0xda, ..] => Packing::Zlib,
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x04, b'"', b'M', 0x18, ..] => Packing::Lz4,
        [b'B', b'Z', b'h', ..] if is_pickle_name(path) => Packing::Closed("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] | [0x5d, 0, 0, ..] if is_pickle_name(path) => Packing::Closed("xz"),
        [b'P', b'K', 3, 4, ..] => return other::zip(file, path),
        // Instructions of the oldest pickles are letters.
        [b'(' | b'c' | b']' | b'}' | b'I' | b'S' | b'V', ..] if is_pickle_name(path) => Packing::Plain,
        _ => return other::by_head(path, head),
    };
    if let Packing::Closed(_) = packing {
        return Some(describe::closed(path, packing));
    }
    let mut source = match packing {
        Packing::Zlib => Source::new(ZlibDecoder::new(file), MOST_UNPACKED),
        Packing::Gzip => Source::new(MultiGzDecoder::new(file), MOST_UNPACKED),
        Packing::Lz4 => Source::new(FrameDecoder::new(file), MOST_UNPACKED),
        Packing::Plain | Packing::Closed(_) => Source::new(file, MOST_BYTES),
    };
    let scan = pickle::scan(&mut source);
    // What unpacks to something else is no model, nor is a text that happens to be named like one.
    let is_text = packing == Packing::Plain && head[0] != 0x80 && scan.stopped.is_some();
    if scan.names.is_empty() && (is_text || packing != Packing::Plain && !is_pickle_name(path)) {
        return None;
    }
    Some(describe::pickle(&scan, path, packing))
}

/// Whether the file's name is that of a pickle.
fn is_pickle_name(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    // `model.joblib.gz` is named after what is in it.
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let is = |name: &str| matches!(name, "pkl" | "pickle" | "joblib" | "p" | "pck" | "pk" | "sav" | "model" | "z");
    extension
        .as_deref()
        .is_some_and(|extension| is(extension) || stem.rsplit_once('.').is_some_and(|(_, inner)| is(inner)))
}

/// A file's name for messages and scripts: without anything that could end a line or a comment.
fn plain_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.replace(|letter: char| letter.is_control(), "?")
}

#[cfg(test)]
mod tests;
