//! What the sentences about an order need to know from its earlier events: its currency and the SKUs of its lines.

use events::order::Line;
use events::{Currency, Incarnation, OrderId, Position, Sku, Version};
use serde::{Deserialize, Serialize};

/// What the sentences about an order need to know from its earlier events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineOrder {
    /// Id of the order.
    pub order_id: OrderId,
    /// Currency of all amounts of the order (ISO 4217).
    pub currency: Currency,
    /// Lines of the order, by number.
    pub lines: Vec<TimelineLine>,
    /// Version of the order's stream that this state contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the order.
    pub incarnation: Incarnation,
    /// Position of the last event of the order in the log.
    pub position: Position,
}

/// What the sentences about an order need to know of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineLine {
    /// SKU of the ordered product.
    pub sku: Sku,
    /// Ordered units, including cancelled units.
    pub ordered: u32,
    /// Cancelled units.
    #[serde(default)]
    pub cancelled: u32,
}

impl TimelineOrder {
    /// The line with this number.
    pub(super) fn line(&self, line: u32) -> Option<&TimelineLine> {
        self.lines.get((line as usize).checked_sub(1)?)
    }
}

impl TimelineLine {
    pub(super) fn of(line: &Line) -> TimelineLine {
        TimelineLine { sku: line.sku.clone(), ordered: line.quantity, cancelled: 0 }
    }
}
