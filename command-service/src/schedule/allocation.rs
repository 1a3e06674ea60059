//! Asks for units on hand to be assigned where orders wait, and to be taken back where a count has shown that some are missing.
//!
//! Which orders may be concerned is looked up here, a page at a time: those that wait stand in a table ([`Store::list_waiting`]),
//! those whose units can be taken back in the stock item's own events, read backwards. The
//! [rules](domain::rules) decide on what orders and item really say, so an order too many does no harm, and neither does asking
//! twice: these commands have no key, because another time they may find another state.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use events::stock::{Level, StockEvent};
use events::stream::Subject;
use events::{Event, HoldId, Location, OrderId, Position, Recorded, Sku, Version};

use super::issue::{ROOM_PATIENCE, request};
use super::store::{Entry, Store};
use super::{Error, measures};
use crate::log::Log;
use crate::log::backwards::VersionRange;
use crate::writer::answer::Answer;
use crate::writer::key::Key;
use crate::writer::{Mailbox, Reply, Together, Want};
use domain::command::allocation::MAX_ORDERS;
use domain::command::{AllocateStock, Command, DeallocateStock};
use domain::state::State;

/// Versions of a stock item that are read at once: some milliseconds.
const VERSIONS: i32 = 1_000;

/// Events that reserve units, and those that end a reservation.
const RESERVATIONS: [&str; 5] = ["StockReserved", "StockReleased", "StockShipped", "StockHeld", "StockHoldReleased"];

/// What the commands need.
pub(super) struct Reassignment<'a> {
    pub(super) store: &'a Store,
    pub(super) log: &'a Log,
    pub(super) mailbox: &'a Mailbox,
    pub(super) now: DateTime<Utc>,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// Everything was asked for that the item may need now.
    Settled,
    /// The writer had no reply.
    Unanswered,
}

/// A stock item after a command.
struct Item {
    level: Level,
    version: Version,
}

impl Reassignment<'_> {
    /// Assigns what is free to the orders that wait, the oldest first, and takes back what is missing.
    pub(super) async fn settle(&self, entry: &Entry) -> Result<Done, Error> {
        let Subject::Stock(sku, location) = entry.stream.subject() else { return Ok(Done::Settled) };
        let mut after = Position::ZERO;
        loop {
            let waiting = self.store.list_waiting(&entry.stream, after, MAX_ORDERS).await?;
            let last = waiting.last().map(|waiting| waiting.position);
            let orders: Vec<OrderId> = waiting.iter().map(|waiting| waiting.order_id).collect();
            let is_last_page = orders.len() < MAX_ORDERS;
            let command = AllocateStock { sku: sku.clone(), location: location.clone(), orders };
            let Some(item) = self.ask(entry, Command::AllocateStock(command)).await else {
                return Ok(Done::Unanswered);
            };
            if item.level.shortage() > 0 {
                return self.take_back(entry, &sku, &location, item).await;
            }
            match last {
                Some(last) if !is_last_page && item.level.assignable() > 0 => after = last,
                _ => return Ok(Done::Settled),
            }
        }
    }

    /// Takes units back from the latest reservations on. Where none is left to look at, the rest is packed or held, and the
    /// item goes on to show that it is missing.
    async fn take_back(&self, entry: &Entry, sku: &Sku, location: &Location, item: Item) -> Result<Done, Error> {
        let mut missing = item.level.shortage();
        let mut reserved = item.level.reserved;
        let mut ends = Ends::default();
        let mut before = item.version.next();
        while missing > 0 && reserved > 0 && before > Version(1) {
            let back = VersionRange { before, versions: VERSIONS, types: &RESERVATIONS };
            let events = self.log.read_backwards(&entry.stream, back).await?;
            let page = ends.page(&events);
            reserved -= page.reserved;
            for orders in page.orders.chunks(MAX_ORDERS) {
                let (sku, location, orders) = (sku.clone(), location.clone(), orders.to_vec());
                let command = Command::DeallocateStock(DeallocateStock { sku, location, orders });
                let Some(item) = self.ask(entry, command).await else { return Ok(Done::Unanswered) };
                missing = item.level.shortage();
                if missing == 0 {
                    return Ok(Done::Settled);
                }
            }
            before = Version((before.0 - VERSIONS).max(1));
        }
        Ok(Done::Settled)
    }

    /// Asks the writer; tells how the item stands after the command.
    async fn ask(&self, entry: &Entry, command: Command) -> Option<Item> {
        let mut request = request(Key::anonymous(&command), entry, command, self.now);
        request.want = Want::Representation;
        let replies = self.mailbox.submit_many_within(vec![request], Together::Each, ROOM_PATIENCE).await;
        let (outcome, item) = match replies.map(|mut replies| replies.pop()) {
            Ok(Some(Reply::Done { answer: Answer { version, .. }, state, .. })) => {
                let level = match state.as_deref() {
                    Some(State::Stock(level)) => *level,
                    _ => Level::default(),
                };
                ("done", Some(Item { level, version }))
            }
            Ok(_) => ("unknown", None),
            Err(_) => ("shed", None),
        };
        measures::issued(entry.kind, outcome);
        item
    }
}

