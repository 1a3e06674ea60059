//! The only writer: takes commands, decides them, appends their events to the log, and relays the log to Kafka.
//!
//! The way of a command: [`http`] parses it into a [`command`](domain::command), the [`writer`] decides it with the [`rules`](domain::rules) on the
//! [`world`](domain::world) and appends it through the [`log`], the [`relay`] carries the events to Kafka. The [`schedule`] gives the
//! commands whose time has come, [`jobs`] those of bulk imports.
//!
//! Doors: sqlx in `database.rs` and, over its connections, in `log`, `relay/checkpoint.rs`, `schedule/store` and
//! `jobs/store`; graphile_worker in `jobs/queue.rs`;
//! rdkafka in `relay/kafka_client.rs`, `relay/producer.rs`, `relay/topics.rs` and (reading only) `relay/published.rs`; environment in
//! `config.rs`.

pub mod config;
pub mod database;
pub mod http;
pub mod jobs;
pub mod log;
pub mod relay;
pub mod schedule;
pub mod serve;
pub mod writer;
