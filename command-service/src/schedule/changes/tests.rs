//! Which events schedule which commands at which instant.

use std::collections::BTreeSet;
use std::path::Path;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use events::order::{FulfilmentDelivered, OrderAmended, OrderEvent, OrderExpired, PaymentFailed, PaymentVoided};
use events::stock::{StockAdjusted, StockBackordersChanged, StockEvent, StockReceived, StockReserved};
use events::stock_hold::{HoldConsumed, HoldPlaced, StockHoldEvent};
use events::{Event, Incarnation, Metadata, Minor, OrderId, StockHoldId, Version, codec};

use super::*;
use crate::schedule::action::Action;
use crate::schedule::backorder_changes::UnitsChange;
use crate::schedule::rules::{EVENT_TYPES, later};

const DELAYS: Delays = Delays { complete_after: Duration::from_secs(3600), history_grace: Duration::from_secs(900) };

/// An instant in seconds after the start of the test.
fn at(s: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + s, 0).unwrap()
}

/// Events of one stream, one per second.
struct History {
    stream: StreamId,
    events: Vec<Event>,
}

impl History {
    fn order() -> History {
        History { stream: StreamId::order(OrderId::new(at(0), [1; 10])), events: Vec::new() }
    }

    fn stock_hold() -> History {
        History { stream: StreamId::stock_hold(StockHoldId::new(at(0), [1; 10])), events: Vec::new() }
    }

    fn then(mut self, event: impl Into<Event>) -> History {
        self.events.push(event.into());
        self
    }

    fn actions(&self) -> Vec<(ScheduledCommand, Action)> {
        let mut changes = ScheduleChanges::default();
        for (index, event) in self.events.iter().enumerate() {
            changes.add(&recorded(&self.stream, index, event), DELAYS).unwrap();
        }
        changes.entries.into_iter().map(|((_, command), change)| (command, change.action)).collect()
    }
}

fn recorded(stream: &StreamId, index: usize, event: &Event) -> Recorded {
    let encoded = codec::encode(event);
    Recorded {
        incarnation: Incarnation(1),
        position: Position::ZERO.plus(index + 1),
        stream: stream.clone(),
        version: Version(index as i32 + 1),
        event_type: encoded.event_type.to_owned(),
        schema_version: encoded.schema_version,
        payload: encoded.payload,
        metadata: Metadata::default(),
        command_id: None,
        recorded_at: at(index as i64),
    }
}

fn placed(payment_due: Option<DateTime<Utc>>) -> OrderEvent {
    let Event::Order(OrderEvent::Placed(mut placed)) = golden("OrderPlaced.v2.json") else { panic!("not an order") };
    placed.payment_due = payment_due;
    OrderEvent::Placed(placed)
}

fn delivered() -> OrderEvent {
    OrderEvent::FulfilmentDelivered(FulfilmentDelivered { fulfilment: 1 })
}

fn captured() -> OrderEvent {
    let Event::Order(captured) = golden("PaymentCaptured.v1.json") else { panic!("not a payment") };
    captured
}

fn amended() -> OrderEvent {
    let amended = OrderAmended {
        added: vec![],
        changed: vec![],
        shipping_lines: None,
        shipping: Minor(0),
        total: Minor(0),
        reason: None,
    };
    OrderEvent::Amended(amended)
}

fn goldens() -> impl Iterator<Item = String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/golden");
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap())
}

/// The event of a golden file.
fn golden(file: &str) -> Event {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/golden");
    let mut parts = file.split('.');
    let (event_type, version) = (parts.next().unwrap(), parts.next().unwrap());
    let payload = std::fs::read_to_string(folder.join(file)).unwrap();
    codec::decode(event_type, version[1..].parse().unwrap(), &payload).unwrap()
}

#[test]
fn an_order_expires_at_its_payment_deadline() {
    assert_eq!(History::order().then(placed(None)).actions(), []);
    let actions = History::order().then(placed(Some(at(600)))).actions();
    assert_eq!(actions, [(ScheduledCommand::ExpireOrder, Action::Schedule(at(600)))]);
}

#[test]
fn an_imported_order_expires_after_a_delay_for_the_import_of_its_payment() {
    let actions = History::order().then(placed(Some(at(-1_000_000)))).actions();
    assert_eq!(actions, [(ScheduledCommand::ExpireOrder, Action::Schedule(at(900)))]);
}

