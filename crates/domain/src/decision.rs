//! What a decision takes from outside and what it produces: [`Context`], [`NewEvent`] and [`Decision`].
//! [`decide`](crate::decide::decide) produces decisions.

use chrono::{DateTime, Utc};
use events::{Event, StreamId};

use crate::new_id::NewId;
use crate::rejection::Rejection;

/// What a decision takes from outside: the caller's clock and randomness.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Instant of the decision.
    pub now: DateTime<Utc>,
    /// The id of the order, customer or stock hold that the command creates, unless the command has an id.
    pub new_id: NewId,
}

/// A new event, which takes effect when it is appended to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The stream that the event is appended to.
    pub stream: StreamId,
    /// The event.
    pub event: Event,
    /// A unique name; the log refuses a second event with the same claim.
    pub claim: Option<String>,
}

impl NewEvent {
    pub(crate) fn new(stream: &StreamId, event: impl Into<Event>) -> NewEvent {
        NewEvent { stream: stream.clone(), event: event.into(), claim: None }
    }
}

/// The events of a command, or its rejection. The first event is on the stream that the command addresses. No events:
/// the command has nothing to change.
pub type Decision = Result<Vec<NewEvent>, Rejection>;
