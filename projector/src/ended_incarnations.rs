//! Where the incarnations of the log ended. Events that an incarnation wrote after its end are lost: the log does not
//! contain them, although Kafka may still deliver them. Pure.

use std::collections::BTreeMap;

use events::{Incarnation, LogPosition, Position};

/// The incarnations of the log before the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedIncarnations {
    current: Incarnation,
    /// Last position of each ended incarnation.
    ends: BTreeMap<Incarnation, Position>,
}

impl EndedIncarnations {
    /// The ends of all incarnations before `current`.
    pub fn new(current: Incarnation, ends: impl IntoIterator<Item = (Incarnation, Position)>) -> EndedIncarnations {
        EndedIncarnations { current, ends: ends.into_iter().collect() }
    }

    /// The incarnation that writes events.
    pub fn current(&self) -> Incarnation {
        self.current
    }

    /// Whether an event was written after the end of its incarnation.
    pub fn is_lost(&self, event: LogPosition) -> bool {
        self.ends.get(&event.incarnation).is_some_and(|end| event.position > *end)
    }
}

impl Default for EndedIncarnations {
    /// The first incarnation has not ended.
    fn default() -> Self {
        EndedIncarnations::new(Incarnation(1), [])
    }
}
