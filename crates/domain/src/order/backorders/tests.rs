//! Tests of backorders and of the allocation of units to orders. [`shop`] is their fixture.

mod shop;

use events::StreamId;
use events::order::OrderEvent;
use events::order::progress::FulfilmentStatus;
use events::stock::{StockEvent, StockPolicy, StockReceived, StockReleased, StockReserved};
use serde_json::json;

use crate::command::Command;
use crate::order::OrderCommand;
use crate::order::place::PlaceOrder;
use crate::order::shortage::StockHandling;
use crate::rejection::{Rejection, ShortLine};
use crate::stock_hold::StockHoldCommand;
use crate::tests::past::{body, main, on_item, order_placed, policy, product, received, sku};
use crate::tests::scenario::Past;

use shop::{Shop, hold_id, new_events, of_order, of_stock_item, order_id, short, streams_and_events};

#[test]
fn two_orders_do_not_pack_the_same_units() {
    let mut shop = Shop::with(2);
    shop.order_of(1, 2);
    shop.order_of(2, 2);
    assert_eq!((shop.backordered(1), shop.backordered(2)), (vec![0], vec![2]));
    assert_eq!(shop.pack(2, None), Err(short(2, 0)), "the units are assigned to the first order, packed or not");
    shop.pack(1, None).unwrap();
    assert_eq!(shop.pack(2, None), Err(short(2, 0)), "the units are packed for the first order");
    shop.ship(1).unwrap();
    assert_eq!((shop.level().on_hand, shop.level().reserved, shop.level().backordered), (0, 2, 2));
}

#[test]
fn units_that_arrive_can_be_packed_at_once() {
    let mut shop = Shop::with(0);
    shop.order_of(1, 3);
    shop.receive(2);
    assert_eq!(shop.pack(1, None), Err(short(3, 2)));
    let packed = shop.pack(1, Some(json!([{ "line": 1, "quantity": 2 }]))).unwrap();
    assert_eq!(streams_and_events(&packed)[1..], [of_order(1, &[(1, 1)]), of_stock_item(1, -2, 1)]);
    assert_eq!((shop.backordered(1), shop.level().backordered), (vec![1], 1));
    shop.ship(1).unwrap();
    assert_eq!(shop.level().unassigned(), 0);
}

#[test]
fn who_came_first_is_served_first_and_is_not_backordered_any_more() {
    let mut shop = Shop::with(0);
    (1..=3).for_each(|number| shop.order_of(number, 3));
    shop.receive(4);
    let events = shop.allocate([1, 2, 3]);
    assert_eq!(
        streams_and_events(&events),
        [of_stock_item(1, -3, 0), of_order(1, &[(1, 0)]), of_stock_item(2, -1, 2), of_order(2, &[(1, 2)])]
    );
    assert_eq!((shop.status(1), shop.status(2)), (FulfilmentStatus::Unfulfilled, FulfilmentStatus::Backordered));
    assert_eq!(shop.allocate([1, 2, 3]), [], "asked twice");
    assert_eq!(shop.pack(3, None), Err(short(3, 0)));
    shop.receive(10);
    shop.allocate([1, 2, 3]);
    assert_eq!((shop.status(2), shop.status(3)), (FulfilmentStatus::Unfulfilled, FulfilmentStatus::Unfulfilled));
    assert_eq!(shop.level().available(), 5);
}

#[test]
fn the_safety_stock_is_not_assigned_but_can_be_packed() {
    let past = [product("A"), policy("A", StockPolicy::Backorder { limit: 10 }, 2)].concat();
    let mut shop = Shop::after(past);
    shop.order_of(1, 3);
    shop.receive(3);
    shop.allocate([1]);
    assert_eq!(shop.backordered(1), [2]);
    shop.pack(1, None).unwrap();
    assert_eq!(shop.backordered(1), [0]);
}

#[test]
fn a_count_takes_units_back_from_the_latest_reservations_on() {
    let mut shop = Shop::with(6);
    (1..=3).for_each(|number| shop.order_of(number, 2));
    shop.pack(2, None).unwrap();
    shop.count(3);
    assert_eq!(shop.level().shortage(), 3);
    assert_eq!(shop.pack(3, None), Err(short(2, 0)), "it is not known which order's units are missing");
    assert_eq!(shop.allocate([1, 2, 3]), []);

    let events = shop.take_back([3, 2, 1]);
    assert_eq!(
        streams_and_events(&events),
        [of_stock_item(3, 2, 2), of_order(3, &[(1, 2)]), of_stock_item(1, 1, 1), of_order(1, &[(1, 1)])]
    );
    assert_eq!((shop.level().shortage(), shop.status(3)), (0, FulfilmentStatus::Backordered));
    assert_eq!(shop.take_back([3, 2, 1]), [], "asked twice");
    shop.ship(2).unwrap();
    shop.pack(1, Some(json!([{ "line": 1, "quantity": 1 }]))).unwrap();
    shop.receive(3);
    shop.allocate([1, 3]);
    assert_eq!((shop.backordered(1), shop.backordered(3)), (vec![0], vec![0]));
}

