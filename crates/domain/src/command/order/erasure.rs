//! The command that erases what an order says of people. It has no body.

use events::OrderId;
use serde::Serialize;

/// Erases the personal data of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasePersonalData {
    /// Which order.
    pub order_id: OrderId,
}
