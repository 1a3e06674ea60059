//! The settings of the relay, which the service and its subcommands share.

use std::time::Duration;

use platform::config::{Field, Settings};

use crate::relay;

/// The settings of the relay, without the name of the instance.
#[derive(Debug)]
pub(super) struct RelaySettings {
    brokers: Option<String>,
    topic_prefix: String,
    partitions: i32,
    lease: Duration,
}

impl RelaySettings {
    pub(super) fn read(settings: &mut Settings) -> Field<RelaySettings> {
        let brokers = settings.maybe::<String>("KAFKA_BROKERS");
        let topic_prefix = settings.optional("TOPIC_PREFIX", String::new());
        let partitions = settings.bounded("TOPIC_PARTITIONS", 6, 1..=1_000);
        let lease = settings.optional("RELAY_LEASE", relay::DEFAULT_LEASE);
        settings.group(|complete| RelaySettings {
            brokers: brokers.get(complete),
            topic_prefix: topic_prefix.get(complete),
            partitions: partitions.get(complete),
            lease: lease.get(complete),
        })
    }

    /// The configuration of the relay of this instance.
    pub(super) fn of_instance(self, instance: String) -> relay::Config {
        let RelaySettings { brokers, topic_prefix, partitions, lease } = self;
        let client_id = format!("relay-{instance}");
        let kafka = brokers.map(|brokers| relay::Kafka { brokers, topic_prefix, client_id });
        relay::Config { kafka, partitions, instance, lease }
    }
}

/// What it means that no brokers are configured. [`Settings`] takes an empty setting for a missing one, but only an empty
/// `KAFKA_BROKERS` runs the platform without Kafka: a relay whose setting was forgotten must not skip the events that Kafka should get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoBrokers {
    /// `KAFKA_BROKERS` is not set: nothing is published.
    NotPublished,
    /// `KAFKA_BROKERS` is empty: the platform runs without Kafka.
    WithoutKafka,
}

impl NoBrokers {
    pub(super) fn from_env() -> NoBrokers {
        match std::env::var_os("KAFKA_BROKERS") {
            None => NoBrokers::NotPublished,
            Some(_) => NoBrokers::WithoutKafka,
        }
    }

    /// The relay to run, if any.
    pub(super) fn relay(self, configured: relay::Config) -> Option<relay::Config> {
        (configured.kafka.is_some() || self == NoBrokers::WithoutKafka).then_some(configured)
    }
}
