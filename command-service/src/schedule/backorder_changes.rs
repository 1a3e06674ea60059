//! [`BackorderChanges`]: which orders have backordered units of which stock items, from the events of the stock items. Pure.
//!
//! Stock events of older versions do not record backordered units; for these, the lines of the order do. The units of such a line may
//! have been fulfilled in the meantime, so such an order may be listed without need; it is removed when the order ends.

use std::collections::{BTreeMap, BTreeSet};

use events::order::{Line, OrderEvent};
use events::stock::StockEvent;
use events::stream::Subject;
use events::{Event, OrderId, Position, Recorded, StreamId};

/// The first schema version of `OrderPlaced` whose stock events record backordered units.
const FIRST_PLACED_VERSION: i16 = 3;

/// The first schema version of `OrderAmended` whose stock events record backordered units.
const FIRST_AMENDED_VERSION: i16 = 2;

/// The net changes of backordered units by a range of events.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BackorderChanges {
    /// Changes by stock item and order.
    pub orders: BTreeMap<(StreamId, OrderId), BackorderChange>,
    /// Orders that have ended and have no backordered units any more.
    pub ended: BTreeSet<OrderId>,
}

/// Change of the backordered units of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackorderChange {
    pub units: UnitsChange,
    /// Position of the first event of the change.
    pub position: Position,
}

/// Change of a number of backordered units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitsChange {
    /// Adds units; removes units if negative.
    Add(i64),
    /// Sets the number of units.
    Set(i64),
}

impl UnitsChange {
    fn then(self, next: UnitsChange) -> UnitsChange {
        match (self, next) {
            (_, UnitsChange::Set(_)) => next,
            (UnitsChange::Set(a), UnitsChange::Add(b)) => UnitsChange::Set(a + b),
            (UnitsChange::Add(a), UnitsChange::Add(b)) => UnitsChange::Add(a + b),
        }
    }
}

impl BackorderChanges {
    pub(super) fn add(&mut self, recorded: &Recorded, event: &Event) {
        match event {
            Event::Stock(event) => self.add_stock(recorded, event),
            Event::Order(event) => self.add_order(recorded, event),
            Event::Product(_) | Event::Customer(_) | Event::Email(_) | Event::StockHold(_) => {}
        }
    }

    fn add_stock(&mut self, recorded: &Recorded, event: &StockEvent) {
        let (order_id, units) = match event {
            StockEvent::Reserved(e) => (e.order_id, UnitsChange::Add(e.backordered.unwrap_or(0).into())),
            StockEvent::Released(e) => (e.order_id, UnitsChange::Add(-i64::from(e.backordered.unwrap_or(0)))),
            StockEvent::BackordersChanged(e) => (e.order_id, UnitsChange::Set(e.backordered.into())),
            StockEvent::Received(_)
            | StockEvent::Adjusted(_)
            | StockEvent::Shipped(_)
            | StockEvent::Restocked(_)
            | StockEvent::Held(_)
            | StockEvent::HoldReleased(_)
            | StockEvent::TransferredIn(_)
            | StockEvent::TransferredOut(_)
            | StockEvent::PolicyChanged(_) => return,
        };
        self.change(recorded.stream.clone(), order_id, units, recorded.position);
    }

    fn add_order(&mut self, recorded: &Recorded, event: &OrderEvent) {
        let Subject::Order(order_id) = recorded.stream.subject() else { return };
        match event {
            OrderEvent::Placed(e) if recorded.schema_version < FIRST_PLACED_VERSION => {
                self.add_lines(recorded, order_id, &e.lines)
            }
            OrderEvent::Amended(e) if recorded.schema_version < FIRST_AMENDED_VERSION => {
                self.add_lines(recorded, order_id, &e.added)
            }
            OrderEvent::Cancelled(_) | OrderEvent::Expired(_) | OrderEvent::Completed(_) => {
                self.orders.retain(|(_, backordered), _| *backordered != order_id);
                self.ended.insert(order_id);
            }
            _ => {}
        }
    }

    fn add_lines(&mut self, recorded: &Recorded, order_id: OrderId, lines: &[Line]) {
        for line in lines.iter().filter(|line| line.backordered > 0) {
            let stream = StreamId::stock(&line.sku, &line.location);
            self.change(stream, order_id, UnitsChange::Add(line.backordered.into()), recorded.position);
        }
    }

    fn change(&mut self, stream: StreamId, order_id: OrderId, units: UnitsChange, position: Position) {
        if units == UnitsChange::Add(0) || self.ended.contains(&order_id) {
            return;
        }
        let first = BackorderChange { units: UnitsChange::Add(0), position };
        let change = self.orders.entry((stream, order_id)).or_insert(first);
        change.units = change.units.then(units);
    }
}
