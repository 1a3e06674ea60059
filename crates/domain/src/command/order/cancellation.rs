//! The command to cancel units that are not shipped.

use chrono::{DateTime, Utc};
use events::Personal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::instant;
use crate::value::lines::{Lines, Units};
use crate::value::text::Reason;

/// A cancellation of order lines or of a whole order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Reason for the cancellation.
    pub reason: Personal<Reason>,
    /// Units to cancel; all units that are not shipped if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines<Units>>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
