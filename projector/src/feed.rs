//! Delivers the events of a projection to its worker: from the topics of [`kafka`], or from the [`log`] itself if the
//! platform runs without Kafka.
//!
//! Every feed delivers the events of a partition in order, each with the position of the previous event of its
//! partition. Events may be delivered repeatedly. That is all that [`crate::admission`] needs, so a worker does not
//! depend on the feed, and the feed can be changed at any restart.

use std::collections::BTreeSet;

use platform::health::Component;
use read_model::Generation;

use crate::config::{KafkaConfig, Limits};
use crate::frame::Latency;

mod delivery;
mod error;
mod kafka;
pub mod log;

pub use delivery::{BATCH_BYTES_MAX, Delivery};
pub use error::FeedError;
use kafka::KafkaFeed;
pub use kafka::Start;
use log::{LogFeed, LogFollower};

/// Where events come from.
#[derive(Clone)]
pub enum FeedSource {
    /// The topics of a Kafka cluster.
    Kafka(KafkaConfig),
    /// The log; the follower is shared by all workers of the process.
    Log(LogFollower),
}

impl FeedSource {
    /// Name of the server in the health report.
    pub fn server(&self) -> &'static str {
        match self {
            FeedSource::Kafka(_) => "kafka",
            FeedSource::Log(_) => "postgres",
        }
    }
}

/// The events of a generation.
pub enum Feed {
    /// A member of the consumer group of the generation.
    Kafka(Box<KafkaFeed>),
    /// A reader of the log.
    Log(LogFeed),
}

impl Feed {
    /// Opens the feed of a generation. `start` is where Kafka starts; the log starts after the checkpoints.
    pub async fn open(
        source: &FeedSource,
        limits: &Limits,
        generation: Generation,
        latency: Latency,
        start: Start,
        health: Component,
    ) -> Result<Feed, FeedError> {
        match source {
            FeedSource::Kafka(config) => {
                let feed = KafkaFeed::connect(config, limits, generation, latency, start, health).await?;
                Ok(Feed::Kafka(Box::new(feed)))
            }
            FeedSource::Log(follower) => Ok(Feed::Log(LogFeed::new(follower, generation, latency))),
        }
    }

    /// Number of partitions of the category.
    pub fn partitions(&self) -> i32 {
        match self {
            Feed::Kafka(feed) => feed.partitions(),
            Feed::Log(feed) => feed.partitions(),
        }
    }

    /// The partitions whose events this feed delivers, and no other feed of the generation.
    pub fn assigned(&self) -> BTreeSet<i32> {
        match self {
            Feed::Kafka(feed) => feed.assigned(),
            Feed::Log(feed) => (0..feed.partitions()).collect(),
        }
    }

    /// Whether all published events of a partition were delivered, as far as the feed knows.
    pub fn is_at_end(&self, partition: i32) -> bool {
        match self {
            Feed::Kafka(feed) => feed.is_at_end(partition),
            Feed::Log(feed) => feed.is_at_end(),
        }
    }

    /// Waits a short time for a message, then returns the available messages; empty if no message arrived.
    pub async fn next_batch(&mut self, limits: &Limits) -> Result<Vec<Delivery>, FeedError> {
        match self {
            Feed::Kafka(feed) => feed.next_batch(limits).await,
            Feed::Log(feed) => feed.next_batch(limits).await,
        }
    }

    /// Returns available messages without waiting, at most `limit` messages and until their payloads reach `bytes`.
    pub fn drain(&mut self, limit: usize, bytes: usize) -> Result<Vec<Delivery>, FeedError> {
        match self {
            Feed::Kafka(feed) => feed.drain(limit, bytes),
            Feed::Log(feed) => feed.drain(limit, bytes),
        }
    }

    /// Stops prefetching until the next [`Feed::next_batch`].
    pub fn pause(&mut self) {
        if let Feed::Kafka(feed) = self {
            feed.pause();
        }
    }

    /// Records that all messages before `offset` were processed.
    pub fn processed(&mut self, partition: i32, offset: i64) {
        if let Feed::Kafka(feed) = self {
            feed.processed(partition, offset);
        }
    }

    /// Commits the offsets of processed messages to Kafka when it is time; does not wait.
    pub fn commit_when_due(&mut self) {
        if let Feed::Kafka(feed) = self {
            feed.commit_when_due();
        }
    }

    /// Leaves the partitions to other feeds.
    pub async fn close(self) {
        match self {
            Feed::Kafka(feed) => feed.close().await,
            Feed::Log(feed) => drop(feed),
        }
    }
}
