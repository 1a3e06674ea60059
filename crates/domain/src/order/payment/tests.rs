//! Tests of payments and refunds.

use events::Minor;
use events::order::progress::Lifecycle;
use events::order::{OrderEvent, PaymentCaptured, PaymentFailed, PaymentVoided, RefundKind, RefundRecorded};
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::{AllowedCommand, Obstacle, OrderPart, OrderState, Rejection};
use crate::tests::past::{
    authorized, body, cancelled, captured, lines_cancelled, of_order, order_id, packed, placed, return_requested,
    shipped, words,
};
use crate::tests::scenario::{Past, given};
use crate::value::amount::MAX_AMOUNT;

fn pay(json: Value) -> Command {
    Command::Order(order_id(), OrderCommand::RecordPayment { body: body(json) })
}

fn refund(payment: u32, amount: i64) -> Command {
    let body = body(json!({ "payment": payment, "amount": amount }));
    Command::Order(order_id(), OrderCommand::RecordRefund { body })
}

fn voided(payment: u32) -> Vec<Past> {
    of_order(OrderEvent::PaymentVoided(PaymentVoided { payment }))
}

fn failed(payment: u32) -> Vec<Past> {
    of_order(OrderEvent::PaymentFailed(PaymentFailed { payment, reason: "declined".into() }))
}

fn refunded(payment: u32, amount: i64) -> Vec<Past> {
    refunded_as(RefundKind::Repayment, None, payment, amount)
}

fn refunded_as(kind: RefundKind, return_no: Option<u32>, payment: u32, amount: i64) -> Vec<Past> {
    let (amount, kind) = (Minor(amount), Some(kind));
    of_order(OrderEvent::RefundRecorded(RefundRecorded { payment, amount, kind, return_no }))
}

fn unknown(part: OrderPart, number: u32, last: u32) -> Rejection {
    Rejection::UnknownPart { part, number, last }
}

fn captured_whole(payment: u32) -> Rejection {
    let allowed = words(&[
        AllowedCommand::to_order("record_payment"),
        AllowedCommand::to_order("record_refund"),
        AllowedCommand::to_order("create_fulfilment"),
        AllowedCommand::to_order("cancel_order"),
        AllowedCommand::to_order("amend_order"),
        AllowedCommand::to_order("hold_order"),
        AllowedCommand::to_order("change_addresses"),
    ]);
    let obstacle = Obstacle::Captured(payment);
    Rejection::OrderState(OrderState { lifecycle: Lifecycle::Open, obstacle, allowed })
}

fn ordered() -> Vec<Past> {
    placed([("A", 2)])
}

fn released_units() -> Vec<Past> {
    [ordered(), lines_cancelled([(1, 2, 0)]), cancelled()].concat()
}

#[test]
fn money_is_promised_to_open_orders() {
    let authorize = || pay(json!({ "kind": "authorized", "amount": 900, "method": "card" }));
    given([ordered()]).when(authorize()).then([authorized(1, 900)]);
    given([ordered(), captured(1, 1)]).when(authorize()).then([authorized(2, 900)]);
    given([released_units()]).when(authorize()).then_rejected(Rejection::OrderState(OrderState {
        lifecycle: Lifecycle::Cancelled,
        obstacle: Obstacle::Lifecycle,
        allowed: words(&[AllowedCommand::to_order("record_payment")]),
    }));
    given([]).when(authorize()).then_rejected(Rejection::UnknownOrder(order_id()));
}

#[test]
fn captured_money_is_a_fact_whatever_the_order() {
    let capture = || pay(json!({ "kind": "captured", "amount": 900, "method": "card" }));
    given([ordered()]).when(capture()).then([captured(1, 900)]);
    given([ordered(), captured(1, 900)]).when(capture()).then([captured(2, 900)]);
    given([released_units()]).when(capture()).then([captured(1, 900)]);
}

#[test]
fn a_capture_of_an_authorized_payment_takes_its_method() {
    let capture = |payment: u32| pay(json!({ "kind": "captured", "payment": payment, "amount": 900 }));
    given([ordered(), authorized(1, 900)]).when(capture(1)).then([captured(1, 900)]);
    given([ordered(), authorized(1, 900)]).when(capture(2)).then_rejected(unknown(OrderPart::Payment, 2, 1));
    given([ordered()]).when(capture(0)).then_rejected(unknown(OrderPart::Payment, 0, 0));
    given([ordered()]).when(pay(json!({ "kind": "captured", "amount": 1 }))).then_rejected(Rejection::MethodMissing);
}

#[test]
fn a_promise_is_taken_back_once() {
    let void = || pay(json!({ "kind": "voided", "payment": 1 }));
    given([ordered(), authorized(1, 900)]).when(void()).then([voided(1)]);
    given([ordered(), authorized(1, 900), voided(1)]).when(void()).then_nothing();
    given([ordered(), authorized(1, 900), captured(1, 400)]).when(void()).then([voided(1)]);
    given([ordered(), authorized(1, 900), captured(1, 400), voided(1)]).when(void()).then_nothing();
    given([ordered(), authorized(1, 900), captured(1, 900)]).when(void()).then_rejected(captured_whole(1));
    given([ordered()]).when(void()).then_rejected(unknown(OrderPart::Payment, 1, 0));
}

