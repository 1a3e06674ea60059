//! Tests of returns.

use events::Event;
use events::order::progress::{Lifecycle, ReturnState};
use events::order::{Disposition, OrderEvent, ReceivedUnits, ReturnReceived, ReturnRejected};
use events::stock::{StockEvent, StockRestocked};
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::OrderCommand;
use crate::order::state::Order;
use crate::rejection::{AllowedCommand, ExceededLine, Obstacle, OrderPart, OrderState, Purpose, Rejection};
use crate::tests::past::{
    body, cancelled, left, lines_cancelled, of_order, on_item, order_id, order_placed, packed, placed,
    return_requested, shipped, words,
};
use crate::tests::scenario::{Past, given};

fn request(quantity: u32) -> Command {
    let body = body(json!({ "lines": [{ "line": 1, "quantity": quantity }], "reason": "too small" }));
    Command::Order(order_id(), OrderCommand::RequestReturn { body })
}

fn receive(disposition: &str) -> Command {
    let body = body(json!({ "disposition": disposition }));
    Command::Order(order_id(), OrderCommand::ReceiveReturn { return_no: 1, body })
}

fn reject() -> Command {
    let body = body(json!({ "reason": "worn" }));
    Command::Order(order_id(), OrderCommand::RejectReturn { return_no: 1, body })
}

fn receive_lines(lines: Value) -> Command {
    let body = body(json!({ "lines": lines }));
    Command::Order(order_id(), OrderCommand::ReceiveReturn { return_no: 1, body })
}

/// The event of a receipt of two units of line 1.
fn received(disposition: Disposition) -> Vec<Past> {
    received_units([(1, 2, disposition)])
}

fn received_units<const N: usize>(units: [(u32, u32, Disposition); N]) -> Vec<Past> {
    let lines = units.map(|(line, quantity, disposition)| ReceivedUnits { line, quantity, disposition });
    of_order(OrderEvent::ReturnReceived(ReturnReceived { return_no: 1, lines: lines.to_vec(), rest: None }))
}

/// The event of the receipt of a whole return, as version 1 recorded it.
fn received_whole(disposition: Disposition) -> Vec<Past> {
    of_order(OrderEvent::ReturnReceived(ReturnReceived { return_no: 1, lines: vec![], rest: Some(disposition) }))
}

fn rejected() -> Vec<Past> {
    of_order(OrderEvent::ReturnRejected(ReturnRejected { return_no: 1, reason: "worn".into() }))
}

fn restocked(text: &str, quantity: u32) -> Vec<Past> {
    on_item(text, StockEvent::Restocked(StockRestocked { order_id: order_id(), quantity }))
}

/// An order of three units, of which two are shipped.
fn sent() -> Vec<Past> {
    [placed([("A", 3)]), packed(1, [(1, 2)]), shipped(1), left("A", 2)].concat()
}

fn stands(state: ReturnState) -> Rejection {
    let (lifecycle, obstacle) = (Lifecycle::Open, Obstacle::Return(1, state));
    let allowed = match state {
        ReturnState::Rejected => words(&[
            AllowedCommand::to_order("record_payment"),
            AllowedCommand::to_order("create_fulfilment"),
            AllowedCommand::to_order("cancel_order"),
            AllowedCommand::to_order("request_return"),
            AllowedCommand::to_order("amend_order"),
            AllowedCommand::to_order("hold_order"),
        ]),
        _ => words(&[
            AllowedCommand::to_order("record_payment"),
            AllowedCommand::to_order("create_fulfilment"),
            AllowedCommand::to_order("cancel_order"),
            AllowedCommand::to_order("amend_order"),
            AllowedCommand::to_order("hold_order"),
        ]),
    };
    Rejection::OrderState(OrderState { lifecycle, obstacle, allowed })
}

#[test]
fn a_return_of_shipped_units_can_be_requested_once() {
    given([sent()]).when(request(2)).then([return_requested(1, [(1, 2)])]);
    let exceeded = |requested, available| Rejection::QuantityExceeded {
        purpose: Purpose::Return,
        lines: vec![ExceededLine { line: 1, requested, available }],
    };
    given([sent()]).when(request(3)).then_rejected(exceeded(3, 2));
    given([sent(), return_requested(1, [(1, 2)])]).when(request(1)).then_rejected(exceeded(1, 0));
    given([sent(), return_requested(1, [(1, 2)]), received(Disposition::Lost)])
        .when(request(1))
        .then_rejected(exceeded(1, 0));
    given([sent(), return_requested(1, [(1, 2)]), rejected()]).when(request(2)).then([return_requested(2, [(1, 2)])]);
}

#[test]
fn restocked_units_are_added_to_their_stock_item() {
    let past = || [sent(), return_requested(1, [(1, 2)])];
    given(past()).when(receive("restock")).then([received(Disposition::Restock), restocked("A", 2)]);
    given(past()).when(receive("damaged")).then([received(Disposition::Damaged)]);
    given(past()).when(receive("lost")).then([received(Disposition::Lost)]);
}

