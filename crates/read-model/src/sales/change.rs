//! A change of the sums of sales.

use chrono::{DateTime, Utc};
use events::{ChannelCode, Currency, CustomerId, Incarnation, Position, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measures::SalesMeasures;

/// A change that one event makes to the sums of one SKU of one order, or of the order as a whole. Changes are added up
/// by any of their fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SalesChange {
    /// Instant at which the event occurred.
    pub instant: DateTime<Utc>,
    /// Sales channel of the order.
    pub channel: ChannelCode,
    /// Currency of the amounts (ISO 4217).
    pub currency: Currency,
    /// SKU that the change belongs to; missing for amounts of the order as a whole, such as shipping, a refund that is
    /// not for a return, or the move of the order to another customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// Customer that the order is assigned to; missing for a guest order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Change of the sums.
    #[serde(flatten)]
    pub measures: SalesMeasures,
    /// Incarnation of the log that contains the event.
    pub incarnation: Incarnation,
    /// Position of the event in the log; the changes of one event have the same position.
    pub position: Position,
}
