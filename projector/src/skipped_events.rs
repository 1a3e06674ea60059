//! The events that operators have skipped in one generation: they are not applied, and the streams continue after them.
//! [`crate::skip`] skips events, [`crate::store::skipped`] reads and writes the table.

use std::collections::{BTreeSet, HashMap};

use events::{LogPosition, Recorded, StreamId};

use crate::next_event::log_position;

/// The skipped events of a generation, by stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkippedEvents {
    by_stream: HashMap<StreamId, BTreeSet<LogPosition>>,
}

impl SkippedEvents {
    /// Whether an event is skipped.
    pub fn contains(&self, event: &Recorded) -> bool {
        self.by_stream.get(&event.stream).is_some_and(|skipped| skipped.contains(&log_position(event)))
    }

    /// The skipped events of a stream.
    pub fn of(&self, stream: &StreamId) -> BTreeSet<LogPosition> {
        self.by_stream.get(stream).cloned().unwrap_or_default()
    }

    /// Adds an event.
    pub fn add(&mut self, stream: StreamId, position: LogPosition) {
        self.by_stream.entry(stream).or_default().insert(position);
    }
}

impl FromIterator<(StreamId, LogPosition)> for SkippedEvents {
    fn from_iter<I: IntoIterator<Item = (StreamId, LogPosition)>>(events: I) -> SkippedEvents {
        let mut skipped = SkippedEvents::default();
        events.into_iter().for_each(|(stream, position)| skipped.add(stream, position));
        skipped
    }
}
