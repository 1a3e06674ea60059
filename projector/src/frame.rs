//! The frame that all projections share. A projection ([`crate::projections`]) declares its fold, its tables and their
//! columns as a [`ReadModel`]; the frame builds one statement from the declaration. The statement writes documents,
//! history, parked streams and checkpoints together, or nothing.
//!
//! [`read_model`] is the trait, [`table`] declares tables and columns, [`statement`] builds the statement and runs it,
//! [`apply_error`] are the reasons why an event cannot be applied.

pub mod apply_error;
pub mod read_model;
pub mod statement;
pub mod table;

pub use apply_error::ApplyError;
pub use read_model::{Changes, LoadedDocument, ReadModel};
pub use table::{Column, Table, Values};
