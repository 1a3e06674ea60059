//! Stories of events, and what time will make of them.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::TimeDelta;
use events::hold::{HoldConsumed, HoldPlaced};
use events::order::{FulfilmentDelivered, OrderAmended, OrderExpired, PaymentFailed, PaymentVoided};
use events::stock::{StockAdjusted, StockBackordersChanged, StockReceived, StockReserved};
use events::{HoldId, Incarnation, Metadata, Minor, OrderId, Version, codec};

use super::*;

const WAITS: Waits = Waits { complete_after: Duration::from_secs(3600), history_grace: Duration::from_secs(900) };

/// Seconds after some instant, which all these tests count from.
fn at(s: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + s, 0).unwrap()
}

/// A plan of events that follow each other, one a second.
struct Story {
    stream: StreamId,
    events: Vec<Event>,
}

impl Story {
    fn of_an_order() -> Story {
        Story { stream: StreamId::order(OrderId::new(at(0), [1; 10])), events: Vec::new() }
    }

    fn of_a_hold() -> Story {
        Story { stream: StreamId::hold(HoldId::new(at(0), [1; 10])), events: Vec::new() }
    }

    fn then(mut self, event: impl Into<Event>) -> Story {
        self.events.push(event.into());
        self
    }

    fn planned(&self) -> Vec<(Kind, Change)> {
        let mut plan = Plan::default();
        for (index, event) in self.events.iter().enumerate() {
            plan.add(&recorded(&self.stream, index, event), WAITS).unwrap();
        }
        plan.entries.into_iter().map(|((_, kind), planned)| (kind, planned.change)).collect()
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
    let Event::Order(OrderEvent::Placed(mut placed)) = golden("OrderPlaced.v2.json") else { panic!("no order") };
    placed.payment_due = payment_due;
    OrderEvent::Placed(placed)
}

fn delivered() -> OrderEvent {
    OrderEvent::FulfilmentDelivered(FulfilmentDelivered { fulfilment: 1 })
}

fn captured() -> OrderEvent {
    let Event::Order(captured) = golden("PaymentCaptured.v1.json") else { panic!("no payment") };
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

/// An event as some version wrote it.
fn golden(file: &str) -> Event {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/golden");
    let mut parts = file.split('.');
    let (event_type, version) = (parts.next().unwrap(), parts.next().unwrap());
    let payload = std::fs::read_to_string(folder.join(file)).unwrap();
    codec::decode(event_type, version[1..].parse().unwrap(), &payload).unwrap()
}

#[test]
fn an_order_expires_when_its_payment_was_due() {
    assert_eq!(Story::of_an_order().then(placed(None)).planned(), []);
    let planned = Story::of_an_order().then(placed(Some(at(600)))).planned();
    assert_eq!(planned, [(Kind::ExpireOrder, Change::Due(at(600)))]);
}

#[test]
fn history_that_is_brought_in_has_time_to_bring_its_payment_too() {
    let planned = Story::of_an_order().then(placed(Some(at(-1_000_000)))).planned();
    assert_eq!(planned, [(Kind::ExpireOrder, Change::Due(at(900)))]);
}

#[test]
fn a_payment_that_fails_late_has_the_order_asked_about_again() {
    let due = Story::of_an_order().then(placed(Some(at(600))));
    let failed = due.then(OrderEvent::PaymentFailed(PaymentFailed { payment: 1, reason: "no money".into() }));
    assert_eq!(failed.planned(), [(Kind::ExpireOrder, Change::Due(at(600)))], "not before it is due");

    let voided = Story::of_an_order().then(OrderEvent::PaymentVoided(PaymentVoided { payment: 1 }));
    assert_eq!(voided.planned(), [(Kind::ExpireOrder, Change::Again(at(0)))], "at once, if it has been asked about");
}

#[test]
fn an_order_is_completed_some_time_after_whatever_was_missing_last() {
    let delivery = Story::of_an_order().then(captured()).then(delivered());
    assert_eq!(delivery.planned(), [(Kind::CompleteOrder, Change::Due(at(3601)))]);
    let money = delivery.then(captured());
    assert_eq!(money.planned(), [(Kind::CompleteOrder, Change::Due(at(3602)))]);
    let money_alone = Story::of_an_order().then(captured());
    assert_eq!(
        money_alone.planned(),
        [(Kind::CompleteOrder, Change::Again(at(3600)))],
        "costs nothing before a delivery"
    );
}

#[test]
fn an_end_is_the_end() {
    let ended = Story::of_an_order()
        .then(placed(Some(at(600))))
        .then(delivered())
        .then(OrderEvent::Expired(OrderExpired {}))
        .then(captured())
        .then(amended());
    assert_eq!(ended.planned(), [(Kind::ExpireOrder, Change::Over), (Kind::CompleteOrder, Change::Over)]);
}

#[test]
fn a_hold_expires_unless_an_order_takes_it_over() {
    let Story { stream, .. } = Story::of_a_hold();
    let events::stream::Subject::Hold(hold_id) = stream.subject() else { panic!("no hold") };
    let placed = HoldEvent::Placed(HoldPlaced { hold_id, lines: vec![], expires_at: at(60), reference: None });
    let hold = Story::of_a_hold().then(Event::Hold(placed));
    assert_eq!(hold.planned(), [(Kind::ExpireHold, Change::Due(at(60)))]);
    let order_id = OrderId::new(at(1), [2; 10]);
    let consumed = hold.then(Event::Hold(HoldEvent::Consumed(HoldConsumed { order_id })));
    assert_eq!(consumed.planned(), [(Kind::ExpireHold, Change::Over)]);
}

#[test]
fn an_entry_names_the_event_that_moved_it_last() {
    let stream = Story::of_an_order().stream;
    let mut plan = Plan::default();
    let second = recorded(&stream, 1, &captured().into());
    plan.add(&recorded(&stream, 0, &delivered().into()), WAITS).unwrap();
    plan.add(&second, WAITS).unwrap();
    let planned = plan.entries[&(stream, Kind::CompleteOrder)];
    assert_eq!((planned.position, planned.cause), (second.position, second.id().uuid()));
}

fn shelf() -> StreamId {
    StreamId::stock(&"MUG".parse().unwrap(), &events::Location::main())
}

fn buyer(number: u8) -> OrderId {
    OrderId::new(at(0), [number; 10])
}

fn reserved(number: u8, backordered: u32) -> StockEvent {
    StockEvent::Reserved(StockReserved { order_id: buyer(number), quantity: 9, backordered: Some(backordered) })
}

fn left(number: u8, backordered: u32) -> StockEvent {
    let changed = StockBackordersChanged { order_id: buyer(number), delta: -1, backordered };
    StockEvent::BackordersChanged(changed)
}

fn arrived() -> StockEvent {
    StockEvent::Received(StockReceived { quantity: 1, reference: None })
}

fn plan_of(events: &[(StreamId, Event)]) -> Plan {
    let mut plan = Plan::default();
    for (index, (stream, event)) in events.iter().enumerate() {
        plan.add(&recorded(stream, index, event), WAITS).unwrap();
    }
    plan
}

#[test]
fn units_that_arrive_are_looked_at_where_orders_wait_and_units_that_vanish_anyway() {
    let planned = |events: &[StockEvent]| {
        let events: Vec<_> = events.iter().map(|event| (shelf(), event.clone().into())).collect();
        plan_of(&events).entries.get(&(shelf(), Kind::AllocateStock)).map(|planned| planned.change)
    };
    let counted = |delta: i64| StockEvent::Adjusted(StockAdjusted { delta, reason: "counted".into() });
    assert_eq!(planned(&[reserved(1, 3)]), None);
    assert_eq!(planned(&[arrived()]), Some(Change::IfWaiting(at(0))));
    assert_eq!(planned(&[counted(2)]), Some(Change::IfWaiting(at(0))));
    assert_eq!(planned(&[counted(-2)]), Some(Change::Due(at(0))));
    assert_eq!(planned(&[arrived(), counted(-2), arrived()]), Some(Change::Due(at(2))));
}

#[test]
fn an_order_waits_from_its_first_reservation_until_it_has_everything_or_ends() {
    let waiting = |events: &[StockEvent]| {
        let events: Vec<_> = events.iter().map(|event| (shelf(), event.clone().into())).collect();
        plan_of(&events).waiting.orders.get(&(shelf(), buyer(1))).map(|wait| (wait.units, wait.position.0))
    };
    assert_eq!(waiting(&[reserved(1, 0)]), None);
    assert_eq!(waiting(&[reserved(1, 3), reserved(2, 1), reserved(1, 2)]), Some((Units::More(5), 1)));
    assert_eq!(waiting(&[reserved(1, 3), left(1, 1), reserved(1, 2)]), Some((Units::Total(3), 1)));
    assert_eq!(waiting(&[reserved(1, 3), left(1, 0)]), Some((Units::Total(0), 1)));

    let expired = OrderEvent::Expired(OrderExpired {});
    let ended = plan_of(&[(shelf(), reserved(1, 3).into()), (StreamId::order(buyer(1)), expired.into())]).waiting;
    assert!(ended.orders.is_empty() && ended.ended.contains(&buyer(1)));
}

#[test]
fn an_order_of_an_older_version_waits_by_its_lines() {
    let stream = StreamId::order(buyer(1));
    let Event::Order(OrderEvent::Placed(mut placed)) = golden("OrderPlaced.v2.json") else { panic!("no order") };
    placed.lines.truncate(1);
    placed.lines[0].backordered = 4;
    let shelf = StreamId::stock(&placed.lines[0].sku, &placed.lines[0].location);
    let mut event = recorded(&stream, 0, &OrderEvent::Placed(placed).into());
    let waits = |event: &Recorded| {
        let mut plan = Plan::default();
        plan.add(event, WAITS).unwrap();
        plan.waiting.orders.get(&(shelf.clone(), buyer(1))).map(|wait| wait.units)
    };
    assert_eq!(waits(&event), None, "its stock items say it");
    event.schema_version = 2;
    assert_eq!(waits(&event), Some(Units::More(4)));
}

#[test]
fn instants_beyond_the_end_of_time_do_no_harm() {
    assert_eq!(later(DateTime::<Utc>::MAX_UTC - TimeDelta::seconds(1), Duration::MAX), DateTime::<Utc>::MAX_UTC);
}

#[test]
fn the_types_that_are_read_are_those_that_change_something() {
    let mut changing = BTreeSet::new();
    for file in goldens() {
        let event = golden(&file);
        let event = match event {
            Event::Order(OrderEvent::Placed(_)) => placed(Some(at(0))).into(),
            other => other,
        };
        let recorded = recorded(&Story::of_an_order().stream, 0, &event);
        let mut waiting = Waiting::default();
        waiting.add(&recorded, &event);
        if !changes(&recorded, &event, WAITS).is_empty() || waiting != Waiting::default() {
            changing.insert(recorded.event_type);
        }
    }
    assert_eq!(changing, EVENT_TYPES.into_iter().map(str::to_owned).collect());
}