#[test]
fn a_failed_payment_reschedules_the_expiry() {
    let due = History::order().then(placed(Some(at(600))));
    let failed = due.then(OrderEvent::PaymentFailed(PaymentFailed { payment: 1, reason: "no money".into() }));
    assert_eq!(
        failed.actions(),
        [(ScheduledCommand::ExpireOrder, Action::Schedule(at(600)))],
        "not before the payment deadline"
    );

    let voided = History::order().then(OrderEvent::PaymentVoided(PaymentVoided { payment: 1 }));
    assert_eq!(
        voided.actions(),
        [(ScheduledCommand::ExpireOrder, Action::Reschedule(at(0)))],
        "at once, if the expiry was scheduled"
    );
}

#[test]
fn the_completion_is_scheduled_after_the_last_event_that_can_complete_the_order() {
    let delivery = History::order().then(captured()).then(delivered());
    assert_eq!(delivery.actions(), [(ScheduledCommand::CompleteOrder, Action::Schedule(at(3601)))]);
    let paid = delivery.then(captured());
    assert_eq!(paid.actions(), [(ScheduledCommand::CompleteOrder, Action::Schedule(at(3602)))]);
    let payment_only = History::order().then(captured());
    assert_eq!(
        payment_only.actions(),
        [(ScheduledCommand::CompleteOrder, Action::Reschedule(at(3600)))],
        "not scheduled before a delivery"
    );
}

#[test]
fn the_end_of_an_order_removes_its_entries() {
    let ended = History::order()
        .then(placed(Some(at(600))))
        .then(delivered())
        .then(OrderEvent::Expired(OrderExpired {}))
        .then(captured())
        .then(amended());
    assert_eq!(
        ended.actions(),
        [(ScheduledCommand::ExpireOrder, Action::Remove), (ScheduledCommand::CompleteOrder, Action::Remove)]
    );
}

#[test]
fn a_stock_hold_expires_unless_an_order_consumes_it() {
    let History { stream, .. } = History::stock_hold();
    let events::stream::Subject::StockHold(hold_id) = stream.subject() else { panic!("not a stock hold") };
    let placed = StockHoldEvent::Placed(HoldPlaced { hold_id, lines: vec![], expires_at: at(60), reference: None });
    let hold = History::stock_hold().then(Event::StockHold(placed));
    assert_eq!(hold.actions(), [(ScheduledCommand::ExpireStockHold, Action::Schedule(at(60)))]);
    let order_id = OrderId::new(at(1), [2; 10]);
    let consumed = hold.then(Event::StockHold(StockHoldEvent::Consumed(HoldConsumed { order_id })));
    assert_eq!(consumed.actions(), [(ScheduledCommand::ExpireStockHold, Action::Remove)]);
}

#[test]
fn an_entry_contains_the_last_event_that_changed_it() {
    let stream = History::order().stream;
    let mut changes = ScheduleChanges::default();
    let second = recorded(&stream, 1, &captured().into());
    changes.add(&recorded(&stream, 0, &delivered().into()), DELAYS).unwrap();
    changes.add(&second, DELAYS).unwrap();
    let entry = changes.entries[&(stream, ScheduledCommand::CompleteOrder)];
    assert_eq!((entry.position, entry.cause), (second.position, second.id().uuid()));
}

fn stock_item() -> StreamId {
    StreamId::stock(&"MUG".parse().unwrap(), &events::Location::main())
}

fn order_id(number: u8) -> OrderId {
    OrderId::new(at(0), [number; 10])
}

fn reserved(number: u8, backordered: u32) -> StockEvent {
    StockEvent::Reserved(StockReserved { order_id: order_id(number), quantity: 9, backordered: Some(backordered) })
}

fn backordered(number: u8, backordered: u32) -> StockEvent {
    let changed = StockBackordersChanged { order_id: order_id(number), delta: -1, backordered };
    StockEvent::BackordersChanged(changed)
}

fn received() -> StockEvent {
    StockEvent::Received(StockReceived { quantity: 1, reference: None })
}

fn changes_of(events: &[(StreamId, Event)]) -> ScheduleChanges {
    let mut changes = ScheduleChanges::default();
    for (index, (stream, event)) in events.iter().enumerate() {
        changes.add(&recorded(stream, index, event), DELAYS).unwrap();
    }
    changes
}

