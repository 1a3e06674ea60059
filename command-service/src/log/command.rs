//! Commands that took effect, as the log knows them from the events that they wrote.

use events::{Position, Recorded, StreamId};
use uuid::Uuid;

/// A command that took effect, and the positions of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedCommand {
    /// Command id, derived from the idempotency key.
    pub id: Uuid,
    /// Hash of the command.
    pub fingerprint: i64,
    /// Stream of the command's first event, which is the stream that the command addressed.
    pub stream: StreamId,
    /// Position of the command's first event.
    pub first: Position,
    /// Position of the command's last event.
    pub last: Position,
}

/// A command that took effect, and its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEvents {
    /// Hash of the command.
    pub fingerprint: i64,
    /// The events that the command wrote, in order.
    pub events: Vec<Recorded>,
}
