//! The command service: the only service that writes to the log.
//!
//! The path of a command: [`http`] parses a request into a [`command`](domain::command); the [`writer`] decides the command with the
//! [`rules`](domain::decide) on the [`world`](domain::world) and appends its events to the [`log`]; the [`relay`] publishes the events to
//! Kafka. The [`schedule`] submits the platform's own commands when they are due, and [`jobs`] submits the commands of bulk imports.
//! [`serve`] starts and stops these parts with the settings in [`config`]. [`restored_log`] goes on with a log that has lost events.
//!
//! Owner modules: sqlx in `config.rs` (connection settings), `database` (the pool and the error), `log`, `relay/checkpoint`,
//! `restored_log/store.rs`, `restored_log/writers.rs`, `schedule/store`, `jobs/store` and `jobs/queue.rs` (over the pool);
//! graphile_worker in `jobs/queue.rs`; rdkafka in `relay/kafka_client.rs`, `relay/producer.rs`, `relay/topics.rs` and, for reading only,
//! `relay/published.rs`; environment in `config/relay.rs`.

pub mod config;
pub mod database;
pub mod http;
pub mod jobs;
pub mod log;
pub mod relay;
pub mod restored_log;
pub mod schedule;
pub mod serve;
pub mod writer;
