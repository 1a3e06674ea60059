//! Mark a fulfilment as shipped.

use chrono::{DateTime, Utc};
use events::OrderId;
use events::order::progress::FulfilmentState;
use events::order::{FulfilmentShipped, OrderEvent, PartNo};
use events::stock::{StockEvent, StockShipped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::fulfilment::{find, not_allowed};
use crate::order::guards;
use crate::order::state::{Order, Parcel};
use crate::reader::Reader;
use crate::rejection::Obstacle;
use crate::stock::stock_units;
use crate::value::instant;
use crate::value::label::Reference;

/// The shipment of a fulfilment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipFulfilment {
    /// Name of the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Reference>,
    /// Tracking number of the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Reference>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn ship(order_id: OrderId, fulfilment: PartNo, body: &ShipFulfilment, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let packed = find(order, fulfilment)?;
    match packed.state {
        FulfilmentState::Created => {}
        FulfilmentState::Shipped | FulfilmentState::Delivered => return already_shipped(fulfilment, body, order),
        state @ FulfilmentState::Cancelled => return not_allowed(order, fulfilment, state),
    }
    guards::not_held(&order.progress)?;
    stock_units::present(reader, order, &packed.lines)?;
    let Parcel { carrier, tracking } = parcel(body);
    let shipped = FulfilmentShipped { fulfilment, carrier, tracking };
    let moved =
        stock_units::moved(order, &packed.lines, |quantity| StockEvent::Shipped(StockShipped { order_id, quantity }));
    let mut events = vec![NewEvent::new(&stream, OrderEvent::FulfilmentShipped(shipped))];
    events.extend(moved);
    Ok(events)
}

fn already_shipped(fulfilment: PartNo, body: &ShipFulfilment, order: &Order) -> Decision {
    match order.parcel(fulfilment) == Some(&parcel(body)) {
        true => Ok(vec![]),
        false => Err(guards::forbidden(&order.progress, Obstacle::OtherShipment(fulfilment))),
    }
}

fn parcel(body: &ShipFulfilment) -> Parcel {
    let text = |reference: &Option<Reference>| reference.as_ref().map(|reference| reference.as_str().to_owned());
    Parcel { carrier: text(&body.carrier), tracking: text(&body.tracking) }
}
