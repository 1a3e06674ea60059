//! Receive units of stock. Orders move stock with [`super::stock_units`], stock holds with
//! [`stock_hold`](crate::stock_hold).

use chrono::{DateTime, Utc};
use events::Quantity;
use events::stock::{StockEvent, StockReceived};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;
use crate::stock::item::StockItem;
use crate::stock::limits::{existing, within_limit};
use crate::value::instant;
use crate::value::label::Reference;

/// A receipt of stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiveStock {
    /// Number of units received.
    pub quantity: Quantity,
    /// Number of the delivery note or purchase order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn receive(item: &StockItem, body: &ReceiveStock, reader: &Reader<'_>) -> Decision {
    let (stream, level) = existing(&item.sku, &item.location, reader)?;
    let quantity = body.quantity.get();
    within_limit(level.on_hand + i64::from(quantity))?;
    let reference = body.reference.as_ref().map(|reference| reference.as_str().to_owned());
    Ok(vec![NewEvent::new(&stream, StockEvent::Received(StockReceived { quantity, reference }))])
}
