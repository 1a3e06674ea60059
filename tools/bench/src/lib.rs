//! `bench main`, `bench write`, `bench rebuild`, `bench query` and `bench cost`: measures the platform, and the physical limit of the same work on the same machine in the
//! same run.
//!
//! | module | purpose |
//! |---|---|
//! | [`main_figures`] | the figures of `bench main`: the whole platform |
//! | [`write_figures`] | the figures of `bench write`: the write side |
//! | [`rebuild_figures`] | the figures of `bench rebuild`: rebuilds, verification and live projections |
//! | [`query_figures`] | the figures of `bench query`: reads, lists and searches |
//! | [`cost`] | the report of `bench cost`: what an order costs in every process |
//! | [`limits`], [`event_rows`] | the physical limits: a bare HTTP server, PostgreSQL's own insert, replication |
//! | [`generated_log`] | a log with millions of events, generated from a seed |
//! | `pgbench`, `wrk` | run the load generator of PostgreSQL, and one for HTTP |
//! | `operator` | runs the commands of operators |
//! | [`setup`] | running services with products and stock |
//! | [`load`], [`connection`], [`requests`] | the load generator |
//! | [`figures`], [`machine`], [`usage`], [`processor_time`], [`peak_memory`] | the results: a table and JSON, the machine they were measured on, and what the processes used |
//! | [`settings`] | which figures to measure, and how |
//!
//! The load generator, the services and the servers run on the same machine: a figure is what one machine achieves in total.
//!
//! Owner modules of this crate: sqlx in `limits.rs`, `event_rows.rs`, `machine.rs`, `processor_time.rs`, `cost/counters.rs`, `main_figures/import.rs`,
//! `write_figures/large_log.rs`, `generated_log.rs`, `rebuild_figures` and `query_figures/shop.rs`; redis in `machine.rs`; environment in `machine.rs`; sockets in `connection.rs`. `write_figures/append.rs` is the only
//! module outside of the command service's tests that uses the command service as a library, and `query_figures/lists.rs` takes the
//! statement that pgbench runs from the query service.

pub mod connection;
pub mod cost;
pub mod event_rows;
pub mod figures;
pub mod generated_log;
pub mod limits;
pub mod load;
pub mod machine;
pub mod main_figures;
mod operator;
pub mod peak_memory;
mod pgbench;
pub mod processor_time;
pub mod query_figures;
pub mod rebuild_figures;
pub mod requests;
pub mod settings;
pub mod setup;
pub mod usage;
pub mod write_figures;
mod wrk;
