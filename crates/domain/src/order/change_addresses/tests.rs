//! Tests of changing the addresses of an order.

use events::order::progress::Lifecycle;
use serde_json::json;

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::{AllowedCommand, Obstacle, OrderState, Rejection};
use crate::tests::past::{
    address, addresses_changed, body, cancelled, left, lines_cancelled, order_id, packed, placed, shipped, words,
};
use crate::tests::scenario::{Past, given};

fn move_to(shipping: Option<&str>, billing: Option<&str>) -> Command {
    let json = json!({ "shipping_address": shipping.map(address), "billing_address": billing.map(address) });
    Command::Order(order_id(), OrderCommand::ChangeAddresses { body: body(json) })
}

fn over() -> Vec<Past> {
    [placed([("A", 1)]), lines_cancelled([(1, 1, 0)]), cancelled()].concat()
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

    let forbidden = |lifecycle, obstacle, allowed: &[AllowedCommand]| {
        Rejection::OrderState(OrderState { lifecycle, obstacle, allowed: words(allowed) })
    };
    let gone = [moved(), packed(1, [(1, 1)]), shipped(1), left("A", 1)].concat();
    let allowed = [
        AllowedCommand::to_order("record_payment"),
        AllowedCommand::to_order("create_fulfilment"),
        AllowedCommand::to_order("cancel_order"),
        AllowedCommand::to_order("request_return"),
        AllowedCommand::to_order("amend_order"),
        AllowedCommand::to_order("hold_order"),
    ];
    let some_shipped = forbidden(Lifecycle::Open, Obstacle::SomeShipped, &allowed);
    given([gone.clone()]).when(move_to(Some("York"), None)).then_rejected(some_shipped);
    given([gone]).when(move_to(Some("Leeds"), None)).then_nothing();
    let over_already =
        forbidden(Lifecycle::Cancelled, Obstacle::Lifecycle, &[AllowedCommand::to_order("record_payment")]);
    given([over()]).when(move_to(Some("York"), None)).then_rejected(over_already);
}
