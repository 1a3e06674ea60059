//! Reads the rows of a bulk import in order.

use std::collections::VecDeque;

use uuid::Uuid;

use super::import::{Import, RowFormat};
use super::split::{self, Splitter};
use super::store::{self, Chunk, Store};

/// A row as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Number of the row, starting at 1. A header is not counted.
    pub number: u32,
    /// Line of the file on which the row starts, starting at 1.
    pub line: u32,
    /// The row without its line break and without a byte order mark.
    pub bytes: Vec<u8>,
}

/// The rows of a bulk import.
#[derive(Debug)]
pub(super) struct Source {
    store: Store,
    import: Uuid,
    format: RowFormat,
    total: u32,
    /// Number of the next row.
    next: u32,
    /// Remaining rows of the chunk that was loaded last.
    loaded: VecDeque<Row>,
}

/// The rows could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The row does not exist.
    #[error("row {0} of the bulk import is missing")]
    Missing(u32),
}

impl Source {
    /// All rows.
    pub(super) fn of(store: Store, import: &Import) -> Source {
        Source {
            store,
            import: import.id,
            format: import.options.format,
            total: import.rows.total.unsigned_abs(),
            next: 1,
            loaded: VecDeque::new(),
        }
    }

    /// Continues with the row of this number.
    pub(super) fn seek(&mut self, row: u32) {
        self.next = row;
        self.loaded.clear();
    }

    /// The next row, without consuming it.
    pub(super) async fn peek(&mut self) -> Result<Option<&Row>, Error> {
        if self.next > self.total {
            return Ok(None);
        }
        if self.loaded.is_empty() {
            self.load().await?;
        }
        Ok(self.loaded.front())
    }

    /// The next row.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Error> {
        if self.peek().await?.is_none() {
            return Ok(None);
        }
        self.next += 1;
        Ok(self.loaded.pop_front())
    }

    async fn load(&mut self) -> Result<(), Error> {
        let chunk = self.store.chunk_with(self.import, self.next).await?.ok_or(Error::Missing(self.next))?;
        self.loaded = rows_of(self.format, &chunk).filter(|row| row.number >= self.next).collect();
        match self.loaded.front() {
            Some(row) if row.number == self.next => Ok(()),
            Some(_) | None => Err(Error::Missing(self.next)),
        }
    }
}

fn rows_of(format: RowFormat, chunk: &Chunk) -> impl Iterator<Item = Row> {
    let (mut splitter, mut rest) = (Splitter::new(format), chunk.bytes.as_slice());
    let (mut number, mut line) = (chunk.first_row, chunk.first_line);
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (bytes, after) = rest.split_at(splitter.feed(rest).unwrap_or(rest.len()));
            rest = after;
            let row = Row { number, line, bytes: split::content(bytes).to_vec() };
            line += split::lines_in(bytes);
            if !split::is_blank(bytes) {
                number += 1;
                return Some(row);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_numbers_and_lines() {
        let chunk = Chunk { first_row: 11, first_line: 20, bytes: b"a\n\n\"b\nc\"\r\nd\re".to_vec() };
        let rows: Vec<_> = rows_of(RowFormat::Csv, &chunk).map(|row| (row.number, row.line, row.bytes)).collect();
        let expected = [(11, 20, "a"), (12, 22, "\"b\nc\""), (13, 24, "d"), (14, 25, "e")];
        assert_eq!(rows, expected.map(|(number, line, text)| (number, line, text.as_bytes().to_vec())));
    }
}
