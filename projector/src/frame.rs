//! The frame that all projections share. A projection ([`crate::projections`]) declares its fold, its tables and their
//! columns as a [`ReadModel`]; the frame builds the schema of the tables and one statement from the declaration. The
//! statement writes rows, parked streams and checkpoints together, or nothing.
//!
//! [`read_model`] is the trait, [`log_states`] folds states from the log, [`table`] declares tables and columns, [`visitor`]
//! visits the tables with their rows, [`rows`] lists them, [`schema`] creates tables and their [`month`]s, [`instants`] checks
//! for which instants there are months, [`statement`] builds the statement and runs it, [`binary`] is the format of `COPY`,
//! [`row_bytes`] works on rows in it, [`apply_error`] are the reasons why an event cannot be applied.

pub mod apply_error;
pub mod binary;
pub mod instants;
pub mod log_states;
pub mod month;
pub mod read_model;
pub mod row_bytes;
pub mod rows;
pub mod schema;
pub mod statement;
pub mod table;
pub mod visitor;

pub use apply_error::ApplyError;
pub use read_model::{Caching, Changes, EventRows, Latency, LoadedState, ReadModel};
pub use statement::WriteStatement;
pub use table::{Column, Index, Table, Values};
pub use visitor::Visitor;
