//! Finds where rows end, in bytes that come in pieces: at line breaks, and in CSV not at those between quotes.

use super::import::Format;

/// Where the reader is within a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first byte of a field; the only place where a quote opens one.
    Start,
    /// In a field without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote that ends the field or, if another follows, stands for itself.
    Quote,
}

/// Finds the ends of rows.
#[derive(Debug)]
pub(super) struct Splitter {
    format: Format,
    at: At,
}

impl Splitter {
    pub(super) fn new(format: Format) -> Splitter {
        Splitter { format, at: At::Start }
    }

    /// How many of these bytes end the row that was begun, its line break included; `None` if all belong to it and more
    /// are to come.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let end = match self.format {
            Format::Ndjson => bytes.iter().position(|byte| *byte == b'\n'),
            Format::Csv => bytes.iter().position(|byte| self.ends_row(*byte)),
        }?;
        self.at = At::Start;
        Some(end + 1)
    }

    /// Reads a byte of CSV as the parser does (RFC 4180, and a quote within a plain field is a quote).
    fn ends_row(&mut self, byte: u8) -> bool {
        self.at = match (self.at, byte) {
            (At::Start | At::Plain | At::Quote, b'\n') => return true,
            (At::Start | At::Plain | At::Quote, b',') => At::Start,
            (At::Start | At::Quote, b'"') => At::Quoted,
            (At::Start | At::Plain | At::Quote, _) => At::Plain,
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) => At::Quoted,
        };
        false
    }
}

/// Whether there is nothing in a row: it does not count as one.
pub(super) fn is_blank(row: &[u8]) -> bool {
    row.iter().all(u8::is_ascii_whitespace)
}

/// The row without its line break.
pub(super) fn trimmed(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// Line breaks in a row: one, unless there are some between quotes.
pub(super) fn lines_in(row: &[u8]) -> u32 {
    row.iter().filter(|byte| **byte == b'\n').count() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(format: Format, bytes: &[u8], piece: usize) -> Vec<String> {
        let (mut splitter, mut rows, mut row) = (Splitter::new(format), vec![], vec![]);
        for mut piece in bytes.chunks(piece) {
            while let Some(end) = splitter.feed(piece) {
                row.extend_from_slice(&piece[..end]);
                rows.push(String::from_utf8_lossy(trimmed(&row)).into_owned());
                row.clear();
                piece = &piece[end..];
            }
            row.extend_from_slice(piece);
        }
        rows.extend((!row.is_empty()).then(|| String::from_utf8_lossy(trimmed(&row)).into_owned()));
        rows
    }

    #[test]
    fn a_line_break_between_quotes_ends_no_row() {
        let text = b"a,\"b\r\nc\",d\r\ne,\"f\"\"\n\"\n5\" pipe,g\nlast";
        for piece in 1..text.len() {
            let found = rows(Format::Csv, text, piece);
            assert_eq!(found, ["a,\"b\r\nc\",d", "e,\"f\"\"\n\"", "5\" pipe,g", "last"]);
        }
        assert_eq!(rows(Format::Ndjson, b"{\"a\":\"\\\"\"}\n\"\n", 3), ["{\"a\":\"\\\"\"}", "\""]);
    }

    proptest! {
        /// The splitter and the parser agree on what a row is, whatever the text.
        #[test]
        fn rows_are_those_of_the_parser(text in "[ab\",\n]{0,40}") {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .terminator(csv::Terminator::Any(b'\n'))
                .from_reader(text.as_bytes());
            let parsed: Vec<Vec<String>> = reader
                .byte_records()
                .map(|record| record.unwrap().iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect())
                .collect();
            let mut ours = Vec::new();
            for row in rows(Format::Csv, text.as_bytes(), 7) {
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .terminator(csv::Terminator::Any(b'\n'))
                    .from_reader(row.as_bytes());
                ours.extend(reader.byte_records().map(|record| record.unwrap().len()));
            }
            let theirs: Vec<usize> = parsed.iter().map(Vec::len).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
