//! What the projector writes and the query-service reads: documents, how they are folded, and where they are kept.
//!
//! Pure: no I/O, no clock, no randomness. [`order`], [`stock`] and [`product`] are the documents and their folds;
//! [`projection`] says which of them is folded from which events, [`tables`] and [`cache`] where they are kept,
//! [`freshness`] how much of the log they contain.

pub mod cache;
pub mod fold_error;
pub mod freshness;
pub mod order;
pub mod product;
pub mod projection;
pub mod status;
pub mod stock;
pub mod tables;

pub use fold_error::FoldError;
pub use order::{OrderDocument, OrderSummary};
pub use product::{PriceRow, ProductDocument};
pub use projection::Projection;
pub use status::Status;
pub use stock::{LedgerRow, StockDocument};
