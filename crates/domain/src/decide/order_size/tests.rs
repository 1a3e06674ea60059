//! Tests of the limit of the size of an order, measured on the documents that the query service returns.

use events::order::{OrderEvent, PaymentCaptured};
use events::product::{ProductEvent, ProductUpdated};
use events::{Event, Incarnation, Metadata, Minor, Position, Recorded, StreamId, Version, codec};
use proptest::prelude::*;
use read_model::OrderDocument;
use serde_json::{Value, json};

use crate::command::Command;
use crate::decide;
use crate::decide::order_size::MAX_DOCUMENT_BYTES;
use crate::decision::Context;
use crate::order::OrderCommand;
use crate::order::place::PlaceOrder;
use crate::order::shortage::StockHandling;
use crate::order::state::Order;
use crate::reader::{MissingStreams, Reader};
use crate::rejection::{Counted, OrderPart, Rejection};
use crate::state::State;
use crate::tests::commands::values::customer;
use crate::tests::past::{body, order_id, product, received, registered, sku};
use crate::tests::scenario::{Past, empty_world, new_id, now};
use crate::value::lines::MAX_LINES;
use crate::world::{Slot, World};

/// A character of the maximum length in UTF-8: 4 bytes.
const WIDE: &str = "𠀀";

/// One order, with its document as the query service returns the document.
struct Run {
    world: World,
    document: Option<OrderDocument>,
    version: i32,
}

impl Run {
    /// An order with a million units per line and names of the maximum length.
    fn of_lines(count: usize) -> Run {
        let mut run = Run { world: empty_world(), document: None, version: 0 };
        let mut lines = Vec::new();
        for line in 0..count {
            let sku = format!("{line:A>64}");
            for (stream, event) in [product(&sku), named(&sku), received(&sku, 1_000_000)].concat() {
                run.world.evolve(&stream, &event);
            }
            let (price, rate) = (900_000, 1_000_000);
            lines.push(
                json!({ "sku": sku, "quantity": 1_000_000, "unit_price": price, "tax_rate": rate, "discount": 1 }),
            );
        }
        for (stream, event) in (1..=120).flat_map(|number| registered(customer(number))) {
            run.world.evolve(&stream, &event);
        }
        let address = || {
            let wide = WIDE.repeat(200);
            json!({ "name": wide, "company": wide, "line1": wide, "line2": wide, "city": wide, "region": wide,
                "postcode": WIDE.repeat(20), "country": "GB", "phone": WIDE.repeat(40) })
        };
        let shipping = json!({ "name": WIDE.repeat(200), "amount": 1_000_000, "tax_rate": 1_000_000 });
        let tag = |number: usize| format!("{}{number:02}", WIDE.repeat(62));
        let order = body(json!({
            "id": order_id(), "currency": "GBP", "lines": lines, "external_ref": WIDE.repeat(128),
            "contact": { "name": WIDE.repeat(200), "email": WIDE.repeat(254), "phone": WIDE.repeat(40) },
            "shipping_address": address(), "billing_address": address(), "note": WIDE.repeat(2000),
            "tags": (0..50).map(tag).collect::<Vec<_>>(), "shipping_lines": vec![shipping; 20],
        }));
        run.when(&Command::PlaceOrder(PlaceOrder { body: order, stock: StockHandling::Enforce })).unwrap();
        run
    }

    fn when(&mut self, command: &Command) -> Result<(), Rejection> {
        let context = Context { now: now(), new_id: new_id().into() };
        let decision = loop {
            match decide::decide(command, &context, &Reader::new(&self.world)) {
                Ok(decision) => break decision,
                // Streams with events are in memory, so a missing stream has no events.
                Err(MissingStreams(new)) => new.into_iter().for_each(|stream| self.world.put(stream, Slot::default())),
            }
        };
        for new in decision? {
            self.world.evolve(&new.stream, &new.event);
            if let Event::Order(event) = &new.event {
                self.fold(&new.stream, event);
            }
        }
        Ok(())
    }

    /// Runs the command up to `times` times; returns the first rejection, if any.
    fn when_repeated(&mut self, times: usize, command: impl Fn(usize) -> Command) -> Option<Rejection> {
        let rejection = (0..times).find_map(|time| self.when(&command(time)).err());
        self.check();
        rejection
    }

