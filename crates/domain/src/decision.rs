//! What a decision takes from outside and what it produces: [`Context`], [`NewEvent`] and [`Decision`]. [`decide`](crate::decide::decide)
//! produces decisions.

use chrono::{DateTime, Utc};
use events::{Event, StreamId};

use crate::new_id::NewId;
use crate::rejection::Rejection;

/// What a decision takes from outside: the caller's clock and randomness.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// When the decision is made.
    pub now: DateTime<Utc>,
    /// The id of what the command makes, unless it brings one.
    pub new_id: NewId,
}

/// Something that happens if the log takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// To what.
    pub stream: StreamId,
    /// What.
    pub event: Event,
    /// A name that it takes for good; the log refuses a second event with the same.
    pub claim: Option<String>,
}

impl NewEvent {
    pub(crate) fn new(stream: &StreamId, event: impl Into<Event>) -> NewEvent {
        NewEvent { stream: stream.clone(), event: event.into(), claim: None }
    }
}

/// The events of a command, or why the command is refused. The first event is on the stream that the command addresses; no
/// events if everything is so already.
pub type Decision = Result<Vec<NewEvent>, Rejection>;
