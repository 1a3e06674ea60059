//! Allocates units on hand to backordered orders, and withdraws allocations if a stock count has found that units are missing.
//!
//! The candidate orders are looked up here, a page at a time: backordered orders in a table ([`Store::list_backordered`]), orders whose
//! allocations can be withdrawn in the events of the stock item, read backwards. The writer decides on the state of the orders and of
//! the stock item, so additional candidates and repeated commands have no effect. The commands have no idempotency key, because a
//! repeated command may find another state.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use events::stock::{Level, StockEvent};
use events::stream::Subject;
use events::{Event, Location, OrderId, Position, Recorded, Sku, StockHoldId, Version};

use super::error::Error;
use super::measures;
use super::store::Store;
use super::store::due::DueEntry;
use super::submit::{MAILBOX_TIMEOUT, request};
use crate::log::Log;
use crate::log::backwards::VersionRange;
use crate::writer::answer::Answer;
use crate::writer::key::Key;
use crate::writer::{Mailbox, Reply, Together, Want};
use domain::command::Command;
use domain::state::State;
use domain::stock::StockCommand;
use domain::stock::allocation::MAX_ORDERS;
use domain::stock::item::StockItem;

/// Number of versions of a stock item in a page, which takes some milliseconds to read.
const PAGE_VERSIONS: i32 = 1_000;

/// Types of the events that start or end a reservation.
const RESERVATIONS: [&str; 5] = ["StockReserved", "StockReleased", "StockShipped", "StockHeld", "StockHoldReleased"];

/// The allocation of one stock item.
pub(super) struct Allocation<'a> {
    pub(super) store: &'a Store,
    pub(super) log: &'a Log,
    pub(super) mailbox: &'a Mailbox,
    pub(super) now: DateTime<Utc>,
}

/// Outcome of an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AllocationOutcome {
    /// All necessary commands were answered.
    Done,
    /// The writer did not answer a command.
    Unanswered,
}

/// A stock item after a command.
struct Item {
    level: Level,
    version: Version,
}

impl Allocation<'_> {
    /// Allocates free units to the backordered orders, oldest first, and withdraws allocations of missing units.
    pub(super) async fn run(&self, entry: &DueEntry) -> Result<AllocationOutcome, Error> {
        let Subject::Stock(sku, location) = entry.stream.subject() else { return Ok(AllocationOutcome::Done) };
        let mut after = Position::ZERO;
        loop {
            let backordered = self.store.list_backordered(&entry.stream, after, MAX_ORDERS).await?;
            let last = backordered.last().map(|order| order.position);
            let orders: Vec<OrderId> = backordered.iter().map(|order| order.order_id).collect();
            let is_last_page = orders.len() < MAX_ORDERS;
            let command = Command::Stock(
                StockItem { sku: sku.clone(), location: location.clone() },
                StockCommand::AllocateStock { orders },
            );
            let Some(item) = self.submit(entry, command).await else {
                return Ok(AllocationOutcome::Unanswered);
            };
            if item.level.shortage() > 0 {
                return self.withdraw(entry, &sku, &location, item).await;
            }
            match last {
                Some(last) if !is_last_page && item.level.assignable() > 0 => after = last,
                _ => return Ok(AllocationOutcome::Done),
            }
        }
    }

    /// Withdraws allocations, starting with the latest reservation. If units are still missing after all reservations, the remaining
    /// units are in fulfilments or stock holds, and the stock item continues to have a shortage.
    async fn withdraw(
        &self,
        entry: &DueEntry,
        sku: &Sku,
        location: &Location,
        item: Item,
    ) -> Result<AllocationOutcome, Error> {
        let mut missing = item.level.shortage();
        let mut reserved = item.level.reserved;
        let mut ended = EndedReservations::default();
        let mut before = item.version.next();
        while missing > 0 && reserved > 0 && before > Version(1) {
            let range = VersionRange { before, versions: PAGE_VERSIONS, types: &RESERVATIONS };
            let events = self.log.read_backwards(&entry.stream, range).await?;
            let open = ended.open_reservations(&events);
            reserved -= open.reserved;
            for orders in open.orders.chunks(MAX_ORDERS) {
                let (sku, location, orders) = (sku.clone(), location.clone(), orders.to_vec());
                let command = Command::Stock(StockItem { sku, location }, StockCommand::DeallocateStock { orders });
                let Some(item) = self.submit(entry, command).await else { return Ok(AllocationOutcome::Unanswered) };
                missing = item.level.shortage();
                if missing == 0 {
                    return Ok(AllocationOutcome::Done);
                }
            }
            before = Version((before.0 - PAGE_VERSIONS).max(1));
        }
        Ok(AllocationOutcome::Done)
    }

    /// Submits a command to the writer. Returns the stock item after the command; `None` if the writer did not answer.
    async fn submit(&self, entry: &DueEntry, command: Command) -> Option<Item> {
        let mut request = request(Key::anonymous(&command), entry, command, self.now);
        request.want = Want::Representation;
        let replies = self.mailbox.submit_many_within(vec![request], Together::Each, MAILBOX_TIMEOUT).await;
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
        measures::submitted(entry.command, outcome);
        item
    }
}

