//! Parquet: a row group at a time, and the list of them at the end.

use std::fs::File;
use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::{CellKind, Layout, Sink};
use crate::table::rows::{Cell, Stretch};
use crate::table::{Cells, Table};

/// Cells and bytes of text held back for one row group.
const HELD_CELLS: usize = 2_000_000;
const HELD_BYTES: usize = 64 * 1024 * 1024;

/// The cells of a column that are held back; missing ones have no value and the level 0.
enum Held {
    Integer(Vec<i64>),
    Number(Vec<f64>),
    Single(Vec<f32>),
    Bool(Vec<bool>),
    Text(Vec<ByteArray>),
}

/// Writes Parquet.
pub struct ParquetSink {
    layout: Layout,
    writer: Option<SerializedFileWriter<File>>,
    file: File,
    held: Vec<(Held, Vec<i16>)>,
    n_held: usize,
    n_bytes: usize,
}

impl std::fmt::Debug for ParquetSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetSink").field("layout", &self.layout).finish_non_exhaustive()
    }
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

impl ParquetSink {
    /// Writes a whole file.
    pub fn new(layout: Layout, file: File) -> io::Result<Self> {
        let columns = layout.kept.iter().map(|kept| (kept.name.as_str(), kept.kind));
        let columns = columns.chain(layout.added.iter().map(|(name, kind)| (name.as_str(), *kind)));
        let field = |(name, kind)| {
            let (physical, logical) = match kind {
                CellKind::Integer => (Physical::INT64, None),
                CellKind::Number => (Physical::DOUBLE, None),
                CellKind::Single => (Physical::FLOAT, None),
                CellKind::Bool => (Physical::BOOLEAN, None),
                CellKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            let column = Type::primitive_type_builder(name, physical).with_logical_type(logical);
            column.with_repetition(Repetition::OPTIONAL).build().map(Arc::new)
        };
        let fields = columns.map(field).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let schema = Type::group_type_builder("schema").with_fields(fields).build().map_err(failed)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let shared = file.try_clone()?;
        let writer = SerializedFileWriter::new(shared, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        let mut sink = Self { layout, writer: Some(writer), file, held: Vec::new(), n_held: 0, n_bytes: 0 };
        sink.empty();
        Ok(sink)
    }

    fn empty(&mut self) {
        let kinds = self.layout.kept.iter().map(|kept| kept.kind).chain(self.layout.added.iter().map(|added| added.1));
        let held = |kind| match kind {
            CellKind::Integer => Held::Integer(Vec::new()),
            CellKind::Number => Held::Number(Vec::new()),
            CellKind::Single => Held::Single(Vec::new()),
            CellKind::Bool => Held::Bool(Vec::new()),
            CellKind::Text => Held::Text(Vec::new()),
        };
        self.held = kinds.map(|kind| (held(kind), Vec::new())).collect();
        (self.n_held, self.n_bytes) = (0, 0);
    }

    fn hold(&mut self, column: usize, cell: &Cell<'_>) -> io::Result<()> {
        let Some((held, levels)) = self.held.get_mut(column) else { return Ok(()) };
        let mut bytes = 0;
        let mut text = |text: String| {
            bytes = text.len();
            ByteArray::from(text.into_bytes())
        };
        let level = match (held, cell) {
            (_, Cell::Absent | Cell::Missing) => 0,
            (Held::Integer(values), Cell::Integer(value)) => put(values, *value),
            (Held::Number(values), Cell::Number(value)) => put(values, *value),
            (Held::Single(values), Cell::Single(value)) => put(values, *value),
            (Held::Bool(values), Cell::Bool(value)) => put(values, *value),
            (Held::Text(values), Cell::Raw(value) | Cell::Json(value)) => put(values, text((*value).to_owned())),
            (Held::Text(values), Cell::Text(value)) => put(values, text(value.clone().into_owned())),
            (Held::Text(values), Cell::Bool(value)) => put(values, text(value.to_string())),
            (Held::Text(values), Cell::Integer(value)) => put(values, text(value.to_string())),
            (Held::Text(values), Cell::Number(value)) => put(values, text(value.to_string())),
            (Held::Text(values), Cell::Single(value)) => put(values, text(value.to_string())),
            (_, cell) => {
                let name = self.layout.kept.get(column).map_or("", |kept| kept.name.as_str());
                let reason = format!("column {name} holds {cell:?}, which its first rows are not like");
                return Err(io::Error::other(reason));
            }
        };
        levels.push(level);
        self.n_bytes += bytes;
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.n_held == 0 {
            return Ok(());
        }
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let mut group = writer.next_row_group().map_err(failed)?;
        for (held, levels) in &self.held {
            match held {
                Held::Integer(values) => write_column::<Int64Type>(&mut group, values, levels),
                Held::Number(values) => write_column::<DoubleType>(&mut group, values, levels),
                Held::Single(values) => write_column::<FloatType>(&mut group, values, levels),
                Held::Bool(values) => write_column::<BoolType>(&mut group, values, levels),
                Held::Text(values) => write_column::<ByteArrayType>(&mut group, values, levels),
            }
            .map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.empty();
        Ok(())
    }
}

fn put<T>(values: &mut Vec<T>, value: T) -> i16 {
    values.push(value);
    1
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    levels: &[i16],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<T>().write_batch(values, Some(levels), None)?;
    column.close()
}

impl Sink for ParquetSink {
    fn write(&mut self, stretch: &Stretch, _names: &[String], added: &Table) -> io::Result<()> {
        let n_kept = self.layout.kept.len();
        for index in 0..n_kept {
            let column = self.layout.kept.get(index).map_or(0, |kept| kept.column);
            for row in 0..stretch.len() {
                self.hold(index, &stretch.cell(row, column))?;
            }
        }
        for (index, column) in added.columns.iter().enumerate() {
            for row in 0..stretch.len() {
                let cell = match &column.cells {
                    Cells::Number(cells) => {
                        cells.get(row).filter(|number| !number.is_nan()).map(|number| Cell::Number(*number))
                    }
                    Cells::Integer(cells) => cells.get(row).copied().flatten().map(Cell::Integer),
                    Cells::Bool(cells) => cells.get(row).copied().flatten().map(Cell::Bool),
                    Cells::Text(cells) => cells.get(row).and_then(Option::as_deref).map(Cell::Raw),
                };
                self.hold(n_kept + index, &cell.unwrap_or(Cell::Missing))?;
            }
        }
        self.n_held += stretch.len();
        if HELD_CELLS < self.n_held * self.held.len() || HELD_BYTES < self.n_bytes {
            self.write_group()?;
        }
        Ok(())
    }

    /// A file of Parquet has no sense before its end.
    fn commit(&mut self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write_group()?;
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(failed)?;
        }
        self.file.sync_all()
    }
}
