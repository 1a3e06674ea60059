//! Validated values that commands consist of: a value of such a type is valid, because parsing is the only way to create it.

pub mod address;
pub mod amount;
pub mod attributes;
pub mod email;
pub(crate) mod instant;
pub mod label;
pub mod lines;
pub mod patch;
pub mod segment;
pub mod tags;
pub mod text;
