//! Reads the topics of the platform from the first message to the message that was the last one when the reading started. Events of
//! other logs are omitted, because another platform may publish to the same topics.

use std::time::Duration;

use anyhow::{Context, bail};
use events::cloudevents::{self, Message};
use events::{Category, LogId, Source, topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::mpsc;

/// Longest wait for a response of a broker.
const BROKER_TIMEOUT: Duration = Duration::from_secs(20);

/// Capacity of the queue between the reading thread and the checker, in messages.
const QUEUE: usize = 4_096;

/// A Kafka cluster, and the prefix of the platform's topics.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// `host:port,...`
    pub brokers: String,
    /// Prefix of all topic names.
    pub topic_prefix: String,
}

/// A message in a topic.
#[derive(Debug)]
pub struct Delivered {
    /// Category of the streams in the topic.
    pub category: Category,
    /// How many partitions the topic has.
    pub partitions: i32,
    /// Number of the partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Key of the message.
    pub key: String,
    /// The event; `Err` states why the message is not an event of the platform.
    pub message: Result<Message, String>,
}

/// One partition of a topic of the platform.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Category of the streams in the topic.
    pub category: Category,
    /// Name of the topic.
    pub topic: String,
    /// How many partitions the topic has.
    pub partitions: i32,
    /// Number of the partition.
    pub number: i32,
    /// Offset of the first message that is not deleted by retention.
    pub start: i64,
    /// Offset after the last message.
    pub end: i64,
}

/// All partitions of all topics of the platform.
pub async fn partitions(kafka: &Kafka) -> anyhow::Result<Vec<Partition>> {
    let kafka = kafka.clone();
    tokio::task::spawn_blocking(move || find_partitions(&consumer(&kafka)?, &kafka.topic_prefix)).await?
}

/// All messages of all topics, partition by partition in order of offsets, without messages of other logs than `log`. Messages of
/// releases that did not state the identity of the log are included.
pub fn read(kafka: &Kafka, log: LogId) -> mpsc::Receiver<anyhow::Result<Delivered>> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let kafka = kafka.clone();
    // Calls of librdkafka block the thread.
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read_all(&kafka, log, &sender) {
            // A receiver that was dropped does not need the error.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn read_all(kafka: &Kafka, log: LogId, sender: &mpsc::Sender<anyhow::Result<Delivered>>) -> anyhow::Result<()> {
    let consumer = consumer(kafka)?;
    for partition in find_partitions(&consumer, &kafka.topic_prefix)? {
        if !read_partition(&consumer, &partition, log, sender)? {
            return Ok(());
        }
    }
    Ok(())
}

fn consumer(kafka: &Kafka) -> anyhow::Result<BaseConsumer> {
    ClientConfig::new()
        .set("bootstrap.servers", &kafka.brokers)
        // The consumer joins no group and commits no offsets, but librdkafka requires a group id.
        .set("group.id", "audit")
        .set("enable.auto.commit", "false")
        .set("allow.auto.create.topics", "false")
        .create()
        .context("creating a Kafka consumer")
}

fn find_partitions(consumer: &BaseConsumer, prefix: &str) -> anyhow::Result<Vec<Partition>> {
    let metadata = consumer.fetch_metadata(None, BROKER_TIMEOUT).context("reading the topics of Kafka")?;
    let mut found = Vec::new();
    for topic in metadata.topics() {
        let Some(category) = topics::category_of(prefix, topic.name()) else { continue };
        let partitions = topic.partitions().len() as i32;
        for partition in topic.partitions() {
            let number = partition.id();
            let (start, end) = consumer
                .fetch_watermarks(topic.name(), number, BROKER_TIMEOUT)
                .with_context(|| format!("reading the offsets of {} [{number}]", topic.name()))?;
            found.push(Partition { category, topic: topic.name().to_owned(), partitions, number, start, end });
        }
    }
    if found.is_empty() {
        bail!("Kafka has no topic of the platform with the prefix `{prefix}`");
    }
    found.sort_by_key(|partition| (partition.category, partition.number));
    Ok(found)
}

/// Returns `false` if the receiver was dropped.
fn read_partition(
    consumer: &BaseConsumer,
    partition: &Partition,
    log: LogId,
    sender: &mpsc::Sender<anyhow::Result<Delivered>>,
) -> anyhow::Result<bool> {
    if partition.start >= partition.end {
        return Ok(true);
    }
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(&partition.topic, partition.number, Offset::Beginning)?;
    consumer.assign(&assignment)?;
    loop {
        let place = || format!("reading {} [{}]", partition.topic, partition.number);
        let Some(message) = consumer.poll(BROKER_TIMEOUT) else { bail!("{}: no message arrived in time", place()) };
        let message = message.with_context(place)?;
        let offset = message.offset();
        let delivered = delivered(partition, &message);
        if !delivered.is_foreign(log) && sender.blocking_send(Ok(delivered)).is_err() {
            return Ok(false);
        }
        if offset + 1 >= partition.end {
            return Ok(true);
        }
    }
}

impl Delivered {
    fn is_foreign(&self, log: LogId) -> bool {
        let source = self.message.as_ref().map(|message| message.source);
        matches!(source, Ok(Source::Log(source)) if source != log)
    }
}

fn delivered(partition: &Partition, message: &rdkafka::message::BorrowedMessage<'_>) -> Delivered {
    Delivered {
        category: partition.category,
        partitions: partition.partitions,
        partition: partition.number,
        offset: message.offset(),
        key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
        message: parse(message),
    }
}

fn parse(message: &rdkafka::message::BorrowedMessage<'_>) -> Result<Message, String> {
    let headers = message.headers().ok_or("the message has no headers")?;
    let headers = headers
        .iter()
        .map(|header| {
            let value = std::str::from_utf8(header.value.unwrap_or_default());
            value.map(|value| (header.key, value)).map_err(|_| format!("header `{}` is not UTF-8", header.key))
        })
        .collect::<Result<Vec<_>, _>>()?;
    cloudevents::parse(headers, message.payload().unwrap_or_default()).map_err(|error| error.to_string())
}
