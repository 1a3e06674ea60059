//! What clients observed while they used the platform. [`crate::load`] records the history; the checkers compare it with the log.
//!
//! [`acks`] contains acknowledged commands, [`reads`] contains responses to queries, and [`retries`] contains commands that were
//! sent more than once.

pub mod acks;
pub mod reads;
pub mod retries;

pub use acks::Ack;
pub use reads::{Read, Scope};
pub use retries::{FinalOutcome, RetriedCommand};

/// What the clients of one platform observed.
#[derive(Debug, Default)]
pub struct ClientHistory {
    /// Every acknowledged command.
    pub acks: Vec<Ack>,
    /// Every response to a query; the reads of one session are in the order in which the session sent them.
    pub reads: Vec<Read>,
    /// Every command that was sent more than once.
    pub retried: Vec<RetriedCommand>,
}

impl ClientHistory {
    /// The acknowledged commands that placed an order.
    pub fn orders(&self) -> impl Iterator<Item = &Ack> {
        self.acks.iter().filter(|ack| ack.code.is_some())
    }

    /// Adds the history of other clients.
    pub fn extend(&mut self, other: ClientHistory) {
        self.acks.extend(other.acks);
        self.reads.extend(other.reads);
        self.retried.extend(other.retried);
    }
}
