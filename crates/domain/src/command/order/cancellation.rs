//! The command to give up pieces that have not left.

use chrono::{DateTime, Utc};
use events::Personal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::instant;
use crate::command::lines::{Lines, Pieces};
use crate::command::text::Reason;

/// Body of `POST /v1/orders/{id}/cancellation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Why.
    pub reason: Personal<Reason>,
    /// Which pieces; everything that is not shipped if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines<Pieces>>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
