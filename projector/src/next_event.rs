//! An event that is the next one to apply in its partition, received by a [`crate::feed`] or read from the log
//! ([`crate::store::log`]).

use events::{LogPosition, Recorded};

/// An event that is the next one to apply in its partition.
#[derive(Debug, Clone, Copy)]
pub struct NextEvent<'a> {
    /// Partition of the topic that the event belongs to.
    pub partition: i32,
    /// The event as recorded in the log.
    pub event: &'a Recorded,
    /// Reason why this build cannot read the metadata of the event, if it cannot.
    pub metadata_error: Option<&'a str>,
}

/// The log position of an event.
pub fn log_position(event: &Recorded) -> LogPosition {
    LogPosition { incarnation: event.incarnation, position: event.position }
}
