//! Tests of orders that request more units than are in stock, and of orders that consume a stock hold.

use chrono::TimeDelta;
use events::order::{Line, OrderEvent, OrderPlaced};
use events::stock::{StockAdjusted, StockEvent, StockHoldReleased, StockPolicy};
use events::stock_hold::{HoldConsumed, HoldExpired, HoldReleased, StockHoldEvent};
use events::{Event, Minor, StockHoldId, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::place::PlaceOrder;
use crate::order::shortage::StockHandling;
use crate::rejection::{Gone, Rejection, ShortLine};
use crate::stock::limits::MAX_ON_HAND;
use crate::tests::commands::values::hold_id;
use crate::tests::past::{
    body, held, main, of_order, on_item, order_id, order_placed, placed, policy, product, received, reserved,
    reserved_beyond, sku,
};
use crate::tests::scenario::{Past, given, now};

/// Three units of A without backorders, and two units of B with up to four backordered units.
fn shop() -> Vec<Past> {
    let backorder = policy("B", StockPolicy::Backorder { limit: 4 }, 0);
    [product("A"), received("A", 3), product("B"), received("B", 2), backorder].concat()
}

fn place_with(lines: &[(&str, u32)], more: Value, stock: StockHandling) -> Command {
    let lines: Vec<Value> = lines.iter().map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).collect();
    let mut order = json!({ "id": order_id(), "currency": "GBP", "lines": lines });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Command::PlaceOrder(PlaceOrder { body: body(order), stock })
}

fn place(lines: &[(&str, u32)], on_shortage: Value) -> Command {
    place_with(lines, json!({ "on_shortage": on_shortage }), StockHandling::Enforce)
}

fn placed_as<const N: usize>(lines: [(&str, u32); N], change: impl Fn(&mut OrderPlaced)) -> Vec<Past> {
    let mut order = order_placed(lines);
    change(&mut order);
    of_order(OrderEvent::Placed(order))
}

fn backordered(line: usize, units: u32) -> impl Fn(&mut OrderPlaced) {
    move |order| order.lines[line - 1].backordered = units
}

fn short(line: u32, text: &str, requested: i64, available: i64) -> Rejection {
    let (line, sku, location) = (Some(line), sku(text), main());
    Rejection::InsufficientStock(vec![ShortLine { line, sku, location, requested, available }])
}

#[test]
fn what_is_not_here_is_promised_where_the_policy_allows_it_up_to_its_limit() {
    for on_shortage in [Value::Null, json!("backorder")] {
        given([shop()])
            .when(place(&[("B", 6)], on_shortage.clone()))
            .then([placed_as([("B", 6)], backordered(1, 4)), reserved_beyond("B", 6, 4)]);
        given([shop()]).when(place(&[("B", 7)], on_shortage.clone())).then_rejected(short(1, "B", 7, 6));
        given([shop()]).when(place(&[("A", 4)], on_shortage)).then_rejected(short(1, "A", 4, 3));
    }
}

#[test]
fn a_rejected_order_reports_the_available_units() {
    given([shop()]).when(place(&[("B", 2)], json!("reject"))).then([placed_as([("B", 2)], |_| {}), reserved("B", 2)]);
    given([shop()]).when(place(&[("B", 3)], json!("reject"))).then_rejected(short(1, "B", 3, 2));
}

#[test]
fn lines_of_one_sku_add_up_and_the_first_line_gets_the_units_on_hand() {
    given([shop()]).when(place(&[("B", 1), ("B", 3), ("B", 2)], Value::Null)).then([
        placed_as([("B", 1), ("B", 3), ("B", 2)], |order| {
            order.lines[1].backordered = 2;
            order.lines[2].backordered = 2;
        }),
        reserved_beyond("B", 6, 4),
    ]);
    given([shop()]).when(place(&[("A", 2), ("A", 2)], Value::Null)).then_rejected(short(2, "A", 2, 1));
}

