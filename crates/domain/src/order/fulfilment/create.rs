//! Create a fulfilment: units of an order that are packed at one location.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::order::progress::{Lifecycle, LineProgress, Progress};
use events::order::{FulfilmentCreated, LineQuantity, OrderEvent};
use events::{Location, OrderId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::state::Order;
use crate::order::{backorders, guards, units};
use crate::reader::Reader;
use crate::rejection::{OrderPart, Purpose, Rejection};
use crate::value::instant;
use crate::value::lines::{Lines, Units};

/// A fulfilment to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFulfilment {
    /// Location of the units; the location at which the stock of the lines is reserved if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Units to pack; all units at the location that are in no fulfilment if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines<Units>>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn create(order_id: OrderId, body: &CreateFulfilment, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let progress = &order.progress;
    // The platform completes an order once everything is delivered. Packing the remaining units then has no effect, as
    // before the completion.
    if progress.lifecycle == Lifecycle::Completed && body.lines.is_none() {
        return Ok(vec![]);
    }
    guards::open(progress)?;
    guards::not_held(progress)?;
    let lines = chosen(body, order)?;
    let Some(location) = location_of(&lines, progress)? else { return Ok(vec![]) };
    let backorders = backorders::pack(order_id, order, &lines, reader)?;
    let fulfilment = guards::next_number(&progress.fulfilments, OrderPart::Fulfilment)?;
    let created = FulfilmentCreated { fulfilment, location, lines };
    let mut events = vec![NewEvent::new(&stream, OrderEvent::FulfilmentCreated(created))];
    events.extend(backorders.of_order());
    events.extend(backorders.of_stock_items());
    Ok(events)
}

/// The units to pack: those named, or all that are left, at the location if one is named.
fn chosen(body: &CreateFulfilment, order: &Order) -> Result<Vec<LineQuantity>, Rejection> {
    let progress = &order.progress;
    let elsewhere = |line: &LineProgress| body.location.as_ref().is_some_and(|location| line.location != *location);
    let Some(lines) = &body.lines else {
        if let Some(location) = &body.location
            && progress.lines.iter().all(elsewhere)
        {
            return Err(Rejection::WrongLocation { location: location.clone(), lines: vec![] });
        }
        return Ok(units::all(progress, |line| if elsewhere(line) { 0 } else { line.unfulfilled() }));
    };
    let lines = units::named(lines, progress, Purpose::Fulfilment)?;
    if let Some(location) = &body.location {
        let wrong = lines.iter().filter(|units| progress.line(units.line).is_some_and(elsewhere));
        let wrong: Vec<_> = wrong.map(|units| units.line).collect();
        if !wrong.is_empty() {
            return Err(Rejection::WrongLocation { location: location.clone(), lines: wrong });
        }
    }
    Ok(lines)
}

/// The location of all these units; `None` if there are no units. Rejects units at several locations.
fn location_of(lines: &[LineQuantity], progress: &Progress) -> Result<Option<Location>, Rejection> {
    let places: BTreeSet<&Location> =
        lines.iter().filter_map(|units| Some(&progress.line(units.line)?.location)).collect();
    match places.len() {
        0 | 1 => Ok(places.first().map(|location| (*location).clone())),
        _ => Err(Rejection::SeveralLocations(places.into_iter().cloned().collect())),
    }
}
