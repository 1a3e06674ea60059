//! [`StockEvent`]: every event of a stock item's stream. The payloads are in the modules beside this one.

use super::movement::{
    StockAdjusted, StockReceived, StockRestocked, StockShipped, StockTransferredIn, StockTransferredOut,
};
use super::policy::StockPolicyChanged;
use super::reservation::{StockBackordersChanged, StockHeld, StockHoldReleased, StockReleased, StockReserved};

/// An event of a stock item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockEvent {
    Received(StockReceived),
    Adjusted(StockAdjusted),
    /// Reserved for an order.
    Reserved(StockReserved),
    /// The reservation for an order was released.
    Released(StockReleased),
    Shipped(StockShipped),
    Restocked(StockRestocked),
    /// Reserved for a stock hold.
    Held(StockHeld),
    /// The reservation for a stock hold was released.
    HoldReleased(StockHoldReleased),
    TransferredIn(StockTransferredIn),
    TransferredOut(StockTransferredOut),
    PolicyChanged(StockPolicyChanged),
    BackordersChanged(StockBackordersChanged),
}
