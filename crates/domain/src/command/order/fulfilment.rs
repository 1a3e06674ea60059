//! Commands about packing, shipping and delivering.

use chrono::{DateTime, Utc};
use events::order::PartNo;
use events::{Location, OrderId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::instant;
use crate::command::lines::{Lines, Pieces};
use crate::command::text::Reference;

/// Begins to pack pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreateFulfilment {
    /// Of which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: CreateFulfilmentBody,
}

/// Body of `POST /v1/orders/{id}/fulfilments`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFulfilmentBody {
    /// Where the pieces lie; where the lines' stock is reserved if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Which pieces; everything unfulfilled at the location if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines<Pieces>>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Packed pieces leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShipFulfilment {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
    /// What the caller sent.
    pub body: ShipFulfilmentBody,
}

/// Body of `POST /v1/orders/{id}/fulfilments/{n}/shipment`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipFulfilmentBody {
    /// Who carries them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Reference>,
    /// The carrier's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Reference>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Shipped pieces arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliverFulfilment {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
    /// What the caller sent.
    pub body: DeliverFulfilmentBody,
}

/// Body of `POST /v1/orders/{id}/fulfilments/{n}/delivery`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverFulfilmentBody {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Packing is given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CancelFulfilment {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
    /// What the caller sent.
    pub body: CancelFulfilmentBody,
}

/// Body of `POST /v1/orders/{id}/fulfilments/{n}/cancellation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelFulfilmentBody {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