#[test]
fn packed_units_that_are_missing_stay_a_shortage_until_they_are_unpacked() {
    let mut shop = Shop::with(4);
    shop.order_of(1, 2);
    shop.order_of(2, 2);
    shop.pack(1, None).unwrap();
    shop.pack(2, None).unwrap();
    shop.count(1);
    assert_eq!(shop.take_back([2, 1]), []);
    assert_eq!(shop.level().shortage(), 3);
    assert_eq!(shop.ship(1), Err(short(2, 1)));
    let body = Default::default();
    let unpacked = Command::Order(order_id(2), OrderCommand::CancelFulfilment { fulfilment: 1, body });
    let events = shop.work(unpacked);
    assert_eq!(streams_and_events(&events)[1..], [of_order(2, &[(1, 2)]), of_stock_item(2, 2, 2)]);
    assert_eq!(shop.level().shortage(), 1);
}

#[test]
fn backordered_units_are_released_first() {
    let mut shop = Shop::with(2);
    shop.order_of(1, 5);
    assert_eq!(shop.backordered(1), [3]);
    let events = shop.cancel(1, Some(json!([{ "line": 1, "quantity": 2 }])));
    let released = StockReleased { order_id: order_id(1), quantity: 2, backordered: Some(2) };
    assert_eq!(events.last().unwrap().event, StockEvent::Released(released).into());
    shop.amend(1, 2);
    assert_eq!((shop.backordered(1), shop.level().backordered, shop.level().unassigned()), (vec![0], 0, 0));
    shop.amend(1, 4);
    assert_eq!((shop.backordered(1), shop.level().backordered), (vec![2], 2));
    shop.cancel(1, None);
    assert_eq!((shop.level().reserved, shop.level().backordered, shop.level().unassigned()), (0, 0, 2));
}

#[test]
fn an_order_that_ends_gives_assigned_and_backordered_units_back() {
    let mut shop = Shop::with(2);
    shop.order_of(1, 5);
    shop.order_of(2, 1);
    shop.work(Command::Order(order_id(1), OrderCommand::ExpireOrder {}));
    assert_eq!((shop.backordered(1), shop.level().reserved, shop.level().backordered), (vec![0], 1, 1));
    shop.allocate([1, 2]);
    assert_eq!(shop.status(2), FulfilmentStatus::Unfulfilled);
}

#[test]
fn lines_of_one_stock_item_and_of_two_have_counters_of_their_own() {
    let mut shop = Shop::with(3);
    let there = StockEvent::Received(StockReceived { quantity: 1, reference: None });
    shop.0.evolve(&StreamId::stock(&sku("A"), &shop::shop()), &there.into());
    let line = |quantity: u32, location: &str| json!({ "sku": "A", "quantity": quantity, "location": location });
    shop.order(1, json!([line(2, "main"), line(2, "main"), line(1, "shop")]));
    assert_eq!(shop.backordered(1), [0, 1, 0]);
    assert_eq!((shop.level().backordered, shop.level_at(&shop::shop()).backordered), (1, 0));
    let pack = |line: u32| Some(json!([{ "line": line, "quantity": if line == 3 { 1 } else { 2 } }]));
    let rejected = Rejection::InsufficientStock(vec![ShortLine {
        line: Some(2),
        sku: sku("A"),
        location: main(),
        requested: 2,
        available: 1,
    }]);
    assert_eq!(shop.pack(1, pack(2)), Err(rejected), "the first line keeps its units");
    shop.pack(1, pack(1)).unwrap();
    shop.pack(1, pack(3)).unwrap();
    assert_eq!(shop.backordered(1), [0, 1, 0]);
    let reference = json!({ "sku": "A", "from": "shop", "to": "main", "quantity": 1 });
    let rejected = shop.attempt(Command::TransferStock { body: body(reference) });
    assert_eq!(rejected.expect_err("the units are packed").kind(), "insufficient-stock");
}

