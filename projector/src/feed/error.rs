//! [`FeedError`]: an error after which a new feed is necessary.

use events::{Category, Position};
use rdkafka::error::KafkaError;

use crate::store::StoreError;

/// An error after which a new [`Feed`](super::Feed) is necessary.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The topic does not exist.
    #[error("Kafka has no topic {0}; the command-service creates it when it starts")]
    NoTopic(String),
    /// Kafka no longer has the committed offset.
    #[error("Kafka no longer has the next messages; starting at the oldest message that Kafka has")]
    OffsetsGone,
    /// An operation failed and the client cannot be used any more.
    #[error("Kafka: {operation}: {source}")]
    Kafka {
        /// The operation that failed.
        operation: &'static str,
        /// The error of librdkafka.
        #[source]
        source: KafkaError,
    },
    /// The relay has not recorded the partitions of the category.
    #[error(
        "the log cannot be followed yet, because no relay has recorded the partitions of category {0}: start the \
         command-service, with KAFKA_BROKERS set to the brokers of Kafka or to an empty value"
    )]
    NoPartitions(Category),
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection with the lock of the generation was lost, or the log continues in another incarnation.
    #[error("the log is not followed any more: {0}")]
    Interrupted(String),
    /// The log does not contain the last event that was applied in a partition.
    #[error("partition {partition}: position {} was applied but is missing in the log", .position.0)]
    AheadOfLog {
        /// Partition of the category.
        partition: i32,
        /// The position that is missing in the log.
        position: Position,
    },
}
