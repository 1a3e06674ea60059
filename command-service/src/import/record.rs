//! One line becomes its fields.

use csv::{ReaderBuilder, StringRecord};

use super::file::Line;
use super::reason::Reason;

/// Splits a line into `fields`.
pub(super) fn split(line: Line<'_>, fields: &mut StringRecord) -> Result<(), Reason> {
    if line.cut {
        return Err(Reason::LongLine);
    }
    let text = std::str::from_utf8(line.bytes).map_err(|error| {
        let at = error.valid_up_to();
        Reason::Encoding { byte: line.bytes.get(at).copied().unwrap_or_default(), at: at + 1 }
    })?;
    split_text(text, fields)
}

/// The fields of a line that [`split`] may have refused, as well as they can be told.
pub(super) fn split_anyhow(line: Line<'_>, fields: &mut StringRecord) {
    let text = String::from_utf8_lossy(line.bytes);
    if split_text(&text, fields).is_err() {
        fields.clear();
        fields.push_field(&text);
    }
}

fn split_text(text: &str, fields: &mut StringRecord) -> Result<(), Reason> {
    fields.clear();
    // Nearly every line has no quotes, and then commas are all that there is to see.
    if !text.contains('"') {
        text.split(',').for_each(|field| fields.push_field(field));
        return Ok(());
    }
    // The line break that follows ends the record, unless a quote is still open: then it is part of the last field.
    let ended = format!("{text}\n");
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(ended.len())
        .from_reader(ended.as_bytes());
    let is_closed = reader.read_record(fields).is_ok_and(|is_there| is_there)
        && !fields.iter().next_back().unwrap_or_default().ends_with('\n');
    // A line has no line break, so it cannot be several records; if it were, none but the first would be imported.
    let is_one = is_closed && reader.read_record(&mut StringRecord::new()).is_ok_and(|is_there| !is_there);
    is_one.then_some(()).ok_or(Reason::OpenQuote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<String>, Reason> {
        let mut fields = StringRecord::new();
        split(Line { number: 2, bytes, cut: false }, &mut fields)?;
        Ok(fields.iter().map(str::to_owned).collect())
    }

    #[test]
    fn quotes_hold_commas_and_quotes() {
        assert_eq!(fields(br#"1,"a, ""b""",2"#).unwrap(), ["1", r#"a, "b""#, "2"]);
        assert_eq!(fields(b"1,,").unwrap(), ["1", "", ""]);
        assert_eq!(fields(br#"1,12" RULER,2"#).unwrap(), ["1", r#"12" RULER"#, "2"]);
        assert_eq!(fields(br#""a","b""#).unwrap(), ["a", "b"]);
    }

    #[test]
    fn a_quote_that_stays_open_is_told() {
        assert_eq!(fields(br#"1,"a,2,3"#), Err(Reason::OpenQuote));
        assert_eq!(fields(br#"1,2,3,""#), Err(Reason::OpenQuote));
        assert_eq!(fields(b"1,\"a\"\r2,\"b\""), Err(Reason::OpenQuote), "several records");
    }

    #[test]
    fn a_byte_of_latin_1_is_told_with_its_place() {
        assert_eq!(fields(b"1,\xa35 voucher"), Err(Reason::Encoding { byte: 0xa3, at: 3 }));
    }

    #[test]
    fn a_broken_line_can_still_be_shown() {
        let mut fields = StringRecord::new();
        split_anyhow(Line { number: 2, bytes: b"1,\xa35 voucher", cut: false }, &mut fields);
        assert_eq!(fields, StringRecord::from(vec!["1", "\u{fffd}5 voucher"]));
        split_anyhow(Line { number: 3, bytes: br#"1,"a,2"#, cut: false }, &mut fields);
        assert_eq!(fields, StringRecord::from(vec![r#"1,"a,2"#]));
    }
}
