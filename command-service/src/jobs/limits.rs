//! The limits of bulk imports. [`crate::config`] reads them; [`super::upload`] and [`super::queue`] apply them.

use std::time::Duration;

/// The limits of bulk imports.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum size of a decompressed body in bytes.
    pub bytes: u64,
    /// Maximum number of rows of a body.
    pub rows: u32,
    /// Number of jobs that an instance executes concurrently.
    pub workers: usize,
    /// Time after which an ended job is deleted with its report.
    pub retention: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 64 << 20, rows: 1_000_000, workers: 2, retention: Duration::from_hours(7 * 24) }
    }
}
