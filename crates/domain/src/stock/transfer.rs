//! Transfer units from one location to another.

use chrono::{DateTime, Utc};
use events::stock::{StockEvent, StockTransferredIn, StockTransferredOut};
use events::{Location, Quantity, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;
use crate::rejection::{Rejection, ShortLine};
use crate::stock::limits::{existing, within_limit};
use crate::value::label::Reference;
use crate::value::{instant, segment};

/// A transfer of stock to another location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferStock {
    /// SKU of the units to transfer.
    pub sku: Sku,
    /// Location that the units leave.
    pub from: Location,
    /// Location that the units go to; not `.` or `..`.
    #[serde(deserialize_with = "segment::new_location")]
    #[schemars(transform = segment::without_dots)]
    pub to: Location,
    /// Number of units to transfer.
    pub quantity: Quantity,
    /// Id of the transfer in the system of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn transfer(body: &TransferStock, reader: &Reader<'_>) -> Decision {
    let (sku, from, to) = (&body.sku, &body.from, &body.to);
    if from == to {
        return Err(Rejection::SameLocation(from.clone()));
    }
    let (origin, target) = (existing(sku, from, reader), existing(sku, to, reader));
    let ((origin, there), (target, here)) = (origin?, target?);
    let quantity = body.quantity.get();
    at_most(there.available().max(0), i64::from(quantity), sku, from)?;
    within_limit(here.on_hand + i64::from(quantity))?;
    let reference = body.reference.as_ref().map(|reference| reference.as_str().to_owned());
    let out = StockTransferredOut { to: to.clone(), quantity, reference: reference.clone() };
    let into = StockTransferredIn { from: from.clone(), quantity, reference };
    Ok(vec![
        NewEvent::new(&origin, StockEvent::TransferredOut(out)),
        NewEvent::new(&target, StockEvent::TransferredIn(into)),
    ])
}

fn at_most(available: i64, requested: i64, sku: &Sku, location: &Location) -> Result<(), Rejection> {
    if requested <= available {
        return Ok(());
    }
    let (sku, location) = (sku.clone(), location.clone());
    Err(Rejection::InsufficientStock(vec![ShortLine { line: None, sku, location, requested, available }]))
}
