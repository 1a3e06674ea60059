//! Converts CSV rows to JSON documents, according to the header. [`split`] defines what a row is; a row that is not exactly one record is
//! rejected.

use std::collections::HashSet;

use ::csv::{ByteRecord, ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::group::Group;
use super::import::ImportKind;
use super::kind;
use super::row_commands::{Column, ColumnTarget, RowOrigin, RowRejection, ValueType};
use super::rows::Row;
use super::split::{self, Malformed};

/// Limit of columns in a file: products have one column per currency, of which there are fewer than 200.
const MAX_COLUMNS: usize = 256;

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Header {
    kind: ImportKind,
    names: StringRecord,
    columns: Vec<Column>,
    /// Index of the column whose value is the same in all rows of a document.
    group: Option<usize>,
}

/// The first row is not a valid header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// The row is not exactly one record of text.
    #[error("the first row must contain the column names: {0}")]
    Unreadable(#[from] Unreadable),
    /// Too many columns.
    #[error("the header has {0} columns; a file has at most {MAX_COLUMNS} columns")]
    TooMany(usize),
    /// An unknown column.
    #[error("unknown column {0}; the columns are {1}")]
    Unknown(String, &'static str),
    /// A repeated column.
    #[error("repeated column {0}")]
    Twice(String),
    /// A required column is missing.
    #[error("required column {0} is missing; the columns are {1}")]
    Missing(&'static str, &'static str),
}

/// A row cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The bytes are not exactly one row.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The row is not UTF-8.
    #[error("the row is not UTF-8")]
    NotUtf8,
}

impl Header {
    /// Parses the first row of a file.
    pub(super) fn read(kind: ImportKind, row: &[u8]) -> Result<Header, InvalidHeader> {
        let mut names = record(row)?;
        names.trim();
        if names.len() > MAX_COLUMNS {
            return Err(InvalidHeader::TooMany(names.len()));
        }
        let (mut columns, mut seen) = (Vec::with_capacity(names.len()), HashSet::with_capacity(names.len()));
        for name in &names {
            if !seen.insert(name) {
                return Err(InvalidHeader::Twice(shown(name)));
            }
            let known = kind::column(kind, name);
            columns.push(known.ok_or_else(|| InvalidHeader::Unknown(shown(name), kind::columns(kind)))?);
        }
        let missing = kind::required(kind).iter().find(|needed| !seen.contains(**needed));
        if let Some(missing) = missing {
            return Err(InvalidHeader::Missing(missing, kind::columns(kind)));
        }
        let group = kind::grouped_by(kind).and_then(|shared| names.iter().position(|name| name == shared));
        Ok(Header { kind, names, columns, group })
    }

    /// The group of a row; `None` for a row that is a document of its own. Also found in malformed rows, so that a document with a malformed
    /// row is rejected as a whole.
    pub(super) fn group(&self, row: &Row) -> Option<Group> {
        let (fields, _) = fields(&row.bytes);
        fields.get(self.group?).filter(|value| !value.is_empty()).map(Group::of)
    }

    /// Builds the document of these rows.
    pub(super) fn document(&self, rows: &[Row], origin: RowOrigin) -> Result<Value, RowRejection> {
        let (mut document, mut lines) = (Map::new(), Vec::with_capacity(rows.len()));
        for (place, row) in rows.iter().enumerate() {
            let record = self.record(row)?;
            let mut line = Map::new();
            for (index, ((name, column), text)) in self.names.iter().zip(&self.columns).zip(&record).enumerate() {
                match column.target {
                    _ if text.is_empty() => {}
                    // All rows of the document have this value, possibly in different spellings.
                    ColumnTarget::Document if place > 0 && self.group == Some(index) => {}
                    ColumnTarget::Line => put(&mut line, &column.path, value(column, text)),
                    ColumnTarget::Document => set(&mut document, name, column, text)?,
                }
            }
            lines.push(Value::Object(line));
        }
        if self.group.is_some() {
            document.insert("lines".to_owned(), Value::Array(lines));
        }
        kind::complete(self.kind, Value::Object(document), origin)
    }

    fn record(&self, row: &Row) -> Result<StringRecord, RowRejection> {
        let malformed = |detail: String| RowRejection::new("malformed-csv", detail);
        let record = record(&row.bytes).map_err(|error| malformed(format!("The row cannot be parsed: {error}.")))?;
        if record.len() != self.columns.len() {
            let (found, expected) = (record.len(), self.columns.len());
            return Err(malformed(format!("The row has {found} values, but the header has {expected} columns.")));
        }
        if record.iter().map(str::trim).eq(&self.names) {
            return Err(malformed("The row repeats the header, as in concatenated files.".to_owned()));
        }
        Ok(record)
    }
}

/// Sets a value of the document. Rejects the document if an earlier row contains a different value.
fn set(document: &mut Map<String, Value>, name: &str, column: &Column, text: &str) -> Result<(), RowRejection> {
    let value = value(column, text);
    match find(document, &column.path) {
        Some(before) if *before != value => {
            let text = shown(text);
            let detail = format!(
                "{name} is {text} in this row and differs in an earlier row of the same order; it must be the same in all rows."
            );
            Err(RowRejection::new("rows-disagree", detail))
        }
        Some(_) => Ok(()),
        None => {
            put(document, &column.path, value);
            Ok(())
        }
    }
}

fn find<'a>(object: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(first)?, |value, name| value.get(name))
}

