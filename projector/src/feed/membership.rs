//! Follows the consumer group: which partitions are ours, where each begins, and whether Kafka is there. Called by
//! librdkafka while a [`super::Feed`] is polled.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::health::Component;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::{Partition, Statistics};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

/// Longest wait for the committed offsets of new partitions.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(3);

/// Where partitions begin that we are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Behind the last committed offset; at the beginning where there is none.
    Committed,
    /// At the beginning: the committed offsets are of no use.
    Beginning,
}

pub(super) struct Membership {
    start: Start,
    assigned: Mutex<BTreeSet<i32>>,
    /// Partitions of which we have everything that Kafka has, as of the last statistics.
    at_end: Mutex<BTreeSet<i32>>,
    health: Component,
}

impl Membership {
    pub(super) fn new(start: Start, health: Component) -> Membership {
        Membership { start, assigned: Mutex::default(), at_end: Mutex::default(), health }
    }

    pub(super) fn assigned(&self) -> BTreeSet<i32> {
        lock(&self.assigned).clone()
    }

    pub(super) fn is_at_end(&self, partition: i32) -> bool {
        lock(&self.at_end).contains(&partition)
    }

    pub(super) fn kafka_is_up(&self) {
        self.health.up();
    }

    pub(super) fn kafka_is_down(&self, reason: &str) {
        self.health.down(reason);
    }

    /// The same partitions, each with an offset to begin at.
    fn begin(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) -> KafkaResult<TopicPartitionList> {
        let mut begin = match self.start {
            Start::Beginning => partitions.clone(),
            Start::Committed => consumer.committed_offsets(partitions.clone(), COMMITTED_TIMEOUT)?,
        };
        let names: Vec<_> =
            begin.elements().iter().map(|it| (it.topic().to_owned(), it.partition(), it.offset())).collect();
        for (topic, partition, committed) in names {
            let offset = match (self.start, committed) {
                (Start::Committed, Offset::Offset(offset)) => Offset::Offset(offset),
                _ => Offset::Beginning,
            };
            begin.set_partition_offset(&topic, partition, offset)?;
        }
        Ok(begin)
    }

    fn gain(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) {
        // Without offsets of ours librdkafka asks for the committed ones itself, and reports where there are none.
        let begin = self.begin(consumer, partitions).unwrap_or_else(|error| {
            tracing::warn!(error = %error, "cannot read the committed offsets");
            partitions.clone()
        });
        let gained = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&begin),
            RebalanceProtocol::None | RebalanceProtocol::Eager => consumer.assign(&begin),
        };
        let numbers = numbers(partitions);
        tracing::info!(kafka.partitions = ?numbers, "partitions gained");
        lock(&self.assigned).extend(numbers);
        report(gained);
    }

    fn lose(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) {
        let numbers = numbers(partitions);
        tracing::info!(kafka.partitions = ?numbers, "partitions given up");
        lock(&self.assigned).retain(|partition| !numbers.contains(partition));
        report(match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
            RebalanceProtocol::None | RebalanceProtocol::Eager => consumer.unassign(),
        });
    }
}

fn lock(partitions: &Mutex<BTreeSet<i32>>) -> MutexGuard<'_, BTreeSet<i32>> {
    partitions.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_at_end(partition: &Partition) -> bool {
    // Nothing was handed to us since we were given the partition: then what counts is where fetching stands.
    let ours = if partition.app_offset < 0 { partition.next_offset } else { partition.app_offset };
    partition.hi_offset >= 0 && ours >= partition.hi_offset
}

fn numbers(partitions: &TopicPartitionList) -> Vec<i32> {
    partitions.elements().iter().map(|it| it.partition()).collect()
}

fn report(outcome: KafkaResult<()>) {
    if let Err(error) = outcome {
        tracing::warn!(error = %error, "the consumer did not take its partitions over");
    }
}

impl ConsumerContext for Membership {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.gain(consumer, partitions),
            _ => self.lose(consumer, partitions),
        }
    }
}

impl ClientContext for Membership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::warn!(kafka.facility = facility, "{line}");
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(kafka.facility = facility, "{line}");
            }
        }
    }

    /// Comes every two seconds: the one sign of a broker that is back, where no messages flow.
    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        *lock(&self.at_end) = partitions.filter(|it| is_at_end(it)).map(|it| it.partition).collect();
        if statistics.brokers.values().any(|broker| broker.nodeid >= 0 && broker.state == "UP") {
            self.kafka_is_up();
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(error = %error, reason, "librdkafka reports");
    }
}
