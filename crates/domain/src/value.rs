//! Values that commands are made of: each type proves its bounds once it is parsed.

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
