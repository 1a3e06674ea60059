//! The platform of one test without its other processes: a test appends events to the log, records them as relayed and lets the
//! real projector apply them, step by step, so that it can stop between any two steps.
//!
//! [`platform`] contains the steps, [`log`] the tables of the log and the relay, [`samples`] the events; [`orders`] and
//! [`customers`] and [`catalogue`] are what tests do with orders, customers, products, stock and stock holds; [`sales`] writes
//! orders whose sums [`log_sums`] computes from the log.

mod catalogue;
mod customers;
mod log;
pub(crate) mod log_sums;
mod orders;
mod platform;
mod sales;
mod samples;

pub(crate) use platform::Platform;
pub(crate) use samples::{other_partition, sku};
