//! Errors of the log.

use events::Position;

use crate::database;

/// The log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// PostgreSQL did not answer, or returned an error.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// A row that no version of this program wrote.
    #[error("the log holds a row that is not an event: {0}")]
    Row(String),
    /// The relay, a projection or this process has seen more of the log than the log now holds, and its incarnation was not
    /// raised.
    #[error(
        "the log ends at position {head}, but position {seen} has been seen: it has lost its tail (a restore or a failover). \
         Appending now would assign positions twice. Restore the missing events, or run `command-service raise-incarnation` \
         to go on without them"
    )]
    LostTail {
        /// Last position in the log.
        head: Position,
        /// Last position that was seen.
        seen: Position,
    },
}

impl Error {
    /// Whether a lock was not granted in time: another transaction holds the lock, and PostgreSQL answers.
    pub fn is_lock_timeout(&self) -> bool {
        let Error::Database(error) = self else { return false };
        error.is_lock_timeout()
    }
}
