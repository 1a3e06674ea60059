//! Amounts due, owed and paid of an order, folded from events of every schema version.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use events::order::OrderEvent;
use events::order::pricing::{Amounts, Pricing};
use events::order::progress::{PaymentStatus, Progress};
use events::{Event, Minor, codec};
use serde_json::{Value, json};

/// Folds payloads: type, schema version, JSON.
fn fold(events: impl IntoIterator<Item = (&'static str, i16, Value)>) -> Progress {
    let mut progress = Progress::default();
    for (event_type, version, payload) in events {
        progress.evolve(&order_event(event_type, version, &payload));
    }
    progress
}

fn order_event(event_type: &str, version: i16, payload: &Value) -> OrderEvent {
    match codec::decode(event_type, version, &payload.to_string()).unwrap() {
        Event::Order(event) => event,
        other => panic!("not an event of an order: {other:?}"),
    }
}

/// Three units at 333 with a discount of 1 and 20 % tax, in schema version 2.
fn placed_v2() -> (&'static str, i16, Value) {
    let line = json!({
        "line": 1, "sku": "A", "name": "A", "quantity": 3, "unit_price": 333, "discount": 1, "tax": 200, "total": 1198,
        "location": "main",
    });
    let placed = json!({
        "order_id": "0190163d-8694-739b-aea5-966c26f8ad91", "code": "SON000001", "channel": "web", "currency": "GBP",
        "lines": [line], "shipping": 500, "total": 1698,
    });
    ("OrderPlaced", 2, placed)
}

/// Two units at 1000 without tax.
fn placed() -> (&'static str, i16, Value) {
    let line = json!({
        "line": 1, "sku": "A", "name": "A", "quantity": 2, "unit_price": 1000, "discount": 0, "tax": 0, "total": 2000,
        "pricing": { "tax_rate": 0 }, "location": "main",
    });
    let placed = json!({
        "order_id": "0190163d-8694-739b-aea5-966c26f8ad91", "code": "SON000001", "channel": "web", "currency": "GBP",
        "lines": [line], "shipping": 0, "total": 2000,
    });
    ("OrderPlaced", 3, placed)
}

fn captured(payment: u32, amount: i64) -> (&'static str, i16, Value) {
    ("PaymentCaptured", 1, json!({ "payment": payment, "amount": amount, "method": "card" }))
}

fn refunded(payment: u32, amount: i64, kind: &str) -> (&'static str, i16, Value) {
    ("RefundRecorded", 2, json!({ "payment": payment, "amount": amount, "kind": kind }))
}

fn refunded_v1(payment: u32, amount: i64) -> (&'static str, i16, Value) {
    ("RefundRecorded", 1, json!({ "payment": payment, "amount": amount }))
}

/// One unit is cancelled, and one unit remains.
fn one_cancelled() -> (&'static str, i16, Value) {
    let remaining = json!({ "discount": 0, "tax": 0, "total": 1000 });
    let lines = json!([{ "line": 1, "quantity": 1, "remaining": remaining }]);
    ("OrderLinesCancelled", 2, json!({ "lines": lines, "reason": "changed mind" }))
}

/// Amends the order to `wanted` units, after one unit was cancelled.
fn amended_to(wanted: u32) -> (&'static str, i16, Value) {
    let total = 1000 * wanted;
    let change = json!({
        "line": 1, "quantity": wanted + 1, "discount": 0, "tax": 0, "total": total, "pricing": { "tax_rate": 0 },
    });
    ("OrderAmended", 2, json!({ "changed": [change], "shipping": 0, "total": total }))
}

/// Amount due, amount owed and payment status.
fn balance(progress: &Progress) -> (i64, i64, PaymentStatus) {
    (progress.due().0, progress.owed().0, progress.payment_status())
}

#[test]
fn events_of_version_1_fold_to_the_same_amounts_as_before() {
    let cancelled_v1 =
        || ("OrderLinesCancelled", 1, json!({ "lines": [{ "line": 1, "quantity": 1 }], "reason": "late" }));
    let change = json!({ "line": 1, "quantity": 4, "discount": 1, "tax": 266, "total": 1597 });
    let amended_v1 = ("OrderAmended", 1, json!({ "changed": [change], "shipping": 500, "total": 2097 }));

    // A third of 1198, rounded down, is cancelled; then a quarter of 1597, because version 1 counted the cancelled unit in.
    assert_eq!(fold([placed_v2()]).due(), Minor(1698));
    assert_eq!(fold([placed_v2(), cancelled_v1()]).due(), Minor(1698 - 399));
    let amended = fold([placed_v2(), cancelled_v1(), amended_v1]);
    assert_eq!((amended.due(), amended.total), (Minor(2097 - 399), Minor(2097)));
    assert_eq!((amended.lines[0].ordered, amended.lines[0].cancelled), (4, 1));
}

#[test]
fn a_line_without_a_tax_rate_is_taxed_in_proportion() {
    let line = &fold([placed_v2()]).lines[0];
    assert_eq!(line.amounts(3), Ok(Amounts { discount: Minor(1), tax: Minor(200), total: Minor(1198) }));
    assert_eq!(line.amounts(6).unwrap().tax, Minor(400));
    assert_eq!(line.pricing.tax_rate, None);
}

#[test]
fn an_amendment_of_version_1_keeps_a_pricing_that_fits_its_amounts() {
    // 100 units at 3 and 10 %, amended to one unit by a build that recorded no rate: its tax of 0.3 was rounded to nothing.
    let line = json!({
        "line": 1, "sku": "A", "name": "A", "quantity": 100, "unit_price": 3, "discount": 0, "tax": 30, "total": 330,
        "location": "main",
    });
    let (_, _, mut placed) = placed_v2();
    placed["lines"] = json!([line]);
    let amended = |quantity: u32, tax: i64, total: i64| {
        let change = json!({ "line": 1, "quantity": quantity, "discount": 0, "tax": tax, "total": total });
        ("OrderAmended", 1, json!({ "changed": [change], "shipping": 500, "total": 500 + total }))
    };
    let to_one = fold([("OrderPlaced", 2, placed.clone()), amended(1, 0, 3)]);
    assert_eq!(to_one.lines[0].amounts(100).unwrap().tax, Minor(30));
    let at_another_rate = fold([("OrderPlaced", 2, placed), amended(100, 60, 360)]);
    assert_eq!(at_another_rate.lines[0].amounts(50).unwrap().tax, Minor(30));
}

#[test]
fn a_refund_after_a_cancellation_does_not_reduce_later_charges() {
    let before = || [placed(), captured(1, 2000), one_cancelled()];
    assert_eq!(balance(&fold(before())), (1000, 0, PaymentStatus::Overpaid));
    let settled = || before().into_iter().chain([refunded(1, 1000, "repayment")]);
    assert_eq!(balance(&fold(settled())), (1000, 0, PaymentStatus::Paid));
    assert_eq!(balance(&fold(settled().chain([amended_to(2)]))), (2000, 1000, PaymentStatus::PartiallyPaid));
    assert_eq!(balance(&fold(settled().chain([amended_to(3)]))), (3000, 2000, PaymentStatus::PartiallyPaid));
}

#[test]
fn a_payment_that_another_one_replaces_no_longer_counts() {
    let repaid = || [placed(), captured(1, 2000), refunded(1, 2000, "repayment")].into_iter();
    assert_eq!(balance(&fold(repaid())), (2000, 2000, PaymentStatus::Refunded));
    assert_eq!(balance(&fold(repaid().chain([captured(2, 500)]))), (2000, 1500, PaymentStatus::PartiallyPaid));
    assert_eq!(balance(&fold(repaid().chain([captured(2, 2000)]))), (2000, 0, PaymentStatus::Paid));
    let authorized = ("PaymentAuthorized", 1, json!({ "payment": 2, "amount": 2000, "method": "card" }));
    assert_eq!(balance(&fold(repaid().chain([authorized]))), (2000, 2000, PaymentStatus::Authorized));
}

#[test]
fn an_order_is_paid_after_an_overpayment_was_refunded() {
    let paid = [placed(), captured(1, 2500), refunded(1, 500, "repayment")];
    assert_eq!(balance(&fold(paid)), (2000, 0, PaymentStatus::Paid));
}

#[test]
fn goodwill_and_returns_are_not_owed_again() {
    for kind in ["goodwill", "return"] {
        let part = fold([placed(), captured(1, 2000), refunded(1, 300, kind)]);
        assert_eq!(balance(&part), (2000, 0, PaymentStatus::PartiallyRefunded), "{kind}");
        let whole = fold([placed(), captured(1, 2000), refunded(1, 2000, kind)]);
        assert_eq!(balance(&whole), (2000, 0, PaymentStatus::Refunded), "{kind}");
    }
}

#[test]
fn a_refund_of_version_1_repays_an_excess_and_never_creates_a_debt() {
    let excess = fold([placed(), captured(1, 2000), one_cancelled(), refunded_v1(1, 1000)]);
    assert_eq!(balance(&excess), (1000, 0, PaymentStatus::Paid));
    let unknown = fold([placed(), captured(1, 2000), refunded_v1(1, 1000)]);
    assert_eq!(balance(&unknown), (2000, 0, PaymentStatus::PartiallyRefunded));
}

#[test]
fn fields_that_old_events_did_not_record_are_missing() {
    let OrderEvent::Placed(placed) = order_event("OrderPlaced", 2, &placed_v2().2) else { panic!("no order") };
    let recorded = Amounts { discount: Minor(1), tax: Minor(200), total: Minor(1198) };
    assert_eq!(placed.lines[0].pricing, Pricing::from_amounts(3, recorded));
    assert_eq!(placed.discount, Minor::ZERO);
    let OrderEvent::RefundRecorded(refund) = order_event("RefundRecorded", 1, &refunded_v1(1, 5).2) else {
        panic!("no refund")
    };
    assert_eq!(refund.kind, None);
}
