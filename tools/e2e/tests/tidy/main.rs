//! Checks the rules of the code base that a program can check. Each module checks one rule:
//!
//! | module | rule |
//! |---|---|
//! | [`crates`] | a crate depends only on the crates that the repository layout allows |
//! | [`owners`] | a library is used only in the owner modules that the header of the crate's `lib.rs` lists |
//! | [`purity`] | rules, events and read models do no I/O, use no clock and no randomness |
//! | [`settings`] | every setting is documented in `.env.example` |
//! | [`cycles`] | no two files import each other |
//! | [`sizes`] | every file has a header, no function is too long; also prints the sizes |
//!
//! [`sources`] finds the files, [`syntax`] parses them.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod crates;
mod cycles;
mod owners;
mod purity;
mod settings;
mod sizes;
mod sources;
mod syntax;
