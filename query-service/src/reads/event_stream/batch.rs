//! A batch of encoded events: a part of the log without gaps. [`super::ring`] keeps those that the follower read; a stream holds
//! the one that it sends.

use bytes::Bytes;
use events::{Position, StreamId, Version};

use super::id;
use crate::reads::error::Error;
use crate::reads::events::log_range::{LogRange, LoggedEvent, Selection};
use crate::reads::sse;

/// Encoded events, and the part of the log that they come from.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The batch begins after this position.
    pub(super) after: Position,
    /// It contains every selected event up to this position.
    pub(super) upto: Position,
    /// The events, oldest first.
    pub(super) events: Vec<Encoded>,
}

/// An event as it is sent to every stream that selects it.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) position: Position,
    pub(super) version: Version,
    event_type: String,
    stream: StreamId,
    /// The block of Server-Sent Events; clones share its memory.
    pub(super) block: Bytes,
}

impl Batch {
    /// Encodes a range that begins after a position.
    pub(super) fn of(after: Position, range: LogRange) -> Result<Batch, Error> {
        let upto = range.covered;
        let events = range.events.into_iter().map(Encoded::of).collect::<Result<_, _>>()?;
        Ok(Batch { after, upto, events })
    }

    /// Size of the encoded events.
    pub(super) fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.block.len()).sum()
    }

    /// Index of the first event after a position.
    pub(super) fn first_after(&self, position: Position) -> usize {
        self.events.partition_point(|event| event.position <= position)
    }
}

impl Encoded {
    fn of(logged: LoggedEvent) -> Result<Encoded, Error> {
        let LoggedEvent { at, event_type, stream, version, event } = logged;
        let json = serde_json::to_string(&event)?;
        let block = sse::event(Some(&id::of(at)), &event_type, &json);
        Ok(Encoded { position: at.position, version, event_type, stream, block })
    }

    /// Whether a stream with this selection contains the event.
    pub(super) fn is_selected(&self, selection: &Selection) -> bool {
        selection.includes(&self.event_type, &self.stream)
    }
}

#[cfg(test)]
impl Batch {
    /// A batch of events at every position after `after`, with this many bytes each.
    pub(super) fn sample(after: i64, upto: i64, bytes: usize) -> Batch {
        let event = |position| Encoded {
            position: Position(position),
            version: Version(1),
            event_type: "StockReceived".into(),
            stream: "stock-A-1@main".parse().expect("a stream"),
            block: Bytes::from(vec![b'x'; bytes]),
        };
        Batch { after: Position(after), upto: Position(upto), events: (after + 1..=upto).map(event).collect() }
    }
}
