//! The query service: serves reads of orders, customers, products, stock and events. It never writes to PostgreSQL and
//! makes no decisions.
//!
//! The path of a request for one order: [`http`] (`orders.rs`) parses the key, the consistency token and `If-None-Match`;
//! [`reads`] (`orders.rs`, `documents.rs`) looks into the process cache, into Redis and into the database, which is the replica
//! or, where the replica is down or too far behind, the primary. The result is a representation with its `ETag`, ready to be
//! sent again; before it is sent, `erasures.rs` checks whether its personal data is erased. With a consistency token,
//! `consistency.rs` waits until the result contains the required position. Lists are read from the database, page by page; streams
//! of events share one reader of the log (`event_stream.rs`).
//!
//! Exports ([`exports`]) are written to files in the background. Their jobs, schedules and files are in an object store.
//!
//! [`http`] is layered above [`exports`], and [`exports`] above [`reads`]: only [`http`] knows requests, problem responses and
//! OpenAPI. [`serve`] assembles the process from [`config`].
//!
//! Owner modules: sqlx in `config.rs`, `reads/database`, `reads/error.rs`, `reads/consistency.rs`, `reads/documents.rs`,
//! `reads/page.rs`, `reads/erasures.rs`, `reads/dataset/row.rs`, `reads/orders.rs`, `reads/orders/list.rs`, `reads/orders/select.rs`,
//! `reads/orders/timeline.rs`, `reads/orders/as_of.rs`, `reads/history.rs`,
//! `reads/reports/as_of.rs`, `reads/reports/later.rs`, `reads/orders/together.rs`, `reads/orders/warm_up.rs`, `reads/products.rs`,
//! `reads/stock.rs`, `reads/stock_holds.rs`, `reads/customers.rs`, `reads/events`, `reads/reports/table.rs`,
//! `reads/stats/sections.rs`; redis in `reads/cache/redis.rs`; parquet in `exports/format/parquet.rs`; object_store
//! in `exports/store.rs`, `exports/layout.rs`, `exports/file.rs`.

pub mod config;
mod csv_records;
pub mod exports;
pub mod http;
pub mod reads;
pub mod serve;
