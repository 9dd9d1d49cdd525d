//! Batches of rows, each value judged before the model is asked.

use super::{Plan, reason};
use crate::features::{CellStyle, FeatureError, Mapping};
use crate::jobs::JobError;
use crate::problem::Problem;
use crate::project::documents::Value;
use crate::table::Cells;
use crate::table::rows::{Position, RowReader, Stretch};

/// Where each feature stands in the table, and how its cells are written.
pub(super) struct Columns(Vec<(usize, CellStyle)>);

impl Columns {
    pub(super) fn new(mapping: &Mapping, reader: &RowReader) -> Result<Self, FeatureError> {
        let (names, sample) = (reader.names(), reader.sample());
        let mut absent = Vec::new();
        let mut columns = Vec::new();
        for feature in mapping.features() {
            let Some(column) = names.iter().position(|name| *name == feature.name) else {
                absent.push(feature.name.clone());
                continue;
            };
            let style = CellStyle {
                comma: sample.commas.get(column) == Some(&true),
                comma_file: sample.decimal_comma,
                truth: sample.table.columns.get(column).is_some_and(|column| matches!(column.cells, Cells::Bool(_))),
            };
            columns.push((column, style));
        }
        if absent.is_empty() { Ok(Self(columns)) } else { Err(FeatureError::MissingColumns { columns: absent }) }
    }
}

/// Rows that are asked at a time.
pub(super) struct Batch {
    /// The rows as they were read.
    pub(super) stretch: Stretch,
    /// The columns known after it.
    pub(super) names: Vec<String>,
    /// Why rows cannot be given to the model, by position.
    pub(super) errors: Vec<(usize, String)>,
    /// The values of the others, and their positions.
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) places: Vec<usize>,
    /// Where the next batch begins.
    pub(super) position: Position,
    /// How much of the table is read then.
    pub(super) fraction: Option<f64>,
}

/// Reads the next batch; `None` at the end.
pub(super) fn read(reader: &mut RowReader, plan: &Plan) -> Result<Option<Batch>, JobError> {
    let Some(stretch) = reader.next_stretch(plan.batch).map_err(Problem::from)? else { return Ok(None) };
    let mut errors = Vec::new();
    let (mut rows, mut places) = (Vec::with_capacity(stretch.len()), Vec::with_capacity(stretch.len()));
    let mut faults = stretch.faults().iter().peekable();
    for row in 0..stretch.len() {
        if let Some((_, fault)) = faults.next_if(|fault| fault.0 == row) {
            errors.push((row, format!("The row cannot be read: {fault}")));
            continue;
        }
        let cell = |feature: usize| {
            let (column, style) = plan.columns.0.get(feature).copied().unwrap_or_default();
            (stretch.cell(row, column), style)
        };
        match plan.mapping.row_from_cells(cell) {
            Ok(values) => {
                rows.push(values);
                places.push(row);
            }
            Err(error) => errors.push((row, reason(&error))),
        }
    }
    // Most batches fit as they are; only in others each row is looked at.
    if plan.mapping.check_rows(&rows).is_err() {
        let judged = rows.iter().map(|row| plan.mapping.check_row(row)).collect::<Vec<_>>();
        let mut judged = judged.into_iter();
        let (mut fitting, mut fitting_places) = (Vec::new(), Vec::new());
        for (row, place) in rows.into_iter().zip(places) {
            if let Some(Err(error)) = judged.next() {
                errors.push((place, reason(&error)));
            } else {
                fitting.push(row);
                fitting_places.push(place);
            }
        }
        (rows, places) = (fitting, fitting_places);
    }
    let (position, fraction) = (reader.position(), reader.fraction());
    Ok(Some(Batch { stretch, names: reader.names().to_vec(), errors, rows, places, position, fraction }))
}
