//! The rows that are asked: of the reference data, else the golden rows, else one made-up row.

use std::path::PathBuf;

use crate::engine::tensor::Tensor;
use crate::features::{FeatureError, Mapping, plain_value};
use crate::problem::Problem;
use crate::project::documents::{GoldenRows, Value};
use crate::table::{self, ReadConfig};

/// The most different rows that are asked.
const MOST_ROWS: usize = 512;
/// Rows of the file that are looked at.
const READ_ROWS: usize = 100_000;
/// Different batches where a batch has more rows than there are.
const FEW_BATCHES: usize = 4;
/// Bytes of all batches of a run together, roughly; a larger batch stands alone.
const MOST_BYTES: usize = 1 << 28;
/// Tensors of all batches of a run together.
const MOST_TENSORS: usize = 50_000;

/// Where rows may come from.
#[derive(Clone, Debug, Default)]
pub struct RowSource {
    /// The reference data.
    pub reference: Option<PathBuf>,
    /// Its name in the report.
    pub reference_name: String,
    /// Rows with known answers.
    pub golden: Option<GoldenRows>,
}

/// Rows that the model takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The rows, in feature order; at least one.
    pub rows: Vec<Vec<Value>>,
    /// Where they come from, in words.
    pub origin: String,
}

/// Rows from all over the reference data, evenly spaced; those that the model cannot take are left out.
///
/// Without reference data they are the golden rows, and without those one row of plain values.
pub fn rows(source: &RowSource, mapping: &Mapping) -> Result<Rows, Problem> {
    let name = &source.reference_name;
    let mut absent = String::new();
    if let Some(path) = &source.reference {
        // A project that was cloned without its data can still be measured.
        if path.exists() {
            let config = ReadConfig { max_rows: Some(READ_ROWS), text_columns: mapping.text_columns() };
            let all = mapping.rows_from_table(&table::read_with(path, &config)?)?;
            if !all.is_empty() {
                let beginning = if all.len() < READ_ROWS { "" } else { "the beginning of " };
                return taken(spaced(&all), mapping, &format!("{beginning}{name}"));
            }
            absent = format!("{name} has no rows");
        } else {
            absent = format!("{name} is not there");
        }
    }
    let because = if absent.is_empty() { String::new() } else { format!("; {absent}") };
    let golden = source.golden.as_ref().map(|golden| golden.rows.as_slice()).unwrap_or_default();
    if !golden.is_empty() {
        let values: Vec<Vec<Value>> = golden.iter().map(|row| row.values.clone()).collect();
        let Rows { rows, origin } = taken(spaced(&values), mapping, "the golden rows")?;
        return Ok(Rows { rows, origin: format!("{origin}{because}") });
    }
    let row = mapping.features().iter().map(plain_value).collect();
    Ok(Rows { rows: vec![row], origin: format!("one made-up row{because}") })
}

/// At most so many rows, evenly spaced.
fn spaced(all: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let wanted = MOST_ROWS.min(all.len());
    (0..wanted).map(|k| all[k * all.len() / wanted].clone()).collect()
}

/// The rows that the model takes; an error when it takes none.
fn taken(rows: Vec<Vec<Value>>, mapping: &Mapping, whose: &str) -> Result<Rows, Problem> {
    let copies = mapping.batch().map_or(1, |batch| batch.min(1 << 16) as usize);
    let (mut kept, mut refusal) = (Vec::with_capacity(rows.len()), None);
    let n = rows.len();
    for row in rows {
        match mapping.encode(&vec![row.clone(); copies]) {
            Ok(_) => kept.push(row),
            Err(error) => drop(refusal.get_or_insert(error)),
        }
    }
    match (kept.len(), refusal) {
        (0, Some(error)) => Err(error.into()),
        (n_kept, _) => {
            let left_out = match n - n_kept {
                0 => String::new(),
                n_left => format!(", {n_left} left out that the model does not take"),
            };
            let plural = if n_kept == 1 { "row" } else { "rows" };
            Ok(Rows { rows: kept, origin: format!("{n_kept} {plural} of {whose}{left_out}") })
        }
    }
}

