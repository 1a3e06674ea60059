//! Allocation of received units to backordered orders, and withdrawal of allocations of missing units.

use command_service::schedule::Schedule;
use domain::command::Command;
use domain::order::OrderCommand;
use domain::stock::StockCommand;
use domain::stock::item::StockItem;
use events::order::progress::{FulfilmentStatus, Progress};
use events::stock::Level;
use events::{Event, OrderId, StreamId};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::shop::{Shop, events_of, work};

/// More orders than one command contains.
const MANY: usize = 250;

/// A shop with this number of units on hand, and up to 1,000 backordered units.
async fn shop_with(on_hand: u32) -> Shop {
    let shop = Shop::open().await;
    let policy = json!({"kind": "backorder", "limit": 1000});
    let (sku, location) = ("MUG".parse().unwrap(), "main".parse().unwrap());
    let body = serde_json::from_value(policy).unwrap();
    shop.send(Command::Stock(StockItem { sku, location }, StockCommand::SetStockPolicy { body })).await;
    count(&shop, on_hand).await;
    shop
}

async fn count(shop: &Shop, count: u32) {
    let (sku, location) = ("MUG".parse().unwrap(), "main".parse().unwrap());
    let body = serde_json::from_value(json!({"count": count, "reason": "counted"})).unwrap();
    shop.send(Command::Stock(StockItem { sku, location }, StockCommand::AdjustStock { body })).await;
}

async fn order_of(shop: &Shop, quantity: u32) -> OrderId {
    shop.order_with(json!({"currency": "GBP", "lines": [{"sku": "MUG", "quantity": quantity}]})).await
}

async fn progress(shop: &Shop, order_id: OrderId) -> Progress {
    let mut progress = Progress::default();
    for recorded in events_of(&shop.log, &StreamId::order(order_id)).await {
        let Event::Order(event) = recorded.decode().unwrap() else { panic!("not an order") };
        progress.evolve(&event);
    }
    progress
}

async fn status(shop: &Shop, order_id: OrderId) -> (FulfilmentStatus, u32) {
    let progress = progress(shop, order_id).await;
    (progress.fulfilment_status(), progress.lines[0].backordered)
}

async fn level(shop: &Shop) -> Level {
    let mut level = Level::default();
    for recorded in events_of(&shop.log, &"stock-MUG@main".parse().unwrap()).await {
        let Event::Stock(event) = recorded.decode().unwrap() else { panic!("not a stock item") };
        level.evolve(&event);
    }
    level
}

/// Backordered orders with their backordered units.
async fn backordered(shop: &Shop) -> Vec<(String, i64)> {
    sqlx::query_as("select order_id::text, backordered from waiting_orders order by position")
        .fetch_all(&mut shop.owner().await)
        .await
        .unwrap()
}

