//! Why the relay does not get on, and what that means for leadership.

use super::tails::Tail;
use super::window::Failure;
use super::{checkpoint, feed, producer, tails, topics};
use crate::log;
use events::{Incarnation, Position};

/// Nothing is skipped for any of these: the relay tries again from its checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The checkpoint could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// There is nothing to send for a bad reason.
    #[error(transparent)]
    Feed(feed::Error),
    /// The log could not be identified, or compared with what others have seen.
    #[error("reading the log for the relay")]
    Log(#[from] log::Error),
    /// The topics cannot be used.
    #[error(transparent)]
    Topics(#[from] topics::Error),
    /// Kafka does not say what it holds.
    #[error(transparent)]
    Tails(#[from] tails::Error),
    /// There is no producer.
    #[error(transparent)]
    Setup(#[from] producer::SetupError),
    /// The thread that talks to Kafka died.
    #[error("the thread that talks to Kafka died")]
    Thread,
    /// Kafka has not taken an event.
    #[error("Kafka did not take {}: {}", what(.0), .0.reason)]
    Undelivered(Failure),
    /// Kafka has gone silent.
    #[error("Kafka has acknowledged nothing for {0:?}")]
    Silent(std::time::Duration),
    /// Another instance leads, or the database has lost our last checkpoint.
    #[error("the relay's lease is lost")]
    Deposed,
    /// The log has lost events that were relayed.
    #[error(transparent)]
    LostTail(#[from] LostTail),
}

fn what(failure: &Failure) -> String {
    failure.position.map_or_else(|| "events".to_owned(), |position| format!("event {position}"))
}

/// The log has lost events that were relayed: a restore or a failover gave up its tail. Their positions may be given out again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LostTail {
    /// By the checkpoint.
    #[error(
        "events up to position {position} (incarnation {}) were relayed, but the log does not hold that event: it has lost its \
         tail. Nothing is sent. Restore the missing events, or raise the log's incarnation and set the relay's checkpoint \
         back to where both agree", .incarnation.0
    )]
    BehindCheckpoint {
        /// The checkpoint's.
        incarnation: Incarnation,
        /// The checkpoint.
        position: Position,
    },
    /// By what Kafka holds.
    #[error(
        "Kafka holds event {} at position {} (incarnation {}), but the log does not: it has lost its tail. Nothing is sent. \
         Restore the missing events, or raise the log's incarnation to accept the loss",
        .0.id, .0.position, .0.incarnation.0
    )]
    BehindKafka(Tail),
}

impl From<feed::Error> for Error {
    fn from(error: feed::Error) -> Self {
        match error {
            feed::Error::LostTail(lost) => Error::LostTail(lost),
            error => Error::Feed(error),
        }
    }
}

impl Error {
    /// Whether the leadership is over already, by no fault of ours.
    pub(super) fn is_deposed(&self) -> bool {
        matches!(self, Error::Deposed)
    }

    /// Whether the leader can go on with the same producer once the cause is gone: then nothing is sent twice.
    pub(super) fn leaves_producer_intact(&self) -> bool {
        matches!(self, Error::Checkpoint(_) | Error::Feed(_))
    }

    /// Whether Kafka is to blame.
    pub(super) fn is_kafka_down(&self) -> bool {
        match self {
            Error::Topics(error) => error.is_kafka_down(),
            Error::Tails(_) | Error::Silent(_) => true,
            _ => false,
        }
    }
}
