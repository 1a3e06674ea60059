//! Units that arrive for orders that wait, and units that a count has shown to be missing.

use command_service::schedule::Schedule;
use domain::command::{AdjustStock, CancelOrder, Command, CreateFulfilment, SetStockPolicy, TransferStock};
use events::order::progress::{FulfilmentStatus, Progress};
use events::stock::Level;
use events::{Event, OrderId, StreamId};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::shop::{Shop, events_of, work};

/// More orders than one command names.
const MANY: usize = 250;

/// A shop with so many mugs on hand, and a thousand more can be promised.
async fn shop_with(on_hand: u32) -> Shop {
    let shop = Shop::open().await;
    let policy = json!({"kind": "backorder", "limit": 1000});
    let (sku, location) = ("MUG".parse().unwrap(), "main".parse().unwrap());
    let body = serde_json::from_value(policy).unwrap();
    shop.send(Command::SetStockPolicy(SetStockPolicy { sku, location, body })).await;
    count(&shop, on_hand).await;
    shop
}

async fn count(shop: &Shop, count: u32) {
    let (sku, location) = ("MUG".parse().unwrap(), "main".parse().unwrap());
    let body = serde_json::from_value(json!({"count": count, "reason": "counted"})).unwrap();
    shop.send(Command::AdjustStock(AdjustStock { sku, location, body })).await;
}

async fn order_of(shop: &Shop, quantity: u32) -> OrderId {
    shop.order_with(json!({"currency": "GBP", "lines": [{"sku": "MUG", "quantity": quantity}]})).await
}

async fn progress(shop: &Shop, order_id: OrderId) -> Progress {
    let mut progress = Progress::default();
    for recorded in events_of(&shop.log, &StreamId::order(order_id)).await {
        let Event::Order(event) = recorded.decode().unwrap() else { panic!("no order") };
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
        let Event::Stock(event) = recorded.decode().unwrap() else { panic!("no stock") };
        level.evolve(&event);
    }
    level
}

/// The orders that wait, and for how many units.
async fn waiting(shop: &Shop) -> Vec<(String, i64)> {
    sqlx::query_as("select order_id::text, backordered from waiting_orders order by position")
        .fetch_all(&mut shop.owner().await)
        .await
        .unwrap()
}

