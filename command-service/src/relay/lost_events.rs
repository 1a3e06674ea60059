//! [`LostEvents`]: the log has lost events that the relay had already published.

use events::{Incarnation, Position};

use super::last_published::PublishedEvent;

/// The log has lost its last events, which had already been published: a backup was restored, or a replica that was behind was promoted.
/// The positions of the lost events may be assigned again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LostEvents {
    #[error(
        "events up to position {position} (incarnation {}) were published, but the log does not contain the event at that \
         position: the log has lost its last events. Publishing is stopped. Restore the missing events, or run \
         `command-service raise-incarnation` to go on without them",
        .incarnation.0
    )]
    BehindCheckpoint {
        /// Incarnation of the checkpoint.
        incarnation: Incarnation,
        /// Position of the checkpoint.
        position: Position,
    },
    #[error(
        "Kafka contains event {} at position {} (incarnation {}), but the log does not: the log has lost its last events. \
         Publishing is stopped. Restore the missing events, or run `command-service raise-incarnation` to go on without them",
        .0.id, .0.position, .0.incarnation.0
    )]
    BehindKafka(PublishedEvent),
}
