//! Tests of cancelling order lines and whole orders.

use events::order::progress::Lifecycle;
use events::order::{OrderCompleted, OrderEvent};
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::{AllowedCommand, ExceededLine, Obstacle, OrderState, Purpose, Rejection};
use crate::tests::past::{
    body, cancelled, delivered, left, lines_cancelled, of_order, order_id, order_placed, packed, placed, released,
    shipped, unpacked, words,
};
use crate::tests::scenario::given;

fn cancel() -> Command {
    cancel_lines(Value::Null)
}

fn cancel_lines(lines: Value) -> Command {
    let body = body(json!({ "reason": "changed mind", "lines": lines }));
    Command::Order(order_id(), OrderCommand::CancelOrder { body })
}

#[test]
fn an_order_of_which_nothing_left_is_cancelled_whole() {
    given([placed([("A", 2), ("B", 1), ("A", 1)])]).when(cancel()).then([
        lines_cancelled([(1, 2, 0), (2, 1, 0), (3, 1, 0)]),
        cancelled(),
        released("A", 3),
        released("B", 1),
    ]);
}

#[test]
fn a_cancelled_order_stays_cancelled() {
    let past = || [placed([("A", 2)]), lines_cancelled([(1, 2, 0)]), cancelled(), released("A", 2)];
    given(past()).when(cancel()).then_nothing();
    given(past()).when(cancel_lines(json!([{ "line": 1, "quantity": 1 }]))).then_nothing();
    given([]).when(cancel()).then_rejected(Rejection::UnknownOrder(order_id()));
}

#[test]
fn open_fulfilments_are_cancelled_along_with_the_whole_order() {
    given([placed([("A", 2), ("B", 1)]), packed(1, [(1, 2)])]).when(cancel()).then([
        unpacked(1),
        lines_cancelled([(1, 2, 0), (2, 1, 0)]),
        cancelled(),
        released("A", 2),
        released("B", 1),
    ]);
}

#[test]
fn what_is_shipped_stays_and_the_order_goes_on() {
    let past = || [placed([("A", 2), ("B", 1)]), packed(1, [(1, 1)]), shipped(1), left("A", 1)].concat();
    let rest = || [lines_cancelled([(1, 1, 1), (2, 1, 0)]), released("A", 1), released("B", 1)];
    given([past()]).when(cancel()).then(rest());
    given([past(), rest().concat()]).when(cancel()).then_nothing();
}

#[test]
fn a_repeat_after_the_platform_completed_the_order_finds_everything_so() {
    let rest = [lines_cancelled([(1, 1, 1)]), released("A", 1)];
    let past = [placed([("A", 2)]), packed(1, [(1, 1)]), shipped(1), left("A", 1), rest.concat(), delivered(1)];
    let completed = || of_order(OrderEvent::Completed(OrderCompleted {}));
    given([past.concat(), completed()]).when(cancel()).then_nothing();
    // No unit of this order was cancelled, so the command is not a repeat and is rejected.
    let whole = [placed([("A", 1)]), packed(1, [(1, 1)]), shipped(1), left("A", 1), delivered(1)];
    assert_eq!(given([whole.concat(), completed()]).when(cancel()).rejection().kind(), "order-state");
}

#[test]
fn a_shipped_order_is_returned_not_cancelled() {
    let obstacle = Obstacle::AllShipped;
    let allowed = words(&[
        AllowedCommand::to_order("record_payment"),
        AllowedCommand::to_order("request_return"),
        AllowedCommand::to_order("amend_order"),
        AllowedCommand::to_order("hold_order"),
    ]);
    let rejection = Rejection::OrderState(OrderState { lifecycle: Lifecycle::Open, obstacle, allowed });
    given([placed([("A", 2)]), packed(1, [(1, 2)]), shipped(1), left("A", 2)]).when(cancel()).then_rejected(rejection);
}

#[test]
fn lines_are_cancelled_piece_by_piece() {
    let one = || cancel_lines(json!([{ "line": 1, "quantity": 1 }]));
    given([placed([("A", 2)])]).when(one()).then([lines_cancelled([(1, 1, 1)]), released("A", 1)]);
    given([placed([("A", 2)]), lines_cancelled([(1, 1, 1)]), released("A", 1)]).when(one()).then([
        lines_cancelled([(1, 1, 0)]),
        cancelled(),
        released("A", 1),
    ]);
}

#[test]
fn units_in_a_fulfilment_cannot_be_cancelled_by_line() {
    let two = cancel_lines(json!([{ "line": 1, "quantity": 2 }]));
    let lines = vec![ExceededLine { line: 1, requested: 2, available: 1 }];
    given([placed([("A", 2)]), packed(1, [(1, 1)])])
        .when(two)
        .then_rejected(Rejection::QuantityExceeded { purpose: Purpose::Cancellation, lines });
}

#[test]
fn a_cancelled_line_of_untracked_stock_releases_no_stock() {
    let mut order = order_placed([("A", 2)]);
    order.lines[0].untracked = true;
    given([of_order(OrderEvent::Placed(order))]).when(cancel()).then([lines_cancelled([(1, 2, 0)]), cancelled()]);
}
