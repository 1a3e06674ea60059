//! The personal data of an order's document are the fields that its JSON Schema marks, and an erasure removes all of
//! them.

use std::collections::BTreeSet;

use events::order::*;
use events::personal::{Address, Contact, MARK, Personal};
use events::{CustomerId, Location};
use read_model::{OrderDocument, OrderSummary};
use schemars::schema_for;
use serde_json::Value;

use crate::samples::{self, fold_orders, instant, line, numbered};

/// Contained in every personal text of the history, and in no other text.
pub(crate) const NAMED: &str = "Erase Me";

fn customer(number: u8) -> CustomerId {
    CustomerId::new(instant(0), [number; 10])
}

fn text() -> Personal<String> {
    Personal::from(format!("ask {NAMED}"))
}

fn address() -> Option<Personal<Address>> {
    let (name, line1, city) = (NAMED.to_owned(), format!("{NAMED} Street"), format!("{NAMED} Town"));
    Some(Personal::new(Address { name, line1, city, country: "GB".into(), ..Address::default() }))
}

fn placed() -> OrderEvent {
    let OrderEvent::Placed(placed) = samples::placed(vec![line(1, 3, 500)]) else { panic!("no order") };
    OrderEvent::Placed(OrderPlaced {
        customer_id: Some(customer(1)),
        note: Some(text()),
        contact: Some(Personal::new(Contact { name: Some(NAMED.into()), ..Contact::default() })),
        shipping_address: address(),
        billing_address: address(),
        tags: ["gift".to_owned()].into(),
        ..placed
    })
}

/// All events that add personal data to a document.
pub(crate) fn history() -> Vec<OrderEvent> {
    let lines = |quantity| vec![LineQuantity { line: 1, quantity }];
    let cancelled = CancelledLine { line: 1, quantity: 1, remaining: None };
    let requested = |return_no| ReturnRequested { return_no, lines: lines(1), reason: text(), external_ref: None };
    vec![
        placed(),
        OrderEvent::PaymentFailed(PaymentFailed { payment: 1, reason: text() }),
        OrderEvent::NoteAdded(OrderNoteAdded { note: text(), author: Some(text()) }),
        OrderEvent::FulfilmentCreated(FulfilmentCreated { fulfilment: 1, location: Location::main(), lines: lines(2) }),
        OrderEvent::FulfilmentShipped(FulfilmentShipped { fulfilment: 1, carrier: None, tracking: None }),
        OrderEvent::ReturnRequested(requested(1)),
        OrderEvent::ReturnRejected(ReturnRejected { return_no: 1, reason: text() }),
        OrderEvent::LinesCancelled(OrderLinesCancelled { lines: vec![cancelled], reason: text() }),
        OrderEvent::Held(OrderHeld { reason: text() }),
    ]
}

fn fold(history: impl IntoIterator<Item = OrderEvent>) -> OrderDocument {
    fold_orders(None, &numbered(history.into_iter().collect())).unwrap()
}

/// Names of the fields that are marked as personal, at any depth.
fn marked(schema: &Value, found: &mut BTreeSet<String>) {
    let Some(members) = schema.as_object() else { return };
    for (name, member) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let own = [Some(member), member.get("anyOf").and_then(|any| any.get(0))];
        if own.into_iter().flatten().any(|it| it.get(MARK).is_some()) {
            found.insert(name.clone());
        }
    }
    members.values().for_each(|member| match member {
        Value::Array(items) => items.iter().for_each(|item| marked(item, found)),
        other => marked(other, found),
    });
}

/// Names of the fields that contain a personal text.
fn personal(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            if member.to_string().contains(NAMED) {
                found.insert(name.clone());
            }
            personal(member, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| personal(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn json(order: &OrderDocument) -> Value {
    serde_json::to_value(order).unwrap()
}

#[test]
fn the_history_of_this_test_fills_every_field_that_the_schema_marks() {
    let (mut in_schema, mut in_document) = (BTreeSet::new(), BTreeSet::new());
    marked(&schema_for!(OrderDocument).to_value(), &mut in_schema);
    personal(&json(&fold(history())), &mut in_document);
    assert!(in_schema.is_subset(&in_document), "{in_schema:?} {in_document:?}");
    assert!(in_schema.len() >= 9, "the marks are missing in the schema: {in_schema:?}");
}

#[test]
fn an_erased_document_has_no_personal_data_and_keeps_its_sums() {
    let order = fold(history());
    let mut erased = order.clone();
    assert!(erased.erase_personal_data() && erased.personal_data_erased);
    assert!(!json(&erased).to_string().contains(NAMED), "{}", json(&erased));
    assert_eq!((erased.progress(), erased.status, erased.due), (order.progress(), order.status, order.due));
    assert_eq!((erased.customer_id, erased.external_ref), (order.customer_id, order.external_ref));
    assert_eq!(erased.notes.len(), 1);
}

#[test]
fn an_erased_order_has_no_personal_data_whatever_events_follow() {
    for place in 1..=history().len() {
        let mut history = history();
        history.insert(place, OrderEvent::PersonalDataErased(OrderPersonalDataErased {}));
        let order = fold(history);
        assert!(order.personal_data_erased);
        assert!(!json(&order).to_string().contains(NAMED), "{}", json(&order));
    }
}

#[test]
fn an_order_without_personal_data_has_nothing_to_erase() {
    let OrderEvent::Placed(placed) = placed() else { panic!("no order") };
    let plain = OrderPlaced { note: None, contact: None, shipping_address: None, billing_address: None, ..placed };
    let mut order = fold([OrderEvent::Placed(plain)]);
    assert!(!order.erase_personal_data() && !order.personal_data_erased);
}

#[test]
fn an_order_contains_its_former_customers() {
    let assigned = |number| OrderEvent::CustomerAssigned(OrderCustomerAssigned { customer_id: customer(number) });
    let order = fold([placed(), assigned(2), assigned(3), assigned(2)]);
    assert_eq!(order.customer_id, Some(customer(2)));
    assert_eq!(order.customers().collect::<BTreeSet<_>>(), [customer(1), customer(2), customer(3)].into());
    assert_eq!(order.former_customers, [customer(1), customer(3)].into());
}

#[test]
fn a_summary_has_no_personal_data() {
    let schema = schema_for!(OrderSummary).to_value().to_string();
    assert!(!schema.contains(MARK), "hide it from the lists of the query-service, too: {schema}");
}
