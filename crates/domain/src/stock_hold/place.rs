//! Place a stock hold: stock is held for all lines, or for none. Untracked stock items are held without a claim.

use chrono::{SubsecRound, TimeDelta};
use events::stock::{Level, StockEvent, StockHeld};
use events::stock_hold::{HoldLine as RecordedLine, HoldPlaced, StockHoldEvent};
use events::{Location, Quantity, Sku, StockHoldId, StreamId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Context, Decision, NewEvent};
use crate::product::state::Product;
use crate::reader::Reader;
use crate::rejection::{Rejection, Unfit, UnfitLine};
use crate::stock::stock_units;
use crate::stock::stock_units::StockUnits;
use crate::value::label::Reference;
use crate::value::lines::Lines;

/// Longest time for which stock is held: a day.
pub const MAX_TTL_SECONDS: u32 = 86_400;

/// Time for which stock is held by default: 15 minutes.
pub const DEFAULT_TTL_SECONDS: u32 = 900;

/// A stock hold to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldStock {
    /// Id of the stock hold: a UUID version 7 that carries the instant at which it was placed; generated if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<StockHoldId>,
    /// Units to hold.
    pub lines: Lines<HoldLine>,
    /// Time until the stock hold expires, in seconds; 900 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<Ttl>,
    /// Id of the cart or session in the system of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
}

/// A line of a stock hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldLine {
    /// SKU of the product.
    pub sku: Sku,
    /// Number of units to hold.
    pub quantity: Quantity,
    /// Location of the units; `main` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// Time until a stock hold expires: 1 to [`MAX_TTL_SECONDS`] seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
pub struct Ttl(#[schemars(range(min = 1, max = 86_400))] u32);

impl Ttl {
    /// In seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Ttl(DEFAULT_TTL_SECONDS)
    }
}

impl TryFrom<u32> for Ttl {
    type Error = InvalidTtl;

    fn try_from(seconds: u32) -> Result<Self, InvalidTtl> {
        if (1..=MAX_TTL_SECONDS).contains(&seconds) { Ok(Ttl(seconds)) } else { Err(InvalidTtl) }
    }
}

/// A number that is not a valid time until a stock hold expires. The message states the allowed range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of seconds from 1 to {MAX_TTL_SECONDS}")]
pub struct InvalidTtl;

pub(crate) fn place(body: &HoldStock, context: &Context, reader: &Reader<'_>) -> Decision {
    let hold_id = body.id.unwrap_or_else(|| context.new_id.hold());
    let stream = StreamId::stock_hold(hold_id);
    let taken = body.id.is_some() && reader.state(&stream).is_some();
    let products: Vec<_> = body.lines.iter().map(|line| reader.find_product(&line.sku)).collect();
    let items = items(body);
    let levels: Vec<_> = items.iter().map(|item| reader.level(&item.stream)).collect();

    if taken {
        return Err(Rejection::DuplicateStockHold(hold_id));
    }
    fit(body, &products)?;
    let counted = items.into_iter().zip(levels).filter_map(|(item, level)| Some((level.promisable()?, item, level)));
    let (kept, short): (Vec<_>, Vec<_>) = counted.partition(|(left, item, _)| i64::from(item.units) <= *left);
    if !short.is_empty() {
        let short = short.iter().filter_map(|(left, item, _)| item.short(*left)).collect();
        return Err(Rejection::InsufficientStock(short));
    }
    let ttl = body.ttl_seconds.unwrap_or_default().seconds();
    let placed = HoldPlaced {
        hold_id,
        lines: kept.iter().filter_map(|(_, item, level)| line(item, level)).collect(),
        expires_at: (context.now + TimeDelta::seconds(ttl.into())).trunc_subsecs(6),
        reference: body.reference.as_ref().map(|reference| reference.as_str().to_owned()),
    };
    let mut events = vec![NewEvent::new(&stream, StockHoldEvent::Placed(placed))];
    events.extend(kept.iter().map(|(_, item, level)| {
        let held = StockHeld { hold_id, quantity: item.units, backordered: Some(backordered(item, level)) };
        NewEvent::new(&item.stream, StockEvent::Held(held))
    }));
    Ok(events)
}

fn items(body: &HoldStock) -> Vec<StockUnits> {
    let lines = body.lines.iter();
    stock_units::sum(lines.map(|line| (&line.sku, stock_units::or_main(line.location.as_ref()), line.quantity.get())))
}

/// Rejects products that cannot be ordered.
fn fit(body: &HoldStock, products: &[Option<&Product>]) -> Result<(), Rejection> {
    let problem = |product: Option<&Product>| match product {
        None => Some(Unfit::UnknownProduct),
        Some(product) if !product.active => Some(Unfit::InactiveProduct),
        Some(_) => None,
    };
    let unfit: Vec<UnfitLine> = body
        .lines
        .iter()
        .zip(products)
        .zip(1..)
        .filter_map(|((line, product), number)| {
            Some(UnfitLine { line: number, sku: line.sku.clone(), problem: problem(*product)? })
        })
        .collect();
    match unfit.is_empty() {
        true => Ok(()),
        false => Err(Rejection::UnfitProducts(unfit)),
    }
}

fn line(item: &StockUnits, level: &Level) -> Option<RecordedLine> {
    let (sku, location) = item.place()?;
    Some(RecordedLine { sku, location, quantity: item.units, backordered: backordered(item, level) })
}

/// Units of a stock hold that are not on hand: the stock policy can allow backorders for stock holds too.
fn backordered(item: &StockUnits, level: &Level) -> u32 {
    let here = level.available().max(0);
    // At most the units of the stock hold, so the number fits.
    (i64::from(item.units) - here).max(0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lasts_a_second_to_a_day() {
        let ttl = |json: &str| serde_json::from_str::<Ttl>(json).map(Ttl::seconds);
        assert!(matches!((ttl("1"), ttl("86400")), (Ok(1), Ok(86_400))));
        for bad in ["0", "86401", "-1", "1.5", "\"1\""] {
            assert!(ttl(bad).is_err(), "{bad}");
        }
    }
}
