//! The outcome of a command, looked up by its idempotency key in the log.

use std::collections::HashSet;

use events::{Position, Recorded};

use super::answer::Answer;
use crate::log;

/// Outcome of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The command took effect.
    Done {
        /// The answer to the command.
        answer: Answer,
        /// The events that the command wrote, without personal data that was erased since.
        events: Vec<Recorded>,
        /// Positions of the events from which personal data was removed; these have the latest schema version.
        erased: HashSet<Position>,
    },
    /// The command waits in this process, or is being decided.
    InFlight,
    /// The log has no command with this key: it was never accepted, was rejected, or had nothing to change.
    Unknown,
}

/// The outcome of a command could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The log does not answer.
    #[error("the log does not answer")]
    Down,
    /// The log could not be read.
    #[error("looking up a command in the log")]
    Log(#[from] log::Error),
    /// An event that the command wrote could not be decoded.
    #[error("decoding an event of a command")]
    Decode(#[from] events::DecodeError),
}
