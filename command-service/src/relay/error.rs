//! Errors of the relay, and what each error means for relay leadership and for the producer.

use super::in_flight::DeliveryFailure;
use super::lost_events::LostEvents;
use super::{checkpoint, log_reader, producer, published, topics};
use crate::log;

/// The relay could not publish events. No event is skipped: the relay continues after its checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    LogReader(log_reader::Error),
    #[error("reading the log for the relay")]
    Log(#[from] log::Error),
    #[error(transparent)]
    Topics(#[from] topics::Error),
    #[error(transparent)]
    Published(#[from] published::Error),
    #[error(transparent)]
    Setup(#[from] producer::SetupError),
    #[error("the thread that calls Kafka panicked")]
    KafkaThread,
    #[error("Kafka did not accept {}: {}", subject(.0), .0.reason)]
    Undelivered(DeliveryFailure),
    #[error("Kafka has not acknowledged any event for {0:?}")]
    NoAcknowledgement(std::time::Duration),
    /// Another instance is the relay leader, or the database has lost the last checkpoint.
    #[error("relay leadership was lost")]
    LostLeadership,
    #[error(transparent)]
    LostEvents(#[from] LostEvents),
}

fn subject(failure: &DeliveryFailure) -> String {
    failure.position.map_or_else(|| "events".to_owned(), |position| format!("the event at position {position}"))
}

impl From<log_reader::Error> for Error {
    fn from(error: log_reader::Error) -> Self {
        match error {
            log_reader::Error::LostEvents(lost) => Error::LostEvents(lost),
            error => Error::LogReader(error),
        }
    }
}

impl Error {
    /// Whether leadership is already over, which needs no further action.
    pub(super) fn is_lost_leadership(&self) -> bool {
        matches!(self, Error::LostLeadership)
    }

    /// Whether the leader can continue with the same producer after the error, so that no event is sent twice.
    pub(super) fn leaves_producer_intact(&self) -> bool {
        matches!(self, Error::Checkpoint(_) | Error::LogReader(_))
    }

    /// Whether the error is caused by Kafka.
    pub(super) fn is_kafka_down(&self) -> bool {
        match self {
            Error::Topics(error) => error.is_kafka_down(),
            Error::Published(_) | Error::NoAcknowledgement(_) => true,
            _ => false,
        }
    }
}
