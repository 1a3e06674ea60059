//! Commands that the platform gives itself when the units on hand of a stock item have changed; no route leads to them. They name
//! the orders that may be concerned, and decide on what these orders and the item say: an order that is not concerned (any
//! more) is no rejection, because nobody is there to be told.

use events::{Location, OrderId, Sku};
use serde::Serialize;

/// Most orders that one of these commands names: what a writer decides in well under a millisecond.
pub const MAX_ORDERS: usize = 100;

/// Units on hand that are assigned to nobody go to orders that wait for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AllocateStock {
    /// SKU of the stock item.
    pub sku: Sku,
    /// Location of the stock item.
    pub location: Location,
    /// The orders that may be waiting, the first to be served first; at most [`MAX_ORDERS`].
    pub orders: Vec<OrderId>,
}

/// Assigned units are missing: orders give back what is assigned to them and not packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeallocateStock {
    /// SKU of the stock item.
    pub sku: Sku,
    /// Location of the stock item.
    pub location: Location,
    /// The orders that may have assigned units, the first to give back first; at most [`MAX_ORDERS`].
    pub orders: Vec<OrderId>,
}
