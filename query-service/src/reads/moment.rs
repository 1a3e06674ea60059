//! A moment in the history of the log, at which data is requested.

use chrono::{DateTime, Utc};
use events::Position;

/// A moment in the history of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Every event up to this position.
    Position(Position),
    /// Every event that was recorded up to this instant.
    Instant(DateTime<Utc>),
}
