//! Reserves the stock of order lines: units in stock, backordered units, or none, as the stock policy and the caller
//! allow.

use std::collections::BTreeMap;

use events::order::LineNo;
use events::stock::{Level, StockAdjusted, StockEvent, StockPolicy, StockReserved};
use events::{Location, OrderId, Sku, StreamId};

use crate::decision::NewEvent;
use crate::order::shortage::{OnShortage, StockHandling};
use crate::rejection::{Rejection, ShortLine};
use crate::stock::limits::MAX_ON_HAND;

/// Reason of the stock adjustment for units that an imported order needs.
const FORCED: &str = "import";

/// The units that a line requests.
pub(crate) struct Wish<'a> {
    /// Number of the line in rejections.
    pub(crate) line: LineNo,
    pub(crate) sku: &'a Sku,
    pub(crate) location: &'a Location,
    pub(crate) units: u32,
    pub(crate) counting: Counting,
}

/// Whether a line moves stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// The stock policy of the stock item decides.
    ByPolicy,
    /// The line moves stock, as decided when the line was ordered.
    Counted,
    /// The line does not move stock.
    Uncounted,
}

/// The terms of a reservation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) on_shortage: Option<OnShortage>,
    pub(crate) handling: StockHandling,
}

/// The units that are reserved for a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) units: u32,
    /// Number of these units that are not on hand.
    pub(crate) backordered: u32,
    pub(crate) untracked: bool,
}

/// The reserved units of all lines, in the order of the lines, and the units that are taken from their stock items.
pub(crate) struct Reservation {
    pub(crate) lines: Vec<Given>,
    /// Lines that got fewer units than the terms require.
    short: Vec<ShortLine>,
    /// Lines that got no unit, as the terms allow.
    missed: Vec<ShortLine>,
    items: Vec<ItemReservation>,
}

struct ItemReservation {
    stream: StreamId,
    level: Level,
    taken: i64,
    /// Number of the taken units that are not on hand.
    backordered: i64,
    forced: i64,
}

/// How many units a stock item provides.
enum Rule {
    /// The requested units, if all are on hand; otherwise a rejection.
    Here,
    /// The requested units that are on hand.
    Partly,
    /// The requested units, if all can be promised; otherwise a rejection.
    Promised,
    /// The requested units; missing units are added to the stock.
    All,
}

/// Reserves the units of lines, in the order of the lines; `level` returns the level of a stock item.
pub(crate) fn reserve<'a>(
    wishes: impl IntoIterator<Item = Wish<'a>>,
    terms: Terms,
    mut level: impl FnMut(&StreamId) -> Level,
) -> Reservation {
    let mut reservation = Reservation { lines: Vec::new(), short: Vec::new(), missed: Vec::new(), items: Vec::new() };
    let mut places: BTreeMap<(&Sku, &Location), usize> = BTreeMap::new();
    for wish in wishes {
        if wish.counting == Counting::Uncounted || terms.handling == StockHandling::Skip {
            reservation.lines.push(Given { units: wish.units, backordered: 0, untracked: true });
            continue;
        }
        let place = *places.entry((wish.sku, wish.location)).or_insert_with(|| {
            let stream = StreamId::stock(wish.sku, wish.location);
            let level = level(&stream);
            reservation.items.push(ItemReservation { stream, level, taken: 0, backordered: 0, forced: 0 });
            reservation.items.len() - 1
        });
        match reservation.items[place].give(&wish, terms) {
            Ok(given) => {
                reservation.lines.push(given);
                if given.units == 0 {
                    reservation.missed.push(short(&wish, 0));
                }
            }
            Err(available) => {
                // The units for which the rejected order is priced; none of them is taken.
                reservation.lines.push(Given { units: wish.units, ..Given::default() });
                reservation.short.push(short(&wish, available));
            }
        }
    }
    reservation
}

