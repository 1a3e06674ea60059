//! The contract of a log, which both stores fulfil: PostgreSQL and memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod append;
mod commands;
mod locks;
mod order_numbers;
mod reading;
mod streams;
mod support;
