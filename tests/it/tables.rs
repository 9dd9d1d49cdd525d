//! Parquet files of several writers, and files made to harm; `tests/tables/make_tables.py` makes them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use trestle::problem::Problem;
use trestle::project::documents::Value;
use trestle::table::{self, Cells, Column, Read, ReadConfig, TableError};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables")
}

fn read(name: &str) -> Result<Read, TableError> {
    table::read_with_findings(&folder().join(name), &ReadConfig::default())
}

/// The files whose names begin so.
fn files(start: &str) -> Vec<String> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(start) && name.ends_with(".parquet")).collect();
    names.sort();
    names
}

/// A column as `make_tables.py` writes it.
fn as_json(column: &Column) -> Json {
    let kind = match column.cells {
        Cells::Number(_) => "number",
        Cells::Integer(_) => "integer",
        Cells::Bool(_) => "bool",
        Cells::Text(_) => "text",
    };
    let cell = |row| match &column.cells {
        // An `i64` would lose digits as a `Value`.
        Cells::Integer(cells) => Json::from(cells[row]),
        cells => match cells.value(row) {
            Value::Missing => Json::Null,
            Value::Number(number) if number.is_infinite() => Json::from(number.to_string()),
            Value::Number(number) => Json::from(number),
            Value::Bool(value) => Json::from(value),
            Value::Text(text) => Json::from(text),
        },
    };
    serde_json::json!({
        "name": column.name, "kind": kind, "cells": (0..column.cells.len()).map(cell).collect::<Vec<_>>(),
    })
}

