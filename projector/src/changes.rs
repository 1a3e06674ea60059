//! The net changes of a batch of events: what one write stores. [`crate::fold`] computes them, [`crate::frame`] writes
//! them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{LogPosition, Position, StreamId};

use crate::next_event::{NextEvent, log_position};

/// The net changes of a batch of events to states `S`, with the rows `R` that the events add.
#[derive(Debug)]
pub struct NetChanges<S, R> {
    /// States that changed, each once.
    pub states: Vec<ChangedState<S>>,
    /// Rows that the events add.
    pub rows: R,
    /// Streams that are parked from now on.
    pub parked: Vec<ParkedStream>,
    /// The new checkpoint of each partition.
    pub checkpoints: BTreeMap<i32, Checkpoint>,
    /// Number of events that were applied.
    pub applied: usize,
    /// Number of events that were not applied because their stream is parked.
    pub skipped: usize,
}

/// The state of a stream that a batch changed.
#[derive(Debug)]
pub struct ChangedState<S> {
    /// The stream.
    pub stream: StreamId,
    /// The state after the batch.
    pub state: S,
    /// The state as a JSON document; empty if it is not stored as one.
    pub json: String,
}

/// A stream that is parked because of an event that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedStream {
    /// The stream.
    pub stream: StreamId,
    /// Partition of the stream.
    pub partition: i32,
    /// Position of the event that could not be applied.
    pub position: Position,
    /// Reason why the event could not be applied; contains no value of the event.
    pub reason: String,
}

/// The last event of a partition that a batch contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Log position of the event.
    pub log_position: LogPosition,
    /// When the event was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl<S, R: Default> NetChanges<S, R> {
    /// No changes.
    pub fn empty() -> NetChanges<S, R> {
        NetChanges {
            states: Vec::new(),
            rows: R::default(),
            parked: Vec::new(),
            checkpoints: BTreeMap::new(),
            applied: 0,
            skipped: 0,
        }
    }

    /// Moves the checkpoint of the event's partition to the event.
    pub fn advance_to(&mut self, NextEvent { partition, event, .. }: &NextEvent<'_>) {
        let checkpoint = Checkpoint { log_position: log_position(event), recorded_at: event.recorded_at };
        self.checkpoints.insert(*partition, checkpoint);
    }
}

impl ParkedStream {
    /// The stream of an event that could not be applied.
    pub fn new(NextEvent { partition, event, .. }: &NextEvent<'_>, reason: &str) -> ParkedStream {
        let (stream, position) = (event.stream.clone(), event.position);
        ParkedStream { stream, partition: *partition, position, reason: shorten(reason) }
    }
}

/// Maximum length of a stored reason, in characters: enough to understand it, and bounded.
const REASON_MAX_CHARS: usize = 500;

/// A reason as it is stored: one line of limited length.
pub fn shorten(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).take(REASON_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        let reason = shorten(&format!("a\0b\n{}", "c".repeat(1000)));
        assert_eq!(reason.len(), REASON_MAX_CHARS);
        assert!(reason.starts_with("abccc"));
    }
}
