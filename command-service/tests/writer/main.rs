//! The writer on both kinds of log: at most one effect per key, nothing sold twice, numbers without gaps, whatever fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod batch_limits;
mod clocks;
mod customers;
mod failover;
mod faults;
mod groups;
mod idempotency;
mod instances;
mod long_streams;
mod request_options;
mod support;
