//! Commands that the platform gives itself when their time has come; no route leads to them. Both look at the order once
//! more: what is not so (any more) is no rejection, because nobody is there to be told.

use events::OrderId;
use serde::Serialize;

/// The order is to expire, if it is still unpaid and its time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpireOrder {
    /// Which order.
    pub order_id: OrderId,
}

/// The order is to be closed, if everything is delivered or cancelled and nothing is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompleteOrder {
    /// Which order.
    pub order_id: OrderId,
}
