//! Splits bytes into rows, for both formats and for bytes that arrive in parts.
//!
//! A row ends at a line break outside quotes. CR, LF and CRLF are line breaks and can be mixed in one file. In NDJSON, quotes have no meaning
//! here, because JSON text does not contain raw line breaks. A row that contains only white space is blank and is not counted. A byte order
//! mark before a row is ignored: concatenated files have one in the middle.
//!
//! [`Splitter`] finds the ends of rows. [`check`] verifies that the bytes for a record reader are exactly one row, so that an unclosed quote
//! cannot swallow the following rows.

use super::import::RowFormat;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// State of the splitter within a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first byte of a row.
    Row,
    /// After the first byte of a byte order mark.
    Mark1,
    /// After the second byte of a byte order mark.
    Mark2,
    /// Before the first byte of a field, the only place where a quote opens a quoted field.
    Field,
    /// In an unquoted field.
    Plain,
    /// In a quoted field.
    Quoted,
    /// After a quote in a quoted field, which closes the field or is escaped by a following quote.
    Quote,
    /// After a CR that ends the row; a following LF belongs to the same line break.
    Return,
}

/// The bytes are not exactly one CSV row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A quote is not closed: the following lines may be other rows.
    #[error("a quote is not closed, so the end of the row cannot be determined")]
    OpenQuote,
    /// Text follows the closing quote of a field.
    #[error("text follows a closing quote; double a quote within a quoted field, and close the field before the comma")]
    TextAfterQuote,
    /// More than one row, or none.
    #[error("the row is not exactly one record")]
    NotOneRecord,
}

/// Finds the ends of rows.
#[derive(Debug)]
pub(super) struct Splitter {
    format: RowFormat,
    at: At,
    malformed: Option<Malformed>,
}

impl Splitter {
    pub(super) fn new(format: RowFormat) -> Splitter {
        Splitter { format, at: At::Row, malformed: None }
    }

    /// Number of bytes up to the end of the current row, including its line break; `None` if the row does not end in these bytes. The number
    /// is 0 if the row ended with a CR that was the last byte of the previous call.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        for (index, byte) in bytes.iter().copied().enumerate() {
            match (self.at, byte) {
                (At::Return, b'\n') => return Some(self.end(index + 1)),
                (At::Return, _) => return Some(self.end(index)),
                (At::Quoted, _) => self.at = self.within(byte),
                (_, b'\n') => return Some(self.end(index + 1)),
                (_, b'\r') => self.at = At::Return,
                (_, _) => self.at = self.within(byte),
            }
        }
        None
    }

    /// Starts the next row.
    fn end(&mut self, index: usize) -> usize {
        *self = Splitter::new(self.format);
        index
    }

    /// The state after a byte that does not end the row, as in the CSV parser (RFC 4180; a quote within an unquoted field is text).
    fn within(&mut self, byte: u8) -> At {
        match (self.at, byte) {
            _ if self.format == RowFormat::Ndjson => At::Plain,
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) => At::Quoted,
            (_, b',') => At::Field,
            (At::Row | At::Field | At::Quote, b'"') => At::Quoted,
            (At::Row, 0xef) => At::Mark1,
            (At::Mark1, 0xbb) => At::Mark2,
            (At::Mark2, 0xbf) => At::Field,
            (At::Quote, _) => {
                self.malformed = Some(Malformed::TextAfterQuote);
                At::Plain
            }
            (_, _) => At::Plain,
        }
    }
}

/// Checks that these bytes, without a line break at the end, are exactly one CSV row.
pub(super) fn check(row: &[u8]) -> Result<(), Malformed> {
    let mut splitter = Splitter::new(RowFormat::Csv);
    match (splitter.feed(row), splitter.at, splitter.malformed) {
        (Some(_), ..) | (None, At::Return, _) => Err(Malformed::NotOneRecord),
        (None, _, Some(malformed)) => Err(malformed),
        (None, At::Quoted, None) => Err(Malformed::OpenQuote),
        (None, _, None) => Ok(()),
    }
}

/// Whether a row contains only white space, so that it is not counted.
pub(super) fn is_blank(row: &[u8]) -> bool {
    content(row).iter().all(u8::is_ascii_whitespace)
}

