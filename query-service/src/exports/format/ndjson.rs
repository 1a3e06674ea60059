//! NDJSON: one document a line, as the list or report shows it.

use crate::reads::dataset::row::Row;

/// Encodes rows.
pub(super) fn encode(rows: &[Row]) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut text, row)?;
        text.push(b'\n');
    }
    Ok(text)
}
