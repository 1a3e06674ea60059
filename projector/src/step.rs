//! The outcome of one step of a worker, and the errors that end a step. After an error the next step tries again.

use events::Position;

use crate::feed::FeedError;
use crate::store::StoreError;

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    Idle,
    /// Number of messages of the feed that were processed: applied, skipped or parked.
    Applied(usize),
    /// Number of events that were read from the log because the feed did not deliver them.
    ReadFromLog(usize),
}

/// The error that ended a step.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// PostgreSQL failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The feed failed.
    #[error(transparent)]
    Feed(FeedError),
    /// Another worker has claimed a partition of this worker, or moved its checkpoint.
    #[error("another worker has claimed a partition of this worker")]
    ClaimLost,
    /// The log was restored to a position before the checkpoint of the projection, or before the last published event.
    #[error(
        "partition {partition}: position {} was applied or published but is missing in the log: run \
         `command-service raise-incarnation` unless that was done, then `projector repair`",
        .position.0
    )]
    AheadOfLog {
        /// Partition of the topic.
        partition: i32,
        /// The position that is missing in the log.
        position: Position,
    },
    /// The log has another incarnation than when the partitions were claimed.
    #[error("the incarnation of the log has changed")]
    IncarnationChanged,
    /// More streams would be parked than the limit allows.
    #[error(
        "{0} streams would be parked, which exceeds PARKED_MAX: deploy a newer build that can apply the events, or \
         raise PARKED_MAX"
    )]
    TooManyParked(usize),
}

impl From<FeedError> for StepError {
    fn from(error: FeedError) -> StepError {
        match error {
            FeedError::AheadOfLog { partition, position } => StepError::AheadOfLog { partition, position },
            error => StepError::Feed(error),
        }
    }
}
