//! Reasons why an event cannot be folded into a document. The projector then parks the stream of the event: only
//! an operator can skip an event.

use events::{Recorded, Version};

/// Reason why an event cannot be folded into a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// An event before this one is missing, or this event was applied before.
    #[error("version {found} does not follow version {current}")]
    WrongVersion {
        /// Version of the stream that the document contains; 0 if there is no document yet.
        current: Version,
        /// Version of the event.
        found: Version,
    },
    /// Only the event that creates the document can be the first event of a stream.
    #[error("`{0}` cannot be the first event of a stream")]
    NotFirst(String),
    /// The event that creates the document occurs a second time.
    #[error("`{0}` can only be the first event of a stream, and the stream already exists")]
    AlreadyCreated(String),
    /// The event is about a different subject than its stream.
    #[error("`{0}` does not belong to its stream")]
    WrongStream(String),
}

impl FoldError {
    /// Fails unless the event is the next one after version `current`.
    pub(crate) fn unless_next(current: Version, recorded: &Recorded) -> Result<(), FoldError> {
        if recorded.version != current.next() {
            return Err(FoldError::WrongVersion { current, found: recorded.version });
        }
        Ok(())
    }

    pub(crate) fn wrong_stream(recorded: &Recorded) -> FoldError {
        FoldError::WrongStream(recorded.event_type.clone())
    }
}
