//! Records of CSV (RFC 4180), for reports and exports.

use platform::spreadsheet::inert;

/// Appends records, whose fields no spreadsheet executes as a formula. All records have the same number of fields.
pub(crate) fn append(text: &mut Vec<u8>, records: impl IntoIterator<Item = Vec<String>>) {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(text);
    for record in records {
        // Names that clients chose may begin like a formula.
        let fields = record.iter().map(|field| inert(field).into_owned().into_bytes());
        writer.write_record(fields).expect("writing to memory, and every record has the same number of fields");
    }
    writer.flush().expect("writing to memory");
}
