//! The rdkafka door through which events leave. What becomes of them is told to the [`window`](super::window).
//!
//! What a reader cannot see: librdkafka keeps the order within a partition over retries because the producer is idempotent
//! and never gives up on a message by itself (`message.timeout.ms=0`); after a failure that it cannot retry it stops
//! (`enable.gapless.guarantee`) instead of sending the events behind the failed one. Such a producer is dropped, never mended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use events::{Category, LogId, Position, Recorded, cloudevents, topics};
use platform::health::Component;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer};

use super::Config;
use super::chain::Slot;
use super::window::{Failure, Window};

/// How long events wait for company: a request to Kafka costs far more than an event in it.
const LINGER_MS: &str = "5";

/// The library's own queue. The window is smaller, so it is full only if one of the two bounds is wrong.
const QUEUE_EVENTS: &str = "32768";
const QUEUE_KBYTES: &str = "65536";

/// Longest wait between two attempts to connect; the default of 10 s would be most of a recovery.
const RECONNECT_MAX_MS: &str = "1000";

/// An idle producer notices by asking that Kafka is back; so long it waits for the answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Headers of an event, with the optional ones; more would only cost a reallocation.
const HEADERS: usize = 20;

/// A producer of one leadership. Dropping it purges what it has not sent, without waiting.
pub struct Producer {
    log_id: LogId,
    client: Option<Arc<ThreadedProducer<Context>>>,
    topics: [String; Category::ALL.len()],
    probing: Arc<AtomicBool>,
}

/// Why an event did not leave.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The library's queue is full: wait for an acknowledgement, then try the same event again.
    #[error("the producer's queue is full")]
    Full,
    /// The library refuses it.
    #[error("{0}")]
    Refused(String),
}

/// The library cannot be set up, which is a matter of configuration.
#[derive(Debug, thiserror::Error)]
#[error("setting up the producer")]
pub struct SetupError(#[from] KafkaError);

impl Producer {
    /// A producer of the events of this log that reports to `window`. Connects in the background.
    pub fn new(config: &Config, log_id: LogId, window: Arc<Window>, kafka: Component) -> Result<Producer, SetupError> {
        let context = Context { window, kafka };
        let client = client_config(config)
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("acks", "all")
            .set("message.timeout.ms", "0")
            .set("linger.ms", LINGER_MS)
            .set("compression.type", "lz4")
            .set("queue.buffering.max.messages", QUEUE_EVENTS)
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES)
            .create_with_context(context)?;
        let topics = Category::ALL.map(|category| topics::topic(&config.topic_prefix, category));
        Ok(Producer { log_id, client: Some(Arc::new(client)), topics, probing: Arc::default() })
    }

    /// Hands an event over; the window hears what becomes of it. Its time for Kafka is now, not when it happened: Kafka
    /// counts retention from that, and an imported event would be gone before anybody has read it.
    pub fn send(&self, event: &Recorded, slot: Slot, previous: Position) -> Result<(), SendError> {
        let Some(client) = &self.client else { return Err(SendError::Full) };
        let headers = cloudevents::headers(self.log_id, event, previous);
        let headers = headers.iter().fold(OwnedHeaders::new_with_capacity(HEADERS), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        let record = BaseRecord::with_opaque_to(&self.topics[slot.category as usize], event.position.0 as usize)
            .partition(slot.partition)
            .key(event.stream.as_str())
            .payload(&event.payload)
            .headers(headers);
        client.send(record).map_err(|(error, _)| match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => SendError::Full,
            other => SendError::Refused(other.to_string()),
        })
    }

    /// Asks Kafka for a sign of life on a thread of its own, and tells health. One question at a time.
    pub fn probe(&self) {
        let Some(client) = self.client.clone() else { return };
        if self.probing.swap(true, Ordering::Relaxed) {
            return;
        }
        let (probing, topic) = (Arc::clone(&self.probing), self.topics[0].clone());
        std::thread::spawn(move || {
            let answer = client.client().fetch_metadata(Some(&topic), PROBE_TIMEOUT);
            match answer {
                Ok(_) => client.context().kafka.up(),
                Err(error) => client.context().kafka.down(format!("no answer from Kafka: {error}")),
            }
            probing.store(false, Ordering::Relaxed);
        });
    }
}

impl Drop for Producer {
    /// Purged at once, so that nothing is sent any more.
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            client.purge(PurgeConfig::default().queue().inflight());
            drop_elsewhere(client);
        }
    }
}

/// What every client of the relay has in common.
pub(super) fn client_config(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", format!("relay-{}", config.instance))
        .set("allow.auto.create.topics", "false")
        .set("reconnect.backoff.max.ms", RECONNECT_MAX_MS)
        // Of a broker that is frozen, or that a network lost without a word, the leader hears by its own silence.
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("socket.keepalive.enable", "true")
        .set_log_level(RDKafkaLogLevel::Warning);
    client
}

/// Drops a client on a thread of its own: that takes a second, or forever where brokers do not answer.
pub(super) fn drop_elsewhere(client: impl Send + 'static) {
    std::thread::spawn(move || drop(client));
}

struct Context {
    window: Arc<Window>,
    kafka: Component,
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, position: usize) {
        let position = Position(position as i64);
        match result {
            Ok(_) => {
                self.window.landed(position);
                self.kafka.up();
            }
            Err((error, message)) => {
                let reason = format!("{error} (topic {}, partition {})", message.topic(), message.partition());
                self.window.failed(Failure { position: Some(position), reason });
            }
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    /// Called twice for each error (rdkafka 0.39, `Client::poll_event` and `BaseProducer::poll`), which does no harm.
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Fatal) => {
                self.window.failed(Failure { position: None, reason: reason.to_owned() });
            }
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::Authentication) => self.kafka.down(reason),
            _ => tracing::debug!(reason, "Kafka's client reports a passing error"),
        }
    }
}

/// A line of librdkafka's own log: it repeats what health and the outcomes say, so it is for debugging.
pub(super) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(kafka.level = ?level, kafka.facility = facility, message);
}
