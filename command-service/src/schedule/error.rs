//! Errors of the schedule.

use events::{DecodeError, Position};

use super::store;
use crate::log;

/// A step of the schedule failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("reading the log for the schedule")]
    Log(#[from] log::Error),
    #[error("reading or writing the schedule")]
    Store(#[from] store::Error),
    #[error(
        "the schedule was built by a newer release (edition {edition} of the scheduling rules); after a permanent return to this \
         release, run `command-service schedule rebuild`"
    )]
    NewerEdition {
        /// Edition of the scheduling rules of the newer release.
        edition: i32,
    },
    /// A newer release wrote an event. Instances of that release continue.
    #[error("decoding the event at position {position} for the schedule")]
    NewerEvent {
        position: Position,
        #[source]
        source: DecodeError,
    },
}
