//! Products, stock and stock holds over HTTP.

use serde_json::{Value, json};

use crate::shop::{Shop, lamps};

#[tokio::test]
async fn a_product_is_patched() {
    let shop = Shop::with_lamps(1).await;
    let patch = json!({ "tax_class": "reduced", "attributes": { "colour": "green" }, "tags": ["lights"] });
    shop.call("PATCH", "/v1/products/LAMP", &[], &patch).await.assert_problem(428, "precondition-required");
    let done = shop.call("PATCH", "/v1/products/LAMP", &[("if-match", "\"1\"")], &patch).await;
    assert_eq!((done.status.as_u16(), done.header("etag")), (200, Some("\"2\"")), "{done:?}");
    let before = shop.events().await;
    assert_eq!(shop.call("PATCH", "/v1/products/LAMP", &[("if-match", "*")], &patch).await.status, 200);
    assert_eq!(shop.events().await, before);
    for (bad, pointer) in [
        (json!({ "name": null }), "/name"),
        (json!({ "sku": "OTHER" }), "/sku"),
        (json!({ "attributes": { "a": 1 } }), "/attributes/a"),
        (json!({ "tags": "lights" }), "/tags"),
    ] {
        let refused = shop.call("PATCH", "/v1/products/LAMP", &[("if-match", "*")], &bad).await;
        refused.assert_problem(422, "invalid-body");
        assert_eq!(refused.json()["pointer"].as_str().unwrap(), pointer, "{refused:?}");
    }
}

#[tokio::test]
async fn stock_is_sold_by_its_policy_and_transferred_between_locations() {
    let shop = Shop::with_lamps(5).await;
    let set = async |policy: Value| shop.call("PUT", "/v1/stock/LAMP/main/policy", &[], &policy).await;
    assert_eq!(set(json!({ "kind": "deny", "safety": 2 })).await.status, 200);
    assert_eq!(set(json!({ "kind": "deny", "safety": 6 })).await.status, 200, "before its goods have arrived");
    assert_eq!(set(json!({ "kind": "deny", "safety": 2 })).await.status, 200);
    set(json!({ "kind": "deny", "limit": 6 })).await.assert_problem(422, "invalid-body");

    let transfer = async |key: &str, to: &str, quantity: u32| {
        let body = json!({ "sku": "LAMP", "from": "main", "to": to, "quantity": quantity });
        shop.post("/v1/stock-transfers", &[("idempotency-key", key)], &body).await
    };
    let short = transfer("a", "shop", 4).await;
    short.assert_problem(409, "insufficient-stock");
    assert_eq!(short.json()["lines"][0]["available"], 3);
    transfer("b", "main", 1).await.assert_problem(422, "same-location");
    let before = shop.events().await;
    assert_eq!(transfer("c", "shop", 3).await.status, 201);
    assert_eq!(shop.types_after(before).await, ["StockTransferredOut", "StockTransferredIn"]);
}

#[tokio::test]
async fn stock_is_held_for_a_checkout_and_released() {
    let shop = Shop::with_lamps(5).await;
    let hold = async |key: &str, quantity: u32| {
        let body = json!({ "lines": [{ "sku": "LAMP", "quantity": quantity }], "ttl_seconds": 60 });
        shop.post("/v1/stock-holds", &[("idempotency-key", key)], &body).await
    };
    let held = hold("a", 4).await;
    assert_eq!(held.status, 201, "{held:?}");
    let short = hold("b", 2).await;
    short.assert_problem(409, "insufficient-stock");
    assert_eq!(short.json()["lines"][0]["available"], 1);
    let path = format!("/v1/stock-holds/{}", held.json()["id"].as_str().unwrap());
    let before = shop.events().await;
    assert_eq!(shop.call("DELETE", &path, &[], &Value::Null).await.status, 200);
    assert_eq!(shop.types_after(before).await, ["HoldReleased", "StockHoldReleased"]);
    assert_eq!(shop.call("DELETE", &path, &[], &Value::Null).await.status, 200);
    assert_eq!(hold("c", 5).await.status, 201);
    shop.call("DELETE", "/v1/stock-holds/1", &[], &Value::Null).await.assert_problem(400, "invalid-path");
    for ttl in [0, 86_401] {
        let body = json!({ "lines": [{ "sku": "LAMP", "quantity": 1 }], "ttl_seconds": ttl });
        let refused = shop.post("/v1/stock-holds", &[("idempotency-key", "ttl")], &body).await;
        refused.assert_problem(422, "invalid-body");
    }
}

#[tokio::test]
async fn a_count_is_recorded_whatever_is_reserved_or_safety_stock() {
    let shop = Shop::with_lamps(10).await;
    let count = async |key: &str, body: Value| {
        shop.post("/v1/stock/LAMP/main/adjustments", &[("idempotency-key", key)], &body).await
    };
    let policy = json!({ "kind": "deny", "safety": 4 });
    assert_eq!(shop.call("PUT", "/v1/stock/LAMP/main/policy", &[], &policy).await.status, 200);
    assert_eq!(count("a", json!({ "count": 3, "reason": "counted" })).await.status, 201, "into the safety stock");

    assert_eq!(count("b", json!({ "delta": 6, "reason": "found" })).await.status, 201);
    assert_eq!(shop.post("/v1/orders", &[("idempotency-key", "c")], &lamps(5)).await.status, 201);
    assert_eq!(count("d", json!({ "count": 3, "reason": "counted" })).await.status, 201, "below what is reserved");
    let below = count("e", json!({ "delta": -4, "reason": "counted" })).await;
    below.assert_problem(409, "below-zero");
    assert_eq!((&below.json()["on_hand"], &below.json()["delta"]), (&json!(3), &json!(-4)));

    let short = shop.post("/v1/orders", &[("idempotency-key", "f")], &lamps(1)).await;
    short.assert_problem(409, "insufficient-stock");
    assert_eq!(short.json()["lines"][0]["available"], 0);
}
