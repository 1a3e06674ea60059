//! [`Outcome`] of a step of the relay.

use events::Position;

/// Outcome of a step of the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Another instance is the relay leader.
    Standby,
    /// This instance became relay leader and continues after this position.
    BecameLeader(Position),
    /// This number of events was handed to the publisher.
    Sent(usize),
    /// The checkpoint was moved to this position: all events up to it are published.
    Checkpointed(Position),
    /// Nothing to do; see [`super::Relay::wait`].
    Idle,
    /// This instance lost relay leadership and sends no more events.
    LostLeadership,
}