    fn fold(&mut self, stream: &StreamId, event: &OrderEvent) {
        self.version += 1;
        let event = Event::Order(event.clone());
        let encoded = codec::encode(&event);
        let recorded = Recorded {
            incarnation: Incarnation(1),
            position: Position(self.version.into()),
            stream: stream.clone(),
            version: Version(self.version),
            event_type: encoded.event_type.into(),
            schema_version: encoded.schema_version,
            payload: encoded.payload,
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: now(),
        };
        let Event::Order(event) = event else { return };
        OrderDocument::fold(&mut self.document, &recorded, &event).unwrap();
    }

    fn order(&self) -> &Order {
        match self.world.find(&StreamId::order(order_id())).and_then(|slot| slot.state.as_ref()) {
            Some(State::Order(order)) => order,
            other => panic!("no order: {other:?}"),
        }
    }

    #[track_caller]
    fn check(&self) {
        let bytes = serde_json::to_string(&self.document).unwrap().len();
        let bound = self.order().document_bytes();
        assert!(bytes <= bound && bound <= MAX_DOCUMENT_BYTES, "{bytes} bytes, at most {bound}");
    }
}

/// Gives the product a name of the maximum length.
fn named(text: &str) -> Vec<Past> {
    let (tags, attributes) = Default::default();
    let updated = ProductUpdated { name: WIDE.repeat(200), tax_class: None, attributes, tags };
    vec![(StreamId::product(&sku(text)), ProductEvent::Updated(updated).into())]
}

fn payment(json: Value) -> Command {
    Command::Order(order_id(), OrderCommand::RecordPayment { body: body(json) })
}

fn capture(time: usize) -> Command {
    let (method, reference) = (WIDE.repeat(64), format!("{}{time:06}", WIDE.repeat(122)));
    payment(json!({ "kind": "captured", "amount": 1, "method": method, "reference": reference }))
}

fn failure(_: usize) -> Command {
    payment(json!({ "kind": "failed", "reason": WIDE.repeat(500) }))
}

fn note(_: usize) -> Command {
    let body = body(json!({ "note": "\n".repeat(1999) + WIDE, "author": WIDE.repeat(200) }));
    Command::Order(order_id(), OrderCommand::AddNote { body })
}

fn pack(lines: usize) -> impl Fn(usize) -> Command {
    move |_| {
        let body = body(json!({ "lines": units(lines) }));
        Command::Order(order_id(), OrderCommand::CreateFulfilment { body })
    }
}

fn unpack(time: usize) -> Command {
    Command::Order(order_id(), OrderCommand::CancelFulfilment { fulfilment: number(time), body: body(json!({})) })
}

fn ship(time: usize) -> Command {
    let body = body(json!({ "carrier": WIDE.repeat(128), "tracking": WIDE.repeat(128) }));
    Command::Order(order_id(), OrderCommand::ShipFulfilment { fulfilment: number(time), body })
}

fn deliver(time: usize) -> Command {
    Command::Order(order_id(), OrderCommand::DeliverFulfilment { fulfilment: number(time), body: body(json!({})) })
}

fn ask_back(lines: usize) -> impl Fn(usize) -> Command {
    move |_| {
        let (reason, external_ref) = (WIDE.repeat(500), WIDE.repeat(128));
        let body = body(json!({ "lines": units(lines), "reason": reason, "external_ref": external_ref }));
        Command::Order(order_id(), OrderCommand::RequestReturn { body })
    }
}

fn receive(time: usize) -> Command {
    let body = body(json!({ "disposition": "damaged" }));
    Command::Order(order_id(), OrderCommand::ReceiveReturn { return_no: number(time), body })
}

fn reject(time: usize) -> Command {
    let body = body(json!({ "reason": WIDE.repeat(500) }));
    Command::Order(order_id(), OrderCommand::RejectReturn { return_no: number(time), body })
}

fn assign(time: usize) -> Command {
    let body = body(json!({ "customer_id": customer(1 + time as u8 % 120) }));
    Command::Order(order_id(), OrderCommand::AssignCustomer { body })
}

/// One unit of each of the first `lines` lines.
fn units(lines: usize) -> Value {
    (1..=lines).map(|line| json!({ "line": line, "quantity": 1 })).collect()
}

