//! The net changes of a batch of events: what one write stores. [`crate::fold`] computes them, [`crate::frame`] writes
//! them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{LogPosition, Position, StreamId};

use crate::next_event::{NextEvent, log_position};

/// The net changes of a batch of events to documents `D`, with new rows of history `R`.
#[derive(Debug)]
pub struct NetChanges<D, R> {
    /// Documents that changed, each once.
    pub documents: Vec<ChangedDocument<D>>,
    /// New rows of history.
    pub rows: Vec<R>,
    /// Streams that are parked from now on.
    pub parked: Vec<ParkedStream>,
    /// The new checkpoint of each partition.
    pub checkpoints: BTreeMap<i32, Checkpoint>,
    /// Number of events that were applied.
    pub applied: usize,
    /// Number of events that were not applied because their stream is parked.
    pub skipped: usize,
}

/// A document that a batch changed.
#[derive(Debug)]
pub struct ChangedDocument<D> {
    /// Stream that the document is folded from.
    pub stream: StreamId,
    /// The document after the batch.
    pub document: D,
    /// The document in JSON.
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

/// Estimated size of a row of history in a statement, in bytes.
const ROW_BYTES: usize = 200;

impl<D, R> NetChanges<D, R> {
    /// No changes.
    pub fn empty() -> NetChanges<D, R> {
        NetChanges {
            documents: Vec::new(),
            rows: Vec::new(),
            parked: Vec::new(),
            checkpoints: BTreeMap::new(),
            applied: 0,
            skipped: 0,
        }
    }

    /// Estimated size of the statement that writes the changes, in bytes.
    pub fn bytes(&self) -> usize {
        self.documents.iter().map(|changed| changed.json.len()).sum::<usize>() + self.rows.len() * ROW_BYTES
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
