//! The rdkafka door: the messages of one projection's topic, as a member of its consumer group.
//!
//! Kafka's offsets are hints that make starting quick; what was applied stands in PostgreSQL. So offsets are committed
//! now and then, after the database, and a partition without a usable offset simply starts at its beginning: what was
//! applied is passed over by its position, what is missing is read from the log. [`membership`] follows the group.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use events::cloudevents::{self, InvalidMessage, Message};
use events::topics;
use futures::{FutureExt, StreamExt};
use platform::health::Component;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use read_model::Projection;
use tokio::time::Instant;

use crate::config::{FeedConfig, Limits};

mod membership;

use membership::Membership;
pub use membership::Start;

/// How long a batch is waited for before the worker looks after other things.
const IDLE: Duration = Duration::from_millis(200);

/// The message with which the payloads of a batch reach so many bytes is its last one.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest wait for Kafka to say what it knows of the topic.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// How often offsets are committed: what is committed late is merely read again.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Longest that leaving the group may take; librdkafka can hang in it while brokers are down.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// A message as it came.
#[derive(Debug)]
pub struct Delivery {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The event, or why it is none of ours.
    pub message: Result<Message, InvalidMessage>,
}

impl Delivery {
    /// Bytes of its payload; of one that is none of ours nothing is kept.
    pub fn bytes(&self) -> usize {
        self.message.as_ref().map_or(0, |message| message.event.payload.len())
    }
}

/// What went wrong with Kafka, where going on needs a new [`Feed`].
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Nobody has made the topic.
    #[error("Kafka has no topic {0}: command-service makes it when it starts")]
    NoTopic(String),
    /// Kafka no longer has the offset that we want to read on from.
    #[error("Kafka no longer has the messages that come next: starting at the oldest that it has")]
    OffsetsGone,
    /// The client is of no use any more.
    #[error("Kafka: {doing}: {source}")]
    Kafka {
        /// What we were doing.
        doing: &'static str,
        /// What librdkafka said.
        #[source]
        source: KafkaError,
    },
}

/// A consumer of one topic.
pub struct Feed {
    topic: String,
    partitions: i32,
    /// There until the feed is closed.
    consumer: Option<StreamConsumer<Membership>>,
    done: BTreeMap<i32, i64>,
    commit_at: Instant,
    held: bool,
}

