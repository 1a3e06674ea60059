//! Request a return of shipped units.

use chrono::{DateTime, Utc};
use events::order::progress::Lifecycle;
use events::order::{OrderEvent, ReturnRequested};
use events::{OrderId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::{guards, units};
use crate::reader::Reader;
use crate::rejection::{Obstacle, OrderPart, Purpose};
use crate::value::instant;
use crate::value::label::Reference;
use crate::value::lines::{Lines, Units};
use crate::value::text::Reason;

/// A return to request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestReturn {
    /// Units to return.
    pub lines: Lines<Units>,
    /// Reason for the return.
    pub reason: Personal<Reason>,
    /// Id of the return in another system, such as a credit note number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<Reference>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn request(order_id: OrderId, body: &RequestReturn, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let progress = &order.progress;
    match progress.lifecycle {
        Lifecycle::Open | Lifecycle::Completed => {}
        Lifecycle::Cancelled | Lifecycle::Expired => {
            return Err(guards::forbidden(progress, Obstacle::Lifecycle));
        }
    }
    let lines = units::named(&body.lines, progress, Purpose::Return)?;
    let return_no = guards::next_number(&progress.returns, OrderPart::Return)?;
    let requested = ReturnRequested {
        return_no,
        lines,
        reason: body.reason.expose().as_str().into(),
        external_ref: body.external_ref.as_ref().map(|name| name.as_str().to_owned()),
    };
    Ok(vec![NewEvent::new(&stream, OrderEvent::ReturnRequested(requested))])
}
