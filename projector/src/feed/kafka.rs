//! Receives the messages of one projection's topic from Kafka, as a member of the projection's consumer group.
//!
//! Kafka's offsets are hints that shorten the start; the checkpoint in PostgreSQL is authoritative. Offsets are
//! committed periodically, after the database, and a partition without a usable offset starts at its beginning: events
//! that were applied are skipped by their position, missing events are read from the log. [`membership`] handles
//! rebalances of the group.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use events::cloudevents::{self, InvalidMessage, Message};
use events::topics;
use futures::{FutureExt, StreamExt};
use platform::batch_window::{self, BatchWindow, Stage};
use platform::health::Component;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use read_model::Generation;
use tokio::time::Instant;

use super::delivery::{BATCH_BYTES_MAX, Delivery, IDLE, MODERATE_WINDOW};
use super::error::FeedError;
use crate::config::{KafkaConfig, Limits};
use crate::frame::Latency;

mod membership;

use membership::Membership;
pub use membership::Start;

/// Timeout for the metadata of the topic.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval between commits of offsets: messages after the last commit are read again after a restart.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Timeout for leaving the group; librdkafka can hang while brokers are down.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// A consumer of one topic.
pub struct KafkaFeed {
    topic: String,
    partitions: i32,
    /// `None` after the feed was closed.
    consumer: Option<StreamConsumer<Membership>>,
    /// The next offset of each partition, not committed yet.
    processed: BTreeMap<i32, i64>,
    commit_at: Instant,
    is_paused: bool,
    window: BatchWindow,
}

impl KafkaFeed {
    /// Joins the group. Fails if Kafka does not respond or does not have the topic.
    pub async fn connect(
        config: &KafkaConfig,
        limits: &Limits,
        generation: Generation,
        latency: Latency,
        start: Start,
        health: Component,
    ) -> Result<KafkaFeed, FeedError> {
        let topic = topics::topic(&config.topic_prefix, generation.projection.category());
        let membership = Membership::new(generation, start, health);
        let consumer: StreamConsumer<Membership> = client_config(config, generation, latency)
            .create_with_context(membership)
            .map_err(|source| FeedError::Kafka { operation: "creating a consumer", source })?;
        let name = topic.clone();
        let counted = tokio::task::spawn_blocking(move || {
            let partitions = count_partitions(&consumer, &name)?;
            Ok::<_, FeedError>((consumer, partitions))
        });
        let (consumer, partitions) = counted.await.expect("counting partitions does not panic")?;
        consumer.subscribe(&[&topic]).map_err(|source| FeedError::Kafka { operation: "subscribing", source })?;
        consumer.context().kafka_is_up();
        let (processed, commit_at) = (BTreeMap::new(), Instant::now() + COMMIT_EVERY);
        let window = match latency {
            Latency::Low => limits.batch_linger,
            Latency::Moderate => limits.batch_linger.max(MODERATE_WINDOW),
        };
        let window = BatchWindow::new(Stage { window, ..batch_window::PROJECTOR });
        Ok(KafkaFeed { topic, partitions, consumer: Some(consumer), processed, commit_at, is_paused: false, window })
    }

    /// Number of partitions of the topic.
    pub fn partitions(&self) -> i32 {
        self.partitions
    }

    /// The partitions that the group has assigned to this consumer.
    pub fn assigned(&self) -> BTreeSet<i32> {
        self.consumer().context().assigned()
    }

    /// Whether this consumer had received all messages of a partition at the last statistics of librdkafka.
    pub fn is_at_end(&self, partition: i32) -> bool {
        self.consumer().context().is_at_end(partition)
    }

