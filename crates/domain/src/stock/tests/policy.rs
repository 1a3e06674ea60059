//! Tests of stock policies and of transfers between locations.

use events::order::OrderEvent;
use events::stock::{
    StockAdjusted, StockEvent, StockPolicy, StockPolicyChanged, StockTransferredIn, StockTransferredOut,
};
use events::{Event, Location, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::place::PlaceOrder;
use crate::order::shortage::StockHandling;
use crate::rejection::{Rejection, ShortLine};
use crate::stock::StockCommand;
use crate::stock::item::StockItem;
use crate::stock::limits::MAX_ON_HAND;
use crate::tests::past::{body, main, on_item, product, received, reserved, sku};
use crate::tests::scenario::{Past, given};

const BACKORDER: StockPolicy = StockPolicy::Backorder { limit: 4 };

fn set(json: Value) -> Command {
    Command::Stock(StockItem { sku: sku("A"), location: main() }, StockCommand::SetStockPolicy { body: body(json) })
}

fn transfer(from: &str, to: &str, quantity: u32) -> Command {
    let json = json!({ "sku": "A", "from": from, "to": to, "quantity": quantity, "reference": "van 3" });
    Command::TransferStock { body: body(json) }
}

fn adjusted(delta: i64) -> Vec<Past> {
    on_item("A", StockEvent::Adjusted(StockAdjusted { delta, reason: "broken".into() }))
}

fn policy(policy: StockPolicy, safety: u32) -> Vec<Past> {
    on_item("A", StockEvent::PolicyChanged(StockPolicyChanged { policy, safety }))
}

fn shop() -> Location {
    "shop".parse().unwrap()
}

fn moved(quantity: u32) -> [Vec<Past>; 2] {
    let reference = Some("van 3".to_owned());
    let out = StockTransferredOut { to: shop(), quantity, reference: reference.clone() };
    let into = StockTransferredIn { from: main(), quantity, reference };
    [
        on_item("A", StockEvent::TransferredOut(out)),
        vec![(StreamId::stock(&sku("A"), &shop()), StockEvent::TransferredIn(into).into())],
    ]
}

fn short(requested: i64, available: i64) -> Rejection {
    let line = ShortLine { line: None, sku: sku("A"), location: main(), requested, available };
    Rejection::InsufficientStock(vec![line])
}

/// Five units of A on hand, of which two are reserved.
fn stocked() -> Vec<Past> {
    [product("A"), received("A", 5), reserved("A", 2)].concat()
}

#[test]
fn a_policy_is_set_once() {
    let backorder = || set(json!({ "kind": "backorder", "limit": 4, "safety": 1 }));
    given([stocked()]).when(backorder()).then([policy(BACKORDER, 1)]);
    given([stocked(), policy(BACKORDER, 1)]).when(backorder()).then_nothing();
    given([stocked()]).when(set(json!({ "kind": "deny" }))).then_nothing();
    given([stocked(), policy(BACKORDER, 1)])
        .when(set(json!({ "kind": "untracked" })))
        .then([policy(StockPolicy::Untracked, 0)]);
    given([]).when(backorder()).then_rejected(Rejection::UnknownProduct(sku("A")));
}

#[test]
fn a_policy_is_not_refused_because_goods_are_missing() {
    given([stocked()]).when(set(json!({ "kind": "deny", "safety": 40 }))).then([policy(StockPolicy::Deny, 40)]);
    given([product("A")]).when(set(json!({ "kind": "deny", "safety": 4 }))).then([policy(StockPolicy::Deny, 4)]);
    let owed = || [stocked(), policy(BACKORDER, 0), reserved("A", 7)];
    given(owed()).when(set(json!({ "kind": "deny" }))).then([policy(StockPolicy::Deny, 0)]);
    let less = StockPolicy::Backorder { limit: 3 };
    given(owed()).when(set(json!({ "kind": "backorder", "limit": 3 }))).then([policy(less, 0)]);
    given(owed()).when(set(json!({ "kind": "untracked" }))).then([policy(StockPolicy::Untracked, 0)]);
}

#[test]
fn missing_units_and_safety_stock_limit_what_is_reserved_next() {
    let order = |on_shortage: Option<&str>| {
        let line = json!([{ "sku": "A", "quantity": 1 }]);
        let body = body(json!({ "currency": "GBP", "lines": line, "on_shortage": on_shortage }));
        Command::PlaceOrder(PlaceOrder { body, stock: StockHandling::Enforce })
    };
    let short = |available| {
        let line = ShortLine { line: Some(1), sku: sku("A"), location: main(), requested: 1, available };
        Rejection::InsufficientStock(vec![line])
    };
    let missing = || [stocked(), adjusted(-4)].concat();
    given([missing()]).when(order(None)).then_rejected(short(0));
    given([stocked(), policy(StockPolicy::Deny, 9)]).when(order(None)).then_rejected(short(0));
    given([missing(), policy(BACKORDER, 4)]).when(order(None)).then_rejected(short(0));
    let placed = given([missing(), policy(BACKORDER, 2)])
        .when(order(None))
        .0
        .expect("the order is placed with backordered units");
    let Event::Order(OrderEvent::Placed(placed)) = &placed[0].event else { panic!("no order") };
    assert_eq!(placed.lines[0].backordered, 1);
    given([missing(), policy(BACKORDER, 2)]).when(order(Some("reject"))).then_rejected(short(0));
    let hold = body(json!({ "lines": [{ "sku": "A", "quantity": 1 }] }));
    given([missing()]).when(Command::HoldStock { body: hold }).rejection();
}

#[test]
fn a_transfer_is_one_commit_on_two_stock_items() {
    given([stocked()]).when(transfer("main", "shop", 3)).then(moved(3));
    given([]).when(transfer("main", "shop", 1)).then_rejected(Rejection::UnknownProduct(sku("A")));
    given([stocked()]).when(transfer("main", "main", 1)).then_rejected(Rejection::SameLocation(main()));
}

#[test]
fn neither_reserved_units_nor_safety_stock_are_transferred() {
    given([stocked()]).when(transfer("main", "shop", 4)).then_rejected(short(4, 3));
    let [out, into] = moved(3);
    given([stocked(), out, into]).when(transfer("main", "shop", 1)).then_rejected(short(1, 0));
    for kind in [StockPolicy::Deny, BACKORDER, StockPolicy::Untracked] {
        let past = || [stocked(), policy(kind, 1)];
        given(past()).when(transfer("main", "shop", 2)).then(moved(2));
        given(past()).when(transfer("main", "shop", 3)).then_rejected(short(3, 2));
    }
}

#[test]
fn the_units_on_hand_are_limited_for_transfers_too() {
    let full = StockEvent::Adjusted(StockAdjusted { delta: MAX_ON_HAND, reason: "x".into() });
    let full = vec![(StreamId::stock(&sku("A"), &shop()), full.into())];
    let limit = Rejection::StockLimit { on_hand: MAX_ON_HAND + 1, limit: MAX_ON_HAND };
    given([stocked(), full]).when(transfer("main", "shop", 1)).then_rejected(limit);
}
