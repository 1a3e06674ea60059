//! Pages of the log and of streams.

use events::personal::{Address, Personal};
use serde_json::{Value, json};

use crate::fixture::Platform;
use crate::service::{Answer, Service};

fn next(page: &Answer) -> &str {
    page.json["next"].as_str().expect("a next page")
}

#[tokio::test]
async fn the_log_is_listed_in_its_order_page_by_page_and_by_type() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    platform.receive_stock("A-1", "main", 7).await;
    let paid = platform.append_payment(&order).await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;

    let page = service.get("/v1/events?limit=3").await;
    assert_eq!(page.items("position"), ["1", "2", "3"]);
    assert_eq!(page.items("type"), ["OrderPlaced", "StockReceived", "PaymentCaptured"]);
    let second = service.get(next(&page)).await;
    assert_eq!((second.items("position"), second.json.get("next")), (vec!["4".to_owned()], None));
    assert_eq!(second.header("projection-position"), "4");

    let event = &page.json["items"][2];
    let (subject, schema) = (format!("order-{}", order.id), "urn:order-platform:event:PaymentCaptured:1");
    assert_eq!((&event["subject"], &event["dataschema"]), (&json!(subject), &json!(schema)));
    assert_eq!((&event["streamversion"], &event["data"]["amount"]), (&json!(paid.version), &json!(paid.total)));

    let placed = service.get("/v1/events?types=OrderPlaced,OrderCancelled").await;
    assert_eq!(placed.items("position"), ["1", "4"]);
    assert_eq!(service.get("/v1/events?from=2&types=OrderPlaced").await.items("position"), ["4"]);
    assert_eq!(service.get("/v1/events?from=5").await.items("position"), [""; 0]);
    let of_stock = service.get("/v1/events?stream=stock-A-1@main").await;
    assert_eq!(of_stock.items("position"), ["2"]);
    assert_eq!(service.get("/v1/events?stream=stock-none@main").await.items("position"), [""; 0]);
}

#[tokio::test]
async fn the_events_of_an_order_are_found_by_id_and_code() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let paid = platform.append_payment(&order).await;
    platform.relay_and_apply(&paid).await;
    let service = Service::start(&platform.bed).await;
    for key in [order.id.to_string(), order.code.to_string()] {
        let page = service.get(&format!("/v1/orders/{key}/events?limit=1")).await;
        assert_eq!(page.items("type"), ["OrderPlaced"]);
        assert_eq!(service.get(next(&page)).await.items("type"), ["PaymentCaptured"]);
    }
    let missing = service.get("/v1/orders/SON000009/events").await;
    assert_eq!((missing.status, missing.problem()), (404, "order-not-found"));
}

#[tokio::test]
async fn erased_personal_data_is_left_out_of_events() {
    let platform = Platform::new().await;
    let (ada, ben) = (
        platform.register_customer("2026-03-01T10:00:00Z", 1, "Erase Me").await,
        platform.register_customer("2026-03-01T10:00:00Z", 2, "Keep Me").await,
    );
    let named =
        |name: &str| Some(Personal::new(Address { name: name.into(), line1: "1 Street".into(), ..Address::default() }));
    let of_ada = platform
        .place_order_with("2026-03-05T10:00:00Z", |order| {
            (order.customer_id, order.shipping_address) = (Some(ben.id), named("Erase Me"));
        })
        .await;
    // The order was assigned to the erased customer later, and its first event is hers as well.
    let assigned = platform.append_assignment(&of_ada, ada.id).await;
    platform
        .place_order_with("2026-03-05T10:00:00Z", |order| {
            (order.customer_id, order.shipping_address) = (Some(ben.id), named("Keep Me"));
        })
        .await;
    let service = Service::start(&platform.bed).await;
    let paths = [
        "/v1/events".to_owned(),
        format!("/v1/orders/{}/events", of_ada.id),
        format!("/v1/events?stream=customer-{}", ada.id),
    ];
    for path in &paths {
        assert!(service.get(path).await.json.to_string().contains("Erase Me"), "{path}");
    }
    platform.append_customer_erasure(ada.id).await;
    for path in &paths {
        let page = service.get(path).await;
        assert!(!page.json.to_string().contains("Erase Me"), "{path}");
        let placed = page.json["items"]
            .as_array()
            .expect("items")
            .iter()
            .find(|it| it["subject"] == json!(format!("order-{}", of_ada.id)));
        assert!(
            placed.is_none_or(|it| it["data"]["total"] == json!(900) && it["data"]["shipping_address"] == Value::Null),
            "{path}"
        );
    }
    assert!(service.get("/v1/events").await.json.to_string().contains("Keep Me"));
    assert_eq!(
        service.get(&format!("/v1/orders/{}/events", of_ada.id)).await.items("position").len(),
        assigned.version.0 as usize
    );
}

#[tokio::test]
async fn a_token_that_the_log_does_not_contain_yet_is_refused() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    assert_eq!(service.get_not_older("/v1/events", 1, 0).await.status, 200);
    let ahead = service.get_not_older("/v1/events", 2, 0).await;
    assert_eq!((ahead.status, ahead.problem()), (503, "projection-lag"));
}

#[tokio::test]
async fn invalid_filters_of_events_are_refused() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    for query in
        ["from=0", "from=x", "types=OrderPlacd", "types=OrderPlaced,,", "stream=nothing", "stream=stock-A@main&from=1"]
    {
        let refused = service.get(&format!("/v1/events?{query}")).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-query"), "{query}");
    }
}
