//! Notes, tags, addresses and the customer of an order.

use events::CustomerId;
use events::customer::{CustomerErased, CustomerEvent};
use events::order::progress::Lifecycle;
use events::order::{OrderCustomerAssigned, OrderEvent, OrderNoteAdded, OrderTagged};
use events::stream::StreamId;
use serde_json::{Value, json};

use super::commands::customer;
use super::past::{
    address, addresses_changed, body, cancelled, left, lines_cancelled, of_order, order_id, packed, placed, product,
    received, registered, shipped, words,
};
use super::scenario::{Past, given};
use crate::command::{Command, OrderCommand, PlaceOrder};
use crate::rejection::{Counted, Obstacle, OrderAction, OrderState, Rejection};

fn note() -> Command {
    Command::Order(order_id(), OrderCommand::AddNote { body: body(json!({ "note": "Called.", "author": "Kim" })) })
}

fn noted() -> Vec<Past> {
    of_order(OrderEvent::NoteAdded(OrderNoteAdded { note: "Called.".into(), author: Some("Kim".into()) }))
}

fn tag(add: &[&str], remove: &[&str]) -> Command {
    Command::Order(order_id(), OrderCommand::TagOrder { body: body(json!({ "add": add, "remove": remove })) })
}

fn tagged(added: &[&str], removed: &[&str]) -> Vec<Past> {
    let set = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    of_order(OrderEvent::Tagged(OrderTagged { added: set(added), removed: set(removed) }))
}

fn move_to(shipping: Option<&str>, billing: Option<&str>) -> Command {
    let json = json!({ "shipping_address": shipping.map(address), "billing_address": billing.map(address) });
    Command::Order(order_id(), OrderCommand::ChangeAddresses { body: body(json) })
}

fn assign(customer_id: CustomerId) -> Command {
    let body = body(json!({ "customer_id": customer_id }));
    Command::Order(order_id(), OrderCommand::AssignCustomer { body })
}

fn assigned(customer_id: CustomerId) -> Vec<Past> {
    of_order(OrderEvent::CustomerAssigned(OrderCustomerAssigned { customer_id }))
}

fn erased(customer_id: CustomerId) -> Vec<Past> {
    vec![(StreamId::customer(customer_id), CustomerEvent::Erased(CustomerErased {}).into())]
}

fn over() -> Vec<Past> {
    [placed([("A", 1)]), lines_cancelled([(1, 1, 0)]), cancelled()].concat()
}

#[test]
fn notes_are_written_whatever_the_order_up_to_a_limit() {
    given([placed([("A", 1)])]).when(note()).then([noted()]);
    given([over()]).when(note()).then([noted()]);
    let full = vec![noted(); 200].concat();
    let limit = Rejection::TooManyParts { what: Counted::Note, limit: 200 };
    given([placed([("A", 1)]), full]).when(note()).then_rejected(limit);
    given([]).when(note()).then_rejected(Rejection::UnknownOrder(order_id()));
}

#[test]
fn tags_come_and_go_once() {
    given([placed([("A", 1)])]).when(tag(&["gift", "b2b"], &["late"])).then([tagged(&["b2b", "gift"], &[])]);
    given([over(), tagged(&["gift"], &[])]).when(tag(&["gift"], &[])).then_nothing();
    given([over(), tagged(&["gift", "late"], &[])])
        .when(tag(&["b2b"], &["gift", "late"]))
        .then([tagged(&["b2b"], &["gift", "late"])]);
    given([over(), tagged(&["gift"], &[])]).when(tag(&["gift"], &["gift"])).then_nothing();
}

#[test]
fn an_order_has_so_many_tags_and_no_more() {
    let words: Vec<String> = (0..50).map(|number| format!("t{number}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let limit = Rejection::TooManyParts { what: Counted::Tag, limit: 50 };
    given([placed([("A", 1)]), tagged(&words, &[])]).when(tag(&["more"], &[])).then_rejected(limit);
    given([placed([("A", 1)]), tagged(&words, &[])]).when(tag(&["more"], &["t0"])).then([tagged(&["more"], &["t0"])]);
}

#[test]
fn addresses_change_until_something_is_shipped() {
    given([placed([("A", 2)])])
        .when(move_to(Some("Leeds"), Some("York")))
        .then([addresses_changed(Some("Leeds"), Some("York"))]);
    let moved = || [placed([("A", 2)]), addresses_changed(Some("Leeds"), Some("York"))].concat();
    given([moved()]).when(move_to(Some("Leeds"), None)).then_nothing();
    given([moved()]).when(move_to(Some("York"), Some("York"))).then([addresses_changed(Some("York"), None)]);
    given([moved()]).when(move_to(None, None)).then_nothing();

    let forbidden = |lifecycle, obstacle, allowed: &[OrderAction]| {
        Rejection::OrderState(OrderState { lifecycle, obstacle, allowed: words(allowed) })
    };
    let gone = [moved(), packed(1, [(1, 1)]), shipped(1), left("A", 1)].concat();
    let allowed = [
        OrderAction::RecordPayment,
        OrderAction::CreateFulfilment,
        OrderAction::CancelOrder,
        OrderAction::RequestReturn,
        OrderAction::AmendOrder,
        OrderAction::HoldOrder,
    ];
    let some_shipped = forbidden(Lifecycle::Open, Obstacle::SomeShipped, &allowed);
    given([gone.clone()]).when(move_to(Some("York"), None)).then_rejected(some_shipped);
    given([gone]).when(move_to(Some("Leeds"), None)).then_nothing();
    let over_already = forbidden(Lifecycle::Cancelled, Obstacle::Lifecycle, &[OrderAction::RecordPayment]);
    given([over()]).when(move_to(Some("York"), None)).then_rejected(over_already);
}

#[test]
fn an_order_is_given_to_a_customer_who_is_registered() {
    let one = customer(1);
    given([placed([("A", 1)]), registered(one)]).when(assign(one)).then([assigned(one)]);
    given([over(), registered(one), assigned(one)]).when(assign(one)).then_nothing();
    given([over(), registered(one), registered(customer(2)), assigned(one)])
        .when(assign(customer(2)))
        .then([assigned(customer(2))]);
    given([placed([("A", 1)])]).when(assign(one)).then_rejected(Rejection::UnknownBuyer(one));
    let erased = [registered(one), erased(one)].concat();
    given([placed([("A", 1)]), erased]).when(assign(one)).then_rejected(Rejection::ErasedBuyer(one));
}

#[test]
fn an_order_is_placed_for_whom_another_system_knows_but_not_for_whom_is_erased() {
    let place = || {
        let lines: Value = json!([{ "sku": "A", "quantity": 1 }]);
        let body = body(json!({ "currency": "GBP", "customer_id": customer(1), "lines": lines }));
        Command::PlaceOrder(PlaceOrder { body, stock: Default::default() })
    };
    let shop = || [product("A"), received("A", 1)].concat();
    assert!(given([shop()]).when(place()).0.is_ok());
    assert!(given([shop(), registered(customer(1))]).when(place()).0.is_ok());
    let erased = [registered(customer(1)), erased(customer(1))].concat();
    given([shop(), erased]).when(place()).then_rejected(Rejection::ErasedBuyer(customer(1)));
}
