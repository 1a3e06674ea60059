//! Rows in the binary format of `COPY` (PostgreSQL manual, "COPY", section "Binary Format"): what a rebuild writes, and
//! what a verification compares with the stored rows byte by byte.

use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Utc};

use super::table::{Column, Table, Values};

/// Start of the data: signature, flags, and length of the header extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// End of the data.
pub const TRAILER: &[u8] = &(-1i16).to_be_bytes();

/// OID of type `text`, the elements of a `text[]`.
const TEXT_OID: u32 = 25;

/// Instants are counted in microseconds from 2000-01-01 UTC.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Appends a row of a table.
pub fn put_row<R>(buffer: &mut BytesMut, table: &Table<R>, row: &R) {
    buffer.put_i16(table.columns.len() as i16);
    table.columns.iter().for_each(|column| put_column(buffer, column, row));
}

/// The columns of a row, each as PostgreSQL sends it; `None` is null.
pub fn fields(mut row: &[u8]) -> Vec<Option<&[u8]>> {
    let mut fields = Vec::new();
    row = row.get(2..).unwrap_or_default();
    while let Some((length, rest)) = row.split_at_checked(4) {
        let length = i32::from_be_bytes(length.try_into().unwrap_or_default());
        let (field, rest) = rest.split_at_checked(length.max(0) as usize).unwrap_or((rest, &[]));
        fields.push((length >= 0).then_some(field));
        row = rest;
    }
    fields
}

/// Splits the first row off; `None` if the data does not contain the whole row.
pub fn split_row(data: &mut BytesMut) -> Option<BytesMut> {
    let columns = i16::from_be_bytes(data.get(..2)?.try_into().ok()?);
    let mut end = 2;
    for _ in 0..columns.max(0) {
        let length = i32::from_be_bytes(data.get(end..end + 4)?.try_into().ok()?);
        end += 4 + length.max(0) as usize;
    }
    (data.len() >= end).then(|| data.split_to(end))
}

fn put_column<R>(buffer: &mut BytesMut, column: &Column<R>, row: &R) {
    match column.values {
        Values::Text(value) => put(buffer, value(row).as_bytes()),
        Values::OwnedText(value) => put(buffer, value(row).as_bytes()),
        Values::OptionalText(value) => put_optional(buffer, value(row).map(str::as_bytes)),
        Values::Json(value) => put(buffer, value(row).as_bytes()),
        Values::TextList(value) => put_list(buffer, &value(row)),
        Values::Uuid(value) => put(buffer, value(row).as_bytes()),
        Values::OptionalUuid(value) => put_optional(buffer, value(row).as_ref().map(|id| &id.as_bytes()[..])),
        Values::Int(value) => put(buffer, &value(row).to_be_bytes()),
        Values::BigInt(value) => put(buffer, &value(row).to_be_bytes()),
        Values::Boolean(value) => put(buffer, &[u8::from(value(row))]),
        Values::Timestamp(value) => put(buffer, &instant(value(row))),
        Values::OptionalTimestamp(value) => put_optional(buffer, value(row).map(instant).as_ref().map(|it| &it[..])),
    }
}

/// Appends a column.
pub fn put(buffer: &mut BytesMut, value: &[u8]) {
    buffer.put_i32(value.len() as i32);
    buffer.put_slice(value);
}

/// Appends a column that may be null.
pub fn put_optional(buffer: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        Some(value) => put(buffer, value),
        None => buffer.put_i32(-1),
    }
}

/// Appends a one-dimensional array of texts; an empty array has no dimension.
pub fn put_list<T: AsRef<[u8]>>(buffer: &mut BytesMut, texts: &[T]) {
    let mut list = BytesMut::new();
    list.put_i32(i32::from(!texts.is_empty()));
    list.put_i32(0);
    list.put_u32(TEXT_OID);
    if !texts.is_empty() {
        list.put_i32(texts.len() as i32);
        list.put_i32(1);
    }
    texts.iter().for_each(|text| put(&mut list, text.as_ref()));
    put(buffer, &list);
}

/// The texts of a one-dimensional array; `None` if the column is none, or if an element is null.
pub fn read_list(field: &[u8]) -> Option<Vec<&[u8]>> {
    const HEADER: usize = 12;
    const DIMENSION: usize = 8;
    let dimensions = i32::from_be_bytes(field.get(..4)?.try_into().ok()?);
    match dimensions {
        0 => Some(Vec::new()),
        1 => {
            // The elements of an array are encoded as the columns of a row are.
            let mut elements = field.get(HEADER + DIMENSION..)?;
            let mut texts = Vec::new();
            while let Some((length, rest)) = elements.split_at_checked(4) {
                let length = usize::try_from(i32::from_be_bytes(length.try_into().ok()?)).ok()?;
                let (text, rest) = rest.split_at_checked(length)?;
                texts.push(text);
                elements = rest;
            }
            Some(texts)
        }
        _ => None,
    }
}

fn instant(instant: DateTime<Utc>) -> [u8; 8] {
    instant_bytes(instant.timestamp_micros())
}

/// A `timestamptz`, given in microseconds since 1970.
pub fn instant_bytes(unix_micros: i64) -> [u8; 8] {
    unix_micros.wrapping_sub(EPOCH_MICROS).to_be_bytes()
}

/// Microseconds since 1970 of a `timestamptz`.
pub fn unix_micros(micros: i64) -> i64 {
    micros.wrapping_add(EPOCH_MICROS)
}

/// The instant that a `timestamptz` contains, if it is in the range of the platform.
pub fn read_instant(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros.checked_add(EPOCH_MICROS)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        for texts in [&[][..], &["a"], &["", "\u{fc}", "a,b"]] {
            let mut column = BytesMut::new();
            put_list(&mut column, texts);
            let read = read_list(&column[4..]).unwrap();
            assert_eq!(read, texts.iter().map(|text| text.as_bytes()).collect::<Vec<_>>());
        }
        assert_eq!(read_list(b"short"), None);
    }

    #[test]
    fn rows_are_split_where_they_end() {
        let mut row = BytesMut::new();
        row.put_i16(2);
        put(&mut row, b"abc");
        put_optional(&mut row, None);
        let mut data = row.clone();
        data.extend_from_slice(&row[..5]);
        assert_eq!(split_row(&mut data).as_deref(), Some(&row[..]));
        assert_eq!(split_row(&mut data), None, "the rest of the row has not arrived");
        assert_eq!(fields(&row), [Some(&b"abc"[..]), None]);
    }
}
