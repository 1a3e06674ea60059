//! The columns of an archived month in Parquet, and in the binary format of `COPY`. Types are chosen so that common readers
//! (DuckDB, pandas, Spark) read the files without conversion, and so that a restored row has the bytes of the archived one:
//! instants are microseconds in UTC, ids are texts (Spark rejects the type UUID of Parquet), JSON is a text, a `text[]` is
//! a list.

use anyhow::{Context, bail};
use bytes::{Bytes, BytesMut};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType};
use parquet::file::writer::SerializedColumnWriter;
use uuid::Uuid;

use crate::frame::binary;
use crate::frame::row_bytes::ShapeColumn;

/// Values of one column, in the order of the rows.
#[derive(Debug)]
pub(super) struct ColumnValues {
    name: &'static str,
    kind: Kind,
    is_optional: bool,
    values: Values,
    /// For optional columns, 0 for null and 1 for a value; for lists, 0 for an empty list and 1 for an element.
    definitions: Vec<i16>,
    /// For lists, 0 for the first element of a row (or an empty list) and 1 for further elements.
    repetitions: Vec<i16>,
}

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Id,
    Int,
    BigInt,
    Boolean,
    Instant,
    Texts,
}

#[derive(Debug)]
enum Values {
    Bytes(Vec<ByteArray>),
    Int(Vec<i32>),
    BigInt(Vec<i64>),
    Boolean(Vec<bool>),
}

impl Kind {
    fn of(column: &ShapeColumn) -> anyhow::Result<Kind> {
        Ok(match column.column_type {
            "text" | "json" => Kind::Text,
            "uuid" => Kind::Id,
            "int" => Kind::Int,
            "bigint" => Kind::BigInt,
            "boolean" => Kind::Boolean,
            "timestamptz" => Kind::Instant,
            "text[]" => Kind::Texts,
            other => bail!("a column of type {other} cannot be archived"),
        })
    }
}

/// The schema of a file in the notation of Parquet.
pub(super) fn message_type(columns: &[ShapeColumn]) -> anyhow::Result<String> {
    let fields: anyhow::Result<Vec<String>> = columns.iter().map(field).collect();
    Ok(format!("message row {{ {} }}", fields?.join(" ")))
}

fn field(column: &ShapeColumn) -> anyhow::Result<String> {
    let name = column.name;
    let repetition = if column.is_optional { "optional" } else { "required" };
    Ok(match Kind::of(column)? {
        Kind::Text | Kind::Id => format!("{repetition} binary {name} (STRING);"),
        Kind::Int => format!("{repetition} int32 {name};"),
        Kind::BigInt => format!("{repetition} int64 {name};"),
        Kind::Boolean => format!("{repetition} boolean {name};"),
        Kind::Instant => format!("{repetition} int64 {name} (TIMESTAMP(MICROS,true));"),
        Kind::Texts => {
            format!("required group {name} (LIST) {{ repeated group list {{ required binary element (STRING); }} }}")
        }
    })
}

impl ColumnValues {
    /// No values yet.
    pub(super) fn new(column: &ShapeColumn) -> anyhow::Result<ColumnValues> {
        let kind = Kind::of(column)?;
        let values = match kind {
            Kind::Text | Kind::Id | Kind::Texts => Values::Bytes(Vec::new()),
            Kind::Int => Values::Int(Vec::new()),
            Kind::BigInt | Kind::Instant => Values::BigInt(Vec::new()),
            Kind::Boolean => Values::Boolean(Vec::new()),
        };
        let (name, is_optional) = (column.name, column.is_optional);
        Ok(ColumnValues { name, kind, is_optional, values, definitions: Vec::new(), repetitions: Vec::new() })
    }

    /// Adds the value of a row, in the format of `COPY`.
    pub(super) fn push(&mut self, row: &Bytes, field: Option<&[u8]>) -> anyhow::Result<()> {
        if self.is_optional {
            self.definitions.push(i16::from(field.is_some()));
        }
        match field {
            None if self.is_optional => Ok(()),
            None => bail!("column {} is null", self.name),
            Some(field) => {
                self.push_value(row, field).with_context(|| format!("column {} has an unexpected value", self.name))
            }
        }
    }

    fn push_value(&mut self, row: &Bytes, field: &[u8]) -> Option<()> {
        match (&mut self.values, self.kind) {
            (Values::Bytes(values), Kind::Texts) => {
                let texts = binary::read_list(field)?;
                if texts.is_empty() {
                    self.definitions.push(0);
                    self.repetitions.push(0);
                }
                for (index, text) in texts.into_iter().enumerate() {
                    self.definitions.push(1);
                    self.repetitions.push(i16::from(index > 0));
                    values.push(row.slice_ref(text).into());
                }
            }
            (Values::Bytes(values), Kind::Id) => {
                values.push(ByteArray::from(&*Uuid::from_slice(field).ok()?.to_string()))
            }
            (Values::Bytes(values), _) => values.push(row.slice_ref(field).into()),
            (Values::Int(values), _) => values.push(i32::from_be_bytes(field.try_into().ok()?)),
            (Values::BigInt(values), Kind::Instant) => {
                values.push(binary::unix_micros(i64::from_be_bytes(field.try_into().ok()?)));
            }
            (Values::BigInt(values), _) => values.push(i64::from_be_bytes(field.try_into().ok()?)),
            (Values::Boolean(values), _) => values.push(field.first().copied()? != 0),
        }
        Some(())
    }