#[test]
fn every_type_codec_and_encoding_is_read_as_its_writer_meant_it() {
    let mut n_compared = 0;
    for name in files("") {
        let stem = name.trim_end_matches(".parquet");
        let Ok(text) = fs::read_to_string(folder().join(format!("{}.json", stem.split("__").next().unwrap()))) else {
            continue;
        };
        let expected: Json = serde_json::from_str(&text).unwrap();
        let Read { table, findings } = read(&name).unwrap_or_else(|error| panic!("{error}"));
        let columns: Vec<Json> = table.columns.iter().map(as_json).collect();
        let expected_columns = expected["columns"].as_array().unwrap();
        for (column, expected) in columns.iter().zip(expected_columns) {
            assert_eq!(column, expected, "{name}");
        }
        assert_eq!(columns.len(), expected_columns.len(), "{name}");
        let parts: Vec<&str> = expected["findings"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        assert_eq!(findings.len(), parts.len(), "{name}: {findings:?}");
        for part in parts {
            assert!(findings.iter().any(|finding| finding.contains(part)), "{name}: {part}: {findings:?}");
        }
        n_compared += 1;
    }
    assert!(20 < n_compared, "the fixtures were not found");
}

#[test]
fn rows_are_bounded_within_and_across_groups_of_rows() {
    let path = folder().join("packed__snappy_v2.parquet");
    for n in [0, 1, 69, 70, 71, 150, 1_000] {
        let table = table::read(&path, Some(n)).unwrap();
        assert!(table.columns.iter().all(|column| column.cells.len() == n.min(150)), "{n}");
    }
}

#[test]
fn text_columns_are_written_as_the_file_has_them() {
    let names = ["float", "double", "decimal4", "int64", "bool", "text"];
    let config = ReadConfig { text_columns: names.map(str::to_owned).into(), ..ReadConfig::default() };
    let table = table::read_with(&folder().join("types.parquet"), &config).unwrap();
    let texts = names.map(|name| match &table.column(name).unwrap().cells {
        Cells::Text(cells) => cells[..3].iter().map(|cell| cell.clone().unwrap_or_else(|| ".".into())).collect(),
        other => vec![format!("{other:?}")],
    });
    assert_eq!(
        texts.map(|texts| texts.join("|")),
        ["0.1|.|inf", "0.1|.|-inf", "1.10|.|-99.99", "1|.|9223372036854775807", "true|.|false", "naïve 😀|.|"]
    );
}

#[test]
fn a_file_is_parquet_by_its_name_or_by_its_first_bytes() {
    let folder_of_copies = tempfile::tempdir().unwrap();
    let copy = folder_of_copies.path().join("table.csv");
    fs::copy(folder().join("polars.parquet"), &copy).unwrap();
    let columns: Vec<Json> = table::read(&copy, None).unwrap().columns.iter().map(as_json).collect();
    assert_eq!(columns, read("polars.parquet").unwrap().table.columns.iter().map(as_json).collect::<Vec<_>>());
    for (name, bytes, part) in [
        ("a.parquet", &b""[..], "empty"),
        ("a.parquet", b"PAR1", "it is missing; was the file copied whole?"),
        ("a.parquet", b"PAR1PAR1", "it is missing"),
        ("a.pq", b"name,value\nx,1\ny,2\n", "named like Parquet and something else"),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS instead of the data"),
        ("a.parquet", b"PAR1\0\0\0\0\0\0\0\0PARE", "encrypted Parquet"),
        ("a.csv", b"PARE\0\0\0\0\0\0\0\0PARE", "encrypted Parquet"),
        ("a.parquet", b"PAR1\0\0\0\0\0\0\0\0PAR1", "The list of columns cannot be read"),
    ] {
        let path = folder_of_copies.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = table::read(&path, None).unwrap_err();
        assert!(error.to_string().contains(part), "{bytes:?}: {error}");
    }
}

#[test]
fn what_cannot_be_read_says_what_where_and_what_to_do() {
    for (name, part) in [
        ("only_nested", "No column of the file can be read; Column list holds nested values and is left out"),
        ("no_columns", "No column of the file can be read"),
        ("duplicate", "Columns 1 and 3 are both named a"),
        ("hostile_rows", "1000000000000000 rows of 1 columns, more than is read at once"),
        ("hostile_negative_rows", "The number of rows cannot be read (it is impossible)"),
        ("hostile_more_rows", "Column a cannot be read (it has 1 values where 1000000 are announced)"),
        ("hostile_page_size", "Column a cannot be read (a page is 2047 MiB large when unpacked)"),
        ("hostile_page_values", "a page announces more values than there are rows"),
        ("hostile_page_types", "the header of a page has fields of other types than it should"),
        ("hostile_page_beyond", "a page goes beyond the end of the column"),
        ("hostile_chunk_beyond", "the file ends before the column does"),
        ("hostile_dictionary", "a dictionary announces more values than it has bytes for"),
        ("hostile_no_dictionary", "a page refers to a dictionary that is not there"),
        // The crate panics.
        ("hostile_levels", "The file cannot be read (its parts contradict one another)"),
        ("hostile_delta_length", "a page announces more lengths than values"),
        ("hostile_delta_text", "a page announces more lengths than values"),
        ("hostile_gzip", "a page unpacks to more than it announces"),
        ("hostile_brotli", "a page unpacks to more than it announces"),
        ("hostile_children", "The list of columns cannot be read (a column announces more parts than there are)"),
        ("hostile_deep", "No column of the file can be read; Column ddddd holds nested values"),
        ("hostile_footer", "it is announced to be longer than the file"),
    ] {
        let error = read(&format!("{name}.parquet")).unwrap_err();
        assert!(error.to_string().contains(part), "{name}: {error}");
        let problem = Problem::from(error);
        let says_where = problem.place.ends_with(&format!("{name}.parquet")) && !problem.what.contains(".parquet");
        assert!(says_where && !problem.fix.is_empty(), "{problem:?}");
    }
    let all = files("hostile_").len();
    assert_eq!(all, 20, "a file without a row above");
}

/// Reads a damaged copy: an error or a table, whose columns are then of one length.
fn read_damaged(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    if let Ok(table) = table::read(path, None) {
        assert!(table.columns.iter().all(|column| column.cells.len() == table.n_rows()));
    }
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let folder_of_copies = tempfile::tempdir().unwrap();
    let path = folder_of_copies.path().join("damaged.parquet");
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for name in ["types", "encodings__v1", "packed__gzip_v1", "packed__brotli_v2", "packed__lz4_v1", "nested", "pandas"]
    {
        let whole = fs::read(folder().join(format!("{name}.parquet"))).unwrap();
        for length in (0..whole.len()).step_by(37) {
            read_damaged(&path, &whole[..length]);
        }
        for _ in 0..300 {
            let mut bytes = whole.clone();
            for _ in 0..=random() % 3 {
                // Half of them near the end, where the description is.
                let from = if random().is_multiple_of(2) { 0 } else { bytes.len() / 2 };
                let at = from + random() % (bytes.len() - from);
                bytes[at] = if random().is_multiple_of(2) { random() as u8 } else { bytes[at] ^ (1 << (random() % 8)) };
            }
            read_damaged(&path, &bytes);
        }
    }
}
