//! Single orders, by id and by order code.

use serde_json::Value;

use crate::fixture::Platform;
use crate::service::Service;

#[tokio::test]
async fn an_order_is_found_by_id_and_by_code_as_the_projector_wrote_it() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;

    let by_id = service.get(&format!("/v1/orders/{}", order.id)).await;
    let by_code = service.get("/v1/orders/SON000001").await;

    assert_eq!(by_id.status, 200);
    assert_eq!(by_id.json, serde_json::to_value(&order).expect("a document"));
    assert_eq!(by_code.json, by_id.json);
    assert_eq!(by_id.header("content-type"), "application/json");
    assert_eq!(by_id.header("projection-position"), "1");
    assert_eq!(by_id.header("cache-control"), "private, no-cache");
}

#[tokio::test]
async fn an_order_is_read_from_the_replica() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    platform.bed.replica_caught_up().await.expect("replication");
    let replica = ("REPLICA_URL", platform.bed.reader_replica_url().expect("an address"));
    let service = Service::start_with(&platform.bed, &[replica]).await;

    let answer = service.get(&format!("/v1/orders/{}", order.id)).await;
    assert_eq!(answer.json["code"], "SON000001");

    // The lag of the replica is known once the primary was probed too.
    let is_known = |it: &Value| it["source"] == "replica" && it["replica"]["lag_ms"].is_number();
    let freshness = service.get_until("/v1/freshness", |it| is_known(&it.json)).await;
    assert_eq!(freshness.json["head"], 1);
    assert_eq!(freshness.json["replica"]["answers"], true);
    assert_eq!(freshness.json["projections"][0]["projection"], "orders");
    assert_eq!(freshness.json["projections"][0]["applied"], 1);
    assert_eq!(freshness.json["projections"][0]["lag_events"], 0);
}

#[tokio::test]
async fn a_document_that_the_reader_has_is_not_sent_again() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start_with(&platform.bed, &[("PROCESS_CACHE_TTL", "0ms".into())]).await;
    let path = format!("/v1/orders/{}", order.id);
    let first = service.get(&path).await;
    assert_eq!(first.tagged_version(), 1);

    let again = service.get_with(&path, &[("If-None-Match", first.header("etag"))]).await;
    assert_eq!((again.status, &again.json), (304, &serde_json::Value::Null));
    assert_eq!(again.header("etag"), first.header("etag"));

    let paid = platform.append_payment(&order).await;
    platform.apply_order(&paid).await;
    let changed = service.get_with(&path, &[("If-None-Match", first.header("etag"))]).await;
    assert_eq!((changed.status, changed.tagged_version()), (200, 2));
    assert_eq!(changed.json["status"]["payment"], "paid");
}

#[tokio::test]
async fn a_missing_document_is_404_and_an_invalid_key_is_400() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    for (path, status, problem) in [
        ("/v1/orders/0190b6d2-7e1a-7000-8000-000000000001", 404, "order-not-found"),
        ("/v1/orders/SON000001", 404, "order-not-found"),
        ("/v1/orders/9f0d4f63-6b7c-4f70-a6f5-0a3c8cf0a0b1", 400, "invalid-order-key"),
        ("/v1/orders/soon", 400, "invalid-order-key"),
        ("/v1/orders/SON00000%00", 400, "invalid-order-key"),
        ("/v1/orders/SON000001?fields=id", 400, "invalid-query"),
        ("/v1/products/MUG-1", 404, "product-not-found"),
        ("/v1/products/MUG%201", 400, "invalid-sku"),
        ("/v1/products/MUG-1/prices", 404, "product-not-found"),
        ("/v1/stock/MUG-1", 404, "stock-not-found"),
        ("/v1/stock/MUG-1/main/ledger", 404, "stock-not-found"),
        ("/v1/stock/MUG-1/b%2Fc/ledger", 400, "invalid-location"),
        ("/v1/nothing", 404, "not-found"),
    ] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, answer.problem()), (status, problem), "{path}: {answer:?}");
    }
}