async fn run(schedule: &mut Schedule, shop: &Shop) {
    work(schedule, shop.at(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn received_units_are_allocated_to_backordered_orders() {
    let shop = shop_with(0).await;
    let mut schedule = shop.schedule();
    let (first, second) = (order_of(&shop, 3).await, order_of(&shop, 3).await);
    run(&mut schedule, &shop).await;
    assert_eq!(backordered(&shop).await, [(first.to_string(), 3), (second.to_string(), 3)]);

    shop.receive(4).await;
    run(&mut schedule, &shop).await;
    assert_eq!(status(&shop, first).await, (FulfilmentStatus::Unfulfilled, 0));
    assert_eq!(status(&shop, second).await, (FulfilmentStatus::Backordered, 2));
    run(&mut schedule, &shop).await;
    assert_eq!(backordered(&shop).await, [(second.to_string(), 2)]);
    let last = shop.last_of(first).await;
    assert_eq!(last.metadata.correlation_id.as_deref(), Some("schedule"));
}

#[tokio::test(flavor = "multi_thread")]
async fn released_found_and_transferred_units_are_allocated() {
    let shop = shop_with(2).await;
    let mut schedule = shop.schedule();
    let (cancelled, waiting) = (order_of(&shop, 2).await, order_of(&shop, 2).await);
    run(&mut schedule, &shop).await;
    let body = serde_json::from_value(json!({"reason": "not wanted"})).unwrap();
    shop.send(Command::Order(cancelled, OrderCommand::CancelOrder { body })).await;
    run(&mut schedule, &shop).await;
    assert_eq!(status(&shop, waiting).await, (FulfilmentStatus::Unfulfilled, 0), "released");

    let waiting = order_of(&shop, 2).await;
    count(&shop, 3).await;
    run(&mut schedule, &shop).await;
    assert_eq!(status(&shop, waiting).await.1, 1, "found by a stock count");
    let body = json!({"sku": "MUG", "from": "shop", "to": "main", "quantity": 1});
    let (sku, location) = ("MUG".parse().unwrap(), "shop".parse().unwrap());
    let found = serde_json::from_value(json!({"delta": 1, "reason": "found"})).unwrap();
    shop.send(Command::Stock(StockItem { sku, location }, StockCommand::AdjustStock { body: found })).await;
    shop.send(Command::TransferStock { body: serde_json::from_value(body).unwrap() }).await;
    run(&mut schedule, &shop).await;
    assert_eq!(status(&shop, waiting).await.1, 0, "transferred");
}

#[tokio::test(flavor = "multi_thread")]
async fn allocations_of_missing_units_are_withdrawn_from_the_latest_orders_without_fulfilment() {
    let shop = shop_with(6).await;
    let mut schedule = shop.schedule();
    let orders = [order_of(&shop, 2).await, order_of(&shop, 2).await, order_of(&shop, 2).await];
    let fulfilment = Command::Order(orders[2], OrderCommand::CreateFulfilment { body: Default::default() });
    shop.send(fulfilment).await;
    count(&shop, 3).await;
    run(&mut schedule, &shop).await;
    assert_eq!(status(&shop, orders[0]).await, (FulfilmentStatus::Backordered, 1));
    assert_eq!(status(&shop, orders[1]).await, (FulfilmentStatus::Backordered, 2));
    assert_eq!(status(&shop, orders[2]).await, (FulfilmentStatus::Processing, 0));
    assert_eq!((level(&shop).await.shortage(), level(&shop).await.unassigned()), (0, 0));

    count(&shop, 1).await;
    run(&mut schedule, &shop).await;
    assert_eq!(level(&shop).await.shortage(), 1, "units in a fulfilment stay allocated");
    shop.receive(6).await;
    run(&mut schedule, &shop).await;
    for order in orders {
        assert_eq!(status(&shop, order).await.1, 0);
    }
    run(&mut schedule, &shop).await;
    assert_eq!(backordered(&shop).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_orders_than_one_command_contains_are_allocated_and_withdrawn() {
    let shop = shop_with(0).await;
    let mut schedule = shop.schedule();
    let orders = join_all((0..MANY).map(|_| order_of(&shop, 1))).await;
    shop.receive(MANY as u32 - 1).await;
    run(&mut schedule, &shop).await;
    assert_eq!((level(&shop).await.backordered, backordered_after(&mut schedule, &shop).await), (1, 1));
    count(&shop, 0).await;
    run(&mut schedule, &shop).await;
    assert_eq!((level(&shop).await.backordered, level(&shop).await.shortage()), (MANY as i64, 0));
    assert_eq!(backordered_after(&mut schedule, &shop).await, orders.len());
}

async fn backordered_after(schedule: &mut Schedule, shop: &Shop) -> usize {
    run(schedule, shop).await;
    backordered(shop).await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_schedule_has_the_same_backordered_orders() {
    let shop = shop_with(1).await;
    let mut schedule = shop.schedule();
    let (first, second) = (order_of(&shop, 3).await, order_of(&shop, 3).await);
    let third = order_of(&shop, 1).await;
    shop.receive(3).await;
    run(&mut schedule, &shop).await;
    let body: Value = json!({"reason": "not wanted", "lines": [{"line": 1, "quantity": 1}]});
    let body = serde_json::from_value(body).unwrap();
    shop.send(Command::Order(second, OrderCommand::CancelOrder { body })).await;
    run(&mut schedule, &shop).await;
    let before = backordered(&shop).await;
    assert_eq!(before, [(second.to_string(), 1), (third.to_string(), 1)]);

    command_service::schedule::rebuild(shop.database.clone()).await.unwrap();
    assert_eq!(backordered(&shop).await, []);
    run(&mut schedule, &shop).await;
    assert_eq!(backordered(&shop).await, before);
    assert_eq!(status(&shop, first).await.1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_allocate_each_unit_once() {
    let one = shop_with(0).await;
    let two = one.beside().await;
    let orders = join_all((0..20).map(|_| order_of(&one, 2))).await;
    one.receive(21).await;
    let (mut first, mut second) = (one.schedule(), two.schedule());
    tokio::join!(work(&mut first, one.at(60)), work(&mut second, one.at(60)));
    let level = level(&one).await;
    assert_eq!((level.backordered, level.unassigned()), (19, 0));
    let mut total = 0;
    for order in orders {
        total += status(&one, order).await.1;
    }
    assert_eq!(total, 19);
}