#[test]
fn a_payment_fails() {
    let fail = || pay(json!({ "kind": "failed", "payment": 1, "reason": "declined" }));
    given([ordered(), authorized(1, 900)]).when(fail()).then([failed(1)]);
    given([ordered(), authorized(1, 900), failed(1)]).when(fail()).then_nothing();
    given([ordered(), captured(1, 900)]).when(fail()).then_rejected(captured_whole(1));
    given([ordered()]).when(pay(json!({ "kind": "failed", "reason": "declined" }))).then([failed(1)]);
}

#[test]
fn refunds_stay_within_what_was_captured() {
    given([ordered(), captured(1, 900)]).when(refund(1, 900)).then([refunded(1, 900)]);
    given([ordered(), captured(1, 900), refunded(1, 400)]).when(refund(1, 500)).then([refunded(1, 500)]);
    let exceeded = Rejection::AmountExceeded { payment: 1, amount: Minor(501), refundable: Minor(500) };
    given([ordered(), captured(1, 900), refunded(1, 400)]).when(refund(1, 501)).then_rejected(exceeded);
    let nothing_captured = Rejection::AmountExceeded { payment: 1, amount: Minor(1), refundable: Minor(0) };
    given([ordered(), authorized(1, 900)]).when(refund(1, 1)).then_rejected(nothing_captured);
    given([ordered()]).when(refund(1, 1)).then_rejected(unknown(OrderPart::Payment, 1, 0));
}

#[test]
fn a_refund_is_a_repayment_unless_it_is_for_a_return_or_goodwill() {
    let refund = |json| Command::Order(order_id(), OrderCommand::RecordRefund { body: body(json) });
    let paid = || [ordered(), captured(1, 900), packed(1, [(1, 2)]), shipped(1), return_requested(1, [(1, 1)])];
    let said = |kind: &str| refund(json!({ "payment": 1, "amount": 450, "kind": kind }));
    given(paid()).when(said("repayment")).then([refunded_as(RefundKind::Repayment, None, 1, 450)]);
    given(paid()).when(said("goodwill")).then([refunded_as(RefundKind::Goodwill, None, 1, 450)]);
    let of_return = refund(json!({ "payment": 1, "amount": 450, "return": 1 }));
    given(paid()).when(of_return).then([refunded_as(RefundKind::Return, Some(1), 1, 450)]);
    let both = refund(json!({ "payment": 1, "amount": 450, "return": 1, "kind": "goodwill" }));
    given(paid()).when(both).then_rejected(Rejection::Exclusive(["return", "kind"]));
}

#[test]
fn a_refund_for_a_return_names_one_that_exists() {
    let body = body(json!({ "payment": 1, "amount": 1, "return": 1 }));
    let refund = Command::Order(order_id(), OrderCommand::RecordRefund { body });
    given([ordered(), captured(1, 900)]).when(refund).then_rejected(unknown(OrderPart::Return, 1, 0));
}

fn captured_as(reference: &str, payment: u32, amount: i64) -> Vec<Past> {
    let (amount, method, reference) = (Minor(amount), "card".to_owned(), Some(reference.to_owned()));
    of_order(OrderEvent::PaymentCaptured(PaymentCaptured { payment, amount, method, reference }))
}

#[test]
fn a_transaction_of_the_provider_is_recorded_once() {
    let capture = |amount: i64| json!({ "kind": "captured", "amount": amount, "method": "card", "reference": "pi:1" });
    let past = || [ordered(), captured_as("pi:1", 1, 400)];
    let events = given([ordered()]).when(pay(capture(400))).then([captured_as("pi:1", 1, 400)]);
    assert_eq!(events[0].claim.as_deref(), Some("payment:captured\ncard\npi:1"));
    given(past()).when(pay(capture(400))).then_nothing();
    let taken = Rejection::DuplicatePaymentReference { method: "card".into(), reference: "pi:1".into() };
    given(past()).when(pay(capture(500))).then_rejected(taken);
}

#[test]
fn another_kind_method_or_reference_is_another_transaction() {
    let past = || [ordered(), captured_as("pi-1", 1, 400)];
    for (kind, method, reference) in
        [("authorized", "card", "pi-1"), ("captured", "cash", "pi-1"), ("captured", "card", "pi-2")]
    {
        let other = json!({ "kind": kind, "amount": 400, "method": method, "reference": reference });
        assert_eq!(
            given(past()).when(pay(other)).0.expect("the payment is recorded").len(),
            1,
            "{kind} {method} {reference}"
        );
    }
    let unnamed = || pay(json!({ "kind": "captured", "amount": 900, "method": "card" }));
    given([ordered(), captured(1, 900)]).when(unnamed()).then([captured(2, 900)]);
}

#[test]
fn sums_of_money_are_counted_up_to_a_limit() {
    let capture = || pay(json!({ "kind": "captured", "amount": MAX_AMOUNT, "method": "card" }));
    given([ordered(), captured(1, 1)]).when(capture()).then_rejected(Rejection::AmountOverflow);
    let authorize = pay(json!({ "kind": "authorized", "amount": MAX_AMOUNT, "method": "card" }));
    given([ordered(), authorized(1, 1)]).when(authorize).then_rejected(Rejection::AmountOverflow);
}