#[test]
fn a_partial_order_takes_what_is_here_and_leaves_out_the_rest() {
    given([shop(), product("C")]).when(place(&[("C", 1), ("A", 5), ("A", 1), ("B", 3)], json!("partial"))).then([
        placed_as([("A", 3), ("B", 2)], |_| {}),
        reserved("A", 3),
        reserved("B", 2),
    ]);
    given([shop(), product("C")]).when(place(&[("C", 1)], json!("partial"))).then_rejected(short(1, "C", 1, 0));
}

#[test]
fn the_discount_of_a_line_shrinks_with_its_units() {
    let line = json!({ "sku": "A", "quantity": 6, "discount": 60 });
    let order = json!({ "currency": "GBP", "lines": [line], "on_shortage": "partial", "expected_total": 1320 });
    let events = given([shop()])
        .when(Command::PlaceOrder(PlaceOrder { body: body(order), stock: StockHandling::Enforce }))
        .0
        .expect("the order is placed");
    let Event::Order(OrderEvent::Placed(OrderPlaced { lines, .. })) = &events[0].event else { panic!("no order") };
    let Line { quantity, discount, total, .. } = &lines[0];
    assert_eq!((*quantity, *discount, *total), (3, Minor(30), Minor(1320)));
}

#[test]
fn the_discount_of_the_order_shrinks_with_its_units() {
    let line = json!({ "sku": "A", "quantity": 6 });
    let order = json!({ "currency": "GBP", "lines": [line], "discount": 1350, "on_shortage": "partial" });
    let events = given([shop()])
        .when(Command::PlaceOrder(PlaceOrder { body: body(order), stock: StockHandling::Enforce }))
        .0
        .expect("the order is placed");
    let Event::Order(OrderEvent::Placed(OrderPlaced { lines, discount, total, .. })) = &events[0].event else {
        panic!("no order")
    };
    // Half of the requested units are on hand, so half of the discount is given; the whole discount is given when the
    // other units are added.
    assert_eq!((lines[0].quantity, lines[0].discount, *total), (3, Minor(675), Minor(675)));
    assert_eq!((*discount, lines[0].pricing.amounts(Minor(450), 6).unwrap().discount), (Minor(1350), Minor(1350)));
}

#[test]
fn a_discount_as_large_as_what_is_here_costs_does_not_give_it_away() {
    // Ten units at 10.00 with a discount of 50.00, of which five are on hand: half of the units cost half of the
    // amount.
    let line = json!({ "sku": "A", "quantity": 10, "unit_price": 1_000 });
    let order = json!({ "currency": "GBP", "lines": [line], "discount": 5_000, "on_shortage": "partial" });
    let events = given([[product("A"), received("A", 5)].concat()])
        .when(Command::PlaceOrder(PlaceOrder { body: body(order), stock: StockHandling::Enforce }))
        .0
        .expect("the order is placed");
    let Event::Order(OrderEvent::Placed(OrderPlaced { lines, total, .. })) = &events[0].event else {
        panic!("no order")
    };
    assert_eq!((lines[0].quantity, lines[0].discount, *total), (5, Minor(2_500), Minor(2_500)));
}

#[test]
fn safety_stock_is_not_available() {
    let kept_back = policy("A", StockPolicy::Deny, 2);
    given([shop(), kept_back]).when(place(&[("A", 2)], Value::Null)).then_rejected(short(1, "A", 2, 1));
}

#[test]
fn orders_of_untracked_stock_move_no_stock() {
    let untracked = policy("A", StockPolicy::Untracked, 0);
    given([shop(), untracked])
        .when(place(&[("A", 1000)], json!("reject")))
        .then([placed_as([("A", 1000)], |order| order.lines[0].untracked = true)]);
}

#[test]
fn an_import_may_leave_stock_alone() {
    let skipping = place_with(&[("A", 1000)], json!({}), StockHandling::Skip);
    given([product("A")]).when(skipping).then([placed_as([("A", 1000)], |order| order.lines[0].untracked = true)]);
}