/// Ends of reservations, in units. Events are read backwards, so the end of a reservation is read before its start.
#[derive(Debug, Default)]
struct EndedReservations {
    orders: HashMap<OrderId, i64>,
    holds: HashMap<StockHoldId, i64>,
}

/// Reservations in a page of events that have not ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct OpenReservations {
    /// Orders with open reservations, latest first.
    orders: Vec<OrderId>,
    /// Units reserved by these orders and by stock holds.
    reserved: i64,
}

impl EndedReservations {
    fn open_reservations(&mut self, events: &[Recorded]) -> OpenReservations {
        let mut open_reservations = OpenReservations::default();
        for recorded in events {
            // The writer cannot decode the stream either, so it would not decide on the command.
            let Ok(Event::Stock(event)) = recorded.decode() else { continue };
            match event {
                StockEvent::Released(e) => *self.orders.entry(e.order_id).or_default() += i64::from(e.quantity),
                StockEvent::Shipped(e) => *self.orders.entry(e.order_id).or_default() += i64::from(e.quantity),
                StockEvent::HoldReleased(e) => *self.holds.entry(e.hold_id).or_default() += i64::from(e.quantity),
                StockEvent::Reserved(e) => {
                    let open = open_units(&mut self.orders, e.order_id, e.quantity);
                    open_reservations.reserved += open;
                    if open > 0 && !open_reservations.orders.contains(&e.order_id) {
                        open_reservations.orders.push(e.order_id);
                    }
                }
                StockEvent::Held(e) => open_reservations.reserved += open_units(&mut self.holds, e.hold_id, e.quantity),
                StockEvent::Received(_)
                | StockEvent::Adjusted(_)
                | StockEvent::Restocked(_)
                | StockEvent::TransferredIn(_)
                | StockEvent::TransferredOut(_)
                | StockEvent::PolicyChanged(_)
                | StockEvent::BackordersChanged(_) => {}
            }
        }
        open_reservations
    }
}

/// Units of a reservation that no later event has ended.
fn open_units<K: std::hash::Hash + Eq>(ended: &mut HashMap<K, i64>, key: K, quantity: u32) -> i64 {
    let Some(rest) = ended.get_mut(&key) else { return quantity.into() };
    let closed = i64::from(quantity).min(*rest);
    *rest -= closed;
    if *rest == 0 {
        ended.remove(&key);
    }
    i64::from(quantity) - closed
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

    /// The open reservations of a history, read backwards in pages of `size` events.
    fn pages(history: &[StockEvent], size: usize) -> Vec<OpenReservations> {
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
        let mut ended = EndedReservations::default();
        events.chunks(size).map(|page| ended.open_reservations(page)).collect()
    }

    #[test]
    fn open_reservations_are_found_latest_first() {
        let history = [reserved(1, 3), reserved(2, 2), shipped(1, 3), reserved(3, 1), released(2, 1), reserved(2, 4)];
        let all = OpenReservations { orders: vec![order(2), order(3)], reserved: 6 };
        assert_eq!(pages(&history, 10), [all]);
        let found: Vec<_> = pages(&history, 2).into_iter().map(|page| (page.orders, page.reserved)).collect();
        assert_eq!(found, [(vec![order(2)], 4), (vec![order(3)], 1), (vec![order(2)], 1)]);
    }
}
