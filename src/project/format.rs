//! RON documents that begin with their format number.
//!
//! The number is read before the rest, so that a document of a newer format is recognised even when its fields
//! changed. The types know nothing of it: reading ignores the field, writing inserts it.

use std::path::Path;

use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ProjectError;

/// The format that this Trestle writes.
pub const FORMAT: u32 = 1;

/// Largest document that is read; a larger file is not one of ours.
pub const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

#[derive(Deserialize)]
struct Header {
    format: u32,
}

/// A document and whether it may be written back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The document.
    pub document: T,
    /// The format it was written in.
    pub format: u32,
}

impl<T> Parsed<T> {
    /// Whether the document is of a newer format and must not be overwritten.
    pub fn is_newer(&self) -> bool {
        FORMAT < self.format
    }
}

/// `Some(x)` may be written as `x`, which is what a person types.
fn options() -> ron::Options {
    ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME)
}

/// Parses a document; `path` is for the message only.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<Parsed<T>, ProjectError> {
    let options = options();
    let header: Header = options.from_str(text).map_err(|error| unreadable(path, &error))?;
    match options.from_str(text) {
        Ok(document) => Ok(Parsed { document, format: header.format }),
        Err(_) if FORMAT < header.format => {
            Err(ProjectError::Newer { path: path.to_owned(), found: header.format, known: FORMAT })
        }
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &ron::error::SpannedError) -> ProjectError {
    ProjectError::Unreadable {
        path: path.to_owned(),
        line: error.span.start.line,
        column: error.span.start.col,
        reason: error.code.to_string(),
    }
}

/// The document as text, beginning with its format.
pub fn render<T: Serialize>(document: &T) -> Result<String, ron::Error> {
    let pretty = PrettyConfig::new().new_line("\n").struct_names(false).separate_tuple_members(false);
    let body = options().to_string_pretty(document, pretty)?;
    // A document is always a struct, so its text begins with the opening bracket.
    let rest = body.strip_prefix('(').unwrap_or(&body);
    Ok(format!("(\n    format: {FORMAT},{rest}\n"))
}

/// One line of a line-wise document.
pub fn render_line<T: Serialize>(record: &T) -> Result<String, ron::Error> {
    options().to_string(record)
}

/// Parses one line of a line-wise document.
pub fn parse_line<T: DeserializeOwned>(line: &str) -> Result<T, ron::error::SpannedError> {
    options().from_str(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::brief::Brief;
    use crate::project::documents::{GoldenRow, Value};

    #[test]
    fn what_is_written_reads_back() {
        let brief = Brief { problem: "Who leaves?".to_owned(), ..Brief::default() };
        let text = render(&brief).unwrap();
        assert!(text.starts_with("(\n    format: 1,\n"), "{text}");
        let back: Parsed<Brief> = parse(&text, Path::new("brief.ron")).unwrap();
        assert_eq!((back.document, back.format), (brief, FORMAT));
    }

    #[test]
    fn values_of_every_kind_read_back() {
        let row = GoldenRow {
            values: vec![
                Value::Missing,
                Value::Bool(true),
                Value::Number(2.0),
                Value::Number(-0.25),
                Value::Text("5".to_owned()),
            ],
            ..GoldenRow::default()
        };
        let text = render(&row).unwrap();
        let back: Parsed<GoldenRow> = parse(&text, Path::new("golden.ron")).unwrap();
        assert_eq!(back.document, row, "{text}");
    }

    #[test]
    fn an_empty_document_has_only_its_format() {
        let back: Parsed<Brief> = parse("(format: 1)", Path::new("brief.ron")).unwrap();
        assert_eq!(back.document, Brief::default());
    }

    #[test]
    fn a_cut_document_names_its_line() {
        let error = parse::<Brief>("(\n  format: 1,\n  problem: \"Wh", Path::new("brief.ron")).unwrap_err();
        let ProjectError::Unreadable { line, .. } = error else { panic!("{error}") };
        assert_eq!(line, 3);
    }

    #[test]
    fn a_newer_document_with_other_fields_is_called_newer() {
        let error = parse::<Brief>("(format: 9, problem: (text: \"x\"))", Path::new("brief.ron")).unwrap_err();
        assert!(matches!(error, ProjectError::Newer { found: 9, .. }), "{error}");
        assert!(parse::<Brief>("(format: 9, problem: \"x\", more: 1)", Path::new("b")).unwrap().is_newer());
    }
}