    /// Waits for a message, then returns all messages that are available or, under load, arrive within the window of
    /// the batch. Empty if no message arrived within [`IDLE`].
    pub async fn next_batch(&mut self, limits: &Limits) -> Result<Vec<Delivery>, FeedError> {
        self.resume();
        let mut stream = self.consumer().stream();
        let mut batch = Deliveries::new(&self.topic);
        let Ok(first) = tokio::time::timeout(IDLE, stream.next()).await else { return Ok(batch.deliveries) };
        batch.add(first, self.consumer())?;
        let closes_at = Instant::from_std(self.window.closes_at(std::time::Instant::now()));
        while batch.deliveries.len() < limits.batch_events && batch.bytes < BATCH_BYTES_MAX {
            let next = match stream.next().now_or_never() {
                Some(next) => next,
                None => match tokio::time::timeout_at(closes_at, stream.next()).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            batch.add(next, self.consumer())?;
        }
        let deliveries = batch.deliveries;
        drop(stream);
        self.window.forwarded(std::time::Instant::now());
        Ok(deliveries)
    }

    /// Returns available messages without waiting, at most `limit` messages and until their payloads reach `bytes`.
    /// Polling keeps this consumer in the group while a batch takes long.
    pub fn drain(&mut self, limit: usize, bytes: usize) -> Result<Vec<Delivery>, FeedError> {
        let mut stream = self.consumer().stream();
        let mut batch = Deliveries::new(&self.topic);
        while batch.deliveries.len() < limit
            && batch.bytes < bytes
            && let Some(next) = stream.next().now_or_never()
        {
            batch.add(next, self.consumer())?;
        }
        Ok(batch.deliveries)
    }

    /// Stops fetching until the next [`KafkaFeed::next_batch`].
    pub fn pause(&mut self) {
        if !self.is_paused
            && let Err(error) = self.assignment().and_then(|all| self.consumer().pause(&all))
        {
            tracing::debug!(error = %error, "cannot pause the consumer; the bounds of its queues still apply");
        }
        self.is_paused = true;
    }

    fn resume(&mut self) {
        if self.is_paused
            && let Err(error) = self.assignment().and_then(|all| self.consumer().resume(&all))
        {
            tracing::warn!(error = %error, "cannot resume the consumer");
        }
        self.is_paused = false;
    }

    fn assignment(&self) -> KafkaResult<TopicPartitionList> {
        self.consumer().assignment()
    }

    /// Records that all messages before `offset` were processed.
    pub fn processed(&mut self, partition: i32, offset: i64) {
        self.processed.insert(partition, offset);
    }

    /// Commits the offsets of processed messages if [`COMMIT_EVERY`] has passed; does not wait.
    pub fn commit_when_due(&mut self) {
        if self.processed.is_empty() || Instant::now() < self.commit_at {
            return;
        }
        self.commit_at = Instant::now() + COMMIT_EVERY;
        let offsets = self.take_processed();
        if let Err(error) = self.consumer().commit(&offsets, CommitMode::Async) {
            tracing::debug!(error = %error, "cannot commit offsets; messages will be read again after a restart");
        }
    }

    fn take_processed(&mut self) -> TopicPartitionList {
        let assigned = self.assigned();
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in std::mem::take(&mut self.processed) {
            if assigned.contains(&partition) {
                // Fails only for a negative offset.
                let _ = offsets.add_partition_offset(&self.topic, partition, Offset::Offset(offset));
            }
        }
        offsets
    }

    fn consumer(&self) -> &StreamConsumer<Membership> {
        self.consumer.as_ref().expect("the feed is not closed")
    }

    /// Commits the offsets of processed messages and leaves the group, within [`CLOSE_DEADLINE`].
    pub async fn close(mut self) {
        let (left, leaving) = tokio::sync::oneshot::channel();
        self.leave(move || {
            // After the deadline nothing receives this message.
            let _ = left.send(());
        });
        if tokio::time::timeout(CLOSE_DEADLINE, leaving).await.is_err() {
            tracing::warn!(
                kafka.topic = self.topic,
                "the consumer did not close in time; continuing without waiting for it"
            );
        }
    }

    fn leave(&mut self, then: impl FnOnce() + Send + 'static) {
        let offsets = self.take_processed();
        let Some(consumer) = self.consumer.take() else { return };
        let leave = move || {
            if offsets.count() > 0
                && let Err(error) = consumer.commit(&offsets, CommitMode::Sync)
            {
                tracing::debug!(error = %error, "cannot commit offsets; messages will be read again after a restart");
            }
            drop(consumer);
            then();
        };
        if let Err(error) = std::thread::Builder::new().name("feed-close".to_owned()).spawn(leave) {
            tracing::warn!(error = %error, "cannot start a thread to close the consumer");
        }
    }
}

impl Drop for KafkaFeed {
    fn drop(&mut self) {
        if self.consumer.is_some() {
            self.leave(|| {});
        }
    }
}

struct Deliveries<'a> {
    topic: &'a str,
    deliveries: Vec<Delivery>,
    bytes: usize,
}

