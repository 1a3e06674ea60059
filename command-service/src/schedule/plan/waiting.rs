//! Which orders wait for units of which stock item: what reservations, releases and changes of backorders say.
//!
//! Events of older versions do not say it; there, lines that an order was placed or amended with do. They may have been packed
//! since, so such an order may be named without need; it is forgotten when it ends.

use std::collections::{BTreeMap, BTreeSet};

use events::order::{Line, OrderEvent};
use events::stock::StockEvent;
use events::stream::Subject;
use events::{Event, OrderId, Position, Recorded, StreamId};

/// The first version of `OrderPlaced` beside which the stock items say what is backordered.
const PLACED: i16 = 3;

/// The same of `OrderAmended`.
const AMENDED: i16 = 2;

/// The net changes of a stretch of the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// By stock item and order.
    pub orders: BTreeMap<(StreamId, OrderId), Wait>,
    /// Orders that have ended, and wait for nothing.
    pub ended: BTreeSet<OrderId>,
}

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// How many units.
    pub units: Units,
    /// The first event that says so.
    pub position: Position,
}

/// How many units an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// So many more than before, or fewer.
    More(i64),
    /// So many.
    Total(i64),
}

impl Units {
    fn then(self, next: Units) -> Units {
        match (self, next) {
            (_, Units::Total(_)) => next,
            (Units::Total(a), Units::More(b)) => Units::Total(a + b),
            (Units::More(a), Units::More(b)) => Units::More(a + b),
        }
    }
}

impl Waiting {
    pub(super) fn add(&mut self, recorded: &Recorded, event: &Event) {
        match event {
            Event::Stock(event) => self.add_stock(recorded, event),
            Event::Order(event) => self.add_order(recorded, event),
            Event::Product(_) | Event::Customer(_) | Event::Email(_) | Event::Hold(_) => {}
        }
    }

    fn add_stock(&mut self, recorded: &Recorded, event: &StockEvent) {
        let (order_id, units) = match event {
            StockEvent::Reserved(e) => (e.order_id, Units::More(e.backordered.unwrap_or(0).into())),
            StockEvent::Released(e) => (e.order_id, Units::More(-i64::from(e.backordered.unwrap_or(0)))),
            StockEvent::BackordersChanged(e) => (e.order_id, Units::Total(e.backordered.into())),
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
        self.wait(recorded.stream.clone(), order_id, units, recorded.position);
    }

    fn add_order(&mut self, recorded: &Recorded, event: &OrderEvent) {
        let Subject::Order(order_id) = recorded.stream.subject() else { return };
        match event {
            OrderEvent::Placed(e) if recorded.schema_version < PLACED => self.lines(recorded, order_id, &e.lines),
            OrderEvent::Amended(e) if recorded.schema_version < AMENDED => self.lines(recorded, order_id, &e.added),
            OrderEvent::Cancelled(_) | OrderEvent::Expired(_) | OrderEvent::Completed(_) => {
                self.orders.retain(|(_, waiting), _| *waiting != order_id);
                self.ended.insert(order_id);
            }
            _ => {}
        }
    }

    fn lines(&mut self, recorded: &Recorded, order_id: OrderId, lines: &[Line]) {
        for line in lines.iter().filter(|line| line.backordered > 0) {
            let stream = StreamId::stock(&line.sku, &line.location);
            self.wait(stream, order_id, Units::More(line.backordered.into()), recorded.position);
        }
    }

    fn wait(&mut self, stream: StreamId, order_id: OrderId, units: Units, position: Position) {
        if units == Units::More(0) || self.ended.contains(&order_id) {
            return;
        }
        let first = Wait { units: Units::More(0), position };
        let wait = self.orders.entry((stream, order_id)).or_insert(first);
        wait.units = wait.units.then(units);
    }
}
