use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::problem::Problem;

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn csv(bytes: impl AsRef<[u8]>) -> Result<Table, TableError> {
    let folder = tempfile::tempdir().unwrap();
    read(&file(&folder, "t.csv", bytes.as_ref()), None)
}

fn json(text: &str) -> Result<Table, TableError> {
    let folder = tempfile::tempdir().unwrap();
    read(&file(&folder, "t.jsonl", text.as_bytes()), None)
}

/// A column in short: its type's letter and its cells, `.` for a missing one.
fn short(cells: &Cells) -> String {
    let kind = match cells {
        Cells::Number(_) => 'n',
        Cells::Integer(_) => 'i',
        Cells::Bool(_) => 'b',
        Cells::Text(_) => 't',
    };
    let cell = |row| match cells.value(row) {
        Value::Missing => ".".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Text(value) => value,
    };
    format!("{kind}:{}", (0..cells.len()).map(cell).collect::<Vec<_>>().join("|"))
}

#[track_caller]
fn check_column(cells: &str, expected: &str) {
    let table =
        csv(format!("key;x\n{}", cells.split('/').map(|cell| format!("k;{cell}")).collect::<Vec<_>>().join("\n")))
            .unwrap();
    assert_eq!(short(&table.column("x").unwrap().cells), expected, "{cells}");
}

#[test]
fn the_type_of_a_column_is_what_all_its_cells_have_in_common() {
    for (cells, expected) in [
        ("1/2/-3", "i:1|2|-3"),
        ("1//3", "i:1|.|3"),
        ("1/2.5", "n:1|2.5"),
        ("1e3/2", "n:1000|2"),
        ("inf/1", "n:inf|1"),
        ("inf/-inf", "t:inf|-inf"),
        ("true/False/TRUE", "b:true|false|true"),
        ("true/1", "t:true|1"),
        ("00123/45678", "t:00123|45678"),
        ("-01/2", "t:-01|2"),
        ("0/0.5", "n:0|0.5"),
        ("12345678901234567890/1", "t:12345678901234567890|1"),
        ("NA/NaN/null/", "n:.|.|.|."),
        ("none/a", "t:none|a"),
        ("a/NA/b", "t:a|.|b"),
        ("2026-01-01/2026-01-02", "t:2026-01-01|2026-01-02"),
        (" a / b", "t: a | b"),
        ("1,5/2", "n:1.5|2"),
        ("1.234,5/0,25", "n:1234.5|0.25"),
        ("1,5,6/2", "t:1,5,6|2"),
    ] {
        check_column(cells, expected);
    }
}

#[test]
fn one_column_with_decimal_commas_settles_what_a_point_means_in_the_others() {
    let table = csv("a;b;c\n1.234;0,5;1.5\n2.000;1,5;2.25\n").unwrap();
    let columns: Vec<String> = table.columns.iter().map(|column| short(&column.cells)).collect();
    assert_eq!(columns, ["n:1234|2000", "n:0.5|1.5", "n:1.5|2.25"]);
    let table = csv("a;b\n1.234;0.5\n2.000;1.5\n").unwrap();
    assert_eq!(short(&table.columns[0].cells), "n:1.234|2");
}

#[test]
fn delimiters_quotes_line_ends_and_marks_are_read_alike() {
    let expected = csv("a,b\n1,x\n2,y\n").unwrap();
    for text in [
        "a;b\n1;x\n2;y\n",
        "a\tb\n1\tx\n2\ty\n",
        "a|b\n1|x\n2|y",
        "a,b\r\n1,x\r\n2,y\r\n",
        "a,b\r1,x\r2,y\r",
        "sep=|\na|b\n1|x\n2|y\n",
        "\u{feff}a,b\n1,x\n2,y\n",
        "\"a\",\"b\"\n\"1\",\"x\"\n\"2\",\"y\"\n",
        "a , b\n1,x\n2,y\n\n\n",
    ] {
        assert_eq!(csv(text).unwrap(), expected, "{text:?}");
    }
    let utf16 = |text: &str, to_bytes: fn(u16) -> [u8; 2], mark: &[u8]| {
        let units = text.encode_utf16().flat_map(to_bytes);
        mark.iter().copied().chain(units).collect::<Vec<u8>>()
    };
    let text = "a,b\n1,x\n2,y\n";
    assert_eq!(csv(utf16(text, u16::to_le_bytes, b"\xFF\xFE")).unwrap(), expected);
    assert_eq!(csv(utf16(text, u16::to_be_bytes, b"\xFE\xFF")).unwrap(), expected);
    assert_eq!(csv(utf16(text, u16::to_le_bytes, b"")).unwrap(), expected);
    let long = format!("a,b\n{}", "1,né😀\n".repeat(20_000));
    let table = csv(utf16(&long, u16::to_le_bytes, b"\xFF\xFE")).unwrap();
    assert_eq!((table.n_rows(), table.row(19_999)[1].clone()), (20_000, Value::Text("né😀".to_owned())));
}

