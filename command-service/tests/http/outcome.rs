//! The outcome of a command by its idempotency key.

use serde_json::json;

use crate::shop::{Shop, lamps};

#[tokio::test]
async fn a_key_returns_the_result_and_the_events_of_its_command() {
    let shop = Shop::with_lamps(10).await;
    let placed = shop.post("/v1/orders", &[("idempotency-key", "shop/17")], &lamps(2)).await;
    for path in ["/v1/commands/shop%2F17", "/v1/commands/%22shop%2F17%22", "/commands/shop%2F17"] {
        let found = shop.get(path).await;
        assert_eq!((found.status.as_u16(), &found.json()["answer"]), (200, &placed.json()), "{path}: {}", found.text);
        let events = found.json()["events"].clone();
        assert_eq!((&events[0]["type"], &events[1]["type"]), (&json!("OrderPlaced"), &json!("StockReserved")));
        assert_eq!((&events[1]["version"], &events[1]["data"]["quantity"]), (&json!(2), &json!(2)));
    }
}

#[tokio::test]
async fn the_key_of_a_rejected_command_is_unknown() {
    let shop = Shop::with_lamps(1).await;
    let refused = shop.post("/v1/orders", &[("idempotency-key", "k")], &lamps(2)).await;
    refused.assert_problem(409, "insufficient-stock");
    shop.get("/v1/commands/k").await.assert_problem(404, "unknown-key");
    shop.get("/v1/commands/a%20b").await.assert_problem(400, "idempotency-key-invalid");
}
