//! Answers queries: it reads, it never writes to PostgreSQL and never decides.
//!
//! The way of a query for one order: [`orders`] parses what is asked for, [`asked`] how new it must be; [`documents`]
//! looks into the process [`cache`], into Redis and into the [`database`], which is the replica or, where that is down or
//! too far behind, the primary; the [`answer`] is kept ready to be sent again, and before it is sent [`erasures`] say whether
//! its personal data may be shown. Lists go to the database, page by
//! [`page`]. [`consistency`] waits until an answer is not older than a token; [`freshness`] says how old answers are, and
//! [`incarnations`] which of what was kept a failover has made void.
//!
//! What each query takes and answers is said beside its handler, and what all have in common in [`documented`].
//!
//! Doors: sqlx in `config.rs`, `database`, `consistency.rs`, `erasures.rs` and, for the rows they select, `documents.rs`, `page.rs`,
//! `orders.rs`, `orders/list.rs`, `products.rs` and `stock.rs`; redis in `cache/redis.rs`; environment in `config.rs`.

pub mod answer;
pub mod asked;
pub mod cache;
pub mod config;
pub mod consistency;
pub mod cursor;
pub mod database;
pub mod documented;
pub mod documents;
pub mod erasures;
pub mod freshness;
pub mod incarnations;
pub mod orders;
pub mod page;
pub mod parameters;
pub mod problems;
pub mod products;
pub mod schemas;
pub mod serve;
pub mod stock;
