//! Tests of orders on hold.

use events::order::progress::Lifecycle;
use events::order::{OrderEvent, OrderHeld, OrderHoldReleased};
use serde_json::json;

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::{AllowedCommand, Obstacle, OrderState, Rejection};
use crate::tests::past::{
    body, cancelled, captured, delivered, left, lines_cancelled, of_order, order_id, packed, placed, released, shipped,
    unpacked, words,
};
use crate::tests::scenario::{Past, given};

fn hold() -> Command {
    Command::Order(order_id(), OrderCommand::HoldOrder { body: body(json!({ "reason": "in doubt" })) })
}

fn release() -> Command {
    Command::Order(order_id(), OrderCommand::ReleaseOrder { body: body(json!({})) })
}

fn pack() -> Command {
    Command::Order(order_id(), OrderCommand::CreateFulfilment { body: body(json!({})) })
}

fn ship() -> Command {
    let body = body(json!({ "carrier": "DHL", "tracking": "T1" }));
    Command::Order(order_id(), OrderCommand::ShipFulfilment { fulfilment: 1, body })
}

fn held() -> Vec<Past> {
    of_order(OrderEvent::Held(OrderHeld { reason: "in doubt".into() }))
}

fn let_go() -> Vec<Past> {
    of_order(OrderEvent::HoldReleased(OrderHoldReleased {}))
}

fn forbidden(lifecycle: Lifecycle, obstacle: Obstacle, allowed: &[AllowedCommand]) -> Rejection {
    Rejection::OrderState(OrderState { lifecycle, obstacle, allowed: words(allowed) })
}

#[test]
fn an_order_is_held_and_let_go_once() {
    given([placed([("A", 1)])]).when(hold()).then([held()]);
    given([placed([("A", 1)]), held()]).when(hold()).then_nothing();
    given([placed([("A", 1)]), held()]).when(release()).then([let_go()]);
    given([placed([("A", 1)])]).when(release()).then_nothing();
    given([placed([("A", 1)]), held(), let_go()]).when(hold()).then([held()]);
}

#[test]
fn only_open_orders_are_held() {
    let released_units = || [placed([("A", 1)]), lines_cancelled([(1, 1, 0)]), cancelled(), released("A", 1)].concat();
    let over = forbidden(Lifecycle::Cancelled, Obstacle::Lifecycle, &[AllowedCommand::to_order("record_payment")]);
    given([released_units()]).when(hold()).then_rejected(over);
    given([released_units()]).when(release()).then_nothing();
    given([]).when(hold()).then_rejected(Rejection::UnknownOrder(order_id()));
}

#[test]
fn what_is_held_is_neither_packed_nor_shipped() {
    let on_hold = |allowed: &[AllowedCommand]| forbidden(Lifecycle::Open, Obstacle::OnHold, allowed);
    let open = [
        AllowedCommand::to_order("record_payment"),
        AllowedCommand::to_order("cancel_order"),
        AllowedCommand::to_order("amend_order"),
        AllowedCommand::to_order("release_order"),
        AllowedCommand::to_order("change_addresses"),
    ];
    given([placed([("A", 1)]), held()]).when(pack()).then_rejected(on_hold(&open));
    given([placed([("A", 1)]), packed(1, [(1, 1)]), held()]).when(ship()).then_rejected(on_hold(&open));
    given([placed([("A", 1)]), held(), let_go()]).when(pack()).then([packed(1, [(1, 1)])]);
}

#[test]
fn everything_else_goes_on() {
    let past = || [placed([("A", 1)]), packed(1, [(1, 1)]), held()].concat();
    let order_id = order_id();
    let unpack = Command::Order(order_id, OrderCommand::CancelFulfilment { fulfilment: 1, body: body(json!({})) });
    given([past()]).when(unpack).then([unpacked(1)]);
    let cancel =
        Command::Order(order_id, OrderCommand::CancelOrder { body: body(json!({ "reason": "changed mind" })) });
    given([past()]).when(cancel).then([unpacked(1), lines_cancelled([(1, 1, 0)]), cancelled(), released("A", 1)]);
    let pay = body(json!({ "kind": "captured", "amount": 450, "method": "card" }));
    given([past()]).when(Command::Order(order_id, OrderCommand::RecordPayment { body: pay })).then([captured(1, 450)]);
    let gone = [placed([("A", 1)]), packed(1, [(1, 1)]), shipped(1), left("A", 1), held()];
    let deliver = Command::Order(order_id, OrderCommand::DeliverFulfilment { fulfilment: 1, body: body(json!({})) });
    given(gone.clone()).when(deliver).then([delivered(1)]);
    given(gone).when(ship()).then_nothing();
}
