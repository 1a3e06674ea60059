//! Tests of the projector with real servers: PostgreSQL, Kafka and Redis of the test bed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archiving;
mod cache;
mod feeding;
mod fencing;
mod following_log;
mod gaps;
mod months;
mod new_projection;
mod operations;
mod operators_api;
mod outages;
mod parking;
mod partial_rebuilds;
mod platform;
mod read_models;
mod rebuild_faults;
mod rebuilding;
mod restored_logs;
mod retrying;
mod samples;
mod schema_change;
mod skipping;
mod sources;
mod upgrading;
mod without_kafka;
