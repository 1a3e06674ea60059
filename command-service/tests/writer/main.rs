//! The writer on real logs: at most one effect per key, nothing sold twice, numbers without gaps, whatever happens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod clocks;
mod customers;
mod failover;
mod faults;
mod groups;
mod keys;
mod large;
mod long;
mod several;
mod support;
mod wants;