/// The row without its line break and without a byte order mark.
pub(super) fn content(row: &[u8]) -> &[u8] {
    let row = row.strip_prefix(BYTE_ORDER_MARK).unwrap_or(row);
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// Number of line breaks in a row: one, plus those in quoted fields.
pub(super) fn lines_in(row: &[u8]) -> u32 {
    let returns = row.iter().filter(|byte| **byte == b'\r').count();
    let feeds =
        row.iter().zip(std::iter::once(&0).chain(row)).filter(|(byte, before)| **byte == b'\n' && **before != b'\r');
    (returns + feeds.count()) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rows of a file that arrives in parts of this size, with their line breaks.
    fn split(format: RowFormat, bytes: &[u8], part: usize) -> Vec<Vec<u8>> {
        let (mut splitter, mut rows, mut row) = (Splitter::new(format), vec![], vec![]);
        for mut part in bytes.chunks(part) {
            while let Some(end) = splitter.feed(part) {
                row.extend_from_slice(&part[..end]);
                rows.push(std::mem::take(&mut row));
                part = &part[end..];
            }
            row.extend_from_slice(part);
        }
        rows.extend((!row.is_empty()).then_some(row));
        rows
    }

    fn rows(format: RowFormat, bytes: &[u8], part: usize) -> Vec<String> {
        split(format, bytes, part).iter().map(|row| String::from_utf8_lossy(content(row)).into_owned()).collect()
    }

    #[test]
    fn a_line_break_between_quotes_ends_no_row() {
        let text = b"a,\"b\r\nc\",d\r\ne,\"f\"\"\n\"\n\"g\rh\",i\r5\" pipe,g\nlast";
        for part in 1..text.len() {
            let found = rows(RowFormat::Csv, text, part);
            assert_eq!(found, ["a,\"b\r\nc\",d", "e,\"f\"\"\n\"", "\"g\rh\",i", "5\" pipe,g", "last"]);
        }
        assert_eq!(rows(RowFormat::Ndjson, b"{\"a\":\"\\\"\"}\n\"\n", 3), ["{\"a\":\"\\\"\"}", "\""]);
    }

    #[test]
    fn every_line_break_ends_a_row_in_both_formats() {
        let text = b"1\r2\n3\r\n4\r\r\n\n\r5\r";
        for format in [RowFormat::Csv, RowFormat::Ndjson] {
            for part in 1..text.len() {
                assert_eq!(rows(format, text, part), ["1", "2", "3", "4", "", "", "", "5"], "{format:?} {part}");
            }
        }
        assert_eq!(split(RowFormat::Csv, text, 3).iter().map(|row| lines_in(row)).sum::<u32>(), 8);
        assert_eq!(lines_in(b"\"a\r\nb\rc\nd\n\re\"\r\n"), 6);
    }

    #[test]
    fn a_byte_order_mark_hides_no_quote() {
        let text = b"\xef\xbb\xbf\"a\n\",b\n\xef\xbb\xbf\n\xef\xbbx\"\n";
        for part in 1..text.len() {
            assert_eq!(rows(RowFormat::Csv, text, part)[..2], ["\"a\n\",b", ""]);
            assert_eq!(split(RowFormat::Csv, text, part).len(), 3);
        }
        assert!(is_blank(b"\xef\xbb\xbf \r\n") && !is_blank(b"\0\n"));
    }

    #[test]
    fn a_quote_that_may_swallow_rows_is_found() {
        assert_eq!(check(b"a,\"b\nc\",\"\"\"d\"\"\",5\" pipe"), Ok(()));
        assert_eq!(check(b"a,\"b\nc,d"), Err(Malformed::OpenQuote));
        assert_eq!(check(b"a,\"b\nc,\"d\""), Err(Malformed::TextAfterQuote));
        assert_eq!(check(b"a,\"b\" ,c"), Err(Malformed::TextAfterQuote));
        for several in [b"a\nb".as_slice(), b"a\rb", b"a\r", b"a\n"] {
            assert_eq!(check(several), Err(Malformed::NotOneRecord));
        }
    }

    /// How many fields the records of this text have, as the parser splits it.
    fn parsed(text: &[u8]) -> Vec<usize> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        reader.byte_records().map(|record| record.unwrap().len()).collect()
    }

    proptest! {
        /// The splitter and the parser agree on what a row is, whatever the text.
        #[test]
        fn rows_are_those_of_the_parser(text in "[ab\",\r\n]{0,40}", part in 1..8_usize) {
            let rows = split(RowFormat::Csv, text.as_bytes(), part);
            let ours = rows.iter().filter(|row| !is_blank(row)).map(|row| parsed(content(row)));
            let ours: Vec<Vec<usize>> = ours.collect();
            prop_assert!(ours.iter().all(|row| row.len() == 1), "{:?}", ours);
            prop_assert_eq!(ours.concat(), parsed(text.as_bytes()));
        }

        /// No byte gets lost or moves to another row, in whatever parts a file arrives.
        #[test]
        fn rows_are_all_of_the_file(text in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"\r\n\",".to_vec())], 0..60), part in 1..8_usize) {
            for format in [RowFormat::Csv, RowFormat::Ndjson] {
                let rows = split(format, &text, part);
                prop_assert_eq!(&rows.concat(), &text);
                prop_assert_eq!(rows, split(format, &text, 60));
            }
        }
    }
}
