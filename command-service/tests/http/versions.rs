//! Versions of the API: by path, by header, by both; and the version in responses.

use crate::shop::{Shop, lamps};

#[tokio::test]
async fn a_path_without_a_version_refers_to_the_header_or_the_newest() {
    let shop = Shop::with_lamps(10).await;
    let by_path = shop.post("/v1/orders", &[("idempotency-key", "k")], &lamps(1)).await;
    let by_header = shop.post("/orders", &[("idempotency-key", "k"), ("api-version", "1")], &lamps(1)).await;
    let by_none = shop.post("/orders", &[("idempotency-key", "k")], &lamps(1)).await;
    assert_eq!((&by_header.text, &by_none.text), (&by_path.text, &by_path.text));
    assert_eq!((by_path.header("api-version"), by_header.header("api-version")), (Some("1"), Some("1")));
}

#[tokio::test]
async fn an_unknown_or_contradicting_version_is_rejected_with_the_supported_versions() {
    let shop = Shop::with_lamps(10).await;
    for path in ["/v1/orders", "/orders"] {
        let refused = shop.post(path, &[("idempotency-key", "k"), ("api-version", "2")], &lamps(1)).await;
        refused.assert_problem(400, "unsupported-version");
        assert_eq!(refused.json()["supported"], serde_json::json!(["1"]));
    }
    shop.post("/v2/orders", &[("idempotency-key", "k")], &lamps(1)).await.assert_problem(404, "not-found");
    assert_eq!(shop.events().await, 2);
}
