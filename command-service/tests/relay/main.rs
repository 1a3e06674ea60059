//! Tests of the relay: it publishes every event of the log to Kafka at least once.

mod failures;
mod fixture;
mod leadership;
mod lost_events;
mod messages;
mod publishing;
mod republishing;
mod restored_logs;
mod without_kafka;
