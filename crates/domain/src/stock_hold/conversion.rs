//! The conversion of a stock hold into the reservations of an order: held units that the order does not need are
//! released.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::stock::{Level, StockEvent, StockHoldReleased};
use events::stock_hold::{HoldConsumed, HoldLine, StockHoldEvent};
use events::{OrderId, StockHoldId, StreamId};

use crate::decision::NewEvent;
use crate::reader::Reader;
use crate::rejection::{Gone, Rejection};
use crate::stock_hold::state::{StockHold, StockHoldStatus};

/// A stock hold that an order consumes.
pub(crate) struct HoldConversion<'w> {
    id: StockHoldId,
    hold: Option<&'w StockHold>,
    /// The held units, by stock item.
    kept: BTreeMap<StreamId, &'w HoldLine>,
}

impl<'w> HoldConversion<'w> {
    /// Reads the stock hold and the stock items of its units.
    pub(crate) fn read(id: StockHoldId, reader: &Reader<'w>) -> Self {
        let hold = reader.find_stock_hold(id);
        let lines = hold.into_iter().flat_map(|hold| &hold.lines);
        let kept: BTreeMap<_, _> = lines.map(|line| (item(line), line)).collect();
        for stream in kept.keys() {
            reader.find(stream);
        }
        HoldConversion { id, hold, kept }
    }

    /// Rejects an order whose stock hold does not hold units at `now`.
    pub(crate) fn check(&self, now: DateTime<Utc>) -> Result<(), Rejection> {
        let gone = match self.hold {
            None => Gone::Unknown,
            Some(hold) => match hold.standing {
                StockHoldStatus::Open if now < hold.expires_at => return Ok(()),
                StockHoldStatus::Open | StockHoldStatus::Expired => Gone::Expired,
                StockHoldStatus::Released => Gone::Released,
                StockHoldStatus::Consumed => Gone::Consumed,
            },
        };
        Err(Rejection::StockHoldGone { hold_id: self.id, gone })
    }

    /// The level of a stock item without the stock hold.
    pub(crate) fn lift(&self, stream: &StreamId, mut level: Level) -> Level {
        if let Some(line) = self.kept.get(stream) {
            level.evolve(&released(self.id, line));
        }
        level
    }

    /// The events that end the stock hold and release all its units, which the order then reserves.
    pub(crate) fn events(&self, order_id: OrderId) -> impl Iterator<Item = NewEvent> {
        let consumed =
            NewEvent::new(&StreamId::stock_hold(self.id), StockHoldEvent::Consumed(HoldConsumed { order_id }));
        let released = self.kept.iter().map(|(stream, line)| NewEvent::new(stream, released(self.id, line)));
        std::iter::once(consumed).chain(released)
    }
}

/// The event of a stock item that releases the units of a line of a stock hold.
pub(crate) fn released(hold_id: StockHoldId, line: &HoldLine) -> StockEvent {
    let (quantity, backordered) = (line.quantity, Some(line.backordered));
    StockEvent::HoldReleased(StockHoldReleased { hold_id, quantity, backordered })
}

/// The stock item of a line.
pub(crate) fn item(line: &HoldLine) -> StreamId {
    StreamId::stock(&line.sku, &line.location)
}
