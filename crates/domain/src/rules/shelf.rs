//! A shelf is the stock of one SKU at one location. Lines of an order that lie on the same shelf move together.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use events::order::LineQuantity;
use events::order::progress::LineProgress;
use events::stock::StockEvent;
use events::stream::Subject;
use events::{Location, Sku, StreamId};

use super::NewEvent;
use super::reader::Reader;
use crate::command::order::OrderLine;
use crate::rejection::{Rejection, ShortLine};
use crate::state::Order;

/// Where a line's stock lies when it does not say.
static MAIN: LazyLock<Location> = LazyLock::new(Location::main);

/// Where the stock of a line to order lies.
pub(super) fn location(line: &OrderLine) -> &Location {
    or_main(line.location.as_ref())
}

/// The location named, or the one that is meant when none is.
pub(super) fn or_main(named: Option<&Location>) -> &Location {
    named.unwrap_or(&MAIN)
}

/// Pieces of one shelf.
pub(super) struct Shelf {
    pub(super) stream: StreamId,
    pub(super) pieces: u32,
}

impl Shelf {
    /// What lies where.
    pub(super) fn place(&self) -> Option<(Sku, Location)> {
        match self.stream.subject() {
            Subject::Stock(sku, location) => Some((sku, location)),
            _ => None,
        }
    }

    /// More is asked of it than there is.
    pub(super) fn short(&self, available: i64) -> Option<ShortLine> {
        let (sku, location) = self.place()?;
        Some(ShortLine { line: None, sku, location, requested: self.pieces.into(), available: available.max(0) })
    }
}

/// The pieces of an order's lines, summed by shelf, in the order of the lines. An order has at most 500 lines of at
/// most a million pieces, so no sum overflows.
pub(super) fn sum<'a>(lines: impl IntoIterator<Item = (&'a Sku, &'a Location, u32)>) -> Vec<Shelf> {
    let mut shelves: Vec<Shelf> = Vec::new();
    let mut places: BTreeMap<(&Sku, &Location), usize> = BTreeMap::new();
    for (sku, location, pieces) in lines {
        let place = *places.entry((sku, location)).or_insert(shelves.len());
        match shelves.get_mut(place) {
            Some(shelf) => shelf.pieces += pieces,
            None => shelves.push(Shelf { stream: StreamId::stock(sku, location), pieces }),
        }
    }
    shelves
}

/// The shelves of pieces of an order; lines that move no stock have none.
pub(super) fn of_order(order: &Order, lines: &[LineQuantity]) -> Vec<Shelf> {
    let lines = lines.iter().filter_map(|piece| Some((order.progress.line(piece.line)?, piece.quantity)));
    let lines = lines.filter(|(line, _)| !line.untracked);
    sum(lines.map(|(line, pieces)| (&line.sku, &line.location, pieces)))
}

/// Where the stock of a line lies.
pub(super) fn of_line(line: &LineProgress) -> StreamId {
    StreamId::stock(&line.sku, &line.location)
}

/// Pieces of an order move on their shelves, one event each.
pub(super) fn moved(order: &Order, lines: &[LineQuantity], event: impl Fn(u32) -> StockEvent) -> Vec<NewEvent> {
    let shelves = of_order(order, lines).into_iter();
    shelves.map(|shelf| NewEvent::new(&shelf.stream, event(shelf.pieces))).collect()
}

/// All of these units are on hand. Packed units are assigned to their order, but a count may have shown that they are missing.
pub(super) fn present(reader: &Reader<'_>, order: &Order, lines: &[LineQuantity]) -> Result<(), Rejection> {
    let mut left: BTreeMap<StreamId, i64> = BTreeMap::new();
    for shelf in of_order(order, lines) {
        let level = reader.level(&shelf.stream);
        left.insert(shelf.stream, level.on_hand);
    }
    let mut short = Vec::new();
    for piece in lines {
        let Some(line) = order.progress.line(piece.line) else { continue };
        let Some(left) = left.get_mut(&of_line(line)) else { continue };
        let requested = i64::from(piece.quantity);
        if requested <= *left {
            *left -= requested;
            continue;
        }
        let (sku, location, available) = (line.sku.clone(), line.location.clone(), (*left).max(0));
        short.push(ShortLine { line: Some(piece.line), sku, location, requested, available });
    }
    match short.is_empty() {
        true => Ok(()),
        false => Err(Rejection::InsufficientStock(short)),
    }
}
