//! JSON texts in columns.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The JSON text of a document or of a list, all of which are plain data with text keys.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with text keys can be written as JSON")
}

/// Reads a column with JSON. Decoding by sqlx would fail the whole statement for one row that this build cannot read.
pub(super) fn read_json<T: DeserializeOwned>(column: &str, json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|e| format!("{column}: line {}, column {}", e.line(), e.column()))
}