#[test]
fn quoted_cells_hold_delimiters_and_line_ends() {
    let table = csv("a,b\n\"x, y\",1\n\"line\nbreak\",2\n\"say \"\"hi\"\"\",3\n").unwrap();
    assert_eq!(short(&table.columns[0].cells), "t:x, y|line\nbreak|say \"hi\"");
}

#[test]
fn latin_1_is_told_from_utf_8_and_a_mixture_is_refused() {
    let table = csv(b"city,n\nK\xF6ln,1\nM\xFCnchen,2\n\x80uro,3\n").unwrap();
    assert_eq!(short(&table.columns[0].cells), "t:Köln|München|€uro");
    assert_eq!(short(&csv("city\nKöln\n").unwrap().columns[0].cells), "t:Köln");
    let mixed = csv(b"city,n\nK\xC3\xB6ln,1\nM\xFCnchen,2\n").unwrap_err();
    assert!(matches!(mixed, TableError::Encoding { line: 3, .. }), "{mixed}");
    let marked = csv(b"\xEF\xBB\xBFcity,n\nM\xFCnchen,2\n").unwrap_err();
    assert!(matches!(marked, TableError::Encoding { line: 2, .. }), "{marked}");
}

#[test]
fn what_is_no_table_gets_one_clear_message() {
    for (bytes, part) in [
        (&b""[..], "empty"),
        (b"\n \n", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture"),
        (b"PK\x03\x04abc", "spreadsheet"),
        (b"PAR1abc", "was the file copied whole?"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a pointer of Git LFS"),
        (b"<!DOCTYPE html>\n<html>", "a page of the web"),
        (b"SQLite format 3\0abc", "a database"),
        (b"\x80\x04\x95\0\0\0\0", "binary data"),
        (b"\x1f\x8b\x08", "gzip"),
        (&[0; 4096], "binary data"),
        (b"a,b\n1,2\n3\n", "Line 3 has 1 cell where the header has 2"),
        (b"a,b\n1,2,3\n", "Line 2 has 3 cells where the header has 2"),
        (b"1.5,2.5\n3,4\n", "The first line holds numbers (1.5, 2.5), not column names"),
        (b"5.1,3.5,1.4,0.2,setosa\n4.9,3,1.4,0.2,setosa\n", "numbers (5.1, 3.5, 1.4, 0.2, …)"),
        (b"1,5;2,5;3,5\n1;2;3\n", "numbers (1,5, 2,5, 3,5)"),
        (b"7\n8\n", "numbers (7)"),
        (b"a,b,a\n1,2,3\n", "Columns 1 and 3 are both named a"),
    ] {
        let error = csv(bytes).unwrap_err();
        let problem = Problem::from(csv(bytes).unwrap_err());
        assert!(error.to_string().contains(part), "{part}: {error}");
        assert!(
            !problem.fix.is_empty() && problem.place.contains("t.csv") && !problem.what.contains("t.csv"),
            "{problem:?}"
        );
    }
    assert!(matches!(read(Path::new("no/such.csv"), None), Err(TableError::Open { .. })));
    assert!(matches!(read(&std::env::temp_dir(), None), Err(TableError::Open { .. })));
}

#[test]
fn errors_name_the_line_as_an_editor_counts_it() {
    for (bytes, expected) in [
        (&b"a,b\n\n\n1\n"[..], 4),
        (b"a,b\r\n1,2\r\n3\r\n", 3),
        (b"a,b\r\n\r\n1,2\r\n\r\n3\r\n", 5),
        (b"a,b\r1,2\r3\r", 3),
        (b"a,b\n1,\"two\nlines\"\n3\n", 4),
        (b"\xEF\xBB\xBFa,b\n1,2\n3\n", 3),
        (b"\xFF\xFEa\0,\0b\0\n\x001\0\n\0", 2),
        (b"sep=;\na;b\n1;2;3\n", 3),
        (&[&b"n\n1\n\x002\n"[..], &[b'3'; 100]].concat(), 3),
    ] {
        let problem = Problem::from(csv(bytes).unwrap_err());
        assert!(
            problem.place.ends_with(&format!("t.csv:{expected}")),
            "{problem} {:?}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let mut out = fs::File::create(&path).unwrap();
    out.write_all(b"a,b\n1,2\n").unwrap();
    for _ in 0..70 {
        out.write_all(&vec![b'x'; 1024 * 1024]).unwrap();
    }
    let error = read(&path, None).unwrap_err();
    assert!(error.to_string().contains("further than line 3 (a record is longer than 64 MiB"), "{error}");
    fs::write(&path, "a,".repeat(100_001)).unwrap();
    assert!(matches!(read(&path, None), Err(TableError::TooLarge { .. })));
}

#[test]
fn findings_tell_what_a_few_cells_or_the_first_line_decided() {
    let findings = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        read_with_findings(&file(&folder, "t.csv", text.as_bytes()), &ReadConfig::default()).unwrap().findings
    };
    let column = |cells: &str| findings(&format!("key;fee\nk;{}", cells.replace('/', "\nk;")));
    for (cells, expected) in [
        (
            "1/2/3/4/unknown",
            vec!["1 of 5 values of column fee is not a number, such as “unknown”; it is taken as text"],
        ),
        (
            "1,5/2/3/4/5/6/7/8/x/y",
            vec!["2 of 10 values of column fee are not numbers, such as “x”; it is taken as text"],
        ),
        ("1/2/3/x", vec![]),
        ("1/2/3/4//NA/5", vec![]),
        ("00123/4/5/6/7/x", vec![]),
        ("red/green", vec![]),
    ] {
        assert_eq!(column(cells), expected, "{cells}");
    }
    assert_eq!(findings("a,b\n"), ["The file has a line of names and no rows"]);
    assert_eq!(
        findings("1,male,22\n2,male,23\n"),
        ["The first line (1, male, 22) is taken for names, and some are numbers"]
    );
    assert_eq!(findings("id,2019,2020,2021\n1,2,3,4\n"), [""; 0]);
}

#[test]
fn an_open_quotation_mark_is_an_error_and_not_the_rest_of_the_file() {
    let error = csv("a,b\n0,w\n1,\"x\n2,y\n3,z\n").unwrap_err();
    assert!(error.to_string().contains("line 3 (a quotation mark is left open)"), "{error}");
    assert_eq!(csv("a,b\n1,5\" pipe\n2,y\n").unwrap().n_rows(), 2);
    assert_eq!(csv("a,b\n1,\"two\nlines\"\n").unwrap().n_rows(), 1);
}

#[test]
fn numbered_and_unnamed_columns_are_names() {
    assert_eq!(csv("0,1,2\n5,6,7\n").unwrap().names().collect::<Vec<_>>(), ["0", "1", "2"]);
    assert_eq!(csv(",a\n0,x\n").unwrap().names().collect::<Vec<_>>(), ["column_1", "a"]);
    assert_eq!(csv("a,b\n").unwrap().n_rows(), 0);
}

#[test]
fn rows_are_bounded_and_wide_tables_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "t.csv", b"a,b\n1,2\n3,4\nx\n");
    assert_eq!(read(&path, Some(2)).unwrap().n_rows(), 2);
    assert_eq!(read(&path, Some(0)).unwrap().n_rows(), 0);
    let names: Vec<String> = (0..5_000).map(|column| format!("c{column}")).collect();
    let row = vec!["1.5"; 5_000].join(",");
    let table = csv(format!("{}\n{row}\n{row}\n", names.join(","))).unwrap();
    assert_eq!((table.columns.len(), table.n_rows()), (5_000, 2));
}

#[test]
fn text_columns_stay_as_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "t.csv", b"version,n\n1.10,1\n1.20,2\n");
    let config = ReadConfig { text_columns: BTreeSet::from(["version".to_owned()]), ..ReadConfig::default() };
    assert_eq!(short(&read_with(&path, &config).unwrap().columns[0].cells), "t:1.10|1.20");
}

