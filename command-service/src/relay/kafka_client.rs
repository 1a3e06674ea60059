//! Configuration and disposal of the Kafka clients of the relay. Owner module of rdkafka.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

use super::config::Kafka;

/// Longest wait between two attempts to connect. The default of 10 s would be most of the time of a recovery.
const RECONNECT_MAX_MS: &str = "1000";

/// Configuration that all Kafka clients of the relay have in common.
pub(super) fn client_config(kafka: &Kafka) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &kafka.brokers)
        .set("client.id", &kafka.client_id)
        .set("allow.auto.create.topics", "false")
        .set("reconnect.backoff.max.ms", RECONNECT_MAX_MS)
        // The leader detects a broker that does not respond by missing acknowledgements.
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("socket.keepalive.enable", "true")
        .set_log_level(RDKafkaLogLevel::Warning);
    client
}

/// Drops a Kafka client on a new thread, because that takes a second, or forever if brokers do not respond.
pub(super) fn drop_in_background(client: impl Send + 'static) {
    std::thread::spawn(move || drop(client));
}

/// Logs a line of librdkafka's own log. It is for debugging only: health and outcomes report the same failures.
pub(super) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(kafka.level = ?level, kafka.facility = facility, message);
}
