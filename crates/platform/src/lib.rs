//! The shell that every process shares. It knows nothing of orders.
//!
//! | to … | read |
//! |---|---|
//! | read the environment, all mistakes at once | [`config`] |
//! | write logs | [`logs`] |
//! | count and time things | [`metrics`], names in [`metric_names`] |
//! | say whether we are well | [`health`], served with the metrics by [`admin`] |
//! | answer HTTP within limits | [`server`]; who calls: [`caller`] |
//! | refuse in RFC 9457 words | [`problem`], what was sent as [`shown`] |
//! | read bodies, queries and paths | [`json`], [`body`], [`content_type`], [`params`] |
//! | say what routes take and answer, and what will go away | [`openapi`], [`deprecation`] |
//! | write CSV that a spreadsheet does not execute | [`spreadsheet`] |
//! | stop in order | [`shutdown`] |
//! | try again later | [`backoff`] |
//!
//! A process is put together like this: settings, [`logs::init`], [`metrics::install`], a [`health::Health`], the admin
//! server, its own router through [`server::serve`], and at the end the drain.
//!
//! Owner modules: hyper in `body` and `server/connection.rs`; environment in `config.rs`. This crate uses neither PostgreSQL nor
//! Redis nor Kafka.

pub mod admin;
pub mod backoff;
pub mod body;
pub mod caller;
pub mod config;
pub mod content_type;
pub mod deprecation;
pub mod health;
pub mod json;
pub mod logs;
pub mod metric_names;
pub mod metrics;
pub mod openapi;
pub mod params;
pub mod problem;
pub mod server;
pub mod shown;
pub mod shutdown;
pub mod spreadsheet;
