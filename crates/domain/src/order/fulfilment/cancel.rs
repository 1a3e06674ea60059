//! Cancel a fulfilment that is not shipped.

use chrono::{DateTime, Utc};
use events::OrderId;
use events::order::PartNo;
use events::order::progress::FulfilmentState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::order::backorders;
use crate::order::fulfilment::{cancelled, find, not_allowed};
use crate::reader::Reader;
use crate::value::instant;

/// The cancellation of a fulfilment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelFulfilment {
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn cancel(order_id: OrderId, fulfilment: PartNo, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let packed = find(order, fulfilment)?;
    match packed.state {
        FulfilmentState::Created => {
            let backorders = backorders::unpack(order_id, order, &packed.lines, reader);
            let mut events = vec![cancelled(&stream, fulfilment)];
            events.extend(backorders.of_order());
            events.extend(backorders.of_stock_items());
            Ok(events)
        }
        FulfilmentState::Cancelled => Ok(vec![]),
        state @ (FulfilmentState::Shipped | FulfilmentState::Delivered) => not_allowed(order, fulfilment, state),
    }
}
