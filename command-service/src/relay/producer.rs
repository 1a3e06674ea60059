//! Kafka producer of the relay leader. It reports acknowledgements and failures to the events [`in_flight`](super::in_flight). Owner
//! module of rdkafka.
//!
//! The order within a partition is kept over retries because the producer is idempotent and retries a message without a time limit
//! (`message.timeout.ms=0`). After an error that cannot be retried, librdkafka stops (`enable.gapless.guarantee`) instead of sending the
//! events after the failed event. Such a producer is dropped and replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use events::{Category, LogId, Position, Recorded, cloudevents, topics};
use platform::health::Component;
use platform::metrics::kafka_requests::KafkaRequests;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer};
use rdkafka::statistics::Statistics;

use super::config::Kafka;
use super::in_flight::{DeliveryFailure, InFlight};
use super::kafka_client::{client_config, drop_in_background, log_line};
use super::watermark::TopicPartition;

/// How long librdkafka waits for the other events of a batch, which the leader passes on within a few milliseconds. The leader has
/// collected them before, by the rule of [`platform::batch_window`].
const LINGER_MS: &str = "3";

/// The queue of librdkafka. The limits on events in flight are smaller, so the queue is full only if one of the limits is wrong.
const QUEUE_EVENTS: &str = "32768";
const QUEUE_KBYTES: &str = "65536";

/// How often librdkafka reports how many requests it has sent.
const STATISTICS_INTERVAL_MS: &str = "2000";

/// Timeout of the request with which an idle producer checks whether Kafka is available again.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Expected number of headers of an event, including optional headers. More headers only cost a reallocation.
const HEADERS: usize = 20;

/// Producer of one relay leader. Dropping the producer discards unsent events without waiting.
pub struct Producer {
    log_id: LogId,
    client: Option<Arc<ThreadedProducer<Context>>>,
    topics: [String; Category::ALL.len()],
    probing: Arc<AtomicBool>,
}

/// The producer did not accept an event.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The queue of librdkafka is full: retry the same event after the next acknowledgement.
    #[error("the producer's queue is full")]
    Full,
    #[error("{0}")]
    Rejected(String),
}

/// The producer could not be created because of its configuration.
#[derive(Debug, thiserror::Error)]
#[error("creating the Kafka producer")]
pub struct SetupError(#[from] KafkaError);

impl Producer {
    /// A producer of the events of this log that reports to `in_flight`. It connects in the background.
    pub fn new(
        kafka: &Kafka,
        log_id: LogId,
        in_flight: Arc<InFlight>,
        health: Component,
    ) -> Result<Producer, SetupError> {
        let context = Context { in_flight, health, requests: KafkaRequests::of("relay") };
        let client = client_config(kafka)
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("acks", "all")
            .set("message.timeout.ms", "0")
            .set("linger.ms", LINGER_MS)
            .set("compression.type", "lz4")
            .set("statistics.interval.ms", STATISTICS_INTERVAL_MS)
            .set("queue.buffering.max.messages", QUEUE_EVENTS)
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES)
            .create_with_context(context)?;
        let topics = Category::ALL.map(|category| topics::topic(&kafka.topic_prefix, category));
        Ok(Producer { log_id, client: Some(Arc::new(client)), topics, probing: Arc::default() })
    }

    /// Sends an event in the background. The message timestamp is the current time, not the time of the event, because Kafka computes
    /// the retention from it: an imported event could be deleted before consumers have read it.
    pub fn send(&self, event: &Recorded, partition: TopicPartition, previous: Position) -> Result<(), SendError> {
        let Some(client) = &self.client else { return Err(SendError::Full) };
        let headers = cloudevents::headers(self.log_id, event, previous);
        let headers = headers.iter().fold(OwnedHeaders::new_with_capacity(HEADERS), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        let record = BaseRecord::with_opaque_to(&self.topics[partition.category as usize], event.position.0 as usize)
            .partition(partition.partition)
            .key(event.stream.as_str())
            .payload(&event.payload)
            .headers(headers);
        client.send(record).map_err(|(error, _)| match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => SendError::Full,
            other => SendError::Rejected(other.to_string()),
        })
    }

    /// Whether Kafka worked when it was last used.
    pub fn is_kafka_up(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.context().health.is_up())
    }

    /// Reports Kafka as down, because no event was acknowledged for this time.
    pub fn report_silence(&self, elapsed: Duration) {
        if let Some(client) = &self.client {
            client.context().health.down(format!("no acknowledgement for {} s", elapsed.as_secs()));
        }
    }

    /// Checks on a new thread whether Kafka responds, and reports the result to the health component. At most one check at a time.
    pub fn probe(&self) {
        let Some(client) = self.client.clone() else { return };
        if self.probing.swap(true, Ordering::Relaxed) {
            return;
        }
        let (probing, topic) = (Arc::clone(&self.probing), self.topics[0].clone());
        std::thread::spawn(move || {
            let metadata = client.client().fetch_metadata(Some(&topic), PROBE_TIMEOUT);
            match metadata {
                Ok(_) => client.context().health.up(),
                Err(error) => client.context().health.down(format!("Kafka does not respond: {error}")),
            }
            probing.store(false, Ordering::Relaxed);
        });
    }
}

impl Drop for Producer {
    /// Discards unsent events at once, so that no more events are sent.
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            client.purge(PurgeConfig::default().queue().inflight());
            drop_in_background(client);
        }
    }
}

struct Context {
    in_flight: Arc<InFlight>,
    health: Component,
    requests: KafkaRequests,
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, position: usize) {
        let position = Position(position as i64);
        match result {
            Ok(_) => {
                self.in_flight.acknowledged(position);
                self.health.up();
            }
            Err((error, message)) => {
                let reason = format!("{error} (topic {}, partition {})", message.topic(), message.partition());
                self.in_flight.failed(DeliveryFailure { position: Some(position), reason });
            }
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        let brokers = statistics.brokers.values();
        self.requests
            .record(brokers.flat_map(|it| it.req.iter().map(|(request, total)| (&*it.name, &**request, *total))));
    }

    /// Called twice for each error (rdkafka 0.39, `Client::poll_event` and `BaseProducer::poll`), which has no effect.
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Fatal) => {
                self.in_flight.failed(DeliveryFailure { position: None, reason: reason.to_owned() });
            }
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::Authentication) => self.health.down(reason),
            _ => tracing::debug!(reason, "the Kafka producer reported a transient error"),
        }
    }
}