#[test]
fn received_units_are_allocated_if_orders_are_backordered_and_missing_units_always() {
    let action = |events: &[StockEvent]| {
        let events: Vec<_> = events.iter().map(|event| (stock_item(), event.clone().into())).collect();
        changes_of(&events).entries.get(&(stock_item(), ScheduledCommand::AllocateStock)).map(|change| change.action)
    };
    let counted = |delta: i64| StockEvent::Adjusted(StockAdjusted { delta, reason: "counted".into() });
    assert_eq!(action(&[reserved(1, 3)]), None);
    assert_eq!(action(&[received()]), Some(Action::ScheduleIfBackordered(at(0))));
    assert_eq!(action(&[counted(2)]), Some(Action::ScheduleIfBackordered(at(0))));
    assert_eq!(action(&[counted(-2)]), Some(Action::Schedule(at(0))));
    assert_eq!(action(&[received(), counted(-2), received()]), Some(Action::Schedule(at(2))));
}

#[test]
fn an_order_is_backordered_from_its_first_reservation_until_all_units_are_allocated_or_it_ends() {
    let backorder = |events: &[StockEvent]| {
        let events: Vec<_> = events.iter().map(|event| (stock_item(), event.clone().into())).collect();
        changes_of(&events)
            .backorders
            .orders
            .get(&(stock_item(), order_id(1)))
            .map(|change| (change.units, change.position.0))
    };
    assert_eq!(backorder(&[reserved(1, 0)]), None);
    assert_eq!(backorder(&[reserved(1, 3), reserved(2, 1), reserved(1, 2)]), Some((UnitsChange::Add(5), 1)));
    assert_eq!(backorder(&[reserved(1, 3), backordered(1, 1), reserved(1, 2)]), Some((UnitsChange::Set(3), 1)));
    assert_eq!(backorder(&[reserved(1, 3), backordered(1, 0)]), Some((UnitsChange::Set(0), 1)));

    let expired = OrderEvent::Expired(OrderExpired {});
    let ended =
        changes_of(&[(stock_item(), reserved(1, 3).into()), (StreamId::order(order_id(1)), expired.into())]).backorders;
    assert!(ended.orders.is_empty() && ended.ended.contains(&order_id(1)));
}

#[test]
fn an_order_of_an_older_version_is_backordered_by_its_lines() {
    let stream = StreamId::order(order_id(1));
    let Event::Order(OrderEvent::Placed(mut placed)) = golden("OrderPlaced.v2.json") else { panic!("not an order") };
    placed.lines.truncate(1);
    placed.lines[0].backordered = 4;
    let stock_item = StreamId::stock(&placed.lines[0].sku, &placed.lines[0].location);
    let mut event = recorded(&stream, 0, &OrderEvent::Placed(placed).into());
    let backorder = |event: &Recorded| {
        let mut changes = ScheduleChanges::default();
        changes.add(event, DELAYS).unwrap();
        changes.backorders.orders.get(&(stock_item.clone(), order_id(1))).map(|change| change.units)
    };
    assert_eq!(backorder(&event), None, "recorded by the stock events");
    event.schema_version = 2;
    assert_eq!(backorder(&event), Some(UnitsChange::Add(4)));
}

#[test]
fn instants_beyond_the_maximum_are_the_maximum() {
    assert_eq!(later(DateTime::<Utc>::MAX_UTC - TimeDelta::seconds(1), Duration::MAX), DateTime::<Utc>::MAX_UTC);
}

#[test]
fn exactly_the_listed_event_types_change_the_schedule() {
    let mut changing = BTreeSet::new();
    for file in goldens() {
        let event = golden(&file);
        let event = match event {
            Event::Order(OrderEvent::Placed(_)) => placed(Some(at(0))).into(),
            other => other,
        };
        let recorded = recorded(&History::order().stream, 0, &event);
        let mut backorders = BackorderChanges::default();
        backorders.add(&recorded, &event);
        if !rules::actions(&recorded, &event, DELAYS).is_empty() || backorders != BackorderChanges::default() {
            changing.insert(recorded.event_type);
        }
    }
    assert_eq!(changing, EVENT_TYPES.into_iter().map(str::to_owned).collect());
}
