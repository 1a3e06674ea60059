//! Apache Parquet, compressed with zstd. Rows are written in groups of limited size, so a file of any size needs the same memory.
//!
//! Texts are UTF-8, whole numbers INT64, instants microseconds in UTC.

use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use crate::exports::columns::{Column, Kind, Value, values};
use crate::reads::dataset::row::Row;

/// Rows of a group: a few megabytes in memory, and enough for good compression.
const GROUP_ROWS: usize = 20_000;

/// Encodes rows as Parquet.
pub struct ParquetEncoder {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: Vec<ColumnValues>,
    rows_in_group: usize,
}

/// The values of a column in the current group.
struct ColumnValues {
    column: Column,
    values: Values,
    /// 0 for no value and 1 for a value, in the order of the rows.
    definitions: Vec<i16>,
}

enum Values {
    Texts(Vec<ByteArray>),
    Numbers(Vec<i64>),
    Booleans(Vec<bool>),
}

impl ParquetEncoder {
    pub(super) fn new(columns: Vec<Column>) -> Result<ParquetEncoder> {
        let fields: Vec<String> = columns.iter().map(field).collect();
        let schema = parse_message_type(&format!("message row {{ {} }}", fields.join(" ")))?;
        let compression = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(compression).build();
        Ok(ParquetEncoder {
            writer: SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?,
            columns: columns.into_iter().map(ColumnValues::new).collect(),
            rows_in_group: 0,
        })
    }

    pub(super) fn encode(&mut self, rows: &[Row]) -> Result<Vec<u8>> {
        for row in rows {
            self.columns.iter_mut().zip(values(row)).for_each(|(column, value)| column.push(value));
            self.rows_in_group += 1;
            if self.rows_in_group == GROUP_ROWS {
                self.write_group()?;
            }
        }
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        if self.rows_in_group > 0 {
            self.write_group()?;
        }
        self.writer.into_inner()
    }

    fn write_group(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        let mut columns = self.columns.iter_mut();
        while let (Some(writer), Some(column)) = (group.next_column()?, columns.next()) {
            column.write(writer)?;
        }
        group.close()?;
        self.rows_in_group = 0;
        Ok(())
    }
}

fn field(column: &Column) -> String {
    let repetition = if column.is_optional { "optional" } else { "required" };
    match column.kind {
        Kind::Text => format!("{repetition} binary {} (STRING);", column.name),
        Kind::Integer => format!("{repetition} int64 {};", column.name),
        Kind::Instant => format!("{repetition} int64 {} (TIMESTAMP(MICROS,true));", column.name),
        Kind::Boolean => format!("{repetition} boolean {};", column.name),
    }
}

impl ColumnValues {
    fn new(column: Column) -> ColumnValues {
        let values = match column.kind {
            Kind::Text => Values::Texts(Vec::new()),
            Kind::Integer | Kind::Instant => Values::Numbers(Vec::new()),
            Kind::Boolean => Values::Booleans(Vec::new()),
        };
        ColumnValues { column, values, definitions: Vec::new() }
    }

    fn push(&mut self, value: Value) {
        self.definitions.push(i16::from(value != Value::Empty));
        match (&mut self.values, value) {
            (Values::Texts(texts), Value::Text(text)) => texts.push(ByteArray::from(text.into_bytes())),
            (Values::Numbers(numbers), Value::Integer(number)) => numbers.push(number),
            (Values::Numbers(numbers), Value::Instant(instant, _)) => numbers.push(instant.timestamp_micros()),
            (Values::Booleans(booleans), Value::Boolean(is)) => booleans.push(is),
            // A missing value; a value of another kind would be a defect, which the number of values shows when they are written.
            (_, _) => {}
        }
    }

    /// Writes the values, and removes them.
    fn write(&mut self, mut writer: SerializedColumnWriter<'_>) -> Result<()> {
        let definitions = Some(self.definitions.as_slice()).filter(|_| self.column.is_optional);
        match &mut self.values {
            Values::Texts(texts) => {
                writer.typed::<ByteArrayType>().write_batch(texts, definitions, None)?;
                texts.clear();
            }
            Values::Numbers(numbers) => {
                writer.typed::<Int64Type>().write_batch(numbers, definitions, None)?;
                numbers.clear();
            }
            Values::Booleans(booleans) => {
                writer.typed::<BoolType>().write_batch(booleans, definitions, None)?;
                booleans.clear();
            }
        }
        self.definitions.clear();
        writer.close()
    }
}
