//! Commands over HTTP, against a real log: headers and query parameters, batches, versions, and random input, which never results in a
//! 5xx. `shop` is the fixture of all tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backorders;
mod batch;
mod customers;
mod erasure;
mod frozen;
mod goods;
mod money;
mod order_changes;
mod outcome;
mod property;
mod semantics;
mod shop;
mod values;
mod versions;
