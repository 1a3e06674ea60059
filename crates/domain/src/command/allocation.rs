//! Commands that the platform gives itself when the units on hand of a stock item have changed; no route leads to them. They name
//! the orders that may be concerned, and decide on what these orders and the item say: an order that is not concerned (any
//! more) is no rejection, because nobody is there to be told.

/// Most orders that one of these commands names: what a writer decides in well under a millisecond.
pub const MAX_ORDERS: usize = 100;
