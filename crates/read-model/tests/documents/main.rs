//! Folds of the read models. The fold of a history is the same in one part and in any two parts with the stored JSON in
//! between, and an event that does not continue a document is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod customers;
mod erasure;
mod fulfilments;
mod histories;
mod order_statistics;
mod orders;
mod products;
mod reservations;
mod returns;
mod sales;
mod sales_model;
mod samples;
mod search;
mod stock;
mod stock_holds;
mod timeline;
