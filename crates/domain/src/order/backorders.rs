//! Backordered units of an order: reserved units to which no unit on hand is assigned.
//! [`stock::allocate`](crate::stock::allocate) assigns units that arrive.

use std::collections::BTreeMap;

use events::order::progress::LineProgress;
use events::order::{LineBackorders, LineNo, LineQuantity, OrderBackordersChanged, OrderEvent};
use events::stock::{StockBackordersChanged, StockEvent, StockReleased};
use events::{OrderId, StreamId};

use crate::decision::NewEvent;
use crate::order::state::Order;
use crate::reader::Reader;
use crate::rejection::{Rejection, ShortLine};
use crate::stock::stock_units;

/// Backordered units of the lines of an order, at most as many as their stock items have.
pub(crate) struct Backorders(BTreeMap<LineNo, u32>);

impl Backorders {
    /// The backordered units of the lines of these stock items.
    pub(crate) fn on<'a>(
        items: impl IntoIterator<Item = &'a StreamId>,
        order: &Order,
        reader: &Reader<'_>,
    ) -> Backorders {
        let items = items.into_iter();
        let mut left: BTreeMap<&StreamId, i64> = items.map(|it| (it, reader.level(it).backordered)).collect();
        let mut lines = BTreeMap::new();
        for line in order.progress.lines.iter().filter(|line| !line.untracked) {
            let Some(left) = left.get_mut(&stock_units::of_line(line)) else { continue };
            let backordered = i64::from(line.backordered).min(*left);
            *left -= backordered;
            // At most the counter of the line, so the number fits.
            lines.insert(line.line, backordered as u32);
        }
        Backorders(lines)
    }

    /// The backordered units on the stock items of these lines.
    pub(crate) fn of_lines(order: &Order, lines: &[LineQuantity], reader: &Reader<'_>) -> Backorders {
        let items = stock_units::of_order(order, lines);
        Backorders::on(items.iter().map(|item| &item.stream), order, reader)
    }

    /// Releases units of lines, by stock item. Backordered units are released first, then assigned units.
    pub(crate) fn release(
        &self,
        order_id: OrderId,
        order: &Order,
        lines: &[LineQuantity],
    ) -> Vec<(StreamId, StockReleased)> {
        let mut released_units: BTreeMap<StreamId, u32> = BTreeMap::new();
        for units in lines {
            let Some(line) = order.progress.line(units.line) else { continue };
            *released_units.entry(stock_units::of_line(line)).or_default() += self.of(units.line).min(units.quantity);
        }
        let released = stock_units::of_order(order, lines).into_iter().map(|item| {
            let backordered = Some(released_units.get(&item.stream).copied().unwrap_or(0));
            (item.stream, StockReleased { order_id, quantity: item.units, backordered })
        });
        released.collect()
    }

    /// Backordered units of a line.
    pub(crate) fn of(&self, line: LineNo) -> u32 {
        self.0.get(&line).copied().unwrap_or(0)
    }

    /// Units of a line that units on hand are assigned to, and that are not packed.
    fn assigned(&self, line: &LineProgress) -> u32 {
        line.unfulfilled().saturating_sub(self.of(line.line))
    }
}

/// The events of the stock items at which units of an order are released.
pub(crate) fn released(
    order_id: OrderId,
    order: &Order,
    lines: &[LineQuantity],
    reader: &Reader<'_>,
) -> impl Iterator<Item = NewEvent> + use<> {
    released_events(Backorders::of_lines(order, lines, reader).release(order_id, order, lines))
}

/// The events of the stock items at which units are released.
pub(crate) fn released_events(released: Vec<(StreamId, StockReleased)>) -> impl Iterator<Item = NewEvent> {
    released.into_iter().map(|(stream, event)| NewEvent::new(&stream, StockEvent::Released(event)))
}

/// Takes units for a fulfilment: units that are assigned to the lines of the fulfilment, then unassigned units on hand.
/// Units that are assigned to other orders, packed or not, are not available. While assigned units are missing, it is
/// not known to which order they belong, so that many fewer units are available to every order.
pub(crate) fn pack<'a>(
    order_id: OrderId,
    order: &'a Order,
    lines: &[LineQuantity],
    reader: &Reader<'_>,
) -> Result<Changes<'a>, Rejection> {
    let items = stock_units::of_order(order, lines);
    let free = items.iter().map(|item| (item.stream.clone(), reader.level(&item.stream).unassigned()));
    let mut free: BTreeMap<StreamId, i64> = free.collect();
    let backorders = Backorders::of_lines(order, lines, reader);
    let mut changes = Changes::new(order_id, order);
    let mut short = Vec::new();
    for units in lines {
        let Some(line) = order.progress.line(units.line).filter(|line| !line.untracked) else { continue };
        let Some(free) = free.get_mut(&stock_units::of_line(line)) else { continue };
        let (requested, assigned) = (i64::from(units.quantity), i64::from(backorders.assigned(line)));
        let available = (assigned + *free).max(0);
        if requested > available {
            let (sku, location) = (line.sku.clone(), line.location.clone());
            short.push(ShortLine { line: Some(units.line), sku, location, requested, available });
            continue;
        }
        let taken = (requested - assigned).max(0);
        *free -= taken;
        // `taken` is at most the number of backordered units: all other units of the line are assigned.
        changes.set(line, backorders.of(line.line) - taken as u32, -taken);
    }
    match short.is_empty() {
        true => Ok(changes),
        false => Err(Rejection::InsufficientStock(short)),
    }
}

