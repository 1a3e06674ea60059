//! Tests of assigning an order to a customer.

use events::CustomerId;
use events::customer::{CustomerErased, CustomerEvent};
use events::order::{OrderCustomerAssigned, OrderEvent};
use events::stream::StreamId;
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::OrderCommand;
use crate::order::place::PlaceOrder;
use crate::rejection::Rejection;
use crate::tests::commands::values::customer;
use crate::tests::past::{body, cancelled, lines_cancelled, of_order, order_id, placed, product, received, registered};
use crate::tests::scenario::{Past, given};

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
