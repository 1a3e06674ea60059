//! Handles rebalances of the consumer group: which partitions are assigned, at which offset each starts, and whether
//! Kafka is reachable. librdkafka calls these functions while the consumer of [`super::KafkaFeed`] is polled.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::health::Component;
use platform::metrics::kafka_requests::KafkaRequests;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::{Partition, Statistics};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use read_model::Generation;

/// Timeout for the committed offsets of new partitions.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(3);

/// Largest difference between the clocks of the database and of the relay that is allowed for.
const CLOCK_DIFFERENCE_MS: i64 = 60_000;

/// Offset at which an assigned partition starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the committed offset. If there is none, at the first message since an instant: the events before are applied, as
    /// after a rebuild. Without an instant, at the beginning of the partition.
    Committed { since: Option<DateTime<Utc>> },
    /// At the beginning of the partition, because the committed offsets cannot be used.
    Beginning,
}

pub(super) struct Membership {
    start: Start,
    assigned: Mutex<BTreeSet<i32>>,
    /// Partitions whose messages were all received, as of the last statistics.
    at_end: Mutex<BTreeSet<i32>>,
    health: Component,
    requests: KafkaRequests,
}

impl Membership {
    pub(super) fn new(generation: Generation, start: Start, health: Component) -> Membership {
        let requests = KafkaRequests::of(generation.projection.name());
        Membership { start, assigned: Mutex::default(), at_end: Mutex::default(), health, requests }
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

    /// The partitions with the offsets at which they start.
    fn start_offsets(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &TopicPartitionList,
    ) -> KafkaResult<TopicPartitionList> {
        let mut offsets = match self.start {
            Start::Beginning => partitions.clone(),
            Start::Committed { .. } => consumer.committed_offsets(partitions.clone(), COMMITTED_TIMEOUT)?,
        };
        let since = self.offsets_since(consumer, partitions)?;
        let names: Vec<_> =
            offsets.elements().iter().map(|it| (it.topic().to_owned(), it.partition(), it.offset())).collect();
        for (topic, partition, committed) in names {
            let offset = match (self.start, committed) {
                (Start::Committed { .. }, Offset::Offset(offset)) => Offset::Offset(offset),
                (Start::Committed { since: Some(_) }, _) => found(&since, &topic, partition),
                _ => Offset::Beginning,
            };
            offsets.set_partition_offset(&topic, partition, offset)?;
        }
        Ok(offsets)
    }

    /// The offsets of the first messages since the instant of the start; empty without an instant.
    fn offsets_since(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &TopicPartitionList,
    ) -> KafkaResult<TopicPartitionList> {
        let Start::Committed { since: Some(since) } = self.start else { return Ok(TopicPartitionList::new()) };
        let at = Offset::Offset((since.timestamp_millis() - CLOCK_DIFFERENCE_MS).max(0));
        let mut times = TopicPartitionList::new();
        for element in partitions.elements() {
            times.add_partition_offset(element.topic(), element.partition(), at)?;
        }
        consumer.offsets_for_times(times, COMMITTED_TIMEOUT)
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) {
        // Without start offsets librdkafka reads the committed offsets itself, and reports an error where there are
        // none.
        let offsets = self.start_offsets(consumer, partitions).unwrap_or_else(|error| {
            tracing::warn!(error = %error, "cannot read the committed offsets");
            partitions.clone()
        });
        let assigned = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&offsets),
            RebalanceProtocol::None | RebalanceProtocol::Eager => consumer.assign(&offsets),
        };
        let numbers = numbers(partitions);
        tracing::info!(kafka.partitions = ?numbers, "partitions assigned");
        lock(&self.assigned).extend(numbers);
        report(assigned);
    }

    fn unassign(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) {
        let numbers = numbers(partitions);
        tracing::info!(kafka.partitions = ?numbers, "partitions revoked");
        lock(&self.assigned).retain(|partition| !numbers.contains(partition));
        report(match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
            RebalanceProtocol::None | RebalanceProtocol::Eager => consumer.unassign(),
        });
    }
}

/// The offset that was found for a partition. At the beginning if Kafka does not know one: messages are skipped by their
/// position.
fn found(offsets: &TopicPartitionList, topic: &str, partition: i32) -> Offset {
    match offsets.find_partition(topic, partition).map(|found| found.offset()) {
        Some(Offset::Offset(offset)) => Offset::Offset(offset),
        Some(Offset::End) => Offset::End,
        _ => Offset::Beginning,
    }
}

fn lock(partitions: &Mutex<BTreeSet<i32>>) -> MutexGuard<'_, BTreeSet<i32>> {
    partitions.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_at_end(partition: &Partition) -> bool {
    // No message was received since the partition was assigned: then the next offset to fetch counts.
    let received = if partition.app_offset < 0 { partition.next_offset } else { partition.app_offset };
    partition.hi_offset >= 0 && received >= partition.hi_offset
}

fn numbers(partitions: &TopicPartitionList) -> Vec<i32> {
    partitions.elements().iter().map(|it| it.partition()).collect()
}

fn report(outcome: KafkaResult<()>) {
    if let Err(error) = outcome {
        tracing::warn!(error = %error, "the consumer could not change its assignment");
    }
}

impl ConsumerContext for Membership {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, partitions),
            _ => self.unassign(consumer, partitions),
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

    /// Called every two seconds. Without messages this is the only sign that a broker is reachable again.
    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        *lock(&self.at_end) = partitions.filter(|it| is_at_end(it)).map(|it| it.partition).collect();
        let brokers = statistics.brokers.values();
        self.requests
            .record(brokers.flat_map(|it| it.req.iter().map(|(request, total)| (&*it.name, &**request, *total))));
        if statistics.brokers.values().any(|broker| broker.nodeid >= 0 && broker.state == "UP") {
            self.kafka_is_up();
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(error = %error, reason, "librdkafka reported an error");
    }
}
