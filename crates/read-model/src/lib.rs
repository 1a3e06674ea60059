//! The read models that the projector writes and the query-service reads: documents, folds, tables and cache.
//!
//! Pure: no I/O, no clock, no randomness. [`order`], [`stock`], [`stock_hold`], [`product`] and [`customer`] have the
//! documents and their folds, [`status`] the statuses of an order, [`timeline`] a sentence about each event of an order,
//! [`amount`] amounts as texts, [`sales`] the sums of ordered, cancelled, returned and refunded amounts, [`reservation`]
//! the open reservations of a stock item, [`fulfilment`] and [`order_return`] the rows of fulfilments and returns,
//! [`order_statistics`] counts of orders and sums of fulfilments and returns, [`stock_movement`] sums of stock movements,
//! [`order_stream`] what all folds of an order share; [`search`] prepares texts for the search for parts of them;
//! [`projection`] lists the projections, [`tables`] the names of tables, [`cache`] the keys and values in Redis;
//! [`freshness`] computes how much of the log a projection contains; [`fold_error`] has the reasons why an event cannot
//! be folded.

pub mod amount;
pub mod cache;
pub mod customer;
pub mod fold_error;
pub mod freshness;
pub mod fulfilment;
pub mod order;
pub mod order_return;
pub mod order_statistics;
mod order_stream;
pub mod product;
pub mod projection;
pub mod reservation;
pub mod sales;
pub mod search;
pub mod status;
pub mod stock;
pub mod stock_hold;
pub mod stock_movement;
pub mod tables;
pub mod timeline;

pub use customer::CustomerDocument;
pub use fold_error::FoldError;
pub use fulfilment::{FulfilmentOrder, FulfilmentRow};
pub use order::{OrderDocument, OrderSummary};
pub use order_return::{ReturnOrder, ReturnRow, ReturnRowLine};
pub use order_statistics::{OrderStatistics, StatisticsChange};
pub use product::{PriceRow, ProductDocument};
pub use projection::{Generation, Projection};
pub use reservation::{ReservationChange, ReservationHolder};
pub use sales::{SalesChange, SalesMeasures, SalesOrder};
pub use status::Status;
pub use stock::{LedgerRow, StockDocument};
pub use stock_hold::{StockHoldDocument, StockHoldState};
pub use stock_movement::StockMovement;
pub use timeline::{TimelineEntry, TimelineOrder};
