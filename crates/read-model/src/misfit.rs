//! Why an event does not continue a document. The stream is then parked: nothing is guessed and nothing is skipped.

use events::{Recorded, Version};

/// Why an event does not continue a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// An event is missing before this one, or this one was applied already.
    #[error("version {found} does not follow version {held}")]
    Version {
        /// What the document contains; 0 is no document.
        held: Version,
        /// What came.
        found: Version,
    },
    /// The stream begins with something that cannot begin it.
    #[error("a stream does not begin with `{0}`")]
    NotFirst(String),
    /// The stream begins a second time.
    #[error("`{0}` begins a stream that exists")]
    Again(String),
    /// The event is about something else than its stream.
    #[error("`{0}` does not belong into its stream")]
    Foreign(String),
}

impl Misfit {
    /// Refuses an event that does not follow version `held`.
    pub(crate) fn unless_next(held: Version, recorded: &Recorded) -> Result<(), Misfit> {
        if recorded.version != held.next() {
            return Err(Misfit::Version { held, found: recorded.version });
        }
        Ok(())
    }

    pub(crate) fn foreign(recorded: &Recorded) -> Misfit {
        Misfit::Foreign(recorded.event_type.clone())
    }
}
