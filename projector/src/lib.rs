//! The projector: turns the events that Kafka brings into the read models, and keeps the cache behind them warm.
//!
//! The way of an event: [`feed`] receives it, [`admission`] decides whether it is next, [`batch`] folds it into its
//! document (the folds are `read_model`'s), [`model`] writes document, history and checkpoint in one statement,
//! [`cache`] hands the document on to Redis. [`worker`] drives this for one projection, [`serve`] runs one worker per
//! projection, [`retry`] takes parked streams up again.
//!
//! The promise: every read model equals the fold of the log up to its checkpoint, whatever repeats, is missing, dies or
//! runs twice. It rests on three things alone: positions, the claim's epoch, and one statement for rows and checkpoint.
//!
//! Doors: rdkafka in [`feed`], redis in [`cache`], sqlx in [`store`], [`model`] and [`retry`], the environment in
//! [`config`].

pub mod admission;
pub mod batch;
pub mod cache;
pub mod claims;
pub mod config;
pub mod documents;
pub mod feed;
pub mod model;
pub mod retry;
pub mod serve;
pub mod store;
pub mod worker;
