//! Tests of the expiry and the completion of orders.

use chrono::{DateTime, TimeDelta, Utc};
use events::Minor;
use events::order::{
    Disposition, OrderCompleted, OrderEvent, OrderExpired, PaymentVoided, RefundKind, RefundRecorded, ReturnReceived,
};

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::Rejection;
use crate::tests::past::{
    authorized, cancelled, captured, delivered, left, lines_cancelled, of_order, order_id, order_placed, packed,
    placed, received, released, reserved, return_requested, shipped, unpacked,
};
use crate::tests::scenario::{Past, given, now};

fn expire() -> Command {
    Command::Order(order_id(), OrderCommand::ExpireOrder {})
}

fn complete() -> Command {
    Command::Order(order_id(), OrderCommand::CompleteOrder {})
}

fn expired() -> Vec<Past> {
    of_order(OrderEvent::Expired(OrderExpired {}))
}

fn completed() -> Vec<Past> {
    of_order(OrderEvent::Completed(OrderCompleted {}))
}

/// An order of two units of A for 900, due now.
fn waiting() -> Vec<Past> {
    due_at(Some(now()))
}

fn due_at(payment_due: Option<DateTime<Utc>>) -> Vec<Past> {
    let mut order = order_placed([("A", 2)]);
    order.payment_due = payment_due;
    [received("A", 2), of_order(OrderEvent::Placed(order)), reserved("A", 2)].concat()
}

#[test]
fn an_order_that_nobody_paid_gives_its_stock_back_when_it_is_due() {
    given([waiting()]).when(expire()).then([expired(), released("A", 2)]);
    given([waiting(), expired(), released("A", 2)]).when(expire()).then_nothing();
    given([waiting()]).when_at(now() - TimeDelta::microseconds(1), expire()).then_nothing();
    given([due_at(None)]).when(expire()).then_nothing();
    given([]).when(expire()).then_rejected(Rejection::UnknownOrder(order_id()));
}

#[test]
fn what_is_packed_is_unpacked_and_what_was_cancelled_is_not_given_back_twice() {
    let past = [waiting(), packed(1, [(1, 1)]), lines_cancelled([(1, 1, 1)]), released("A", 1)];
    given(past).when(expire()).then([unpacked(1), expired(), released("A", 1)]);
}

#[test]
fn a_whole_promise_is_paid_in_time_and_so_is_any_money() {
    given([waiting(), authorized(1, 900)]).when(expire()).then_nothing();
    given([waiting(), captured(1, 1)]).when(expire()).then_nothing();
    given([waiting(), authorized(1, 899)]).when(expire()).then([expired(), released("A", 2)]);
    let voided = of_order(OrderEvent::PaymentVoided(PaymentVoided { payment: 1 }));
    given([waiting(), authorized(1, 900), voided]).when(expire()).then([expired(), released("A", 2)]);
}

#[test]
fn what_left_is_owed_for_and_what_is_over_is_over() {
    given([waiting(), packed(1, [(1, 1)]), shipped(1), left("A", 1)]).when(expire()).then_nothing();
    given([waiting(), lines_cancelled([(1, 2, 0)]), cancelled(), released("A", 2)]).when(expire()).then_nothing();
}

#[test]
fn an_order_on_which_money_is_owed_is_not_completed() {
    let refunded = |kind| {
        let refunded = RefundRecorded { payment: 1, amount: Minor(450), kind, return_no: None };
        of_order(OrderEvent::RefundRecorded(refunded))
    };
    let repaid = || [arrived(), captured(1, 900), refunded(Some(RefundKind::Repayment))].concat();
    given([repaid()]).when(complete()).then_nothing();
    given([repaid(), captured(2, 449)]).when(complete()).then_nothing();
    given([repaid(), captured(2, 450)]).when(complete()).then([completed()]);
    for kind in [Some(RefundKind::Goodwill), None] {
        given([arrived(), captured(1, 900), refunded(kind)]).when(complete()).then([completed()]);
    }
}

/// An order of two units of A, both delivered.
fn arrived() -> Vec<Past> {
    [placed([("A", 2)]), packed(1, [(1, 2)]), shipped(1), left("A", 2), delivered(1)].concat()
}

#[test]
fn an_order_is_complete_when_all_of_it_arrived_and_is_paid() {
    given([arrived(), captured(1, 900)]).when(complete()).then([completed()]);
    given([arrived(), captured(1, 900), completed()]).when(complete()).then_nothing();
    given([arrived(), captured(1, 899)]).when(complete()).then_nothing();
    let under_way = || [placed([("A", 2)]), packed(1, [(1, 2)]), shipped(1), left("A", 2), captured(1, 900)].concat();
    given([under_way()]).when(complete()).then_nothing();
    given([]).when(complete()).then_rejected(Rejection::UnknownOrder(order_id()));
}

#[test]
fn what_was_cancelled_neither_arrives_nor_costs() {
    let past = [placed([("A", 2)]), packed(1, [(1, 1)]), shipped(1), left("A", 1), delivered(1), captured(1, 450)];
    given(past.clone()).when(complete()).then_nothing();
    given([past.concat(), lines_cancelled([(1, 1, 1)]), released("A", 1)]).when(complete()).then([completed()]);
    given([placed([("A", 1)]), lines_cancelled([(1, 1, 0)]), cancelled()]).when(complete()).then_nothing();
}

#[test]
fn a_return_keeps_an_order_open_until_it_ends() {
    let past = || [arrived(), captured(1, 900), return_requested(1, [(1, 1)])].concat();
    given([past()]).when(complete()).then_nothing();
    let back = of_order(OrderEvent::ReturnReceived(ReturnReceived {
        return_no: 1,
        lines: vec![],
        rest: Some(Disposition::Lost),
    }));
    let refunded =
        RefundRecorded { payment: 1, amount: Minor(450), kind: Some(RefundKind::Return), return_no: Some(1) };
    let refunded = of_order(OrderEvent::RefundRecorded(refunded));
    given([past(), back, refunded]).when(complete()).then([completed()]);
}
