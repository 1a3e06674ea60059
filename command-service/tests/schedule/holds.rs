//! Stock that was kept for a checkout.

use command_service::command::{Command, HoldStock};
use serde_json::json;

use crate::shop::{Shop, work};

async fn hold(shop: &Shop, quantity: u32) {
    let body = json!({"lines": [{"sku": "MUG", "quantity": quantity}], "ttl_seconds": 900});
    shop.send(Command::HoldStock(HoldStock { body: serde_json::from_value(body).unwrap() })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_when_its_time_is_over_and_its_stock_is_free() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    hold(&shop, 1_000_000).await;
    assert_eq!(work(&mut schedule, shop.at(899)).await, 0);
    assert_eq!(work(&mut schedule, shop.at(960)).await, 1);
    assert_eq!((shop.count("HoldExpired").await, shop.count("StockHoldReleased").await), (1, 1));
    hold(&shop, 1_000_000).await;
}
