//! Errors of the schedule tables.

use crate::database;

/// The schedule tables could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Database(#[from] database::Error),
    /// A row that no release wrote.
    #[error("the schedule contains an invalid entry: {0}; `command-service schedule rebuild` rebuilds the schedule")]
    Row(String),
}
