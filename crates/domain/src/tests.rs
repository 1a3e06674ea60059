//! Fixtures of the tests of all commands, and tests of all commands together.
//!
//! Tests are specifications: given events, when a command is decided, then events, no events, or a rejection. Commands
//! are written as the JSON that callers send. [`scenario`] is the form of a test, [`past`] has the events of a small
//! shop, [`commands`] generates random commands, and [`invariants`] decides them.

pub(crate) mod commands;
mod invariants;
pub(crate) mod past;
pub(crate) mod scenario;
