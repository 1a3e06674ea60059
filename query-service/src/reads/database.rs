//! PostgreSQL, read only. This module and the selects beside the documents (`orders`, `products`, `stock`, `erasures`) are the
//! owner modules of sqlx.
//!
//! [`routing`] sends a [`statement`] to one of the replicas, or to the primary where all replicas are down or too far behind.
//! [`source`] is one of the databases, [`watch`] observes all of them with a [`probe`] and publishes their state. [`freshness`] is
//! how much of the log the projection contained in the snapshot that returned the rows; [`progress`] wakes readers who wait
//! for a projection. [`limits`] keeps one workload from using all connections. [`failure`] classifies errors of sqlx. A [`snapshot`]
//! is the connection of a long read of one state.

pub mod config;
pub mod failure;
pub mod freshness;
pub mod limits;
mod probe;
mod progress;
pub mod routing;
pub mod row;
pub mod snapshot;
pub mod source;
pub mod statement;
pub mod watch;
