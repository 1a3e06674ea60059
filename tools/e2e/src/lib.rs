//! End-to-end tests: runs the services as processes, uses them as clients do, and checks the invariants of the platform from
//! outside.
//!
//! | module | purpose |
//! |---|---|
//! | [`fleet`] | starts, kills and restarts the services as processes |
//! | [`api`], [`ack`], [`seen`] | sends requests as a client, and records what the services acknowledged and returned |
//! | [`load`], [`faults`] | keeps the services under load while faults are injected |
//! | [`audit`], [`checkers`] | checks the invariants, in tests and in operation |
//! | [`log`], [`models`], [`topics`], [`caches`] | read the log, the read models, Kafka and Redis for the checkers |
//!
//! Program: `audit`, for operators. The bench (`tools/bench`) uses this library too.
//!
//! Owner modules of this crate: sqlx in `log.rs`, `models.rs` and `checkers/`; rdkafka in `topics.rs`; redis in `caches.rs`;
//! reqwest in `api.rs` and `fleet/process.rs`; environment in `fleet/process.rs` and `fleet/service.rs`.

pub mod ack;
pub mod api;
pub mod audit;
pub mod caches;
pub mod checkers;
pub mod faults;
pub mod fleet;
pub mod load;
pub mod log;
pub mod models;
pub mod seen;
pub mod topics;
