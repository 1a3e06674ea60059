//! The end of the log: the position that an append expects, and the event at that position.

use std::sync::Arc;

use events::{Incarnation, LogPosition, Position, Recorded};

/// The end of the log and its last event. After a failover or a restore that lost the last events, other events can be at
/// their positions, even in the same streams with the same versions: only the event itself tells one history of the log from
/// another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Incarnation and last position.
    pub head: LogPosition,
    /// The last event; `None` in an empty log.
    pub last: Option<Arc<Recorded>>,
}

impl End {
    /// The end of an empty log of this incarnation.
    pub fn empty(incarnation: Incarnation) -> End {
        End { head: LogPosition { incarnation, position: Position::ZERO }, last: None }
    }

    /// The position before the last event: a page that is read after this position begins with the last event.
    pub fn before_last(&self) -> Position {
        Position((self.head.position.0 - 1).max(0))
    }
}

/// The end of the log that a batch was decided on, with the last event if it is known.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub(super) head: LogPosition,
    pub(super) last: Option<&'a Recorded>,
}

/// For tools and tests, which know the head but not the last event.
impl From<LogPosition> for Expected<'_> {
    fn from(head: LogPosition) -> Self {
        Expected { head, last: None }
    }
}

impl<'a> From<&'a End> for Expected<'a> {
    fn from(end: &'a End) -> Self {
        Expected { head: end.head, last: end.last.as_deref() }
    }
}
