//! Stock holds.

use serde_json::json;

use crate::fixture::Platform;
use crate::service::Service;

#[tokio::test]
async fn a_stock_hold_is_found_by_id_and_shows_its_end() {
    let platform = Platform::new().await;
    let hold = platform.place_stock_hold("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    let path = format!("/v1/stock-holds/{}", hold.id);
    let found = service.get(&path).await;
    assert_eq!(found.json, serde_json::to_value(&hold).expect("a document"));
    assert_eq!((found.tagged_version(), &found.json["state"]), (1, &json!("open")));

    let released = platform.release_stock_hold(hold).await;
    let found = service.get_not_older(&path, released.position.0, 0).await;
    assert_eq!((found.tagged_version(), &found.json["state"]), (2, &json!("released")));
}

#[tokio::test]
async fn unknown_and_invalid_ids_of_stock_holds_are_refused() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    let missing = service.get("/v1/stock-holds/0190b6d2-7e1a-7000-8000-0000000000ab").await;
    assert_eq!((missing.status, missing.problem()), (404, "stock-hold-not-found"));
    let invalid = service.get("/v1/stock-holds/7").await;
    assert_eq!((invalid.status, invalid.problem()), (400, "invalid-stock-hold-id"));
}
