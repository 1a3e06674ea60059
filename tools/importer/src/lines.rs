//! Reads the lines of a file, plain or compressed with gzip, and keeps only one line in memory.
//!
//! One line is one row: fields cannot contain line breaks, so a quote that is not closed invalidates one line and not the
//! rest of the file. A line ends at CR, LF or CRLF, also mixed in one file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use flate2::bufread::MultiGzDecoder;
use xxhash_rust::xxh3::Xxh3;

/// Number of a line in the file, starting at 1; the header is line 1.
pub(crate) type LineNumber = u32;

/// Longest line, in bytes, a hundred times the length of an order line. Longer lines are truncated.
pub(crate) const MAX_LINE_BYTES: usize = 65_536;

const BUFFER_BYTES: usize = 65_536;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK\x03\x04";
const UTF_8_BOM: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF_16_BOMS: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];

/// The lines of a file.
pub(crate) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    number: LineNumber,
    line: Vec<u8>,
    /// Whether the last line ended with a CR: an LF that follows belongs to the same line break.
    after_return: bool,
    hash: Xxh3,
}

/// A line without its line break.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub number: LineNumber,
    /// At most [`MAX_LINE_BYTES`] bytes.
    pub bytes: &'a [u8],
    /// Whether the line in the file is longer than `bytes`.
    pub truncated: bool,
}

impl Line<'_> {
    /// Whether the line is empty or consists of blanks.
    pub(crate) fn is_blank(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }
}

impl Lines {
    /// Opens a CSV file. An error for a file that cannot be CSV says how to convert the file.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Lines> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("opening {shown}"))?;
        if !file.metadata().with_context(|| format!("opening {shown}"))?.is_file() {
            bail!("{shown} is not a regular file; the importer reads its file twice and cannot read a pipe");
        }
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let start = file.fill_buf().with_context(|| format!("reading {shown}"))?;
        if start.starts_with(ZIP) {
            bail!("{shown} is a ZIP or Excel file; save the sheet as CSV, or unpack it first");
        }
        let reader: Box<dyn BufRead + Send> = match start.starts_with(GZIP) {
            true => Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(file))),
            false => Box::new(file),
        };
        let mut lines = Lines {
            path: path.to_owned(),
            reader,
            number: 0,
            line: Vec::new(),
            after_return: false,
            hash: Xxh3::new(),
        };
        lines.skip_byte_order_mark()?;
        Ok(lines)
    }

    /// Path of the file, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Hash of all bytes that have been read.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.hash.digest()
    }

    /// The next line, or `None` at the end of the file.
    pub(crate) fn next_line(&mut self) -> anyhow::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut length = 0;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(&self.path, self.number, error)),
            };
            if std::mem::take(&mut self.after_return) && buffer.first() == Some(&b'\n') {
                self.hash.update(b"\n");
                self.reader.consume(1);
                continue;
            }
            if buffer.is_empty() && length == 0 {
                return Ok(None);
            }
            let end = buffer.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let content = &buffer[..end.unwrap_or(buffer.len())];
            let taken = content.len() + usize::from(end.is_some());
            self.after_return = end.is_some_and(|end| buffer[end] == b'\r');
            self.line.extend_from_slice(&content[..content.len().min(MAX_LINE_BYTES - self.line.len())]);
            self.hash.update(&buffer[..taken]);
            length += content.len();
            let last = buffer.is_empty();
            self.reader.consume(taken);
            if end.is_some() || last {
                break;
            }
        }
        self.number += 1;
        Ok(Some(Line { number: self.number, bytes: &self.line, truncated: length > MAX_LINE_BYTES }))
    }

    /// Skips the byte order mark that some programs write at the start of a file in UTF-8.
    fn skip_byte_order_mark(&mut self) -> anyhow::Result<()> {
        let start = self.reader.fill_buf().map_err(|error| unreadable(&self.path, 0, error))?;
        if UTF_16_BOMS.iter().any(|mark| start.starts_with(mark)) {
            bail!("{} is UTF-16; convert it first: iconv -f utf-16 -t utf-8 FILE", self.path.display());
        }
        if start.starts_with(UTF_8_BOM) {
            self.reader.consume(UTF_8_BOM.len());
        }
        Ok(())
    }
}

