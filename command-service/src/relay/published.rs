//! Reads the last published event of this log from Kafka. Owner module of rdkafka, for reading only.
//!
//! The checkpoint is in the same database as the log, so a restore or a failover that loses the last events of the log also sets the
//! checkpoint back. Only Kafka still contains the lost events; [`log_check`](super::log_check) compares them with the log.
//!
//! Topics may also contain events of other logs, which are ignored: the last event of this log is searched among the last messages of
//! each partition.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use events::{Category, Incarnation, LogId, Position, Source, topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::config::Config;
use super::kafka_client::{client_config, drop_in_background};

/// Time limit for all partitions together: shorter than a lease, and far longer than a healthy cluster needs.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Pause between two requests for the same offsets.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// An event in Kafka.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedEvent {
    /// Incarnation of the log that wrote the event.
    pub incarnation: Incarnation,
    /// Position of the event in the log.
    pub position: Position,
    /// Identifier of the event (`ce_id`).
    pub id: String,
}

/// The last published events could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("reading the last events from Kafka")]
    Kafka(#[from] KafkaError),
    #[error("reading the last events from Kafka took more than {TIMEOUT:?}")]
    Timeout,
}

/// Messages read from the end of a partition whose last message belongs to another log. If other logs have published more messages
/// than that after the last event of this log, the last event is not found; separate topics (`TOPIC_PREFIX`) avoid that.
const SEARCHED_MESSAGES: i64 = 1_000;

/// Offsets of a partition.
#[derive(Debug, Clone)]
struct Extent {
    topic: String,
    partition: i32,
    /// Offset of the first message.
    low: i64,
    /// Offset after the last message.
    high: i64,
}

/// The last event of this log in all partitions; `None` if Kafka contains no event of this log. Blocks.
pub fn find_last(config: &Config, log_id: LogId) -> Result<Option<PublishedEvent>, Error> {
    let consumer: BaseConsumer = client_config(config)
        // Manual assignment requires a group id. No consumer joins the group or commits offsets.
        .set("group.id", "relay-tails")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "latest")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let found = find_last_with(&consumer, config, log_id, Instant::now() + TIMEOUT);
    drop_in_background(consumer);
    found
}

fn find_last_with(
    consumer: &BaseConsumer,
    config: &Config,
    log_id: LogId,
    deadline: Instant,
) -> Result<Option<PublishedEvent>, Error> {
    let extents = extents(consumer, config, deadline)?;
    let last = last_per_partition(consumer, &extents, 1, log_id, deadline)?;
    let other_logs: Vec<Extent> =
        extents.into_iter().filter(|it| !last.contains_key(&(it.topic.clone(), it.partition))).collect();
    let before_others = last_per_partition(consumer, &other_logs, SEARCHED_MESSAGES, log_id, deadline)?;
    Ok(last.into_values().chain(before_others.into_values()).max())
}

/// Offsets of every partition that is not empty.
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

/// The first offset of a partition and the offset after its last message. Retries until the deadline, because a new topic or a moving
/// partition leader fails for a short time.
fn watermarks(
    consumer: &BaseConsumer,
    topic: &str,
    partition: i32,
    deadline: Instant,
) -> Result<(i64, i64), KafkaError> {
    loop {
        let fetched = consumer.fetch_watermarks(topic, partition, remaining(deadline));
        match fetched {
            Err(error) if remaining(deadline).is_zero() => return Err(error),
            Err(_) => std::thread::sleep(BETWEEN_ATTEMPTS),
            Ok(offsets) => return Ok(offsets),
        }
    }
}

/// The last event of this log among the last `count` messages of each partition.
fn last_per_partition(
    consumer: &BaseConsumer,
    extents: &[Extent],
    count: i64,
    log_id: LogId,
    deadline: Instant,
) -> Result<HashMap<(String, i32), PublishedEvent>, Error> {
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
        match consumer.poll(remaining(deadline)) {
            Some(Ok(message)) => {
                let partition = (message.topic().to_owned(), message.partition());
                if open.get(&partition).is_some_and(|high| message.offset() + 1 >= *high) {
                    open.remove(&partition);
                }
                if let Some(event) = parse(&message, log_id) {
                    let last = found.entry(partition).or_insert_with(|| event.clone());
                    *last = event.max(last.clone());
                }
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "Kafka reported a transient error while the last events were read")
            }
            None => return Err(Error::Timeout),
        }
    }
    Ok(found)
}

fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// The event of a message; `None` if the message is not an event of this log. Events of releases before the introduction of log
/// identities are taken for events of this log.
fn parse(message: &BorrowedMessage<'_>, log_id: LogId) -> Option<PublishedEvent> {
    let headers = message.headers()?;
    let text = |name| {
        let header = headers.iter().find(|header| header.key == name)?;
        std::str::from_utf8(header.value?).ok()
    };
    let source: Source = text("ce_source")?.parse().ok()?;
    if source != Source::Log(log_id) && source != Source::Unidentified {
        return None;
    }
    Some(PublishedEvent {
        incarnation: Incarnation(text("ce_incarnation")?.parse().ok()?),
        position: Position(text("ce_position")?.parse().ok()?),
        id: text("ce_id")?.to_owned(),
    })
}
