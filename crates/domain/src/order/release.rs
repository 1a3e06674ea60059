//! Release an order from its hold ([`super::hold`]).

use chrono::{DateTime, Utc};
use events::OrderId;
use events::order::{OrderEvent, OrderHoldReleased};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::guards;
use crate::reader::Reader;
use crate::value::instant;

/// The release of an order from its hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseOrder {
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn release(order_id: OrderId, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    if !order.progress.held {
        return Ok(vec![]);
    }
    guards::open(&order.progress)?;
    Ok(vec![NewEvent::new(&stream, OrderEvent::HoldReleased(OrderHoldReleased {}))])
}
