//! Mark a fulfilment as delivered.

use chrono::{DateTime, Utc};
use events::OrderId;
use events::order::progress::FulfilmentState;
use events::order::{FulfilmentDelivered, OrderEvent, PartNo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::fulfilment::{find, not_allowed};
use crate::reader::Reader;
use crate::value::instant;

/// The delivery of a fulfilment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverFulfilment {
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn deliver(order_id: OrderId, fulfilment: PartNo, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    match find(order, fulfilment)?.state {
        FulfilmentState::Shipped => {
            let delivered = FulfilmentDelivered { fulfilment };
            Ok(vec![NewEvent::new(&stream, OrderEvent::FulfilmentDelivered(delivered))])
        }
        FulfilmentState::Delivered => Ok(vec![]),
        state @ (FulfilmentState::Created | FulfilmentState::Cancelled) => not_allowed(order, fulfilment, state),
    }
}
