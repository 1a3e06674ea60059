//! Tests of the erasure of the personal data of an order.

use events::customer::{CustomerErased, CustomerEvent};
use events::order::{OrderCustomerAssigned, OrderEvent, OrderPersonalDataErased};
use events::{CustomerId, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::{AllowedCommand, Rejection};
use crate::tests::commands::values::customer;
use crate::tests::past::{
    address, addresses_changed, body, cancelled, lines_cancelled, of_order, order_id, placed, registered,
};
use crate::tests::scenario::{Past, given};

fn erase() -> Command {
    Command::Order(order_id(), OrderCommand::ErasePersonalData {})
}

fn erased() -> Vec<Past> {
    of_order(OrderEvent::PersonalDataErased(OrderPersonalDataErased {}))
}

fn customer_erased(customer_id: CustomerId) -> Vec<Past> {
    let erased = CustomerEvent::Erased(CustomerErased {});
    [registered(customer_id), vec![(StreamId::customer(customer_id), erased.into())]].concat()
}

fn assigned(customer_id: CustomerId) -> Vec<Past> {
    of_order(OrderEvent::CustomerAssigned(OrderCustomerAssigned { customer_id }))
}

fn ordered() -> Vec<Past> {
    [placed([("A", 2)]), addresses_changed(Some("Leeds"), None)].concat()
}

/// An order that is erased by its own command, with its customer, and with a former customer.
fn ways() -> [Vec<Past>; 3] {
    let (one, two) = (customer(1), customer(2));
    [
        [ordered(), erased()].concat(),
        [ordered(), assigned(one), customer_erased(one)].concat(),
        [ordered(), assigned(one), registered(two), assigned(two), customer_erased(one)].concat(),
    ]
}

/// Commands that add personal data or a customer to an order.
fn bringing() -> [Command; 5] {
    let order_id = order_id();
    let amend = |json: Value| Command::Order(order_id, OrderCommand::AmendOrder { body: body(json) });
    let addresses = |json: Value| Command::Order(order_id, OrderCommand::ChangeAddresses { body: body(json) });
    [
        addresses(json!({ "shipping_address": address("York") })),
        addresses(json!({ "shipping_address": address("Leeds") })),
        amend(json!({ "billing_address": address("York") })),
        Command::Order(order_id, OrderCommand::AddNote { body: body(json!({ "note": "Called." })) }),
        Command::Order(order_id, OrderCommand::AssignCustomer { body: body(json!({ "customer_id": customer(3) })) }),
    ]
}

#[test]
fn an_order_is_erased_once_in_every_lifecycle() {
    let over = [placed([("A", 1)]), lines_cancelled([(1, 1, 0)]), cancelled()].concat();
    for past in [ordered(), over] {
        given([past.clone()]).when(erase()).then([erased()]);
        given([past, erased()]).when(erase()).then_nothing();
    }
    given([]).when(erase()).then_rejected(Rejection::UnknownOrder(order_id()));
}

#[test]
fn an_order_is_erased_by_itself_too_after_its_customer_was() {
    given([ordered(), assigned(customer(1)), customer_erased(customer(1))]).when(erase()).then([erased()]);
}

#[test]
fn an_erased_order_takes_no_personal_data_however_it_was_erased() {
    for past in ways() {
        for command in bringing() {
            let past = [past.clone(), registered(customer(3))];
            given(past).when(command).then_rejected(Rejection::PersonalDataErased(order_id()));
        }
    }
}

#[test]
fn an_order_of_the_living_takes_it() {
    for command in bringing() {
        let past = [ordered(), registered(customer(1)), assigned(customer(1)), registered(customer(3))];
        assert!(given(past).when(command).0.is_ok());
    }
}

#[test]
fn an_erased_order_goes_on_and_does_not_advise_what_it_refuses() {
    let cancel = || {
        let body = body(json!({ "reason": "not wanted" }));
        Command::Order(order_id(), OrderCommand::CancelOrder { body })
    };
    for past in ways() {
        assert!(given([past, crate::tests::past::received("A", 2)]).when(cancel()).0.is_ok());
    }
    let change = json!({ "change": [{ "line": 1, "quantity": 1 }] });
    let amend = Command::Order(order_id(), OrderCommand::AmendOrder { body: body(change) });
    let over = [placed([("A", 1)]), lines_cancelled([(1, 1, 0)]), cancelled(), erased()].concat();
    let rejection = given([over]).when(amend).rejection();
    let Rejection::OrderState(state) = rejection else { panic!("{rejection:?}") };
    assert_eq!(state.allowed, [AllowedCommand::to_order("record_payment"), AllowedCommand::to_order("tag_order")]);
}
