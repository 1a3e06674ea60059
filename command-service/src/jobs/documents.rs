//! Rows as documents: a row of NDJSON is one, and in CSV the rows of an order are one if they stand directly below each other.

use xxhash_rust::xxh3::xxh3_64;

use super::csv::{Header, InvalidHeader};
use super::import::{Import, Kind};
use super::kind;
use super::rows::{Error, Row, Source};
use super::store::Store;
use domain::command::lines::MAX_LINES;
use domain::command::text::Reference;

/// Most rows that are held as one document. An order has at most [`MAX_LINES`] lines, and one more row is enough to refuse it;
/// without a limit, a file could have one order of a million rows.
const DOCUMENT_ROWS: usize = MAX_LINES + 1;

/// Most bytes of rows that are held as one document: an order of [`MAX_LINES`] lines has some hundred kilobytes, and its rows
/// may be as long as [`ROW_BYTES_MAX`](super::upload::ROW_BYTES_MAX).
pub(super) const DOCUMENT_BYTES: usize = 4 << 20;

/// What the rows of one order share, and no other order has: its external reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group(Box<[u8]>);

/// Rows that are one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// At least one.
    pub rows: Vec<Row>,
    /// `None` where no other row of the file can belong to the same document.
    pub group: Option<Group>,
}

/// The documents of an import, in the order of the file.
#[derive(Debug)]
pub(super) struct Documents {
    kind: Kind,
    header: Option<Header>,
    source: Source,
}

impl Documents {
    /// All documents.
    pub(super) fn of(store: Store, import: &Import) -> Result<Documents, InvalidHeader> {
        let kind = import.asked.kind;
        let header = import.header.as_deref().map(|row| Header::read(kind, row)).transpose()?;
        Ok(Documents { kind, header, source: Source::of(store, import) })
    }

    /// What the columns are; `None` where rows are documents as they are.
    pub(super) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Goes on with the row of this number.
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

impl Group {
    /// The group of this value. Two spellings of one reference are one group, as they are one reference to the command.
    pub(super) fn of(value: &[u8]) -> Group {
        match std::str::from_utf8(value).ok().and_then(|text| text.parse::<Reference>().ok()) {
            Some(reference) => Group(reference.as_str().as_bytes().into()),
            None => Group(value.into()),
        }
    }

    /// A short name, for tables of many: that two of a file's orders share one is less likely than one in ten million.
    pub(super) fn hash(&self) -> u64 {
        xxh3_64(&self.0)
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}
