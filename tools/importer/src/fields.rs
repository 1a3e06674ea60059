//! Splits a line of CSV into its fields.

use csv::{ReaderBuilder, StringRecord};

use crate::lines::Line;
use crate::reason::Reason;

/// Splits a line into `fields`; an error is the reason why the line is rejected.
pub(crate) fn split(line: Line<'_>, fields: &mut StringRecord) -> Result<(), Reason> {
    if line.truncated {
        return Err(Reason::LongLine);
    }
    let text = std::str::from_utf8(line.bytes).map_err(|error| {
        let at = error.valid_up_to();
        Reason::Encoding { byte: line.bytes.get(at).copied().unwrap_or_default(), at: at + 1 }
    })?;
    split_text(text, fields)
}

/// The fields of a line for the report, also of a line that [`split`] rejects: then the whole line is one field.
pub(crate) fn split_lossy(line: Line<'_>, fields: &mut StringRecord) {
    let text = String::from_utf8_lossy(line.bytes);
    if split_text(&text, fields).is_err() {
        fields.clear();
        fields.push_field(&text);
    }
}

fn split_text(text: &str, fields: &mut StringRecord) -> Result<(), Reason> {
    fields.clear();
    // Nearly every line has no quotes: its fields are what stands between the commas.
    if !text.contains('"') {
        text.split(',').for_each(|field| fields.push_field(field));
        return Ok(());
    }
    // A line break ends the record, unless a quote is still open: then the line break is part of the last field.
    let ended = format!("{text}\n");
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(ended.len())
        .from_reader(ended.as_bytes());
    let is_closed = reader.read_record(fields).is_ok_and(|is_there| is_there)
        && !fields.iter().next_back().unwrap_or_default().ends_with('\n');
    // The line must be exactly one record: of several, only the first would be imported.
    let is_one = is_closed && reader.read_record(&mut StringRecord::new()).is_ok_and(|is_there| !is_there);
    is_one.then_some(()).ok_or(Reason::OpenQuote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<String>, Reason> {
        let mut fields = StringRecord::new();
        split(Line { number: 2, bytes, truncated: false }, &mut fields)?;
        Ok(fields.iter().map(str::to_owned).collect())
    }

    #[test]
    fn quoted_fields_may_contain_commas_and_quotes() {
        assert_eq!(fields(br#"1,"a, ""b""",2"#).unwrap(), ["1", r#"a, "b""#, "2"]);
        assert_eq!(fields(b"1,,").unwrap(), ["1", "", ""]);
        assert_eq!(fields(br#"1,12" RULER,2"#).unwrap(), ["1", r#"12" RULER"#, "2"]);
        assert_eq!(fields(br#""a","b""#).unwrap(), ["a", "b"]);
    }

    #[test]
    fn an_open_quote_is_rejected() {
        assert_eq!(fields(br#"1,"a,2,3"#), Err(Reason::OpenQuote));
        assert_eq!(fields(br#"1,2,3,""#), Err(Reason::OpenQuote));
        assert_eq!(fields(b"1,\"a\"\r2,\"b\""), Err(Reason::OpenQuote), "several records");
    }

    #[test]
    fn a_byte_that_is_not_utf_8_is_reported_with_its_place() {
        assert_eq!(fields(b"1,\xa35 voucher"), Err(Reason::Encoding { byte: 0xa3, at: 3 }));
    }

    #[test]
    fn a_rejected_line_can_still_be_copied_to_the_report() {
        let mut fields = StringRecord::new();
        split_lossy(Line { number: 2, bytes: b"1,\xa35 voucher", truncated: false }, &mut fields);
        assert_eq!(fields, StringRecord::from(vec!["1", "\u{fffd}5 voucher"]));
        split_lossy(Line { number: 3, bytes: br#"1,"a,2"#, truncated: false }, &mut fields);
        assert_eq!(fields, StringRecord::from(vec![r#"1,"a,2"#]));
    }
}
