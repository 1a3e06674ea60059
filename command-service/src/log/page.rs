//! A page of the log.

use events::{LogPosition, Recorded};

/// Events after a position and the head of the log, read at one instant.
#[derive(Debug)]
pub struct Page {
    /// Incarnation and last position of the log.
    pub head: LogPosition,
    /// The events after the position, in order, up to the limit that was requested.
    pub events: Vec<Recorded>,
}
