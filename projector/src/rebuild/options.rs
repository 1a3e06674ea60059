//! How a rebuild runs.

use platform::config::Secret;

use super::selection::Selection;

/// How a rebuild runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database that is written.
    pub database_url: Secret,
    /// The database that the log is read from: the primary or a standby.
    pub source_url: Secret,
    /// The streams that are folded; the rows of all others are copied from the live generation.
    pub selection: Selection,
    /// Number of segments that are read at the same time.
    pub readers: usize,
    /// Number of events in the log per segment.
    pub segment_events: i64,
    /// Maximum number of events and copied rows per second; `None` leaves the limit as it is.
    pub throttle: Option<i64>,
}
