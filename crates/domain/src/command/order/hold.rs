//! Commands that keep an order from being packed and shipped, and let it go again.

use chrono::{DateTime, Utc};
use events::Personal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::instant;
use crate::command::text::Reason;

/// Body of `POST /v1/orders/{id}/holds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldOrder {
    /// Why.
    pub reason: Personal<Reason>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Body of `POST /v1/orders/{id}/holds/release`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseOrder {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
