//! [`Sink`]: where the relay publishes the log, which is Kafka, or nothing if the platform runs without Kafka. [`Publisher`]: the sink of
//! one relay leader.
//!
//! Without Kafka, the relay has the same leader, checkpoint and positions of partitions, because the freshness of the read models is
//! computed from them, and projectors follow the log up to the checkpoint. Only nothing is sent.

use std::sync::Arc;
use std::time::Duration;

use events::{LogId, Position, Recorded};
use platform::health::{Component, Health};

use super::blocking::run_blocking;
use super::config::{Config, Kafka};
use super::error::Error;
use super::health::with_causes;
use super::in_flight::InFlight;
use super::log_check;
use super::producer::{Producer, SendError};
use super::topic_selection::Topics;
use super::topics;
use super::watermark::{TopicPartition, Watermark};
use crate::log::Log;

/// Where the relay publishes the log.
pub(super) enum Sink {
    /// The topics of a Kafka cluster, and the health of the cluster.
    Kafka(Kafka, Component),
    /// Nothing: the platform runs without Kafka.
    None,
}

impl Sink {
    /// The configured sink. Kafka becomes a health component, unless the platform runs without it.
    pub(super) fn new(config: &Config, health: &Health) -> Sink {
        match &config.kafka {
            Some(kafka) => Sink::Kafka(kafka.clone(), health.optional("kafka")),
            None => Sink::None,
        }
    }

    /// Creates missing topics and checks the number of their partitions.
    pub(super) async fn prepare(&self, partitions: i32) -> Result<(), Error> {
        let Sink::Kafka(kafka, health) = self else { return Ok(()) };
        let kafka = kafka.clone();
        run_blocking(move || topics::ensure(&kafka, partitions)).await??;
        health.up();
        Ok(())
    }

    /// Compares the log and the checkpoint with what was published. [`Error::LostEvents`] if the log has lost published events.
    pub(super) async fn check(&self, partitions: i32, log: &Log, watermark: &Watermark) -> Result<(), Error> {
        let Sink::Kafka(kafka, _) = self else { return Ok(()) };
        let published = log_check::check_against_kafka(kafka, partitions, log).await?;
        if let Some(first) = published.first_missing(watermark) {
            tracing::warn!(
                relay.position = watermark.position.0,
                "Kafka does not contain all events up to the relay checkpoint: a topic was lost, or the platform ran without \
                 Kafka. To publish them, run `command-service republish --from {first} --to {}`",
                watermark.position
            );
        }
        Ok(())
    }

    /// The publisher of a new leader. It reports to `in_flight` which events were published.
    pub(super) fn publisher(&self, log_id: LogId, in_flight: Arc<InFlight>) -> Result<Publisher, Error> {
        match self {
            Sink::Kafka(kafka, health) => {
                Ok(Publisher::Kafka(Producer::new(kafka, log_id, in_flight, health.clone())?))
            }
            Sink::None => Ok(Publisher::None(in_flight)),
        }
    }

    /// Reports Kafka as down if it caused the error.
    pub(super) fn report(&self, error: &Error) {
        if let Sink::Kafka(_, health) = self
            && error.is_kafka_down()
        {
            health.down(with_causes(error));
        }
    }

    /// Name of the sink in log lines.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Sink::Kafka(..) => "Kafka",
            Sink::None => "nothing, because the platform runs without Kafka",
        }
    }
}

/// The sink of one relay leader. Dropping it discards unsent events without waiting.
pub enum Publisher {
    /// Sends events to Kafka.
    Kafka(Producer),
    /// Sends the events of some topics to Kafka and skips the others.
    Partly(Producer, Topics, Arc<InFlight>),
    /// Sends nothing: every event is published at once.
    None(Arc<InFlight>),
}

impl Publisher {
    /// Publishes an event in the background; `previous` is the position of the previous event in its partition.
    pub fn send(&self, event: &Recorded, partition: TopicPartition, previous: Position) -> Result<(), SendError> {
        match self {
            Publisher::Kafka(producer) => producer.send(event, partition, previous),
            Publisher::Partly(producer, topics, _) if topics.contains(partition.category) => {
                producer.send(event, partition, previous)
            }
            Publisher::Partly(_, _, in_flight) | Publisher::None(in_flight) => {
                in_flight.acknowledged(event.position);
                Ok(())
            }
        }
    }

    /// Whether Kafka is down and should be asked whether it is available again.
    pub fn is_down(&self) -> bool {
        match self {
            Publisher::Kafka(producer) | Publisher::Partly(producer, ..) => !producer.is_kafka_up(),
            Publisher::None(_) => false,
        }
    }

    /// Checks in the background whether Kafka is available again.
    pub fn probe(&self) {
        if let Publisher::Kafka(producer) | Publisher::Partly(producer, ..) = self {
            producer.probe();
        }
    }

    /// No event was acknowledged for this time although events are in flight.
    pub fn report_silence(&self, elapsed: Duration) {
        if let Publisher::Kafka(producer) | Publisher::Partly(producer, ..) = self {
            producer.report_silence(elapsed);
        }
    }
}