#[test]
fn json_lines_are_columns_in_order_of_appearance() {
    let table = json("{\"b\": 1, \"a\": \"x\"}\n\n{\"b\": null, \"c\": true}\n{\"b\": 2.5, \"a\": 7}\n").unwrap();
    let columns: Vec<String> = table.columns.iter().map(|c| format!("{}={}", c.name, short(&c.cells))).collect();
    assert_eq!(columns, ["b=n:1|.|2.5", "a=t:x|.|7", "c=b:.|true|."]);
    assert_eq!(json("[{\"a\": 1}, {\"a\": 2}]").unwrap(), json("{\"a\": 1}\n{\"a\": 2}\n").unwrap());
    let whole = json("{\"a\": 1}\n{\"a\": 2}").unwrap();
    assert_eq!(short(&whole.columns[0].cells), "i:1|2");
}

#[test]
fn json_lines_with_fields_of_their_own_do_not_fill_the_memory() {
    let rows: Vec<String> = (0..10_000).map(|row| format!("{{\"field {row}\": 1}}")).collect();
    let error = json(&rows.join("\n")).unwrap_err();
    assert!(error.to_string().contains("fields, most of which most rows lack, more than is read at once"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "t.jsonl", b"{\"a\": 1, \"b\": 1}\n{\"a\": \"x\", \"b\": null}\n");
    let read = read_with_findings(&path, &ReadConfig::default()).unwrap();
    assert_eq!(read.findings, ["Column a holds numbers and texts; it is taken as text"]);
}

#[test]
fn bad_json_names_the_line() {
    for (text, line, part) in [
        ("{\"a\": 1}\n{\"a\": \n", 2, "EOF"),
        ("{\"a\": 1}\nnot json\n", 2, "expected"),
        ("{\"a\": 1}\n[1, 2]\n", 2, "object"),
        ("{\"a\": NaN}\n", 1, "expected"),
        ("{\"a\": [1]}\n", 1, "a list or an object"),
        ("{\"a\": 1}\n{\"a\": {\"b\": 1}}\n", 2, "a list or an object"),
    ] {
        let error = json(text).unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with(&format!("Line {line}")) && shown.contains(part), "{text:?}: {shown}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let table = Table {
        columns: vec![
            Column { name: "n".to_owned(), cells: Cells::Number(vec![0.1, f64::NAN, 1e-9]) },
            Column { name: "i".to_owned(), cells: Cells::Integer(vec![Some(i64::MAX), None, Some(-1)]) },
            Column { name: "b".to_owned(), cells: Cells::Bool(vec![Some(true), None, Some(false)]) },
            Column {
                name: "t".to_owned(),
                cells: Cells::Text(vec![Some("x, \"y\"".to_owned()), None, Some("ß".to_owned())]),
            },
        ],
    };
    for name in ["out.csv", "out.jsonl"] {
        let path = folder.path().join(name);
        write(&path, &table).unwrap();
        let back = read(&path, None).unwrap();
        assert_eq!(
            back.columns.iter().map(|c| short(&c.cells)).collect::<Vec<_>>(),
            table.columns.iter().map(|c| short(&c.cells)).collect::<Vec<_>>(),
            "{name}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
    assert!(matches!(write(Path::new("out.parquet"), &table), Err(TableError::Unsupported { .. })));
    assert!(matches!(write(&folder.path().join("none/out.csv"), &table), Err(TableError::Write { .. })));
}

#[test]
fn random_bytes_never_panic() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let folder = tempfile::tempdir().unwrap();
    let alphabet = b"a,b;\n\r\"1.5|\t{}[]: \xC3\xB6\xFC\xFF\xFE0-";
    for _ in 0..2_000 {
        let length = random() % 60;
        let bytes: Vec<u8> = (0..length).map(|_| alphabet[(random() % alphabet.len() as u64) as usize]).collect();
        for name in ["r.csv", "r.jsonl", "r.txt"] {
            if let Ok(table) = read(&file(&folder, name, &bytes), None) {
                assert!(table.columns.iter().all(|column| column.cells.len() == table.n_rows()));
            }
        }
    }
}