async fn settled(schedule: &mut Schedule, shop: &Shop) {
    work(schedule, shop.at(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_not_backordered_any_more_once_their_units_have_arrived() {
    let shop = shop_with(0).await;
    let mut schedule = shop.schedule();
    let (first, second) = (order_of(&shop, 3).await, order_of(&shop, 3).await);
    settled(&mut schedule, &shop).await;
    assert_eq!(waiting(&shop).await, [(first.to_string(), 3), (second.to_string(), 3)]);

    shop.receive(4).await;
    settled(&mut schedule, &shop).await;
    assert_eq!(status(&shop, first).await, (FulfilmentStatus::Unfulfilled, 0));
    assert_eq!(status(&shop, second).await, (FulfilmentStatus::Backordered, 2));
    settled(&mut schedule, &shop).await;
    assert_eq!(waiting(&shop).await, [(second.to_string(), 2)]);
    let said = shop.last_of(first).await;
    assert_eq!(said.metadata.correlation_id.as_deref(), Some("schedule"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_frees_units_serves_the_orders_that_wait() {
    let shop = shop_with(2).await;
    let mut schedule = shop.schedule();
    let (kept, waits) = (order_of(&shop, 2).await, order_of(&shop, 2).await);
    settled(&mut schedule, &shop).await;
    let body = serde_json::from_value(json!({"reason": "not wanted"})).unwrap();
    shop.send(Command::CancelOrder(CancelOrder { order_id: kept, body })).await;
    settled(&mut schedule, &shop).await;
    assert_eq!(status(&shop, waits).await, (FulfilmentStatus::Unfulfilled, 0), "released");

    let waits = order_of(&shop, 2).await;
    count(&shop, 3).await;
    settled(&mut schedule, &shop).await;
    assert_eq!(status(&shop, waits).await.1, 1, "found by a count");
    let body = json!({"sku": "MUG", "from": "shop", "to": "main", "quantity": 1});
    let (sku, location) = ("MUG".parse().unwrap(), "shop".parse().unwrap());
    let found = serde_json::from_value(json!({"delta": 1, "reason": "found"})).unwrap();
    shop.send(Command::AdjustStock(AdjustStock { sku, location, body: found })).await;
    shop.send(Command::TransferStock(TransferStock { body: serde_json::from_value(body).unwrap() })).await;
    settled(&mut schedule, &shop).await;
    assert_eq!(status(&shop, waits).await.1, 0, "transferred");
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_are_missing_are_taken_back_from_the_latest_orders_that_are_not_packed() {
    let shop = shop_with(6).await;
    let mut schedule = shop.schedule();
    let orders = [order_of(&shop, 2).await, order_of(&shop, 2).await, order_of(&shop, 2).await];
    let pack = CreateFulfilment { order_id: orders[2], body: Default::default() };
    shop.send(Command::CreateFulfilment(pack)).await;
    count(&shop, 3).await;
    settled(&mut schedule, &shop).await;
    assert_eq!(status(&shop, orders[0]).await, (FulfilmentStatus::Backordered, 1));
    assert_eq!(status(&shop, orders[1]).await, (FulfilmentStatus::Backordered, 2));
    assert_eq!(status(&shop, orders[2]).await, (FulfilmentStatus::Processing, 0));
    assert_eq!((level(&shop).await.shortage(), level(&shop).await.unassigned()), (0, 0));

    count(&shop, 1).await;
    settled(&mut schedule, &shop).await;
    assert_eq!(level(&shop).await.shortage(), 1, "what is packed stays");
    shop.receive(6).await;
    settled(&mut schedule, &shop).await;
    for order in orders {
        assert_eq!(status(&shop, order).await.1, 0);
    }
    settled(&mut schedule, &shop).await;
    assert_eq!(waiting(&shop).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_orders_than_one_command_names_are_served_and_taken_back() {
    let shop = shop_with(0).await;
    let mut schedule = shop.schedule();
    let orders = join_all((0..MANY).map(|_| order_of(&shop, 1))).await;
    shop.receive(MANY as u32 - 1).await;
    settled(&mut schedule, &shop).await;
    assert_eq!((level(&shop).await.backordered, waiting_after(&mut schedule, &shop).await), (1, 1));
    count(&shop, 0).await;
    settled(&mut schedule, &shop).await;
    assert_eq!((level(&shop).await.backordered, level(&shop).await.shortage()), (MANY as i64, 0));
    assert_eq!(waiting_after(&mut schedule, &shop).await, orders.len());
}

async fn waiting_after(schedule: &mut Schedule, shop: &Shop) -> usize {
    settled(schedule, shop).await;
    waiting(shop).await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_thrown_away_is_made_anew() {
    let shop = shop_with(1).await;
    let mut schedule = shop.schedule();
    let (first, second) = (order_of(&shop, 3).await, order_of(&shop, 3).await);
    let third = order_of(&shop, 1).await;
    shop.receive(3).await;
    settled(&mut schedule, &shop).await;
    let body: Value = json!({"reason": "not wanted", "lines": [{"line": 1, "quantity": 1}]});
    let body = serde_json::from_value(body).unwrap();
    shop.send(Command::CancelOrder(CancelOrder { order_id: second, body })).await;
    settled(&mut schedule, &shop).await;
    let kept = waiting(&shop).await;
    assert_eq!(kept, [(second.to_string(), 1), (third.to_string(), 1)]);

    command_service::schedule::rebuild(shop.database.clone()).await.unwrap();
    assert_eq!(waiting(&shop).await, []);
    settled(&mut schedule, &shop).await;
    assert_eq!(waiting(&shop).await, kept);
    assert_eq!(status(&shop, first).await.1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_ask_at_once_assign_a_unit_once() {
    let one = shop_with(0).await;
    let two = one.beside().await;
    let orders = join_all((0..20).map(|_| order_of(&one, 2))).await;
    one.receive(21).await;
    let (mut first, mut second) = (one.schedule(), two.schedule());
    tokio::join!(work(&mut first, one.at(60)), work(&mut second, one.at(60)));
    let level = level(&one).await;
    assert_eq!((level.backordered, level.unassigned()), (19, 0));
    let mut said = 0;
    for order in orders {
        said += status(&one, order).await.1;
    }
    assert_eq!(said, 19);
}