#[test]
fn a_return_ends_once() {
    let back = || [sent(), return_requested(1, [(1, 2)]), received(Disposition::Restock), restocked("A", 2)].concat();
    let refused = || [sent(), return_requested(1, [(1, 2)]), rejected()].concat();
    given([back()]).when(receive("restock")).then_nothing();
    given([back()]).when(receive("damaged")).then_rejected(stands(ReturnState::Received));
    given([back()]).when(reject()).then_rejected(stands(ReturnState::Received));
    given([sent(), return_requested(1, [(1, 2)])]).when(reject()).then([rejected()]);
    given([refused()]).when(reject()).then_nothing();
    given([refused()]).when(receive("lost")).then_rejected(stands(ReturnState::Rejected));
}

#[test]
fn what_does_not_exist_or_never_left_does_not_come_back() {
    let unknown = Rejection::UnknownPart { part: OrderPart::Return, number: 1, last: 0 };
    given([sent()]).when(receive("restock")).then_rejected(unknown.clone());
    given([sent()]).when(reject()).then_rejected(unknown);
    let released_units = [placed([("A", 3)]), lines_cancelled([(1, 3, 0)]), cancelled()];
    assert_eq!(given(released_units).when(request(1)).rejection().kind(), "order-state");
}

#[test]
fn returned_units_of_untracked_stock_change_no_stock_item() {
    let mut order = order_placed([("A", 2)]);
    order.lines[0].untracked = true;
    let past = [of_order(OrderEvent::Placed(order)), packed(1, [(1, 2)]), shipped(1), return_requested(1, [(1, 2)])];
    given(past).when(receive("restock")).then([received(Disposition::Restock)]);
}

#[test]
fn units_of_a_return_arrive_one_by_one_and_in_any_condition() {
    let past = || [sent(), return_requested(1, [(1, 2)])].concat();
    let one = |disposition: &str| json!([{ "line": 1, "quantity": 1, "disposition": disposition }]);
    let first = || received_units([(1, 1, Disposition::Restock)]);
    given([past()]).when(receive_lines(one("restock"))).then([first(), restocked("A", 1)]);
    let half = || [past(), first(), restocked("A", 1)].concat();
    given([half()]).when(receive_lines(one("damaged"))).then([received_units([(1, 1, Disposition::Damaged)])]);
    given([half()]).when(receive("lost")).then([received_units([(1, 1, Disposition::Lost)])]);
    given([half()]).when(request(1)).then_rejected(Rejection::QuantityExceeded {
        purpose: Purpose::Return,
        lines: vec![ExceededLine { line: 1, requested: 1, available: 0 }],
    });

    let mixed = json!([
        { "line": 1, "quantity": 1, "disposition": "damaged" },
        { "line": 1, "quantity": 1, "disposition": "restock" },
    ]);
    let both = received_units([(1, 1, Disposition::Restock), (1, 1, Disposition::Damaged)]);
    given([past()]).when(receive_lines(mixed)).then([both, restocked("A", 1)]);
}

#[test]
fn no_more_units_are_received_than_are_requested() {
    let past = || [sent(), return_requested(1, [(1, 2)])].concat();
    let units = |line: u32, quantity: u32| json!([{ "line": line, "quantity": quantity, "disposition": "lost" }]);
    let exceeded = |requested, available| Rejection::QuantityExceeded {
        purpose: Purpose::Receipt,
        lines: vec![ExceededLine { line: 1, requested, available }],
    };
    given([past()]).when(receive_lines(units(1, 3))).then_rejected(exceeded(3, 2));
    let half = [past(), received_units([(1, 1, Disposition::Damaged)])];
    given(half).when(receive_lines(units(1, 2))).then_rejected(exceeded(2, 1));
    given([past()]).when(receive_lines(units(2, 1))).then_rejected(Rejection::UnknownLines { lines: vec![2], last: 1 });
    let back = [past(), received(Disposition::Lost)];
    given(back).when(receive_lines(units(1, 1))).then_rejected(stands(ReturnState::Received));
}

#[test]
fn what_was_not_received_of_a_return_can_be_rejected() {
    let half = || [sent(), return_requested(1, [(1, 2)]), received_units([(1, 1, Disposition::Lost)])].concat();
    given([half()]).when(reject()).then([rejected()]);
    given([half(), rejected()]).when(reject()).then_nothing();
    given([half(), rejected()]).when(receive("lost")).then_rejected(stands(ReturnState::Rejected));
    given([half(), rejected()]).when(request(1)).then([return_requested(2, [(1, 1)])]);
}

#[test]
fn a_return_of_version_1_was_received_as_a_whole() {
    let mut order = Order::default();
    for (_, event) in [sent(), return_requested(1, [(1, 2)]), received_whole(Disposition::Damaged)].concat() {
        if let Event::Order(event) = event {
            order.evolve(&event);
        }
    }
    let found = order.progress.find_return(1).unwrap();
    assert_eq!(found.received, [ReceivedUnits { line: 1, quantity: 2, disposition: Disposition::Damaged }]);
    assert_eq!((found.state, found.disposition), (ReturnState::Received, Some(Disposition::Damaged)));
    let line = order.progress.line(1).unwrap();
    assert_eq!((line.return_requested, line.returned), (0, 2));
}
