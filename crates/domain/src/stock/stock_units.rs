//! Units per stock item. Lines of an order with the same SKU and location share a stock item, so their units move
//! together.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use events::order::LineQuantity;
use events::order::progress::LineProgress;
use events::stock::StockEvent;
use events::stream::Subject;
use events::{Location, Sku, StreamId};

use crate::decision::NewEvent;
use crate::order::line::OrderLine;
use crate::order::state::Order;
use crate::reader::Reader;
use crate::rejection::{Rejection, ShortLine};

/// The location of lines that name none.
static MAIN: LazyLock<Location> = LazyLock::new(Location::main);

/// The location of the stock of a line to order.
pub(crate) fn location(line: &OrderLine) -> &Location {
    or_main(line.location.as_ref())
}

/// The named location, or `main` if none is named.
pub(crate) fn or_main(named: Option<&Location>) -> &Location {
    named.unwrap_or(&MAIN)
}

/// Units of one stock item.
pub(crate) struct StockUnits {
    pub(crate) stream: StreamId,
    pub(crate) units: u32,
}

impl StockUnits {
    /// SKU and location of the stock item.
    pub(crate) fn place(&self) -> Option<(Sku, Location)> {
        match self.stream.subject() {
            Subject::Stock(sku, location) => Some((sku, location)),
            _ => None,
        }
    }

    /// The line of a rejection: more units are requested than are available.
    pub(crate) fn short(&self, available: i64) -> Option<ShortLine> {
        let (sku, location) = self.place()?;
        Some(ShortLine { line: None, sku, location, requested: self.units.into(), available: available.max(0) })
    }
}

/// The units of an order's lines, summed by stock item, in the order of the lines. An order has at most 500 lines of at
/// most a million units, so no sum overflows.
pub(crate) fn sum<'a>(lines: impl IntoIterator<Item = (&'a Sku, &'a Location, u32)>) -> Vec<StockUnits> {
    let mut items: Vec<StockUnits> = Vec::new();
    let mut places: BTreeMap<(&Sku, &Location), usize> = BTreeMap::new();
    for (sku, location, units) in lines {
        let place = *places.entry((sku, location)).or_insert(items.len());
        match items.get_mut(place) {
            Some(item) => item.units += units,
            None => items.push(StockUnits { stream: StreamId::stock(sku, location), units }),
        }
    }
    items
}

/// The stock items of units of an order; lines that do not move stock are left out.
pub(crate) fn of_order(order: &Order, lines: &[LineQuantity]) -> Vec<StockUnits> {
    let lines = lines.iter().filter_map(|units| Some((order.progress.line(units.line)?, units.quantity)));
    let lines = lines.filter(|(line, _)| !line.untracked);
    sum(lines.map(|(line, units)| (&line.sku, &line.location, units)))
}

/// The stock item of a line.
pub(crate) fn of_line(line: &LineProgress) -> StreamId {
    StreamId::stock(&line.sku, &line.location)
}

/// The events of the stock items of units of an order, one event for each stock item.
pub(crate) fn moved(order: &Order, lines: &[LineQuantity], event: impl Fn(u32) -> StockEvent) -> Vec<NewEvent> {
    let items = of_order(order, lines).into_iter();
    items.map(|item| NewEvent::new(&item.stream, event(item.units))).collect()
}

/// Rejects units that are not on hand. Packed units are assigned to their order, but a count may have shown that they
/// are missing.
pub(crate) fn present(reader: &Reader<'_>, order: &Order, lines: &[LineQuantity]) -> Result<(), Rejection> {
    let mut left: BTreeMap<StreamId, i64> = BTreeMap::new();
    for item in of_order(order, lines) {
        let level = reader.level(&item.stream);
        left.insert(item.stream, level.on_hand);
    }
    let mut short = Vec::new();
    for units in lines {
        let Some(line) = order.progress.line(units.line) else { continue };
        let Some(left) = left.get_mut(&of_line(line)) else { continue };
        let requested = i64::from(units.quantity);
        if requested <= *left {
            *left -= requested;
            continue;
        }
        let (sku, location, available) = (line.sku.clone(), line.location.clone(), (*left).max(0));
        short.push(ShortLine { line: Some(units.line), sku, location, requested, available });
    }
    match short.is_empty() {
        true => Ok(()),
        false => Err(Rejection::InsufficientStock(short)),
    }
}
