//! Commands about pieces that come back.

use chrono::{DateTime, Utc};
use events::order::{Disposition, PartNo};
use events::{OrderId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::instant;
use crate::command::lines::{Lines, Pieces};
use crate::command::text::{Reason, Reference};

/// The customer wants to send pieces back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestReturn {
    /// Of which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: RequestReturnBody,
}

/// Body of `POST /v1/orders/{id}/returns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestReturnBody {
    /// Which pieces.
    pub lines: Lines<Pieces>,
    /// Why.
    pub reason: Personal<Reason>,
    /// The return's name elsewhere, such as a credit note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<Reference>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Pieces came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiveReturn {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the return in the order.
    pub return_no: PartNo,
    /// What the caller sent.
    pub body: ReceiveReturnBody,
}

/// Body of `POST /v1/orders/{id}/returns/{n}/receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiveReturnBody {
    /// What becomes of them.
    pub disposition: Disposition,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// A return is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectReturn {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the return in the order.
    pub return_no: PartNo,
    /// What the caller sent.
    pub body: RejectReturnBody,
}

/// Body of `POST /v1/orders/{id}/returns/{n}/rejection`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectReturnBody {
    /// Why.
    pub reason: Personal<Reason>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
