//! The infrastructure that all services share. Nothing in this crate is specific to orders.
//!
//! | task | module |
//! |---|---|
//! | read the configuration from the environment and report all errors at once | [`config`] |
//! | write logs | [`logs`] |
//! | record metrics | [`metrics`], names in [`metric_names`] |
//! | report health | [`health`], served together with the metrics by [`admin`] |
//! | serve HTTP within limits | [`server`]; request ids and peers: [`caller`] |
//! | respond with problem documents (RFC 9457) | [`problem`]; quoted input: [`shown`] |
//! | read bodies, query strings and paths | [`json`], [`body`], [`content_type`], [`params`] |
//! | document routes and deprecations | [`openapi`], [`deprecation`] |
//! | write CSV that a spreadsheet does not execute | [`spreadsheet`] |
//! | shut down in order | [`shutdown`] |
//! | retry with backoff | [`backoff`] |
//! | show the results and the progress of a command | [`output`], [`progress_line`] |
//! | collect items under load and forward them together | [`batch_window`] |
//!
//! A service starts in this order: settings, [`logs::init`], [`metrics::install`], a [`health::Health`], the admin server, and its own
//! router through [`server::serve`]; it ends with the drain of both servers.
//!
//! Owner modules: hyper in `body` and `server/connection.rs`; environment in `config.rs`. This crate uses neither PostgreSQL nor
//! Redis nor Kafka.

pub mod admin;
pub mod backoff;
pub mod batch_window;
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
pub mod output;
pub mod params;
pub mod problem;
pub mod progress_line;
pub mod server;
pub mod shown;
pub mod shutdown;
pub mod spreadsheet;
