//! Commands that keep an order from being packed and shipped, and let it go again.

use chrono::{DateTime, Utc};
use events::{OrderId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::instant;
use crate::command::text::Reason;

/// Nothing of the order is to be packed or shipped until further notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldOrder {
    /// Which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: HoldOrderBody,
}

/// Body of `POST /v1/orders/{id}/holds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldOrderBody {
    /// Why.
    pub reason: Personal<Reason>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Packing and shipping may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseOrder {
    /// Which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: ReleaseOrderBody,
}

/// Body of `POST /v1/orders/{id}/holds/release`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseOrderBody {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
