//! A value to write to Redis.

use std::time::Duration;

/// A value to write to Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, including its prefix.
    pub key: String,
    /// Log position and JSON of the document, encoded by `read_model::cache::encode`.
    pub value: String,
    /// Maximum time to live; shortened by a random part when the value is written.
    pub ttl: Duration,
}

/// Total size of the values in bytes.
pub(super) fn bytes_of(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.value.len()).sum()
}
