//! CSV (RFC 4180): a header and one record for each row.

use crate::csv_records;
use crate::exports::columns::{Column, Value, values};
use crate::reads::dataset::row::Row;

/// Encodes rows as CSV.
pub struct CsvEncoder {
    /// The header, before it is written.
    header: Option<Vec<String>>,
}

impl CsvEncoder {
    pub(super) fn new(columns: Vec<Column>) -> CsvEncoder {
        CsvEncoder { header: Some(columns.iter().map(|column| column.name.to_owned()).collect()) }
    }

    pub(super) fn encode(&mut self, rows: &[Row]) -> Vec<u8> {
        let mut text = Vec::new();
        let records = rows.iter().map(|row| values(row).into_iter().map(Value::into_text).collect());
        csv_records::append(&mut text, self.header.take().into_iter().chain(records));
        text
    }

    /// The header of a file without rows.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.encode(&[])
    }
}
