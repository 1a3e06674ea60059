//! Commands to put an order on hold, so that it is not packed or shipped, and to release it.

use chrono::{DateTime, Utc};
use events::Personal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::instant;
use crate::value::text::Reason;

/// A hold on an order: the order is not packed or shipped until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldOrder {
    /// Reason for the hold.
    pub reason: Personal<Reason>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The release of an order from its hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseOrder {
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