fn unreadable(path: &Path, after: LineNumber, error: io::Error) -> anyhow::Error {
    let shown = path.display();
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            anyhow!(
                "{shown} ends in the middle of its gzip data, after line {after}: the file is incomplete, fetch it again"
            )
        }
        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            anyhow!("{shown} has damaged gzip data after line {after} ({error}): fetch it again")
        }
        _ => anyhow::Error::new(error).context(format!("reading {shown} after line {after}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::fixture::Dir;

    fn lines(bytes: &[u8]) -> anyhow::Result<Vec<(String, bool)>> {
        let dir = Dir::new();
        let mut lines = Lines::open(&dir.write("lines.csv", bytes))?;
        let mut all = Vec::new();
        while let Some(line) = lines.next_line()? {
            all.push((String::from_utf8_lossy(line.bytes).into_owned(), line.truncated));
        }
        Ok(all)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn whole(texts: &[&str]) -> Vec<(String, bool)> {
        texts.iter().map(|text| ((*text).to_owned(), false)).collect()
    }

    #[test]
    fn a_line_ends_with_any_line_break_or_the_end_of_the_file() {
        assert_eq!(lines(b"\xef\xbb\xbfa\r\nb\n\nc").unwrap(), whole(&["a", "b", "", "c"]));
        assert_eq!(lines(b"a\rb\r\n\rc\n\r\nd\r").unwrap(), whole(&["a", "b", "", "c", "", "d"]));
        assert_eq!(lines(b"").unwrap(), whole(&[]));
    }

    #[test]
    fn a_line_break_may_be_split_between_two_reads() {
        let long = "x".repeat(BUFFER_BYTES - 1);
        assert_eq!(lines(format!("{long}\r\nb").as_bytes()).unwrap(), whole(&[&long, "b"]));
        assert_eq!(lines(format!("{long}\rb").as_bytes()).unwrap(), whole(&[&long, "b"]));
        assert_eq!(lines(format!("{long}\r\n").as_bytes()).unwrap(), whole(&[&long]));
    }

    #[test]
    fn gzip_is_detected_by_its_first_bytes_and_may_have_several_members() {
        let twice = [gzip(b"a\nb"), gzip(b"c\n")].concat();
        assert_eq!(lines(&twice).unwrap(), whole(&["a", "bc"]));
    }

    #[test]
    fn a_line_that_is_too_long_is_truncated_and_does_not_affect_the_next_line() {
        let long = [vec![b'x'; 3 * MAX_LINE_BYTES], b"\nb\n".to_vec()].concat();
        let read = lines(&long).unwrap();
        assert_eq!(
            read.iter().map(|(text, truncated)| (text.len(), *truncated)).collect::<Vec<_>>(),
            [(MAX_LINE_BYTES, true), (1, false)]
        );
    }

    #[test]
    fn a_file_that_is_not_csv_is_a_one_line_error() {
        let error = |bytes: &[u8]| format!("{:#}", lines(bytes).unwrap_err());
        let packed = gzip(&b"0123456789\n".repeat(1000));
        assert!(error(&packed[..packed.len() / 2]).contains("the file is incomplete, fetch it again"));
        let mut damaged = packed.clone();
        let checksum = packed.len() - 8;
        damaged[checksum] ^= 1;
        assert!(error(&damaged).contains("damaged gzip data after line 1000"), "{}", error(&damaged));
        assert!(error(b"PK\x03\x04rest").contains("save the sheet as CSV"));
        assert!(error(b"\xff\xfea\0").contains("is UTF-16"));
        let missing = Lines::open(Path::new("/nowhere/x.csv")).err().unwrap();
        assert!(format!("{missing:#}").starts_with("opening /nowhere/x.csv: No such file"));
        assert!(Lines::open(Path::new("/")).err().unwrap().to_string().contains("not a regular file"));
    }
}
