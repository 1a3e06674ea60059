//! Customers, their lists and their orders.

use read_model::CustomerDocument;
use serde_json::{Value, json};

use crate::fixture::Platform;
use crate::service::Service;

const AT: &str = "2026-03-05T10:00:00Z";

fn path(customer: &CustomerDocument) -> String {
    format!("/v1/customers/{}", customer.id)
}

#[tokio::test]
async fn a_customer_is_found_by_id_and_listed_last_registered_first() {
    let platform = Platform::new().await;
    let ada = platform.register_customer("2026-03-01T10:00:00Z", 1, "Ada").await;
    let ben = platform.register_customer("2026-03-02T10:00:00Z", 2, "Ben").await;
    let cem = platform.register_customer("2026-03-03T10:00:00Z", 3, "Cem").await;
    let service = Service::start(&platform.bed).await;

    let found = service.get(&path(&ben)).await;
    assert_eq!(found.json, serde_json::to_value(&ben).expect("a document"));
    assert_eq!((found.tagged_version(), &found.json["profile"]["name"]), (1, &json!("Ben")));
    let unchanged = service.get_with(&path(&ben), &[("If-None-Match", found.header("etag"))]).await;
    assert_eq!(unchanged.status, 304);

    let page = service.get("/v1/customers?limit=2").await;
    assert_eq!(page.items("id"), [cem.id.to_string(), ben.id.to_string()]);
    let next = service.get(page.json["next"].as_str().expect("a next page")).await;
    assert_eq!((next.items("id"), next.json.get("next")), (vec![ada.id.to_string()], None));
    assert_eq!(service.get("/v1/customers?tag=vip&limit=2").await.items("id").len(), 2);
    assert_eq!(service.get("/v1/customers?tag=other").await.items("id").len(), 0);
}

#[tokio::test]
async fn an_erased_customer_has_no_personal_data_in_any_answer_before_the_erasure_is_applied() {
    let platform = Platform::new().await;
    let ada = platform.register_customer(AT, 1, "Erase Me").await;
    let ben = platform.register_customer(AT, 2, "Ben").await;
    let service = Service::start_with(&platform.bed, &[("PROCESS_CACHE_TTL", "1h".to_owned())]).await;
    let before = service.get(&path(&ada)).await;
    assert!(before.json.to_string().contains("Erase Me"));

    platform.append_customer_erasure(ada.id).await;
    let found = service.get(&path(&ada)).await;
    assert_eq!((&found.json["erased"], &found.json["profile"]), (&json!(true), &Value::Null));
    assert!(found.json.get("tags").is_none());
    assert_ne!(found.header("etag"), before.header("etag"));
    let list = service.get("/v1/customers").await;
    assert_eq!(list.items("id"), [ben.id.to_string(), ada.id.to_string()]);
    assert_eq!(list.items("erased"), ["null", "true"]);
    assert!(!list.json.to_string().contains("Erase Me") && list.json.to_string().contains("Ben"));
    let tagged = service.get("/v1/customers?tag=vip").await;
    assert_eq!(tagged.items("id"), [ben.id.to_string()], "that a customer had a tag is personal data");
}

#[tokio::test]
async fn the_orders_of_a_customer_are_listed_newest_first() {
    let platform = Platform::new().await;
    let ada = platform.register_customer(AT, 1, "Ada").await;
    platform.place_order("2026-03-05T11:00:00Z").await;
    for day in 6..=8 {
        let placed_at = format!("2026-03-0{day}T11:00:00Z");
        platform.place_order_with(&placed_at, |order| order.customer_id = Some(ada.id)).await;
    }
    let service = Service::start(&platform.bed).await;
    let page = service.get(&format!("{}/orders?limit=2", path(&ada))).await;
    assert_eq!(page.items("code"), ["SON000004", "SON000003"]);
    let next = service.get(page.json["next"].as_str().expect("a next page")).await;
    assert_eq!(next.items("code"), ["SON000002"]);
}

#[tokio::test]
async fn unknown_and_invalid_ids_of_customers_are_refused() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    let unknown = "0190b6d2-7e1a-7000-8000-0000000000ab";
    let missing = service.get(&format!("/v1/customers/{unknown}")).await;
    assert_eq!((missing.status, missing.problem()), (404, "customer-not-found"));
    assert!(service.get(&format!("/v1/customers/{unknown}/orders")).await.items("id").is_empty());
    for path in ["/v1/customers/7", "/v1/customers/9f0d4f63-6b7c-4f70-a6f5-0a3c8cf0a0b1", "/v1/customers/7/orders"] {
        let invalid = service.get(path).await;
        assert_eq!((invalid.status, invalid.problem()), (400, "invalid-customer-id"), "{path}");
    }
}
