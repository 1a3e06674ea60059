//! Requests of the load generator, built once and changed in place, because building each request anew would cost more than
//! sending it.
//!
//! [`orders`] builds one order per request, [`batches`] a thousand; [`acknowledged`] also keeps the acknowledgements. Every
//! order has an idempotency key ([`keys`]) and products ([`products`]) of its own.

pub mod acknowledged;
pub mod batches;
pub mod http;
pub mod keys;
pub mod orders;
pub mod products;
pub mod source;