impl Reservation {
    /// Rejects a reservation in which no line got a unit.
    pub(crate) fn something(&self) -> Result<(), Rejection> {
        match !self.lines.is_empty() && self.lines.iter().all(|given| given.units == 0) {
            true => Err(Rejection::InsufficientStock(self.missed.clone())),
            false => Ok(()),
        }
    }

    /// Rejects a reservation in which a line got fewer units than the terms require.
    pub(crate) fn complete(&self) -> Result<(), Rejection> {
        if !self.short.is_empty() {
            return Err(Rejection::InsufficientStock(self.short.clone()));
        }
        let full = self.items.iter().map(|item| item.level.on_hand + item.forced).find(|it| *it > MAX_ON_HAND);
        match full {
            Some(on_hand) => Err(Rejection::StockLimit { on_hand, limit: MAX_ON_HAND }),
            None => Ok(()),
        }
    }

    /// The events of the stock items.
    pub(crate) fn events(self, order_id: OrderId) -> impl Iterator<Item = NewEvent> {
        self.items.into_iter().filter(|item| item.taken > 0).flat_map(move |item| {
            let adjusted = StockAdjusted { delta: item.forced, reason: FORCED.to_owned() };
            let adjusted = (item.forced > 0).then(|| NewEvent::new(&item.stream, StockEvent::Adjusted(adjusted)));
            // An order has at most 500 lines of at most a million units.
            let (quantity, backordered) = (item.taken as u32, Some(item.backordered as u32));
            let reserved = StockReserved { order_id, quantity, backordered };
            adjusted.into_iter().chain([NewEvent::new(&item.stream, StockEvent::Reserved(reserved))])
        })
    }
}

impl ItemReservation {
    /// Takes units for a line, or returns the number of available units as an error.
    fn give(&mut self, wish: &Wish, terms: Terms) -> Result<Given, i64> {
        let asked = i64::from(wish.units);
        let here = (self.level.available() + self.forced - self.taken).max(0);
        let Some(promisable) = self.level.promisable() else {
            return Ok(match wish.counting {
                Counting::ByPolicy | Counting::Uncounted => {
                    Given { units: wish.units, backordered: 0, untracked: true }
                }
                Counting::Counted => self.take(asked, here),
            });
        };
        let promised = (promisable + self.forced - self.taken).max(0);
        match rule(terms, self.level.policy) {
            Rule::Here if asked > here => Err(here),
            Rule::Promised if asked > promised => Err(promised),
            Rule::Partly => Ok(self.take(asked.min(here), here)),
            Rule::All => {
                let missing = (asked - here).max(0);
                self.forced += missing;
                Ok(self.take(asked, here + missing))
            }
            Rule::Here | Rule::Promised => Ok(self.take(asked, here)),
        }
    }

    /// Takes units, those that are `here` first.
    fn take(&mut self, units: i64, here: i64) -> Given {
        let backordered = (units - here).max(0);
        self.taken += units;
        self.backordered += backordered;
        // At most the requested units, so the number fits.
        Given { units: units as u32, backordered: backordered as u32, untracked: false }
    }
}

/// If the caller does not set `on_shortage`, the stock policy decides: a policy that allows backorders uses them.
fn rule(terms: Terms, policy: StockPolicy) -> Rule {
    if terms.handling == StockHandling::Force {
        return Rule::All;
    }
    match (terms.on_shortage, policy) {
        (Some(OnShortage::Partial), _) => Rule::Partly,
        (Some(OnShortage::Reject), _) | (_, StockPolicy::Deny) => Rule::Here,
        (Some(OnShortage::Backorder) | None, StockPolicy::Backorder { .. } | StockPolicy::Untracked) => Rule::Promised,
    }
}

fn short(wish: &Wish, available: i64) -> ShortLine {
    let (sku, location) = (wish.sku.clone(), wish.location.clone());
    ShortLine { line: Some(wish.line), sku, location, requested: i64::from(wish.units), available }
}

#[cfg(test)]
mod tests;
