//! Statuses of an order. [`super::progress`] computes them from quantities and amounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lifecycle of an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// The order is in progress.
    #[default]
    Open,
    /// Every unit is delivered or cancelled, and the buyer owes nothing.
    Completed,
    /// Every unit was cancelled.
    Cancelled,
    /// The order was not paid before the payment deadline.
    Expired,
}

/// Payment status of an order. `owed` is the amount that the buyer still has to pay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Nothing is paid.
    #[default]
    Unpaid,
    /// The whole amount owed is authorized.
    Authorized,
    /// A part is paid, and the rest is owed.
    PartiallyPaid,
    /// Nothing is owed.
    Paid,
    /// More is paid than is due.
    Overpaid,
    /// Nothing is owed, and a part was refunded for a return or as goodwill.
    PartiallyRefunded,
    /// Everything that was captured was refunded.
    Refunded,
    /// Nothing is due, and nothing was paid.
    NotRequired,
}

/// Fulfilment status of an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// No unit is in a fulfilment.
    #[default]
    Unfulfilled,
    /// No unit is in a fulfilment, and at least one unit is backordered.
    Backordered,
    /// At least one unit is in a fulfilment, and none is shipped.
    Processing,
    /// Some of the units that are not cancelled are shipped.
    PartiallyShipped,
    /// All units that are not cancelled are shipped.
    Shipped,
    /// All units that are not cancelled are delivered.
    Delivered,
    /// The order is on hold, and units that are not cancelled are not shipped yet.
    OnHold,
}

/// Return status of an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnStatus {
    /// The order has no returned units and no open return.
    #[default]
    None,
    /// At least one return is open.
    Requested,
    /// Some of the shipped units were returned.
    PartiallyReturned,
    /// All shipped units were returned.
    Returned,
}
