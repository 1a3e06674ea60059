//! Groups rows into documents: an NDJSON row is a document; in CSV, the rows of an order that follow each other directly are one document.

use super::csv::{Header, InvalidHeader};
use super::group::Group;
use super::import::{Import, ImportKind};
use super::kind;
use super::rows::{Error, Row, Source};
use super::store::Store;
use domain::value::lines::MAX_LINES;

/// Limit of rows in a document. An order has at most [`MAX_LINES`] lines, so one more row suffices to reject the order. Without a limit, a file
/// could contain one order of a million rows.
const DOCUMENT_ROWS: usize = MAX_LINES + 1;

/// Limit of bytes in a document: an order of [`MAX_LINES`] lines has some hundred kilobytes, and a row can be as long as
/// [`ROW_BYTES_MAX`](super::upload::ROW_BYTES_MAX).
pub(super) const DOCUMENT_BYTES: usize = 4 << 20;

/// The rows of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// At least one.
    pub rows: Vec<Row>,
    /// `None` if no other row of the file can belong to the same document.
    pub group: Option<Group>,
}

/// The documents of a bulk import, in the order of the file.
#[derive(Debug)]
pub(super) struct Documents {
    kind: ImportKind,
    header: Option<Header>,
    source: Source,
}

impl Documents {
    /// All documents.
    pub(super) fn of(store: Store, import: &Import) -> Result<Documents, InvalidHeader> {
        let kind = import.options.kind;
        let header = import.header.as_deref().map(|row| Header::read(kind, row)).transpose()?;
        Ok(Documents { kind, header, source: Source::of(store, import) })
    }

    /// The CSV header; `None` for NDJSON.
    pub(super) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Continues with the row of this number.
    pub(super) fn seek(&mut self, row: u32) {
        self.source.seek(row);
    }

    /// The next document.
    pub(super) async fn next(&mut self) -> Result<Option<Document>, Error> {
        let Some(first) = self.source.next().await? else { return Ok(None) };
        let Some(header) = &self.header else {
            let group = kind::reference_of(self.kind, &first.bytes).map(|reference| Group::of(reference.as_bytes()));
            return Ok(Some(Document { rows: vec![first], group }));
        };
        let group = header.group(&first);
        let mut bytes = first.bytes.len();
        let mut rows = vec![first];
        while group.is_some()
            && rows.len() < DOCUMENT_ROWS
            && let Some(next) = self.source.peek().await?
            && bytes + next.bytes.len() <= DOCUMENT_BYTES
            && header.group(next) == group
        {
            bytes += next.bytes.len();
            rows.extend(self.source.next().await?);
        }
        Ok(Some(Document { rows, group }))
    }
}
