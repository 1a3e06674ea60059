//! The projector: projects the events of the log into the read models, and updates the cache of documents.
//!
//! The path of an event: [`feed`] receives it from Kafka or from the log, [`admission`] decides by its position whether it
//! is next, [`apply`] loads the state of its stream, [`fold`] folds it (the folds are those of `read_model`), [`frame`] writes
//! rows, parked streams and checkpoints in one statement, and [`cache`] writes the document to Redis. [`worker`] runs
//! these steps for one generation of a projection, [`projections`] declares the projections, [`generations`] creates
//! their tables, [`followed`] runs a worker per generation, [`serve`] is the process, [`retry`] retries parked streams,
//! [`skip`] skips their events ([`skipped_events`]), [`log_projector`] projects the log without a worker, [`rebuild`]
//! derives a new generation from the log, [`verify`] compares a generation with the log, [`promote`] makes a generation
//! live, [`scan`] reads the log for both, [`repair`] replaces generations that contain events which the log
//! has lost, and [`upgrade`] those of older versions ([`replacement`]). [`months`] archives old months of the tables. [`operate`] has the commands of operators, which [`command_line`]
//! and [`ops`], the HTTP API, run.
//!
//! Invariant: every read model equals the fold of the log up to its checkpoint, whatever messages are repeated or
//! missing, and whatever instances stop or run twice. The invariant follows from three things only: log positions, the
//! epoch of the claim, and one statement for rows and checkpoints.
//!
//! Owner modules: sqlx in `store`, `frame`, `projections`, `generations`, `followed`, `promote`, `status`, `parked_list`,
//! `rebuild`, `repair`, `replacement`, `scan`, `verify`, `months`, `retry`, `skip`, `operator_error` and `feed/log`; redis in `cache`; rdkafka
//! in `feed/kafka` and `feed/error`; parquet in `months/columns.rs` and `months/row_file.rs`.

pub mod admission;
pub mod apply;
pub mod cache;
pub mod changes;
pub mod claimed_partitions;
pub mod command_line;
pub mod config;
pub mod ended_incarnations;
pub mod feed;
pub mod fold;
pub mod followed;
pub mod frame;
pub mod generations;
pub mod log_projector;
pub mod measure;
pub mod months;
pub mod next_event;
pub mod operate;
pub mod operator_error;
pub mod ops;
pub mod parked_list;
pub mod projections;
pub mod promote;
pub mod rebuild;
pub mod repair;
mod replacement;
pub mod retry;
pub mod row_checksum;
pub mod scan;
pub mod serve;
pub mod skip;
pub mod skipped_events;
pub mod state_cache;
pub mod status;
pub mod step;
pub mod store;
pub mod upgrade;
pub mod verify;
pub mod worker;
