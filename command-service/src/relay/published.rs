//! Reads the last published events of this log from Kafka. Owner module of rdkafka, for reading only.
//!
//! The checkpoint is in the same database as the log, so a restore or a failover that loses the last events of the log also sets the
//! checkpoint back. Only Kafka still contains the lost events; [`log_check`](super::log_check) compares them with the log.
//!
//! Topics may also contain events of other logs, which are ignored: the last event of this log is searched among the last messages of
//! each partition.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use events::{Incarnation, LogId, Position, Source, topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::config::Kafka;
use super::kafka_client::{client_config, drop_in_background};
use super::last_published::{LastPublished, PartitionEnd, PublishedEvent};
use super::watermark::{TopicPartition, Watermark};

/// Time limit for all partitions together: shorter than a lease, and far longer than a healthy cluster needs.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Pause between two requests for the same offsets.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

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
    partition: TopicPartition,
    topic: String,
    /// Offset of the first message.
    low: i64,
    /// Offset after the last message.
    high: i64,
}

/// The last event of this log in every partition. Blocks.
pub fn find_last(kafka: &Kafka, partitions: i32, log_id: LogId) -> Result<LastPublished, Error> {
    let consumer: BaseConsumer = client_config(kafka)
        // Manual assignment requires a group id. No consumer joins the group or commits offsets.
        .set("group.id", "relay-tails")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "latest")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let reader = Reader { consumer, log_id, deadline: Instant::now() + TIMEOUT };
    let found = reader.find_last(kafka, partitions);
    drop_in_background(reader.consumer);
    found
}

/// Reads the ends of partitions until a deadline.
struct Reader {
    consumer: BaseConsumer,
    log_id: LogId,
    deadline: Instant,
}

impl Reader {
    fn find_last(&self, kafka: &Kafka, partitions: i32) -> Result<LastPublished, Error> {
        let extents = self.extents(kafka, partitions)?;
        let filled: Vec<&Extent> = extents.iter().filter(|it| it.high > it.low).collect();
        let mut last = self.last_per_partition(&filled, 1)?;
        let other_logs: Vec<&Extent> = filled.into_iter().filter(|it| !last.contains_key(&it.key())).collect();
        last.extend(self.last_per_partition(&other_logs, SEARCHED_MESSAGES)?);
        let end = |it: &Extent| match last.remove(&it.key()) {
            Some(event) => PartitionEnd::Event(event),
            None if it.high == 0 => PartitionEnd::NeverWritten,
            None => PartitionEnd::Unknown,
        };
        let ends: Vec<PartitionEnd> = extents.iter().map(end).collect();
        Ok(LastPublished::new(extents.iter().map(|it| it.partition).zip(ends).collect()))
    }

    /// Offsets of every partition.
    fn extents(&self, kafka: &Kafka, partitions: i32) -> Result<Vec<Extent>, Error> {
        let mut extents = Vec::new();
        for partition in Watermark::new(partitions).all_partitions() {
            let topic = topics::topic(&kafka.topic_prefix, partition.category);
            let (low, high) = self.offsets(&topic, partition.partition)?;
            extents.push(Extent { partition, topic, low, high });
        }
        Ok(extents)
    }

    /// The first offset of a partition and the offset after its last message. Retries until the deadline, because a new topic or a
    /// moving partition leader fails for a short time.
    fn offsets(&self, topic: &str, partition: i32) -> Result<(i64, i64), KafkaError> {
        loop {
            match self.consumer.fetch_watermarks(topic, partition, self.remaining()) {
                Err(error) if self.remaining().is_zero() => return Err(error),
                Err(_) => std::thread::sleep(BETWEEN_ATTEMPTS),
                Ok(offsets) => return Ok(offsets),
            }
        }
    }

    /// The last event of this log among the last `count` messages of each partition, by topic and number of the partition.
    fn last_per_partition(
        &self,
        extents: &[&Extent],
        count: i64,
    ) -> Result<HashMap<(String, i32), PublishedEvent>, Error> {
        let mut found = HashMap::new();
        if extents.is_empty() {
            return Ok(found);
        }
        let mut from = TopicPartitionList::new();
        for it in extents {
            let offset = Offset::Offset(it.low.max(it.high - count));
            from.add_partition_offset(&it.topic, it.partition.partition, offset)?;
        }
        self.consumer.assign(&from)?;
        let mut open: HashMap<(String, i32), i64> = extents.iter().map(|it| (it.key(), it.high)).collect();
        while !open.is_empty() {
            match self.consumer.poll(self.remaining()) {
                Some(Ok(message)) => {
                    let partition = (message.topic().to_owned(), message.partition());
                    if open.get(&partition).is_some_and(|high| message.offset() + 1 >= *high) {
                        open.remove(&partition);
                    }
                    if let Some(event) = parse(&message, self.log_id) {
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

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl Extent {
    fn key(&self) -> (String, i32) {
        (self.topic.clone(), self.partition.partition)
    }
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
