//! Files in the format Apache Parquet with the rows of a month. Rows are written and read in groups of limited size, so a
//! month of any size needs the same memory. [`super::columns`] has the types of the columns.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

use super::columns::{ColumnValues, message_type};
use crate::frame::binary::fields;
use crate::frame::row_bytes::RowShape;
use crate::row_checksum::RowChecksum;

/// Maximum number of rows in a group.
const GROUP_ROWS_MAX: usize = 50_000;

/// Bytes of rows after which a group is written.
const GROUP_BYTES: usize = 32 * 1024 * 1024;

/// Writes rows to a file.
pub(super) struct RowFileWriter {
    writer: SerializedFileWriter<File>,
    columns: Vec<ColumnValues>,
    shape: RowShape,
    checksum: RowChecksum,
    rows_in_group: usize,
    bytes_in_group: usize,
}

/// Reads rows from a file.
pub(super) struct RowFileReader {
    reader: SerializedFileReader<File>,
    shape: RowShape,
}

impl RowFileWriter {
    /// Creates a file for rows of a table. `description` is stored in the file, for its readers.
    pub(super) fn create(
        path: &Path,
        shape: &RowShape,
        description: &[(&str, String)],
    ) -> anyhow::Result<RowFileWriter> {
        let file = File::create(path)?;
        let metadata = description.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(metadata))
            .build();
        Ok(RowFileWriter {
            writer: SerializedFileWriter::new(file, schema(shape)?, Arc::new(properties))?,
            columns: columns(shape)?,
            shape: shape.clone(),
            checksum: RowChecksum::default(),
            rows_in_group: 0,
            bytes_in_group: 0,
        })
    }

    /// Adds a row in the format of `COPY`. A row of sums that are all zero is left out, as in the checksum.
    pub(super) fn add(&mut self, row: &[u8]) -> anyhow::Result<()> {
        if self.shape.is_zero(row) {
            return Ok(());
        }
        self.checksum.add(&self.shape, row);
        let row = Bytes::copy_from_slice(row);
        for (column, field) in self.columns.iter_mut().zip(fields(&row)) {
            column.push(&row, field)?;
        }
        self.rows_in_group += 1;
        self.bytes_in_group += row.len();
        if self.rows_in_group >= GROUP_ROWS_MAX || self.bytes_in_group >= GROUP_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    /// Completes the file on the disk; returns number and checksum of its rows.
    pub(super) fn finish(mut self) -> anyhow::Result<RowChecksum> {
        if self.rows_in_group > 0 {
            self.write_group()?;
        }
        self.writer.finish()?;
        self.writer.inner().sync_all()?;
        Ok(self.checksum)
    }

    fn write_group(&mut self) -> anyhow::Result<()> {
        let mut group = self.writer.next_row_group()?;
        let mut columns = self.columns.iter_mut();
        while let (Some(column), Some(values)) = (group.next_column()?, columns.next()) {
            values.write(column)?;
        }
        group.close()?;
        (self.rows_in_group, self.bytes_in_group) = (0, 0);
        Ok(())
    }
}

impl RowFileReader {
    /// Opens a file with rows of a table.
    pub(super) fn open(path: &Path, shape: &RowShape) -> anyhow::Result<RowFileReader> {
        let reader = SerializedFileReader::new(File::open(path)?).context("the file is not a complete Parquet file")?;
        let found = reader.metadata().file_metadata().schema_descr().root_schema_ptr();
        let same = found.get_fields() == schema(shape)?.get_fields();
        ensure!(same, "the columns of the file are not those of the table");
        Ok(RowFileReader { reader, shape: shape.clone() })
    }

    /// Number of groups of rows.
    pub(super) fn groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// The rows of a group, in the format of `COPY`.
    pub(super) fn read_group(&self, index: usize) -> anyhow::Result<Vec<BytesMut>> {
        let group = self.reader.get_row_group(index)?;
        let count = usize::try_from(group.metadata().num_rows())?;
        ensure!(count <= GROUP_ROWS_MAX, "a group of the file has {count} rows, at most {GROUP_ROWS_MAX} are expected");
        let mut columns = columns(&self.shape)?;
        let mut start = BytesMut::new();
        start.put_i16(columns.len() as i16);
        let mut rows = vec![start; count];
        for (index, column) in columns.iter_mut().enumerate() {
            column.read(group.get_column_reader(index)?, count)?;
            column.append_to(&mut rows)?;
        }
        Ok(rows)
    }