#[test]
fn an_import_may_count_in_what_is_missing() {
    let forced = |text, delta| on_item(text, StockEvent::Adjusted(StockAdjusted { delta, reason: "import".into() }));
    let force = |lines: &[(&str, u32)]| place_with(lines, json!({}), StockHandling::Force);
    given([shop()]).when(force(&[("A", 2), ("A", 3), ("B", 1)])).then([
        placed_as([("A", 2), ("A", 3), ("B", 1)], |_| {}),
        forced("A", 2),
        reserved("A", 5),
        reserved("B", 1),
    ]);
    let full = on_item("A", StockEvent::Adjusted(StockAdjusted { delta: MAX_ON_HAND - 3, reason: "count".into() }));
    let promised = on_item(
        "A",
        StockEvent::Reserved(events::stock::StockReserved {
            order_id: order_id(),
            quantity: MAX_ON_HAND as u32,
            backordered: Some(0),
        }),
    );
    let limit = Rejection::StockLimit { on_hand: MAX_ON_HAND + 1, limit: MAX_ON_HAND };
    given([shop(), full, promised]).when(force(&[("A", 1)])).then_rejected(limit);
}

fn of_hold(event: StockHoldEvent) -> Vec<Past> {
    vec![(StreamId::stock_hold(hold_id(1)), event.into())]
}

fn given_back(text: &str, quantity: u32) -> Vec<Past> {
    on_item(text, StockEvent::HoldReleased(StockHoldReleased { hold_id: hold_id(1), quantity, backordered: Some(0) }))
}

fn take_over(lines: &[(&str, u32)], id: StockHoldId) -> Command {
    place_with(lines, json!({ "hold_id": id }), StockHandling::Enforce)
}

#[test]
fn a_hold_is_there_for_the_order_that_takes_it_over() {
    let kept = || held(hold_id(1), [("A", 3), ("B", 1)], now() + TimeDelta::minutes(1));
    given([shop(), kept()]).when(place(&[("A", 1)], Value::Null)).then_rejected(short(1, "A", 1, 0));
    given([shop(), kept()]).when(take_over(&[("A", 2)], hold_id(1))).then([
        placed_as([("A", 2)], |order| order.hold_id = Some(hold_id(1))),
        of_hold(StockHoldEvent::Consumed(HoldConsumed { order_id: order_id() })),
        given_back("A", 3),
        given_back("B", 1),
        reserved("A", 2),
    ]);
    given([shop(), kept()]).when(take_over(&[("A", 4)], hold_id(1))).then_rejected(short(1, "A", 4, 3));
}

#[test]
fn a_hold_that_keeps_nothing_is_not_taken_over() {
    let kept = || held(hold_id(1), [("A", 3)], now() + TimeDelta::minutes(1));
    let over = || held(hold_id(1), [("A", 3)], now());
    let gone = |gone| Rejection::StockHoldGone { hold_id: hold_id(1), gone };
    let take = || take_over(&[("A", 1)], hold_id(1));
    given([shop()]).when(take()).then_rejected(gone(Gone::Unknown));
    given([shop(), over()]).when(take()).then_rejected(gone(Gone::Expired));
    for (event, why) in [
        (StockHoldEvent::Released(HoldReleased {}), Gone::Released),
        (StockHoldEvent::Expired(HoldExpired {}), Gone::Expired),
        (StockHoldEvent::Consumed(HoldConsumed { order_id: order_id() }), Gone::Consumed),
    ] {
        given([shop(), kept(), of_hold(event), given_back("A", 3)]).when(take()).then_rejected(gone(why));
    }
}

#[test]
fn an_order_that_is_refused_takes_nothing_over() {
    let kept = held(hold_id(1), [("A", 3)], now() + TimeDelta::minutes(1));
    let again = take_over(&[("A", 1)], hold_id(1));
    given([shop(), kept, placed([("B", 1)])]).when(again).then_rejected(Rejection::DuplicateOrder(order_id()));
}
