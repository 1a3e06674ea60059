//! Bulk imports: accepted over HTTP, stored in PostgreSQL, executed in the background by any instance as jobs.
//!
//! The path of a bulk import: [`upload`] stores the body in chunks of whole rows ([`split`]) and adds a job to the [`queue`]. A worker claims
//! the job and executes it in batches ([`run`]): rows are grouped into [`documents`] ([`csv`], [`group`], [`repeats`]) and converted to commands
//! ([`kind`], [`row_commands`]), the writer decides the commands ([`decide`], [`submit`]), and the rejections are saved together with the
//! progress ([`store`], [`report`]).
//!
//! Hidden invariant: effects precede progress. A batch that was decided and not saved is decided again by the next worker with the same
//! idempotency keys ([`key`]), so no row takes effect twice. A worker that lost its job to another worker cannot save, because its claim was
//! replaced.

mod csv;
mod decide;
mod documents;
mod group;
pub mod import;
mod key;
pub(crate) mod kind;
pub mod limits;
pub mod queue;
mod repeats;
pub mod report;
mod row_commands;
mod rows;
pub mod run;
mod split;
pub mod store;
mod submit;
mod task;
pub mod upload;

pub use limits::Limits;
