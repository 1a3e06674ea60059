//! Tests of receipts and adjustments of stock.

mod policy;

use events::stock::{StockAdjusted, StockEvent, StockPolicy};
use serde_json::{Value, json};

use crate::command::Command;
use crate::rejection::Rejection;
use crate::stock::StockCommand;
use crate::stock::item::StockItem;
use crate::stock::limits::MAX_ON_HAND;
use crate::tests::past::{body, discontinued, main, on_item, placed, policy, product, received, sku};
use crate::tests::scenario::{Past, given};

fn receive(quantity: u32) -> Command {
    let body = body(json!({ "quantity": quantity }));
    Command::Stock(StockItem { sku: sku("A"), location: main() }, StockCommand::ReceiveStock { body })
}

fn adjust(json: Value) -> Command {
    Command::Stock(StockItem { sku: sku("A"), location: main() }, StockCommand::AdjustStock { body: body(json) })
}

fn adjusted(delta: i64) -> Vec<Past> {
    on_item("A", StockEvent::Adjusted(StockAdjusted { delta, reason: "stocktaking".into() }))
}

#[test]
fn units_are_received_of_products_that_exist() {
    given([product("A")]).when(receive(5)).then([received("A", 5)]);
    given([product("A"), discontinued("A")]).when(receive(5)).then([received("A", 5)]);
    given([]).when(receive(5)).then_rejected(Rejection::UnknownProduct(sku("A")));
}

#[test]
fn the_units_on_hand_are_limited() {
    let full = || adjusted(MAX_ON_HAND);
    let limit = Rejection::StockLimit { on_hand: MAX_ON_HAND + 1, limit: MAX_ON_HAND };
    given([product("A"), full()]).when(receive(1)).then_rejected(limit.clone());
    given([product("A"), full()]).when(adjust(json!({ "delta": 1, "reason": "x" }))).then_rejected(limit);
}

#[test]
fn a_count_is_corrected_by_or_to() {
    let by = |delta: i64| adjust(json!({ "delta": delta, "reason": "stocktaking" }));
    let to = |count: i64| adjust(json!({ "count": count, "reason": "stocktaking" }));
    given([product("A"), received("A", 5)]).when(by(-2)).then([adjusted(-2)]);
    given([product("A"), received("A", 5)]).when(to(3)).then([adjusted(-2)]);
    given([product("A"), received("A", 5)]).when(to(5)).then_nothing();
    given([product("A")]).when(to(4)).then([adjusted(4)]);
    given([]).when(to(4)).then_rejected(Rejection::UnknownProduct(sku("A")));
}

#[test]
fn a_count_is_a_fact_whatever_is_reserved_or_kept_back() {
    let to = |count: i64| adjust(json!({ "count": count, "reason": "stocktaking" }));
    let by = |delta: i64| adjust(json!({ "delta": delta, "reason": "stocktaking" }));
    let reserved = || [product("A"), placed([("A", 5)])];
    given(reserved()).when(to(3)).then([adjusted(-2)]);
    given(reserved()).when(by(-2)).then([adjusted(-2)]);
    given(reserved()).when(to(0)).then([adjusted(-5)]);
    for kind in [StockPolicy::Deny, StockPolicy::Backorder { limit: 1 }, StockPolicy::Untracked] {
        let kept_back = || [product("A"), received("A", 10), policy("A", kind, 4)];
        given(kept_back()).when(to(3)).then([adjusted(-7)]);
        given(kept_back()).when(by(-10)).then([adjusted(-10)]);
    }
}

#[test]
fn no_correction_leaves_fewer_units_than_none() {
    let by = |delta: i64| adjust(json!({ "delta": delta, "reason": "stocktaking" }));
    let past = || [product("A"), received("A", 5)];
    let below = Rejection::BelowZero { on_hand: 5, delta: -6 };
    assert!(!below.detail().contains("wait for stock"));
    given(past()).when(by(-6)).then_rejected(below);
    given(past()).when(by(-5)).then([adjusted(-5)]);
}

#[test]
fn an_adjustment_with_an_outdated_expected_count_is_rejected() {
    let by = |expected: i64| adjust(json!({ "delta": -1, "reason": "stocktaking", "expected": expected }));
    given([product("A"), received("A", 5)]).when(by(5)).then([adjusted(-1)]);
    for expected in [4, 6] {
        given([product("A"), received("A", 5)])
            .when(by(expected))
            .then_rejected(Rejection::StaleExpected { expected, on_hand: 5 });
    }
    let again = adjust(json!({ "count": 4, "reason": "stocktaking", "expected": 5 }));
    given([product("A"), received("A", 4)]).when(again).then_nothing();
}