/// Different batches of a size, made of the rows in turn.
pub(super) fn batches(rows: &[Vec<Value>], batch: u32, mapping: &Mapping) -> Result<Vec<Vec<Tensor>>, FeatureError> {
    let (n, size) = (rows.len().max(1), batch as usize);
    let n_batches = if size < n { n / size } else { FEW_BATCHES.min(n) };
    let stride = n.div_ceil(n_batches);
    let mut made: Vec<Vec<Tensor>> = Vec::new();
    let mut bytes = 0;
    for k in 0..n_batches {
        let first = if size < n { k * size } else { k * stride };
        let chosen: Vec<Vec<Value>> = rows.iter().cycle().skip(first % n).take(size).cloned().collect();
        let tensors = mapping.encode(&chosen)?;
        let more: usize = tensors.iter().map(|tensor| tensor.data.len() * 8).sum();
        let n_tensors = (made.len() + 1) * tensors.len();
        if !made.is_empty() && (MOST_BYTES < bytes + more || MOST_TENSORS < n_tensors) {
            break;
        }
        bytes += more;
        made.push(tensors);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tensor::TensorData;
    use crate::project::contract::{Dim, Dtype, ModelContract, TensorSpec};
    use crate::project::documents::{Feature, FeatureContract, FeatureType, GoldenRow};

    fn mapping(kind: FeatureType, dtype: Dtype, batch: Dim) -> Mapping {
        let input = TensorSpec { name: "x".to_owned(), dtype, shape: vec![batch, Dim::Fixed(1)], classes: Vec::new() };
        let feature = Feature { name: "a".to_owned(), kind, input: "x".to_owned(), ..Feature::default() };
        let model = ModelContract { inputs: vec![input], outputs: Vec::new() };
        Mapping::new(&FeatureContract { features: vec![feature] }, &model).unwrap()
    }

    fn open() -> Dim {
        Dim::Symbol("N".to_owned())
    }

    fn numbers(n: usize) -> Vec<Vec<Value>> {
        (0..n).map(|value| vec![Value::Number(value as f64)]).collect()
    }

    fn firsts(batches: &[Vec<Tensor>]) -> Vec<Vec<f32>> {
        let values = |batch: &Vec<Tensor>| match &batch[0].data {
            TensorData::F32(values) => values.clone(),
            other => panic!("{other:?}"),
        };
        batches.iter().map(values).collect()
    }

    #[test]
    fn batches_take_the_rows_in_turn() {
        let mapping = mapping(FeatureType::Number, Dtype::F32, open());
        let made = |n: usize, batch: u32| firsts(&batches(&numbers(n), batch, &mapping).unwrap());
        assert_eq!(made(5, 1), [[0.0], [1.0], [2.0], [3.0], [4.0]]);
        assert_eq!(made(5, 2), [[0.0, 1.0], [2.0, 3.0]]);
        // Fewer rows than a batch holds: they come again, from another one on.
        assert_eq!(made(2, 3), [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]);
        assert_eq!(made(1, 2), [[0.0, 0.0]]);
        assert_eq!(made(512, 512).len(), 4);
    }

    fn csv(text: &str) -> (tempfile::TempDir, RowSource) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reference.csv");
        std::fs::write(&path, text).unwrap();
        let source = RowSource { reference: Some(path), reference_name: "data/reference.csv".to_owned(), golden: None };
        (folder, source)
    }

    #[test]
    fn rows_come_from_all_over_the_reference_data() {
        let mapping = mapping(FeatureType::Number, Dtype::F32, open());
        let lines: Vec<String> = (0..5_120).map(|row| format!("{row},0")).collect();
        let text = format!("a,b\n{}\n", lines.join("\n"));
        let (_folder, source) = csv(&text);
        let Rows { rows, origin } = rows(&source, &mapping).unwrap();
        assert_eq!(origin, "512 rows of data/reference.csv");
        assert_eq!(rows.len(), 512);
        assert_eq!((&rows[0], &rows[511]), (&vec![Value::Number(0.0)], &vec![Value::Number(5_110.0)]));
    }

    #[test]
    fn rows_that_the_model_does_not_take_are_left_out_and_counted() {
        let mapping = mapping(FeatureType::Integer, Dtype::I64, open());
        let (_folder, source) = csv("a,b\n1,1\n,1\n3,1\n");
        let taken = rows(&source, &mapping).unwrap();
        assert_eq!(
            (taken.rows.len(), taken.origin.as_str()),
            (2, "2 rows of data/reference.csv, 1 left out that the model does not take")
        );
        let (_folder, source) = csv("a,b\n,1\n,1\n");
        assert!(rows(&source, &mapping).is_err());
        let (_folder, source) = csv("b,c\n1,1\n");
        assert!(rows(&source, &mapping).unwrap_err().to_string().contains('a'));
    }

    #[test]
    fn without_reference_data_the_golden_rows_are_asked() {
        let mapping = mapping(FeatureType::Number, Dtype::F32, open());
        let row = GoldenRow { values: vec![Value::Number(7.0)], ..GoldenRow::default() };
        let golden = Some(GoldenRows { rows: vec![row], ..GoldenRows::default() });
        let asked = |source: RowSource| rows(&source, &mapping).unwrap();
        let from_golden = asked(RowSource { golden: golden.clone(), ..RowSource::default() });
        assert_eq!(
            (from_golden.rows, from_golden.origin.as_str()),
            (numbers(8)[7..].to_vec(), "1 row of the golden rows")
        );
        let (_folder, mut source) = csv("a\n1\n");
        source.reference = source.reference.map(|path| path.with_file_name("gone.csv"));
        source.golden = golden;
        assert_eq!(asked(source).origin, "1 row of the golden rows; data/reference.csv is not there");
        assert_eq!(asked(RowSource::default()).origin, "one made-up row");
    }

    #[test]
    fn a_fixed_batch_is_filled() {
        let mapping = mapping(FeatureType::Number, Dtype::F32, Dim::Fixed(3));
        let (_folder, source) = csv("a,b\n1,1\n2,1\n");
        let taken = rows(&source, &mapping).unwrap();
        assert_eq!(taken.rows.len(), 2);
        assert_eq!(firsts(&batches(&taken.rows, 3, &mapping).unwrap()), [[1.0, 2.0, 1.0], [2.0, 1.0, 2.0]]);
    }
}
