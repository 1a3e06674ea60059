//! An order in a list: what stands in the columns of its row, so that a list reads no documents.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::{ChannelCode, Currency, CustomerId, Incarnation, Minor, OrderCode, OrderId, Position, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OrderDocument;
use crate::status::Status;

/// An order in a list. Amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderSummary {
    /// Its key.
    pub id: OrderId,
    /// What people call it.
    pub code: OrderCode,
    /// Where it came from.
    pub channel: ChannelCode,
    /// Currency of every amount.
    pub currency: Currency,
    /// Who bought; a guest where missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The order's name elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// How it stands.
    pub status: Status,
    /// When it was placed: the instant of its id.
    pub placed_at: DateTime<Utc>,
    /// When the last event happened.
    pub updated_at: DateTime<Utc>,
    /// Lines and shipping as last ordered or amended.
    pub total: Minor,
    /// What the order comes to: units that are not cancelled, and shipping.
    pub due: Minor,
    /// What the buyer still has to pay.
    pub owed: Minor,
    /// Number of its last event.
    pub version: Version,
    /// Life of the log in which its last event was written.
    pub incarnation: Incarnation,
    /// Place of its last event in the log.
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