#[test]
fn a_hold_keeps_its_units_through_a_count_and_says_what_is_not_on_hand() {
    let mut shop = Shop::with(3);
    let lines = json!({ "id": hold_id(), "lines": [{ "sku": "A", "quantity": 5 }] });
    shop.work(Command::HoldStock { body: body(lines) });
    assert_eq!((shop.level().backordered, shop.level().unassigned()), (2, 0));
    shop.order_of(1, 1);
    assert_eq!(shop.backordered(1), [1]);
    shop.count(2);
    assert_eq!(shop.take_back([1]), [], "held units are not taken back");
    assert_eq!(shop.level().shortage(), 1);
    assert_eq!(shop.pack(1, None), Err(short(1, 0)));
    let order =
        json!({ "id": order_id(2), "currency": "GBP", "lines": [{ "sku": "A", "quantity": 5 }], "hold_id": hold_id() });
    let taken = shop.work(Command::PlaceOrder(PlaceOrder { body: body(order), stock: StockHandling::Enforce }));
    assert_eq!(taken.len(), 4);
    assert_eq!((shop.backordered(2), shop.level().shortage()), (vec![4], 0));
    assert_eq!(shop.allocate([1, 2]), new_events(&[of_stock_item(1, -1, 0), of_order(1, &[(1, 0)])]));
}

#[test]
fn a_hold_that_ends_frees_what_it_kept() {
    let mut shop = Shop::with(3);
    let lines = json!({ "id": hold_id(), "lines": [{ "sku": "A", "quantity": 5 }] });
    shop.work(Command::HoldStock { body: body(lines) });
    shop.order_of(1, 2);
    shop.work(Command::StockHold(hold_id(), StockHoldCommand::ReleaseStockHold {}));
    assert_eq!((shop.level().reserved, shop.level().backordered), (2, 2));
    shop.allocate([1]);
    assert_eq!(shop.backordered(1), [0]);
}

#[test]
fn an_order_takes_what_is_here_or_waits_as_it_says() {
    for (on_shortage, quantity, backordered) in [("partial", 2, 0), ("backorder", 5, 3)] {
        let mut shop = Shop::with(2);
        let lines = json!([{ "sku": "A", "quantity": 5 }]);
        let order = json!({ "id": order_id(1), "currency": "GBP", "lines": lines, "on_shortage": on_shortage });
        shop.work(Command::PlaceOrder(PlaceOrder { body: body(order), stock: StockHandling::Enforce }));
        let line = &shop.find(1).progress.lines[0];
        assert_eq!((line.ordered, line.backordered), (quantity, backordered), "{on_shortage}");
        assert_eq!(shop.level().unassigned(), 0, "{on_shortage}");
    }
}

/// Events of version 1: two units on hand; order 1 has five units, three of them backordered, and the event of the
/// stock item has no number of backordered units.
fn written_by_version_1() -> Vec<Past> {
    let mut order = order_placed([("A", 5)]);
    order.order_id = order_id(1);
    order.lines[0].backordered = 3;
    let reserved = StockReserved { order_id: order_id(1), quantity: 5, backordered: None };
    let backorder = policy("A", StockPolicy::Backorder { limit: 10 }, 0);
    let placed = vec![(StreamId::order(order_id(1)), OrderEvent::Placed(order).into())];
    [product("A"), received("A", 2), backorder, placed, on_item("A", StockEvent::Reserved(reserved))].concat()
}

#[test]
fn what_older_versions_left_out_follows_from_the_totals() {
    let shop = Shop::after(written_by_version_1());
    assert_eq!((shop.level().backordered, shop.level().unassigned()), (3, 0));
    let shop = Shop::after([written_by_version_1(), received("A", 4)].concat());
    assert_eq!((shop.level().backordered, shop.level().shortage()), (0, 0));
}

#[test]
fn an_order_of_an_older_version_is_not_held_up_by_its_own_counter() {
    let mut shop = Shop::after([written_by_version_1(), received("A", 4)].concat());
    let packed = shop.pack(1, None).unwrap();
    assert_eq!(streams_and_events(&packed)[1..], [of_order(1, &[(1, 0)]), of_stock_item(1, 0, 0)]);

    let mut shop = Shop::after([written_by_version_1(), received("A", 4)].concat());
    assert_eq!(streams_and_events(&shop.allocate([1])), [of_stock_item(1, 0, 0), of_order(1, &[(1, 0)])]);
    shop.order_of(2, 3);
    assert_eq!((shop.backordered(2), shop.level().backordered), (vec![2], 2));
    assert_eq!(shop.pack(2, None), Err(short(3, 1)));
    shop.pack(1, None).unwrap();
}

#[test]
fn an_order_of_an_older_version_releases_no_more_than_the_stock_item_has_reserved() {
    let mut shop = Shop::after([written_by_version_1(), received("A", 4)].concat());
    shop.cancel(1, Some(json!([{ "line": 1, "quantity": 1 }])));
    assert_eq!((shop.level().backordered, shop.level().unassigned()), (0, 2));
    shop.amend(1, 3);
    assert_eq!((shop.backordered(1), shop.level().unassigned()), (vec![0], 3));
    shop.cancel(1, None);
    assert_eq!((shop.level().reserved, shop.level().backordered), (0, 0));
}
