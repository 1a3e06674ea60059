//! Work that outlives a request: bulk imports, taken over HTTP, kept in PostgreSQL, worked by any instance.
//!
//! The way of an import: [`upload`] streams the body into chunks of whole rows ([`split`]) and puts a job into the [`queue`];
//! a worker takes it and [`run`]s it batch by batch: rows become [`documents`] ([`csv`], [`repeats`]) and these commands
//! ([`kind`]), the writer decides them ([`decide`], [`submit`]), and what became of them is saved together with how far the job
//! has come ([`store`]).
//!
//! What a reader cannot see: effects come before progress. A batch that was decided and not saved is decided again by the
//! next worker under the same keys ([`key`]), so nothing takes effect twice; a worker that lost its job to another finds its
//! claim gone when it saves.

mod csv;
mod decide;
mod documents;
pub mod import;
mod key;
mod kind;
pub mod queue;
mod repeats;
pub mod report;
mod rows;
pub mod run;
mod split;
pub mod store;
mod submit;
pub mod upload;

use std::time::Duration;

pub(crate) use kind::columns;

/// How large imports may be, how many are worked at once, how long they are remembered.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a body, unpacked.
    pub bytes: u64,
    /// Rows of a body.
    pub rows: u32,
    /// Jobs that one instance works at a time.
    pub workers: usize,
    /// Age of a finished job at which it is forgotten with its report.
    pub retention: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 64 << 20, rows: 1_000_000, workers: 2, retention: Duration::from_hours(7 * 24) }
    }
}
