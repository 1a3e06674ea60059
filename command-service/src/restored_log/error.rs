//! Errors of going on with a restored log.

use crate::{database, relay};

/// The log could not be examined, or its incarnation was not raised.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Database(#[from] database::Error),
    #[error(transparent)]
    Log(#[from] crate::log::Error),
    #[error(transparent)]
    Relay(#[from] relay::error::Error),
    /// A service that has detected lost events has no writer.
    #[error("a writer is connected to the log from {0}: stop all instances of command-service, and repeat the command")]
    WriterActive(String),
    #[error("the log, the relay checkpoint or the writers changed meanwhile: repeat the command")]
    Changed,
}
