//! Errors of republishing. Each message is one line that says what to do.

use std::time::Duration;

use events::Position;

use super::request::BadRange;
use crate::relay::config::Kafka;
use crate::relay::{checkpoint, error, topics};

/// Events could not be published again. The relay continues after its checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no Kafka is configured: set KAFKA_BROKERS to the brokers of Kafka, as HOST:PORT, separated by commas")]
    NoKafka,
    #[error(transparent)]
    Range(#[from] BadRange),
    #[error("Kafka is not reachable at {brokers}: start Kafka or correct KAFKA_BROKERS, and repeat the command")]
    Unreachable {
        brokers: String,
        #[source]
        source: Box<topics::Error>,
    },
    #[error(
        "the relay lease is held by {holder} for {} s more: another process publishes events again, or RELAY_LEASE is very long. \
         Wait until the process has ended or stop it, and repeat the command",
        remaining.as_secs()
    )]
    LeaseHeld { holder: String, remaining: Duration },
    #[error("interrupted")]
    Interrupted,
    #[error("stopped after position {after}; to continue, repeat the command with --from {}", after.plus(1))]
    Stopped {
        /// Position up to which the events were published.
        after: Position,
        #[source]
        cause: Box<Error>,
    },
    #[error(transparent)]
    Relay(#[from] error::Error),
}

impl Error {
    /// The topics could not be prepared.
    pub(super) fn topics(kafka: &Kafka, source: topics::Error) -> Error {
        match source.is_kafka_down() {
            true => Error::Unreachable { brokers: kafka.brokers.clone(), source: Box::new(source) },
            false => Error::Relay(source.into()),
        }
    }
}

impl From<checkpoint::Error> for Error {
    fn from(error: checkpoint::Error) -> Self {
        Error::Relay(error.into())
    }
}
