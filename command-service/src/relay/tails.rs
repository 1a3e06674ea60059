//! The last events that Kafka holds: proof of what the log has said before. An rdkafka door, reading only.
//!
//! The checkpoint lives in the same database as the log, so a restore or a failover that loses the tail of the log loses the
//! checkpoint's tail with it. Kafka remembers.

use std::time::{Duration, Instant};

use events::{Category, Incarnation, Position, topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::Config;
use super::producer::{client_config, drop_elsewhere};

/// For all partitions together: shorter than a lease, far longer than a healthy cluster needs.
const DEADLINE: Duration = Duration::from_secs(4);

/// Between two questions for the same offsets.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// An event as Kafka has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tail {
    /// Life of the log in which it was written.
    pub incarnation: Incarnation,
    /// Its place in the log.
    pub position: Position,
    /// `ce_id`.
    pub id: String,
}

/// Why the tails cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka refused, or the client could not be set up.
    #[error("reading the last events from Kafka")]
    Kafka(#[from] KafkaError),
    /// Not all partitions answered.
    #[error("reading the last events from Kafka took more than {DEADLINE:?}")]
    Deadline,
}

/// The furthest event of all partitions; `None` if there is none. Blocks.
pub fn furthest(config: &Config) -> Result<Option<Tail>, Error> {
    let consumer: BaseConsumer = client_config(config)
        // A name is needed to assign by hand; nothing joins the group or commits to it.
        .set("group.id", "relay-tails")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "latest")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let deadline = Instant::now() + DEADLINE;
    let furthest = last_offsets(&consumer, config, deadline).and_then(|last| furthest_of(&consumer, &last, deadline));
    drop_elsewhere(consumer);
    furthest
}

/// The last offset of each partition that is not empty.
fn last_offsets(consumer: &BaseConsumer, config: &Config, deadline: Instant) -> Result<TopicPartitionList, Error> {
    let mut last = TopicPartitionList::new();
    for topic in Category::ALL.map(|category| topics::topic(&config.topic_prefix, category)) {
        for partition in 0..config.partitions {
            let (low, high) = watermarks(consumer, &topic, partition, deadline)?;
            if high > low {
                last.add_partition_offset(&topic, partition, Offset::Offset(high - 1))?;
            }
        }
    }
    Ok(last)
}

/// The first offset of a partition and the one after its last. A topic that was made a moment ago, or whose leader moves, is
/// asked again.
fn watermarks(
    consumer: &BaseConsumer,
    topic: &str,
    partition: i32,
    deadline: Instant,
) -> Result<(i64, i64), KafkaError> {
    loop {
        let asked = consumer.fetch_watermarks(topic, partition, left(deadline));
        match asked {
            Err(error) if left(deadline).is_zero() => return Err(error),
            Err(_) => std::thread::sleep(BETWEEN_ATTEMPTS),
            Ok(offsets) => return Ok(offsets),
        }
    }
}

/// The furthest of the events at these offsets.
fn furthest_of(consumer: &BaseConsumer, last: &TopicPartitionList, deadline: Instant) -> Result<Option<Tail>, Error> {
    if last.count() == 0 {
        return Ok(None);
    }
    consumer.assign(last)?;
    let mut furthest = None;
    let mut open = last.to_topic_map();
    while !open.is_empty() {
        match consumer.poll(left(deadline)) {
            Some(Ok(message)) => {
                open.remove(&(message.topic().to_owned(), message.partition()));
                furthest = furthest.max(tail(&message));
            }
            Some(Err(error)) => tracing::debug!(%error, "reading the last events from Kafka: a passing error"),
            None => return Err(Error::Deadline),
        }
    }
    Ok(furthest)
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// `None` for a message that is not ours.
fn tail(message: &BorrowedMessage<'_>) -> Option<Tail> {
    let headers = message.headers()?;
    let text = |name| {
        let header = headers.iter().find(|header| header.key == name)?;
        std::str::from_utf8(header.value?).ok()
    };
    Some(Tail {
        incarnation: Incarnation(text("ce_incarnation")?.parse().ok()?),
        position: Position(text("ce_position")?.parse().ok()?),
        id: text("ce_id")?.to_owned(),
    })
}
