//! End-to-end tests: runs the services as processes, uses them as clients do, and checks the invariants of the platform from
//! outside.
//!
//! | module | purpose |
//! |---|---|
//! | [`fleet`] | starts, kills and restarts the services as processes |
//! | [`api`], [`client_history`] | sends requests as a client, and records the responses |
//! | [`load`] | keeps the services under load while tests inject faults |
//! | [`audit`], [`checkers`] | checks the invariants, in tests and in operation |
//! | [`log`], [`read_models`], [`topics`], [`caches`] | read the log, the read models, Kafka and Redis for the checkers |
//!
//! Program: `audit`, for operators. The bench (`tools/bench`) uses this library too.
//!
//! Owner modules of this crate: sqlx in `log.rs`, `read_models.rs` and `checkers/`; rdkafka in `topics.rs`; redis in `caches.rs`;
//! reqwest in `api.rs` and `fleet/process.rs`; environment in `fleet/process.rs` and `fleet/service.rs`.

pub mod api;
pub mod audit;
pub mod caches;
pub mod checkers;
pub mod client_history;
pub mod fleet;
pub mod load;
pub mod log;
pub mod read_models;
pub mod topics;
