//! What time brings about, against a real log and a real writer: at its instant and not before, once, whatever happens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backorders;
mod completion;
mod expiry;
mod following;
mod holds;
mod shop;
mod trouble;
