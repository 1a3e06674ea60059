//! Up to where streams are folded.

use std::collections::{BTreeMap, HashMap};

use events::{Position, StreamId, topics};

use crate::skipped_events::SkippedEvents;

/// Up to where streams are folded.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Number of partitions of the topic.
    pub partitions: i32,
    /// The last position of each partition, inclusive.
    pub upto: BTreeMap<i32, Position>,
    /// Streams that are folded only up to the event before this position.
    pub parked: HashMap<StreamId, Position>,
    /// Events that are not applied, because an operator has skipped them.
    pub skipped: SkippedEvents,
}

impl Bounds {
    /// The same position for all partitions.
    pub fn at(position: Position, partitions: i32) -> Bounds {
        let upto = (0..partitions).map(|partition| (partition, position)).collect();
        Bounds { partitions, upto, parked: HashMap::new(), skipped: SkippedEvents::default() }
    }

    /// The last position of all partitions.
    pub fn last(&self) -> Position {
        self.upto.values().copied().max().unwrap_or(Position::ZERO)
    }

    /// Partition of a stream.
    pub fn partition_of(&self, stream: &StreamId) -> i32 {
        topics::partition_of(stream.as_str(), self.partitions)
    }

    /// The position up to which a stream is folded.
    pub fn end_of(&self, stream: &StreamId) -> Position {
        let upto = self.upto.get(&self.partition_of(stream)).copied().unwrap_or(Position::ZERO);
        let before_parked = self.parked.get(stream).map(|parked| Position(parked.0 - 1));
        before_parked.map_or(upto, |before| before.min(upto))
    }
}