impl Feed {
    /// Joins the group, once Kafka answers and has the topic.
    pub async fn connect(
        config: &FeedConfig,
        projection: Projection,
        start: Start,
        health: Component,
    ) -> Result<Feed, FeedError> {
        let topic = topics::topic(&config.topic_prefix, projection.category());
        let membership = Membership::new(start, health);
        let consumer: StreamConsumer<Membership> = client_config(config, projection)
            .create_with_context(membership)
            .map_err(|source| FeedError::Kafka { doing: "making a consumer", source })?;
        let name = topic.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let partitions = count_partitions(&consumer, &name)?;
            Ok::<_, FeedError>((consumer, partitions))
        });
        let (consumer, partitions) = looked.await.expect("looking at a topic does not panic")?;
        consumer.subscribe(&[&topic]).map_err(|source| FeedError::Kafka { doing: "subscribing", source })?;
        consumer.context().kafka_is_up();
        let (done, commit_at) = (BTreeMap::new(), Instant::now() + COMMIT_EVERY);
        Ok(Feed { topic, partitions, consumer: Some(consumer), done, commit_at, held: false })
    }

    /// How many partitions the topic has.
    pub fn partitions(&self) -> i32 {
        self.partitions
    }

    /// The partitions that the group has given to us.
    pub fn assigned(&self) -> BTreeSet<i32> {
        self.consumer().context().assigned()
    }

    /// Whether we have had everything that Kafka has of a partition, a moment ago.
    pub fn is_at_end(&self, partition: i32) -> bool {
        self.consumer().context().is_at_end(partition)
    }

    /// Waits for messages, then takes what is there and what comes within the linger. Empty when nothing came for a
    /// while.
    pub async fn next_batch(&mut self, limits: &Limits) -> Result<Vec<Delivery>, FeedError> {
        self.release();
        let mut stream = self.consumer().stream();
        let mut batch = Batch::new(&self.topic);
        let Ok(first) = tokio::time::timeout(IDLE, stream.next()).await else { return Ok(batch.deliveries) };
        batch.take(first, self.consumer())?;
        let linger = Instant::now() + limits.batch_linger;
        while batch.deliveries.len() < limits.batch_events && batch.bytes < BATCH_BYTES_MAX {
            let next = match stream.next().now_or_never() {
                Some(next) => next,
                None => match tokio::time::timeout_at(linger, stream.next()).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            batch.take(next, self.consumer())?;
        }
        Ok(batch.deliveries)
    }

    /// Takes what is there, at most `limit` messages and until their payloads reach `bytes`, without waiting: keeps us in the
    /// group while a batch takes long.
    pub fn drain(&mut self, limit: usize, bytes: usize) -> Result<Vec<Delivery>, FeedError> {
        let mut stream = self.consumer().stream();
        let mut batch = Batch::new(&self.topic);
        while batch.deliveries.len() < limit
            && batch.bytes < bytes
            && let Some(next) = stream.next().now_or_never()
        {
            batch.take(next, self.consumer())?;
        }
        Ok(batch.deliveries)
    }

    /// Stops fetching until the next [`Feed::next_batch`].
    pub fn hold(&mut self) {
        if !self.held
            && let Err(error) = self.assignment().and_then(|all| self.consumer().pause(&all))
        {
            tracing::debug!(error = %error, "cannot pause the consumer; its queues are bounded anyway");
        }
        self.held = true;
    }

    fn release(&mut self) {
        if self.held
            && let Err(error) = self.assignment().and_then(|all| self.consumer().resume(&all))
        {
            tracing::warn!(error = %error, "cannot resume the consumer");
        }
        self.held = false;
    }

    fn assignment(&self) -> KafkaResult<TopicPartitionList> {
        self.consumer().assignment()
    }

    /// Notes that everything before `offset` is applied.
    pub fn done(&mut self, partition: i32, offset: i64) {
        self.done.insert(partition, offset);
    }

    /// Commits what is done, if it is time; does not wait.
    pub fn commit_when_due(&mut self) {
        if self.done.is_empty() || Instant::now() < self.commit_at {
            return;
        }
        self.commit_at = Instant::now() + COMMIT_EVERY;
        let offsets = self.take_done();
        if let Err(error) = self.consumer().commit(&offsets, CommitMode::Async) {
            tracing::debug!(error = %error, "offsets are not committed; messages will be read again");
        }
    }

    fn take_done(&mut self) -> TopicPartitionList {
        let assigned = self.assigned();
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in std::mem::take(&mut self.done) {
            if assigned.contains(&partition) {
                // Fails for a negative offset only.
                let _ = offsets.add_partition_offset(&self.topic, partition, Offset::Offset(offset));
            }
        }
        offsets
    }

    fn consumer(&self) -> &StreamConsumer<Membership> {
        self.consumer.as_ref().expect("a feed that is used is not closed")
    }

    /// Commits what is done and leaves the group, within a deadline.
    pub async fn close(mut self) {
        let (left, leaving) = tokio::sync::oneshot::channel();
        self.leave(move || {
            // Nobody waits for it any more once the deadline has passed.
            let _ = left.send(());
        });
        if tokio::time::timeout(CLOSE_DEADLINE, leaving).await.is_err() {
            tracing::warn!(kafka.topic = self.topic, "the consumer did not close in time and is left behind");
        }
    }

    fn leave(&mut self, then: impl FnOnce() + Send + 'static) {
        let offsets = self.take_done();
        let Some(consumer) = self.consumer.take() else { return };
        let leave = move || {
            if offsets.count() > 0
                && let Err(error) = consumer.commit(&offsets, CommitMode::Sync)
            {
                tracing::debug!(error = %error, "offsets are not committed; messages will be read again");
            }
            drop(consumer);
            then();
        };
        if let Err(error) = std::thread::Builder::new().name("feed-close".to_owned()).spawn(leave) {
            tracing::warn!(error = %error, "no thread to close the consumer on");
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if self.consumer.is_some() {
            self.leave(|| {});
        }
    }
}

struct Batch<'a> {
    topic: &'a str,
    deliveries: Vec<Delivery>,
    bytes: usize,
}

impl Batch<'_> {
    fn new(topic: &str) -> Batch<'_> {
        Batch { topic, deliveries: Vec::new(), bytes: 0 }
    }

    /// Adds a message. Of errors only those are returned that need a new consumer; librdkafka gets over the others.
    fn take(
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
                return Err(FeedError::Kafka { doing: "consuming", source });
            }
            Some(Err(KafkaError::MessageConsumption(Code::AllBrokersDown))) => {
                consumer.context().kafka_is_down("no broker can be reached");
            }
            Some(Err(error)) => tracing::debug!(error = %error, "librdkafka is getting over something"),
        }
        Ok(())
    }
}

fn delivery(message: &BorrowedMessage<'_>) -> Delivery {
    // rdkafka 0.39 panics over a header whose name is not UTF-8, and whoever may write to the topic can send one.
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
        .map_err(|source| FeedError::Kafka { doing: "asking for the topic", source })?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    match found.map_or(0, |found| found.partitions().len()) {
        0 => Err(FeedError::NoTopic(topic.to_owned())),
        partitions => Ok(partitions as i32),
    }
}

fn client_config(config: &FeedConfig, projection: Projection) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", "projector")
        .set("group.id", config.group_of(projection))
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        // A process that dies without a name gives up its partitions after this.
        .set("session.timeout.ms", "10000")
        .set("heartbeat.interval.ms", "2000")
        // Bounds of memory: prefetched messages, one fetch, and the part of it that a partition may have.
        .set("queued.max.messages.kbytes", "8192")
        .set("queued.min.messages", "5000")
        .set("fetch.max.bytes", "4194304")
        .set("max.partition.fetch.bytes", "1048576")
        // A broker that is frozen, or that a network lost without a word, is noticed when a request has no answer for so
        // long (a fetch is answered within half a second when there is nothing), and when no connection comes to be.
        .set("socket.timeout.ms", "10000")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("socket.keepalive.enable", "true")
        // An outage is noticed and ends within a second or two.
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.nagle.disable", "true")
        .set("statistics.interval.ms", "2000");
    if let Some(instance) = &config.instance {
        client.set("group.instance.id", instance);
    }
    client
}
