//! The last events of this log that Kafka holds: proof of what the log has said before. An rdkafka door, reading only.
//!
//! Events of another log on the same topics prove nothing; behind many of them, the last one of this log is looked for.
//!
//! The checkpoint lives in the same database as the log, so a restore or a failover that loses the tail of the log loses the
//! checkpoint's tail with it. Kafka remembers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use events::{Category, Incarnation, LogId, Position, Source, topics};
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

/// Messages looked at where the last one of a partition is not of this log. A partition that another log fills faster than
/// that hides what this log has sent to it; topics of its own (`TOPIC_PREFIX`) avoid that.
const LOOK_BACK: i64 = 1_000;

/// What a partition holds.
#[derive(Debug, Clone)]
struct Extent {
    topic: String,
    partition: i32,
    /// Offset of the first message.
    low: i64,
    /// Offset after the last message.
    high: i64,
}

/// The furthest event of this log in all partitions; `None` if there is none. Blocks.
pub fn furthest(config: &Config, log_id: LogId) -> Result<Option<Tail>, Error> {
    let consumer: BaseConsumer = client_config(config)
        // A name is needed to assign by hand; nothing joins the group or commits to it.
        .set("group.id", "relay-tails")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "latest")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let found = look(&consumer, config, log_id, Instant::now() + DEADLINE);
    drop_elsewhere(consumer);
    found
}

fn look(consumer: &BaseConsumer, config: &Config, log_id: LogId, deadline: Instant) -> Result<Option<Tail>, Error> {
    let extents = extents(consumer, config, deadline)?;
    let last = last_of(consumer, &extents, 1, log_id, deadline)?;
    let hidden: Vec<Extent> =
        extents.into_iter().filter(|it| !last.contains_key(&(it.topic.clone(), it.partition))).collect();
    let behind_others = last_of(consumer, &hidden, LOOK_BACK, log_id, deadline)?;
    Ok(last.into_values().chain(behind_others.into_values()).max())
}

/// Every partition that is not empty.
fn extents(consumer: &BaseConsumer, config: &Config, deadline: Instant) -> Result<Vec<Extent>, Error> {
    let mut extents = Vec::new();
    for topic in Category::ALL.map(|category| topics::topic(&config.topic_prefix, category)) {
        for partition in 0..config.partitions {
            let (low, high) = watermarks(consumer, &topic, partition, deadline)?;
            if high > low {
                extents.push(Extent { topic: topic.clone(), partition, low, high });
            }
        }
    }
    Ok(extents)
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

/// The furthest event of this log among the last `count` messages of each partition, where there is one.
fn last_of(
    consumer: &BaseConsumer,
    extents: &[Extent],
    count: i64,
    log_id: LogId,
    deadline: Instant,
) -> Result<HashMap<(String, i32), Tail>, Error> {
    let mut found = HashMap::new();
    if extents.is_empty() {
        return Ok(found);
    }
    let mut from = TopicPartitionList::new();
    for it in extents {
        from.add_partition_offset(&it.topic, it.partition, Offset::Offset(it.low.max(it.high - count)))?;
    }
    consumer.assign(&from)?;
    let mut open: HashMap<(String, i32), i64> =
        extents.iter().map(|it| ((it.topic.clone(), it.partition), it.high)).collect();
    while !open.is_empty() {
        match consumer.poll(left(deadline)) {
            Some(Ok(message)) => {
                let place = (message.topic().to_owned(), message.partition());
                if open.get(&place).is_some_and(|high| message.offset() + 1 >= *high) {
                    open.remove(&place);
                }
                if let Some(tail) = tail(&message, log_id) {
                    let furthest = found.entry(place).or_insert_with(|| tail.clone());
                    *furthest = tail.max(furthest.clone());
                }
            }
            Some(Err(error)) => tracing::debug!(%error, "reading the last events from Kafka: a passing error"),
            None => return Err(Error::Deadline),
        }
    }
    Ok(found)
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// `None` for a message that is not an event of this log. A release before the identity of logs did not say which log.
fn tail(message: &BorrowedMessage<'_>, log_id: LogId) -> Option<Tail> {
    let headers = message.headers()?;
    let text = |name| {
        let header = headers.iter().find(|header| header.key == name)?;
        std::str::from_utf8(header.value?).ok()
    };
    let source: Source = text("ce_source")?.parse().ok()?;
    if source != Source::Log(log_id) && source != Source::Unidentified {
        return None;
    }
    Some(Tail {
        incarnation: Incarnation(text("ce_incarnation")?.parse().ok()?),
        position: Position(text("ce_position")?.parse().ok()?),
        id: text("ce_id")?.to_owned(),
    })
}
