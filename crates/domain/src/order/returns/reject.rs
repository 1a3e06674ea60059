//! Reject a return.

use chrono::{DateTime, Utc};
use events::order::progress::ReturnState;
use events::order::{OrderEvent, PartNo, ReturnRejected};
use events::{OrderId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::returns::{find, not_allowed};
use crate::reader::Reader;
use crate::value::instant;
use crate::value::text::Reason;

/// The rejection of a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectReturn {
    /// Reason for the rejection.
    pub reason: Personal<Reason>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn reject(order_id: OrderId, return_no: PartNo, body: &RejectReturn, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let found = find(order, return_no)?;
    match found.state {
        ReturnState::Requested => {
            let reason = body.reason.expose().as_str().into();
            let rejected = ReturnRejected { return_no, reason };
            Ok(vec![NewEvent::new(&stream, OrderEvent::ReturnRejected(rejected))])
        }
        ReturnState::Rejected => Ok(vec![]),
        ReturnState::Received => not_allowed(order, found),
    }
}