/// Reservations whose end was read before their beginning, because events are read backwards.
#[derive(Debug, Default)]
struct Ends {
    orders: HashMap<OrderId, i64>,
    holds: HashMap<HoldId, i64>,
}

/// What a page of events says of reservations that have not ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    /// The orders that have some, the latest first.
    orders: Vec<OrderId>,
    /// All units that are reserved by them, and by holds.
    reserved: i64,
}

impl Ends {
    fn page(&mut self, events: &[Recorded]) -> Page {
        let mut page = Page::default();
        for recorded in events {
            // What cannot be read is in a stream that the writer cannot decide about either.
            let Ok(Event::Stock(event)) = recorded.decode() else { continue };
            match event {
                StockEvent::Released(e) => *self.orders.entry(e.order_id).or_default() += i64::from(e.quantity),
                StockEvent::Shipped(e) => *self.orders.entry(e.order_id).or_default() += i64::from(e.quantity),
                StockEvent::HoldReleased(e) => *self.holds.entry(e.hold_id).or_default() += i64::from(e.quantity),
                StockEvent::Reserved(e) => {
                    let open = begin(&mut self.orders, e.order_id, e.quantity);
                    page.reserved += open;
                    if open > 0 && !page.orders.contains(&e.order_id) {
                        page.orders.push(e.order_id);
                    }
                }
                StockEvent::Held(e) => page.reserved += begin(&mut self.holds, e.hold_id, e.quantity),
                StockEvent::Received(_)
                | StockEvent::Adjusted(_)
                | StockEvent::Restocked(_)
                | StockEvent::TransferredIn(_)
                | StockEvent::TransferredOut(_)
                | StockEvent::PolicyChanged(_)
                | StockEvent::BackordersChanged(_) => {}
            }
        }
        page
    }
}

/// Units of a reservation that no later event has ended.
fn begin<K: std::hash::Hash + Eq>(ends: &mut HashMap<K, i64>, key: K, quantity: u32) -> i64 {
    let Some(ended) = ends.get_mut(&key) else { return quantity.into() };
    let taken = i64::from(quantity).min(*ended);
    *ended -= taken;
    if *ended == 0 {
        ends.remove(&key);
    }
    i64::from(quantity) - taken
}

#[cfg(test)]
mod tests {
    use events::stock::{StockReleased, StockReserved, StockShipped};
    use events::{Incarnation, Metadata, StreamId, codec};

    use super::*;

    fn order(number: u8) -> OrderId {
        OrderId::new(DateTime::UNIX_EPOCH, [number; 10])
    }

    fn reserved(number: u8, quantity: u32) -> StockEvent {
        StockEvent::Reserved(StockReserved { order_id: order(number), quantity, backordered: Some(0) })
    }

    fn released(number: u8, quantity: u32) -> StockEvent {
        StockEvent::Released(StockReleased { order_id: order(number), quantity, backordered: Some(0) })
    }

    fn shipped(number: u8, quantity: u32) -> StockEvent {
        StockEvent::Shipped(StockShipped { order_id: order(number), quantity })
    }

    /// The events of an item from the last to the first, `size` at a time.
    fn pages(history: &[StockEvent], size: usize) -> Vec<Page> {
        let recorded = |(index, event): (usize, &StockEvent)| {
            let encoded = codec::encode(&Event::Stock(event.clone()));
            Recorded {
                incarnation: Incarnation(1),
                position: Position(index as i64 + 1),
                stream: StreamId::stock(&"A".parse().unwrap(), &Location::main()),
                version: Version(index as i32 + 1),
                event_type: encoded.event_type.to_owned(),
                schema_version: encoded.schema_version,
                payload: encoded.payload,
                metadata: Metadata::default(),
                command_id: None,
                recorded_at: DateTime::UNIX_EPOCH,
            }
        };
        let mut events: Vec<Recorded> = history.iter().enumerate().map(recorded).collect();
        events.reverse();
        let mut ends = Ends::default();
        events.chunks(size).map(|page| ends.page(page)).collect()
    }

    #[test]
    fn reservations_that_have_not_ended_are_found_the_latest_first() {
        let history = [reserved(1, 3), reserved(2, 2), shipped(1, 3), reserved(3, 1), released(2, 1), reserved(2, 4)];
        let all = Page { orders: vec![order(2), order(3)], reserved: 6 };
        assert_eq!(pages(&history, 10), [all]);
        let found: Vec<_> = pages(&history, 2).into_iter().map(|page| (page.orders, page.reserved)).collect();
        assert_eq!(found, [(vec![order(2)], 4), (vec![order(3)], 1), (vec![order(2)], 1)]);
    }
}
