//! Expiry of stock holds.

use domain::command::Command;
use events::StockHoldId;
use events::stream::Subject;
use serde_json::json;

use crate::shop::{Shop, work};

/// A stock hold of all units for a quarter of an hour.
async fn hold(shop: &Shop) -> StockHoldId {
    let body = json!({"lines": [{"sku": "MUG", "quantity": 1_000_000}], "ttl_seconds": 900});
    let answer = shop.send(Command::HoldStock { body: serde_json::from_value(body).unwrap() }).await;
    let Subject::StockHold(id) = answer.stream.subject() else { panic!("not a stock hold: {answer:?}") };
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_hold_expires_and_its_stock_is_available_again() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    hold(&shop).await;
    assert_eq!(work(&mut schedule, shop.at(899)).await, 0);
    assert_eq!(work(&mut schedule, shop.at(960)).await, 1);
    assert_eq!((shop.count("HoldExpired").await, shop.count("StockHoldReleased").await), (1, 1));
    assert_eq!(shop.entries().await, []);
    hold(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumed_stock_hold_does_not_expire() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let hold_id = hold(&shop).await;
    work(&mut schedule, shop.at(0)).await;
    let lines = json!([{"sku": "MUG", "quantity": 1_000_000}]);
    shop.order_with(json!({"currency": "GBP", "lines": lines, "hold_id": hold_id})).await;
    assert_eq!(work(&mut schedule, shop.at(960)).await, 0);
    assert_eq!((shop.count("HoldConsumed").await, shop.count("HoldExpired").await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_hold_expires_once_with_two_instances() {
    let one = Shop::open().await;
    let two = one.beside().await;
    hold(&one).await;
    let (mut first, mut second) = (one.schedule(), two.schedule());
    tokio::join!(work(&mut first, one.at(960)), work(&mut second, one.at(960)));
    assert_eq!((one.count("HoldExpired").await, one.count("StockHoldReleased").await), (1, 1));
}