fn number(time: usize) -> u32 {
    time as u32 + 1
}

fn is_too_large(rejection: Option<Rejection>) -> bool {
    matches!(rejection, Some(Rejection::OrderTooLarge { limit: MAX_DOCUMENT_BYTES, .. }))
}

#[test]
fn each_kind_of_part_is_bounded() {
    for refused in [
        Run::of_lines(1).when_repeated(1_001, failure),
        Run::of_lines(1).when_repeated(1_001, capture),
        Run::of_lines(1).when_repeated(201, note),
        Run::of_lines(2).when_repeated(1_001, pack(2)),
    ] {
        assert!(is_too_large(refused.clone()), "{refused:?}");
    }
    let mut run = Run::of_lines(2);
    assert_eq!(run.when_repeated(300, pack(2)), None);
    assert_eq!(run.when_repeated(300, ship), None);
    assert!(is_too_large(run.when_repeated(1_001, ask_back(2))));
    let limit = Rejection::TooManyParts { what: Counted::FormerCustomer, limit: 100 };
    assert_eq!(Run::of_lines(1).when_repeated(102, assign), Some(limit));
    let authorize = payment(json!({ "kind": "authorized", "amount": 1, "method": "card" }));
    let mut run = Run::of_lines(1);
    run.world.evolve(&StreamId::order(order_id()), &crowded());
    let limit = Rejection::TooManyParts { what: Counted::Part(OrderPart::Payment), limit: 1_000 };
    assert_eq!(run.when(&authorize), Err(limit));
}

/// The thousandth payment of an order, recorded by an earlier build.
fn crowded() -> Event {
    let (amount, method) = (Minor(1), "card".to_owned());
    let captured = PaymentCaptured { payment: 1_000, amount, method, reference: None };
    Event::Order(OrderEvent::PaymentCaptured(captured))
}

#[test]
fn an_order_of_most_lines_is_carried_through() {
    let mut run = Run::of_lines(MAX_LINES);
    run.check();
    for steps in [pack(MAX_LINES)(0), ship(0), deliver(0), capture(0), note(0)] {
        assert_eq!(run.when(&steps), Ok(()));
    }
    assert_eq!(run.when(&ask_back(MAX_LINES)(0)), Ok(()));
    assert_eq!(run.when(&receive(0)), Ok(()));
    run.check();
}

#[test]
fn what_an_order_has_is_carried_on_with_when_it_is_full() {
    let mut run = Run::of_lines(3);
    assert_eq!(run.when_repeated(10, pack(3)), None);
    assert_eq!(run.when_repeated(2, ship), None);
    assert_eq!(run.when_repeated(2, ask_back(3)), None);
    assert_eq!(run.when(&capture(0)), Ok(()));
    assert!(is_too_large(run.when_repeated(1_001, failure)));
    assert!(is_too_large(run.when_repeated(4, |time| capture(time + 1))));
    let more = json!({ "kind": "captured", "payment": 1, "amount": 7, "reference": "more" });
    for step in [ship(2), deliver(2), unpack(3), receive(0), reject(1), payment(more)] {
        assert_eq!(run.when(&step), Ok(()));
    }
    run.check();
}

#[test]
fn packing_and_unpacking_does_not_fill_an_order() {
    let mut run = Run::of_lines(MAX_LINES);
    for time in 0..60 {
        assert_eq!(run.when(&pack(MAX_LINES)(time)), Ok(()));
        assert_eq!(run.when(&unpack(time)), Ok(()));
    }
    run.check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_document_stays_below_a_megabyte(
        lines in prop::sample::select(vec![1, 20, MAX_LINES]),
        steps in prop::collection::vec((0..11usize, 1..150usize), 1..12),
    ) {
        let mut run = Run::of_lines(lines);
        for (kind, times) in steps {
            run.when_repeated(times, |time| match kind {
                0 => capture(time),
                1 => failure(time),
                2 => note(time),
                3 => pack(lines)(time),
                4 => pack(1)(time),
                5 => unpack(time),
                6 => ship(time),
                7 => ask_back(lines)(time),
                8 => receive(time),
                9 => reject(time),
                _ => assign(time),
            });
        }
    }
}