    /// Writes all values, and removes them.
    pub(super) fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> parquet::errors::Result<()> {
        use parquet::data_type::{BoolType, Int32Type, Int64Type};
        let definitions = Some(&*self.definitions).filter(|_| self.is_optional || self.kind == Kind::Texts);
        let repetitions = Some(&*self.repetitions).filter(|_| self.kind == Kind::Texts);
        match &mut self.values {
            Values::Bytes(values) => {
                column.typed::<ByteArrayType>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
            Values::Int(values) => {
                column.typed::<Int32Type>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
            Values::BigInt(values) => {
                column.typed::<Int64Type>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
            Values::Boolean(values) => {
                column.typed::<BoolType>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
        }
        self.definitions.clear();
        self.repetitions.clear();
        column.close()
    }

    /// Reads all values of a group of rows.
    pub(super) fn read(&mut self, reader: ColumnReader, rows: usize) -> anyhow::Result<()> {
        let (definitions, repetitions) = (&mut self.definitions, &mut self.repetitions);
        match (&mut self.values, reader) {
            (Values::Bytes(values), ColumnReader::ByteArrayColumnReader(reader)) => {
                read_all(reader, rows, definitions, repetitions, values)
            }
            (Values::Int(values), ColumnReader::Int32ColumnReader(reader)) => {
                read_all(reader, rows, definitions, repetitions, values)
            }
            (Values::BigInt(values), ColumnReader::Int64ColumnReader(reader)) => {
                read_all(reader, rows, definitions, repetitions, values)
            }
            (Values::Boolean(values), ColumnReader::BoolColumnReader(reader)) => {
                read_all(reader, rows, definitions, repetitions, values)
            }
            _ => bail!("the file has another type"),
        }
        .with_context(|| format!("reading column {}", self.name))
    }

    /// Appends the values to rows in the format of `COPY`, and removes them.
    pub(super) fn append_to(&mut self, rows: &mut [BytesMut]) -> anyhow::Result<()> {
        let is_complete = match &self.values {
            Values::Bytes(values) if self.kind == Kind::Texts => self.append_lists(rows, values),
            Values::Bytes(values) if self.kind == Kind::Id => self.append(rows, values, |row, value| {
                let id = std::str::from_utf8(value.data()).ok()?.parse::<Uuid>().ok()?;
                put(row, id.as_bytes())
            }),
            Values::Bytes(values) => self.append(rows, values, |row, value| put(row, value.data())),
            Values::Int(values) => self.append(rows, values, |row, value| put(row, &value.to_be_bytes())),
            Values::BigInt(values) if self.kind == Kind::Instant => {
                self.append(rows, values, |row, value| put(row, &binary::instant_bytes(*value)))
            }
            Values::BigInt(values) => self.append(rows, values, |row, value| put(row, &value.to_be_bytes())),
            Values::Boolean(values) => self.append(rows, values, |row, value| put(row, &[u8::from(*value)])),
        };
        is_complete.with_context(|| format!("column {} has unexpected values", self.name))
    }

    /// Appends one value to each row; `None` if their numbers differ or a value is invalid.
    fn append<T>(
        &self,
        rows: &mut [BytesMut],
        values: &[T],
        put: impl Fn(&mut BytesMut, &T) -> Option<()>,
    ) -> Option<()> {
        let mut values = values.iter();
        let mut definitions = self.definitions.iter();
        for row in rows {
            match self.is_optional && *definitions.next()? == 0 {
                true => binary::put_optional(row, None),
                false => put(row, values.next()?)?,
            }
        }
        values.next().is_none().then_some(())
    }

    fn append_lists(&self, rows: &mut [BytesMut], values: &[ByteArray]) -> Option<()> {
        let mut values = values.iter();
        let mut levels = self.definitions.iter().zip(&self.repetitions).peekable();
        for row in rows {
            let mut texts: Vec<&[u8]> = Vec::new();
            let (first, _) = levels.next()?;
            if *first == 1 {
                texts.push(values.next()?.data());
            }
            while levels.next_if(|(_, repetition)| **repetition == 1).is_some() {
                texts.push(values.next()?.data());
            }
            binary::put_list(row, &texts);
        }
        (values.next().is_none() && levels.next().is_none()).then_some(())
    }
}

fn read_all<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    definitions: &mut Vec<i16>,
    repetitions: &mut Vec<i16>,
    values: &mut Vec<T::T>,
) -> anyhow::Result<()> {
    let mut read = 0;
    while read < rows {
        let (records, ..) = reader.read_records(rows - read, Some(definitions), Some(repetitions), values)?;
        if records == 0 {
            bail!("the file has fewer values than rows");
        }
        read += records;
    }
    Ok(())
}

/// Puts a value that is valid.
fn put(row: &mut BytesMut, value: &[u8]) -> Option<()> {
    binary::put(row, value);
    Some(())
}