impl Deliveries<'_> {
    fn new(topic: &str) -> Deliveries<'_> {
        Deliveries { topic, deliveries: Vec::new(), bytes: 0 }
    }

    /// Adds a message. Returns only errors that require a new consumer; librdkafka recovers from the others.
    fn add(
        &mut self,
        next: Option<KafkaResult<BorrowedMessage<'_>>>,
        consumer: &StreamConsumer<Membership>,
    ) -> Result<(), FeedError> {
        use RDKafkaErrorCode as Code;
        match next {
            None => {}
            Some(Ok(message)) => {
                self.bytes += message.payload_len();
                self.deliveries.push(delivery(&message));
            }
            Some(Err(KafkaError::MessageConsumption(Code::AutoOffsetReset))) => return Err(FeedError::OffsetsGone),
            Some(Err(KafkaError::MessageConsumption(
                Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownTopicId,
            ))) => return Err(FeedError::NoTopic(self.topic.to_owned())),
            Some(Err(source @ KafkaError::MessageConsumptionFatal(_))) => {
                return Err(FeedError::Kafka { operation: "consuming", source });
            }
            Some(Err(KafkaError::MessageConsumption(Code::AllBrokersDown))) => {
                consumer.context().kafka_is_down("no broker is reachable");
            }
            Some(Err(error)) => tracing::debug!(error = %error, "librdkafka reported an error that it recovers from"),
        }
        Ok(())
    }
}

fn delivery(message: &BorrowedMessage<'_>) -> Delivery {
    // rdkafka 0.39 panics if the name of a header is not UTF-8, and every client that may write to the topic can send
    // one.
    let parsed = catch_unwind(AssertUnwindSafe(|| parse(message))).unwrap_or_else(|_| {
        Err(InvalidMessage::Unreadable { name: "headers", value: "a name that is not UTF-8".to_owned() })
    });
    Delivery { partition: message.partition(), offset: message.offset(), message: parsed }
}

fn parse(message: &BorrowedMessage<'_>) -> Result<Message, InvalidMessage> {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let texts = headers.filter_map(|header| Some((header.key, std::str::from_utf8(header.value?).ok()?)));
    cloudevents::parse(texts, message.payload().unwrap_or_default())
}

fn count_partitions(consumer: &StreamConsumer<Membership>, topic: &str) -> Result<i32, FeedError> {
    let metadata = consumer
        .fetch_metadata(Some(topic), METADATA_TIMEOUT)
        .map_err(|source| FeedError::Kafka { operation: "reading the metadata of the topic", source })?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    match found.map_or(0, |found| found.partitions().len()) {
        0 => Err(FeedError::NoTopic(topic.to_owned())),
        partitions => Ok(partitions as i32),
    }
}

fn client_config(config: &KafkaConfig, generation: Generation, latency: Latency) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", "projector")
        .set("group.id", config.group_of(generation))
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        // The partitions of a process that died are assigned to others after this time, the shortest that brokers allow unless
        // they are configured otherwise.
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "2000")
        // Bounds of memory: prefetched messages, one fetch, and the part of a fetch for one partition.
        .set("queued.max.messages.kbytes", "8192")
        .set("queued.min.messages", "5000")
        .set("fetch.max.bytes", "4194304")
        .set("max.partition.fetch.bytes", "1048576")
        // Detects a frozen broker, or a network that drops packets: a request without a response for this time fails (a
        // fetch is answered within half a second even without messages), and so does a connection attempt.
        .set("socket.timeout.ms", "10000")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("socket.keepalive.enable", "true")
        // The end of an outage is detected within a second or two.
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.nagle.disable", "true")
        .set("statistics.interval.ms", "2000");
    if latency == Latency::Moderate {
        // The broker collects messages before it answers a fetch, which saves most of the fetches.
        client.set("fetch.min.bytes", "65536").set("fetch.wait.max.ms", "250");
    }
    if let Some(instance) = &config.instance {
        client.set("group.instance.id", instance);
    }
    client
}
