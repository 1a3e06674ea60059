//! Pieces that come back.

use events::order::progress::{Lifecycle, ReturnState};
use events::order::{Disposition, OrderEvent, ReturnReceived, ReturnRejected};
use events::stock::{StockEvent, StockRestocked};
use serde_json::json;

use super::past::{
    body, cancelled, left, lines_cancelled, of_order, on_shelf, order_id, order_placed, packed, placed,
    return_requested, shipped, words,
};
use super::scenario::{Past, given};
use crate::command::{Command, ReceiveReturn, RejectReturn, RequestReturn};
use crate::rejection::{ExceededLine, Obstacle, OrderState, Part, Purpose, Rejection};

fn request(quantity: u32) -> Command {
    let body = body(json!({ "lines": [{ "line": 1, "quantity": quantity }], "reason": "too small" }));
    Command::RequestReturn(RequestReturn { order_id: order_id(), body })
}

fn receive(disposition: &str) -> Command {
    let body = body(json!({ "disposition": disposition }));
    Command::ReceiveReturn(ReceiveReturn { order_id: order_id(), return_no: 1, body })
}

fn reject() -> Command {
    let body = body(json!({ "reason": "worn" }));
    Command::RejectReturn(RejectReturn { order_id: order_id(), return_no: 1, body })
}

fn received(disposition: Disposition) -> Vec<Past> {
    of_order(OrderEvent::ReturnReceived(ReturnReceived { return_no: 1, disposition }))
}

fn rejected() -> Vec<Past> {
    of_order(OrderEvent::ReturnRejected(ReturnRejected { return_no: 1, reason: "worn".into() }))
}

fn restocked(text: &str, quantity: u32) -> Vec<Past> {
    on_shelf(text, StockEvent::Restocked(StockRestocked { order_id: order_id(), quantity }))
}

/// Two of three pieces were shipped.
fn sent() -> Vec<Past> {
    [placed([("A", 3)]), packed(1, [(1, 2)]), shipped(1), left("A", 2)].concat()
}

fn stands(state: ReturnState) -> Rejection {
    let (lifecycle, obstacle) = (Lifecycle::Open, Obstacle::Return(1, state));
    let allowed = match state {
        ReturnState::Rejected => words(&["payments", "fulfilments", "cancellation", "returns", "amendments", "holds"]),
        _ => words(&["payments", "fulfilments", "cancellation", "amendments", "holds"]),
    };
    Rejection::OrderState(OrderState { lifecycle, obstacle, allowed })
}

#[test]
fn shipped_pieces_can_be_asked_back_once() {
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
fn pieces_that_can_be_sold_again_go_back_on_their_shelf() {
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
    let unknown = Rejection::UnknownPart { part: Part::Return, number: 1, last: 0 };
    given([sent()]).when(receive("restock")).then_rejected(unknown.clone());
    given([sent()]).when(reject()).then_rejected(unknown);
    let given_up = [placed([("A", 3)]), lines_cancelled([(1, 3, 0)]), cancelled()];
    assert_eq!(given(given_up).when(request(1)).rejection().kind(), "order-state");
}

#[test]
fn what_nobody_counts_goes_back_on_no_shelf() {
    let mut order = order_placed([("A", 2)]);
    order.lines[0].untracked = true;
    let past = [of_order(OrderEvent::Placed(order)), packed(1, [(1, 2)]), shipped(1), return_requested(1, [(1, 2)])];
    given(past).when(receive("restock")).then([received(Disposition::Restock)]);
}
