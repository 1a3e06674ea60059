//! Commands that a client sent more than once, because the first response did not arrive or did not state the outcome.

use uuid::Uuid;

use super::acks::Ack;

/// A command that was sent more than once with the same idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetriedCommand {
    /// The idempotency key.
    pub key: Uuid,
    /// Path of the request.
    pub path: String,
    /// The outcome that the client received in the end.
    pub outcome: FinalOutcome,
}

/// Final outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinalOutcome {
    /// The command took effect.
    Acknowledged(Ack),
    /// The command was rejected with this HTTP status, so it must not have taken effect.
    Rejected(u16),
}
