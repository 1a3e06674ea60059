//! Commands over HTTP, against a real log: what headers and the query mean, many commands at once, versions, and that no
//! input of any shape is answered with a 5xx. `shop` is what all of them begin with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backorders;
mod batch;
mod customers;
mod erasure;
mod fate;
mod frozen;
mod goods;
mod money;
mod order_changes;
mod property;
mod semantics;
mod shop;
mod values;
mod versions;