/// Units that are taken out of their fulfilment stay assigned to their lines, unless assigned units are missing.
pub(crate) fn unpack<'a>(
    order_id: OrderId,
    order: &'a Order,
    lines: &[LineQuantity],
    reader: &Reader<'_>,
) -> Changes<'a> {
    let items = stock_units::of_order(order, lines);
    let missing = items.iter().map(|item| (item.stream.clone(), reader.level(&item.stream).shortage()));
    let mut missing: BTreeMap<StreamId, i64> = missing.collect();
    let backorders = Backorders::of_lines(order, lines, reader);
    let mut changes = Changes::new(order_id, order);
    for units in lines {
        let Some(line) = order.progress.line(units.line).filter(|line| !line.untracked) else { continue };
        let Some(missing) = missing.get_mut(&stock_units::of_line(line)) else { continue };
        let taken = i64::from(units.quantity).min(*missing);
        *missing -= taken;
        if taken > 0 {
            changes.set(line, backorders.of(line.line) + taken as u32, taken);
        }
    }
    changes
}

/// Takes assigned units back from an order, at most `missing` of them and none that is packed; units of the last line
/// are taken first.
pub(crate) fn take_back<'a>(
    order_id: OrderId,
    order: &'a Order,
    stream: &StreamId,
    missing: &mut i64,
    reader: &Reader<'_>,
) -> Changes<'a> {
    let backorders = Backorders::on([stream], order, reader);
    let mut changes = Changes::new(order_id, order);
    for line in on_item(order, stream).rev() {
        let taken = i64::from(backorders.assigned(line)).min(*missing);
        *missing -= taken;
        if taken > 0 {
            changes.set(line, backorders.of(line.line) + taken as u32, taken);
        }
    }
    changes
}

/// The lines of an order that are counted on this stock item.
pub(crate) fn on_item<'a>(
    order: &'a Order,
    stream: &StreamId,
) -> impl DoubleEndedIterator<Item = &'a LineProgress> + use<'a> {
    let stream = stream.clone();
    order.progress.lines.iter().filter(move |line| !line.untracked && stock_units::of_line(line) == stream)
}

/// Changes of the backordered units of an order and of its stock items.
pub(crate) struct Changes<'a> {
    order_id: OrderId,
    order: &'a Order,
    lines: BTreeMap<LineNo, u32>,
    deltas: BTreeMap<StreamId, i64>,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(order_id: OrderId, order: &'a Order) -> Changes<'a> {
        Changes { order_id, order, lines: BTreeMap::new(), deltas: BTreeMap::new() }
    }

    /// Sets the backordered units of a line and adds `delta` to those of its stock item; `delta` is 0 if only the line
    /// was out of date.
    pub(crate) fn set(&mut self, line: &LineProgress, backordered: u32, delta: i64) {
        if line.backordered == backordered && delta == 0 {
            return;
        }
        self.lines.insert(line.line, backordered);
        *self.deltas.entry(stock_units::of_line(line)).or_default() += delta;
    }

    /// The event of the order, if a line changes.
    pub(crate) fn of_order(&self) -> Option<NewEvent> {
        let lines =
            self.lines.iter().map(|(line, backordered)| LineBackorders { line: *line, backordered: *backordered });
        let changed = OrderBackordersChanged { lines: lines.collect() };
        let stream = StreamId::order(self.order_id);
        (!self.lines.is_empty()).then(|| NewEvent::new(&stream, OrderEvent::BackordersChanged(changed)))
    }

    /// The events of the stock items.
    pub(crate) fn of_stock_items(&self) -> impl Iterator<Item = NewEvent> {
        self.deltas.iter().map(|(stream, delta)| {
            let counters = on_item(self.order, stream);
            let backordered =
                counters.map(|line| self.lines.get(&line.line).copied().unwrap_or(line.backordered)).sum();
            let changed = StockBackordersChanged { order_id: self.order_id, delta: *delta, backordered };
            NewEvent::new(stream, StockEvent::BackordersChanged(changed))
        })
    }
}

#[cfg(test)]
mod tests;