fn put(object: &mut Map<String, Value>, path: &[String], value: Value) {
    let [first, rest @ ..] = path else { return };
    if rest.is_empty() {
        object.insert(first.clone(), value);
        return;
    }
    let inner = object.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// Text that is not an integer stays text: the parser of the command rejects it with the expected form.
fn value(column: &Column, text: &str) -> Value {
    match (column.value_type, text.parse::<i64>()) {
        (ValueType::Number, Ok(number)) => Value::from(number),
        (ValueType::Number, Err(_)) | (ValueType::Text, _) => Value::from(text),
    }
}

/// The values of one row.
fn record(row: &[u8]) -> Result<StringRecord, Unreadable> {
    split::check(row)?;
    match fields(row) {
        (fields, true) => StringRecord::from_byte_record(fields).map_err(|_| Unreadable::NotUtf8),
        (_, false) => Err(Malformed::NotOneRecord.into()),
    }
}

/// The values of the first record in these bytes, and whether it is the only one.
fn fields(row: &[u8]) -> (ByteRecord, bool) {
    let mut reader =
        ReaderBuilder::new().has_headers(false).buffer_capacity(row.len().max(1)).flexible(true).from_reader(row);
    let (mut first, mut second) = (ByteRecord::new(), ByteRecord::new());
    // Reading from memory cannot fail.
    let mut reads = |record: &mut ByteRecord| reader.read_byte_record(record).is_ok_and(|is_there| is_there);
    let is_one = reads(&mut first) && !reads(&mut second);
    (first, is_one)
}

/// The start of a text, without control characters, for messages.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::super::import::StockEffect;
    use super::*;

    const ORIGIN: RowOrigin = RowOrigin { import: Uuid::nil(), row: 1, stock: StockEffect::Enforce };

    fn row(text: &str) -> Row {
        Row { number: 1, line: 2, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn a_header_names_columns_that_there_are_each_once() {
        let read =
            |kind, text: &str| Header::read(kind, text.as_bytes()).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(read(ImportKind::Products, " sku ,\"name\",price_GBP"), Ok(()));
        for (text, said) in [
            ("sku,name,colour", "unknown column colour"),
            ("sku,name,sku", "repeated column sku"),
            ("sku,price_GBP", "required column name is missing"),
        ] {
            let found = read(ImportKind::Products, text).unwrap_err();
            assert!(found.starts_with(said), "{text}: {found}");
        }
        assert_eq!(Header::read(ImportKind::Stock, b"sku,\xff").err(), Some(Unreadable::NotUtf8.into()));
        assert_eq!(
            Header::read(ImportKind::Stock, b"sku,\"x").err(),
            Some(Unreadable::from(Malformed::OpenQuote).into())
        );
    }

    #[test]
    fn rows_of_one_order_become_its_lines() {
        let header =
            Header::read(ImportKind::Orders, b"external_ref,currency,sku,quantity,line_discount,note").unwrap();
        let rows = [row("A-1,GBP,MUG,2,5,\"a, b\""), row("A-1,,CUP,x,,")];
        assert!(header.group(&rows[0]).is_some() && header.group(&rows[0]) == header.group(&rows[1]));
        assert_ne!(header.group(&rows[0]), header.group(&row("A-2,,CUP,1,,")));
        assert_eq!(header.group(&row(",GBP,CUP,1,,")), None);
        let document = header.document(&rows, ORIGIN).unwrap();
        let lines = json!([{"sku": "MUG", "quantity": 2, "discount": 5}, {"sku": "CUP", "quantity": "x"}]);
        assert_eq!(document, json!({"external_ref": "A-1", "currency": "GBP", "note": "a, b", "lines": lines}));
        let other = header.document(&[row("A-1,GBP,MUG,2,,"), row("A-1,EUR,CUP,1,,")], ORIGIN);
        assert_eq!(other.unwrap_err().problem, "rows-disagree");
        assert_eq!(header.document(&[row("A-1,GBP")], ORIGIN).unwrap_err().problem, "malformed-csv");
    }

    #[test]
    fn a_row_is_exactly_one_record() {
        let header = Header::read(ImportKind::Stock, b"sku,quantity").unwrap();
        let refused = |text: &str| header.document(&[row(text)], ORIGIN).unwrap_err();
        for text in ["A,5\rA,7", "A,5\nA,7", "A,\"5", "A,\"5\"0", "A,5,", "A", "", "sku, quantity"] {
            assert_eq!(refused(text).problem, "malformed-csv", "{text:?}");
        }
        assert_eq!(refused("A,\"5").detail, format!("The row cannot be parsed: {}.", Malformed::OpenQuote));
    }

    #[test]
    fn a_broken_row_belongs_to_the_order_that_it_names() {
        let header = Header::read(ImportKind::Orders, b"external_ref,currency,sku,quantity,note").unwrap();
        let good = row("A-1,GBP,MUG,1,");
        let not_utf8 = Row { bytes: b"A-1,GBP,MUG,1,\xff".to_vec(), ..good.clone() };
        for broken in [row("A-1,GBP"), row("A-1,GBP,MUG,1,\"open\nA-2,GBP,CUP,1,"), not_utf8] {
            assert_eq!(header.group(&broken), header.group(&good));
            let refused = header.document(&[good.clone(), broken], ORIGIN).unwrap_err();
            assert_eq!(refused.problem, "malformed-csv");
        }
    }

    #[test]
    fn an_order_gets_an_id_of_the_instant_it_was_placed_at() {
        let header = Header::read(ImportKind::Orders, b"external_ref,currency,placed_at,sku,quantity").unwrap();
        let document = header.document(&[row("A-1,GBP,2024-06-01T12:00:00Z,MUG,1")], ORIGIN).unwrap();
        let id: events::OrderId = document["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(id.instant().to_rfc3339(), "2024-06-01T12:00:00+00:00");
        let again = header.document(&[row("A-1,GBP,2024-06-01T12:00:00Z,MUG,1")], ORIGIN).unwrap();
        assert_eq!(document, again);
        let wrong = header.document(&[row("A-1,GBP,yesterday,MUG,1")], ORIGIN);
        assert!(wrong.unwrap_err().detail.contains("RFC 3339"));
    }

    #[test]
    fn a_price_per_currency() {
        let header = Header::read(ImportKind::Products, b"sku,name,price_GBP,price_EUR").unwrap();
        let document = header.document(&[row("MUG,Mug,450,")], ORIGIN).unwrap();
        assert_eq!(document, json!({"sku": "MUG", "name": "Mug", "prices": {"GBP": 450}}));
    }
}
