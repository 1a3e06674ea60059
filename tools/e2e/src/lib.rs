//! What needs more than one service: the promise of the platform, checked from outside.
//!
//! | to … | read |
//! |---|---|
//! | run the three services as processes, kill and restart them | [`fleet`] |
//! | talk to them as a client does, and keep what they acknowledged and showed | [`api`], [`ack`], [`seen`] |
//! | keep them under load while something breaks | [`load`], [`faults`] |
//! | check the invariants, in tests and in operation | [`audit`], one file each in [`checkers`] |
//! | measure them | [`bench`] |
//!
//! Everything is seen from outside, but for `bench/write/append.rs`, which has the writer as a library.
//!
//! Programs: `audit` for operators, `bench` for the figures.
//!
//! Doors: sqlx in `log.rs`, `models.rs`, `checkers/` and `bench/`; rdkafka in `topics.rs`; redis in `caches.rs` and
//! `bench/machine.rs`; HTTP through
//! reqwest in `api.rs`, and raw sockets in `bench/wire.rs`, where every microsecond of ours would be theirs.

pub mod ack;
pub mod api;
pub mod audit;
pub mod bench;
pub mod caches;
pub mod checkers;
pub mod faults;
pub mod fleet;
pub mod load;
pub mod log;
pub mod models;
pub mod seen;
pub mod topics;
