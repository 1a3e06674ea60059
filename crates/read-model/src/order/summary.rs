//! An order in a list: the columns of its row, so that a list reads no documents.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::{ChannelCode, Currency, CustomerId, Incarnation, Minor, OrderCode, OrderId, Position, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::OrderDocument;
use crate::status::Status;

/// An order in a list. Amounts are in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderSummary {
    /// Id of the order.
    pub id: OrderId,
    /// Code of the order for people, such as `SON000001`.
    pub code: OrderCode,
    /// Sales channel.
    pub channel: ChannelCode,
    /// Currency of all amounts (ISO 4217).
    pub currency: Currency,
    /// Customer of the order; missing for a guest order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Reference of the order in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// Tags for searching and grouping orders.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Statuses of the order.
    pub status: Status,
    /// Instant at which the order was placed; the same instant as in the order id.
    pub placed_at: DateTime<Utc>,
    /// Instant at which the last event of the order occurred.
    pub updated_at: DateTime<Utc>,
    /// Total of lines and shipping when the order was placed or last amended.
    pub total: Minor,
    /// Total of the units that are not cancelled, and of shipping.
    pub due: Minor,
    /// Amount that the buyer still has to pay.
    pub owed: Minor,
    /// Version of the order's stream that this summary contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the order.
    pub incarnation: Incarnation,
    /// Position of the last event of the order in the log.
    pub position: Position,
}

impl From<&OrderDocument> for OrderSummary {
    fn from(order: &OrderDocument) -> Self {
        OrderSummary {
            id: order.id,
            code: order.code.clone(),
            channel: order.channel.clone(),
            currency: order.currency,
            customer_id: order.customer_id,
            external_ref: order.external_ref.clone(),
            tags: order.tags.clone(),
            status: order.status,
            placed_at: order.placed_at,
            updated_at: order.updated_at,
            total: order.total,
            due: order.due,
            owed: order.owed,
            version: order.version,
            incarnation: order.incarnation,
            position: order.position,
        }
    }
}
