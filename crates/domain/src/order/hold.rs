//! Put an order on hold, so that it is not packed or shipped until it is released ([`super::release`]).

use chrono::{DateTime, Utc};
use events::order::{OrderEvent, OrderHeld};
use events::{OrderId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::guards;
use crate::reader::Reader;
use crate::value::instant;
use crate::value::text::Reason;

/// A hold on an order: the order is not packed or shipped until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldOrder {
    /// Reason for the hold.
    pub reason: Personal<Reason>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn hold(order_id: OrderId, body: &HoldOrder, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    if order.progress.held {
        return Ok(vec![]);
    }
    guards::open(&order.progress)?;
    let held = OrderHeld { reason: body.reason.expose().as_str().into() };
    Ok(vec![NewEvent::new(&stream, OrderEvent::Held(held))])
}

#[cfg(test)]
mod tests;
