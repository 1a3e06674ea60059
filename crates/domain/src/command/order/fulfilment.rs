//! Commands about packing, shipping and delivering.

use chrono::{DateTime, Utc};
use events::Location;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::instant;
use crate::command::lines::{Lines, Pieces};
use crate::command::text::Reference;

/// Body of `POST /v1/orders/{id}/fulfilments`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFulfilment {
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

/// Body of `POST /v1/orders/{id}/fulfilments/{n}/shipment`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipFulfilment {
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

/// Body of `POST /v1/orders/{id}/fulfilments/{n}/delivery`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverFulfilment {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Body of `POST /v1/orders/{id}/fulfilments/{n}/cancellation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelFulfilment {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