    /// Number and checksum of all rows.
    pub(super) fn checksum(&self) -> anyhow::Result<RowChecksum> {
        let mut checksum = RowChecksum::default();
        for group in 0..self.groups() {
            self.read_group(group)?.iter().for_each(|row| checksum.add(&self.shape, row));
        }
        Ok(checksum)
    }
}

fn schema(shape: &RowShape) -> anyhow::Result<Arc<Type>> {
    Ok(Arc::new(parse_message_type(&message_type(shape.columns())?)?))
}

fn columns(shape: &RowShape) -> anyhow::Result<Vec<ColumnValues>> {
    shape.columns().iter().map(ColumnValues::new).collect()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::*;
    use crate::frame::binary::put_row;
    use crate::frame::table::{Column, Table, Values};

    struct Row {
        number: i64,
    }

    /// Every type of column, with and without a value.
    static TABLE: Table<Row> = Table {
        name: "every_type",
        stream_id: None,
        columns: &[
            Column::key("id", Values::Uuid(|row| Uuid::from_u128(row.number as u128))),
            Column::fixed("text", Values::OwnedText(|row| format!("\u{fc} {}", row.number))),
            Column::fixed("other_text", Values::OptionalText(|row| (row.number % 2 == 0).then_some(""))),
            Column::fixed("json", Values::Json(|_| r#"{"a": [1,2 ]}"#.into())),
            Column::fixed("texts", Values::TextList(|row| vec!["a"; (row.number % 3) as usize])),
            Column::fixed("other_id", Values::OptionalUuid(|row| (row.number % 5 == 0).then_some(Uuid::max()))),
            Column::fixed("int", Values::Int(|row| -(row.number as i32))),
            Column::fixed("bigint", Values::BigInt(|row| i64::MIN + row.number)),
            Column::fixed("boolean", Values::Boolean(|row| row.number % 2 == 0)),
            Column::fixed("instant", Values::Timestamp(|row| instant(row.number))),
            Column::fixed("other_instant", Values::OptionalTimestamp(|row| (row.number % 7 == 0).then(|| instant(0)))),
        ],
        month: None,
        indexes: &[],
        storage: "",
    };

    fn instant(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(micros - 1).unwrap()
    }

    fn rows(count: i64) -> impl Iterator<Item = BytesMut> {
        (0..count).map(|number| {
            let mut bytes = BytesMut::new();
            put_row(&mut bytes, &TABLE, &Row { number });
            bytes
        })
    }

    #[test]
    fn rows_of_every_type_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let shape = RowShape::of(&TABLE);
        // More rows than one group has.
        let count = GROUP_ROWS_MAX as i64 + 1;
        let mut writer = RowFileWriter::create(&path, &shape, &[("key", "value".to_owned())]).unwrap();
        rows(count).for_each(|row| writer.add(&row).unwrap());
        let written = writer.finish().unwrap();
        assert_eq!(written.rows, count as u64);

        let reader = RowFileReader::open(&path, &shape).unwrap();
        assert_eq!(reader.groups(), 2);
        let read = (0..2).flat_map(|group| reader.read_group(group).unwrap());
        assert!(read.eq(rows(count)));
        assert_eq!(reader.checksum().unwrap(), written);
    }

    #[test]
    fn a_file_without_rows_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let shape = RowShape::of(&TABLE);
        let writer = RowFileWriter::create(&path, &shape, &[]).unwrap();
        assert_eq!(writer.finish().unwrap(), RowChecksum::default());
        assert_eq!(RowFileReader::open(&path, &shape).unwrap().checksum().unwrap(), RowChecksum::default());
    }

    #[test]
    fn a_file_that_is_cut_off_or_has_other_columns_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let shape = RowShape::of(&TABLE);
        let mut writer = RowFileWriter::create(&path, &shape, &[]).unwrap();
        rows(10).for_each(|row| writer.add(&row).unwrap());
        writer.finish().unwrap();
        let (_, other) = crate::frame::rows::shapes::<crate::projections::Orders>().remove(0);
        let refused = RowFileReader::open(&path, &other).map(|_| ()).unwrap_err();
        assert_eq!(refused.to_string(), "the columns of the file are not those of the table");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let refused = RowFileReader::open(&path, &shape).map(|_| ()).unwrap_err();
        assert_eq!(refused.to_string(), "the file is not a complete Parquet file");
    }
}
