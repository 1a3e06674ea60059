//! The expected rows of a file and their effect, determined independently of the service: the CSV parser reads the whole file.

use std::collections::BTreeSet;

use serde_json::Value;

use super::files::File;
use crate::site::CSV;

/// A row of a file.
#[derive(Debug)]
pub(super) struct Row {
    /// Line on which the row starts, starting at 1.
    pub(super) line: i64,
    document: Value,
}

/// The effect of applied rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) rows: usize,
    pub(super) units: i64,
    pub(super) skus: BTreeSet<String>,
}

/// The rows of a file, without its header.
pub(super) fn rows(file: &File) -> Vec<Row> {
    let text = file.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&file.bytes);
    match file.shape.media_type {
        CSV => records(text),
        _ => lines(text),
    }
}

/// The effect of these rows.
pub(super) fn said<'a>(rows: impl Iterator<Item = &'a Row>) -> Said {
    let mut said = Said::default();
    for Row { document, .. } in rows {
        let lines = document["lines"].as_array().map_or(std::slice::from_ref(document), Vec::as_slice);
        said.rows += 1;
        said.units += lines.iter().filter_map(|line| quantity(&line["quantity"])).sum::<i64>();
        said.skus.extend(document["sku"].as_str().map(str::to_owned));
    }
    said
}

/// The number in a value; CSV contains numbers as text.
fn quantity(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn records(text: &[u8]) -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let (mut record, mut rows, mut header) = (csv::ByteRecord::new(), Vec::new(), None);
    loop {
        let begins = reader.position().byte() as usize;
        if !reader.read_byte_record(&mut record).unwrap() {
            return rows;
        }
        let raw = &text[begins..reader.position().byte() as usize];
        if raw.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let breaks = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let line = 1 + line_breaks(&text[..begins + breaks]);
        match &header {
            None => header = Some(record.clone()),
            Some(header) => rows.push(Row { line, document: document(header, &record) }),
        }
    }
}

fn document(header: &csv::ByteRecord, record: &csv::ByteRecord) -> Value {
    let members = header.iter().zip(record).map(|(name, value)| {
        (String::from_utf8_lossy(name).into_owned(), Value::from(String::from_utf8_lossy(value).into_owned()))
    });
    Value::Object(members.collect())
}

fn lines(text: &[u8]) -> Vec<Row> {
    let (mut rows, mut begins) = (Vec::new(), 0);
    for line in text.split(|byte| matches!(byte, b'\r' | b'\n')) {
        if !line.iter().all(u8::is_ascii_whitespace) {
            let document = serde_json::from_slice(line).unwrap_or_default();
            rows.push(Row { line: 1 + line_breaks(&text[..begins]), document });
        }
        begins += line.len() + 1;
    }
    rows
}

/// CR, LF and CRLF are one line break each.
fn line_breaks(text: &[u8]) -> i64 {
    let both = text.windows(2).filter(|pair| pair == b"\r\n").count();
    (text.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count() - both) as i64
}
