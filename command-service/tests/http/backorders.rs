//! Backorders, as HTTP requests.

use serde_json::{Value, json};

use crate::shop::{Answered, Shop, lamps};

/// A shop with this number of lamps, of which ten more can be backordered.
async fn shop_with(on_hand: u32) -> Shop {
    let shop = Shop::with_lamps(on_hand).await;
    let policy = json!({ "kind": "backorder", "limit": 10 });
    assert_eq!(shop.call("PUT", "/v1/stock/LAMP/main/policy", &[], &policy).await.status, 200);
    shop
}

async fn order(shop: &Shop, key: &str, quantity: u32) -> String {
    let placed = shop.post("/v1/orders", &[("idempotency-key", key)], &lamps(quantity)).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    placed.json()["id"].as_str().unwrap().to_owned()
}

async fn pack(shop: &Shop, id: &str, key: &str) -> Answered {
    shop.post(&format!("/v1/orders/{id}/fulfilments"), &[("idempotency-key", key)], &json!({})).await
}

#[tokio::test]
async fn two_orders_do_not_pack_the_same_units() {
    let shop = shop_with(2).await;
    let (a, b) = (order(&shop, "a", 2).await, order(&shop, "b", 2).await);
    let line = json!([{ "line": 1, "sku": "LAMP", "location": "main", "requested": 2, "available": 0 }]);
    let early = pack(&shop, &b, "pack-b-1").await;
    early.assert_problem(409, "insufficient-stock");
    assert_eq!(early.json()["lines"], line);
    assert_eq!(pack(&shop, &a, "pack-a").await.status, 201);
    let late = pack(&shop, &b, "pack-b-2").await;
    late.assert_problem(409, "insufficient-stock");
    assert_eq!(late.json()["lines"], line);
    let shipped = shop.post(&format!("/v1/orders/{a}/fulfilments/1/shipment"), &[], &json!({})).await;
    assert_eq!(shipped.status, 200, "{shipped:?}");

    let receipt = [("idempotency-key", "receipt-2")];
    shop.post("/v1/stock/LAMP/main/receipts", &receipt, &json!({ "quantity": 2 })).await;
    let before = shop.events().await;
    assert_eq!(pack(&shop, &b, "pack-b-3").await.status, 201);
    let types = ["FulfilmentCreated", "OrderBackordersChanged", "StockBackordersChanged"];
    assert_eq!(shop.types_after(before).await, types);
}

#[tokio::test]
async fn the_response_to_a_count_shows_the_shortage() {
    let shop = shop_with(3).await;
    order(&shop, "a", 3).await;
    let wanted = [("idempotency-key", "count"), ("prefer", "return=representation")];
    let count = json!({ "count": 1, "reason": "counted" });
    let counted = shop.post("/v1/stock/LAMP/main/adjustments", &wanted, &count).await;
    assert_eq!((counted.status.as_u16(), &counted.json()["shortage"]), (201, &json!(2)), "{counted:?}");
    assert_eq!(counted.json()["state"]["stock"]["backordered"], 0);
}

#[tokio::test]
async fn returned_units_are_received_one_by_one() {
    let shop = Shop::with_lamps(5).await;
    let id = order(&shop, "a", 2).await;
    assert_eq!(pack(&shop, &id, "pack").await.status, 201);
    shop.post(&format!("/v1/orders/{id}/fulfilments/1/shipment"), &[], &json!({})).await;
    let back = json!({ "reason": "broken", "lines": [{ "line": 1, "quantity": 2 }] });
    shop.post(&format!("/v1/orders/{id}/returns"), &[("idempotency-key", "return")], &back).await;

    let path = format!("/v1/orders/{id}/returns/1/receipt");
    let receive = async |key: &str, body: Value| shop.post(&path, &[("idempotency-key", key)], &body).await;
    let one = json!({ "disposition": "restock", "lines": [{ "line": 1, "quantity": 1 }] });
    shop.post(&path, &[], &one).await.assert_problem(400, "idempotency-key-missing");
    let before = shop.events().await;
    assert_eq!(receive("first", one.clone()).await.status, 200);
    assert_eq!(shop.types_after(before).await, ["ReturnReceived", "StockRestocked"]);
    assert_eq!(receive("first", one).await.header("idempotent-replayed"), Some("true"));
    let two = json!({ "lines": [{ "line": 1, "quantity": 2, "disposition": "damaged" }] });
    let exceeded = receive("second", two).await;
    exceeded.assert_problem(422, "quantity-exceeded");
    assert_eq!(exceeded.json()["lines"], json!([{ "line": 1, "requested": 2, "available": 1 }]));
    let damaged = json!({ "lines": [{ "line": 1, "quantity": 1, "disposition": "damaged" }] });
    assert_eq!(receive("third", damaged.clone()).await.status, 200);
    receive("fourth", damaged).await.assert_problem(409, "order-state");
    receive("fifth", json!({})).await.assert_problem(422, "invalid-body");
}
