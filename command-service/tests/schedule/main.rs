//! Tests of the schedule with a real log and a real writer: every command is submitted when it is due, and takes effect once.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod backorders;
mod completion;
mod expiry;
mod failures;
mod following;
mod holds;
mod shop;
