//! Validated values in commands. Parsing is the only way to create a value of these types, so every value is valid.

pub mod address;
pub mod amount;
pub mod attributes;
pub(crate) mod instant;
pub mod label;
pub mod lines;
pub mod patch;
pub mod segment;
pub mod tags;
pub mod text;
