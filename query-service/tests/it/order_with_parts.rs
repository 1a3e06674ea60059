//! Orders with their customer and timeline.

use events::{CustomerId, StreamId};
use serde_json::{Value, json};

use crate::fixture::Platform;
use crate::service::{Answer, Service};

async fn customer_and_order(platform: &Platform) -> (CustomerId, read_model::OrderDocument) {
    let ada = platform.register_customer("2026-03-01T10:00:00Z", 1, "Erase Me").await;
    let order = platform
        .place_order_with("2026-03-05T10:00:00Z", |placed| {
            (placed.customer_id, placed.note) = (Some(ada.id), Some("for Erase Me".into()));
        })
        .await;
    (ada.id, order)
}

#[tokio::test]
async fn an_order_its_customer_and_its_timeline_are_one_response() {
    let platform = Platform::new().await;
    let (ada, order) = customer_and_order(&platform).await;
    let service = Service::start(&platform.bed).await;
    service.until_lag_is_known().await;
    for key in [order.id.to_string(), order.code.to_string()] {
        let both = service.get(&format!("/v1/orders/{key}?include=customer,timeline")).await;
        assert_eq!(both.json["order"], service.get(&format!("/v1/orders/{key}")).await.json);
        assert_eq!(both.json["customer"], service.get(&format!("/v1/customers/{ada}")).await.json);
        let timeline = service.get(&format!("/v1/orders/{key}/timeline")).await;
        assert_eq!(both.json["timeline"], json!({ "items": timeline.json["items"] }));
        assert_eq!(both.header("projection-position"), platform.head().to_string());
        assert!(both.headers.contains_key("projection-lag-ms"), "{both:?}");
    }
    let only = service.get(&format!("/v1/orders/{}?include=timeline", order.id)).await;
    assert_eq!(only.json.as_object().expect("an object").keys().collect::<Vec<_>>(), ["order", "timeline"]);
    let guest = platform.place_order("2026-03-06T10:00:00Z").await;
    let guest = service.get(&format!("/v1/orders/{}?include=customer", guest.id)).await;
    assert_eq!(guest.json.as_object().expect("an object").keys().collect::<Vec<_>>(), ["order"]);
}

#[tokio::test]
async fn unknown_orders_and_parts_are_refused() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    for unknown in ["SON000009", "0190b6d2-7e1a-7000-8000-0000000000ab"] {
        let missing = service.get(&format!("/v1/orders/{unknown}?include=timeline")).await;
        assert_eq!((missing.status, missing.problem()), (404, "order-not-found"), "{unknown}");
    }
    for parts in ["stock", "customer,", "customer,customer", ""] {
        let refused = service.get(&format!("/v1/orders/SON000001?include={parts}")).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-query"), "{parts}");
    }
}

#[tokio::test]
async fn the_etag_changes_with_each_part() {
    let platform = Platform::new().await;
    let (ada, order) = customer_and_order(&platform).await;
    let service = Service::start(&platform.bed).await;
    let path = format!("/v1/orders/{}?include=customer,timeline", order.id);
    let first = service.get(&path).await;
    let unchanged =
        async |than: &Answer| service.get_with(&path, &[("If-None-Match", than.header("etag"))]).await.status == 304;
    assert!(unchanged(&first).await);
    platform.place_order("2026-03-06T10:00:00Z").await;
    assert!(unchanged(&first).await, "another order changes nothing");

    platform.retag_customer(ada, "gold").await;
    assert!(!unchanged(&first).await, "the customer has changed");
    let second = service.get(&path).await;
    assert_eq!(second.json["customer"]["tags"], json!(["gold"]));
    let paid = platform.append_payment(&order).await;
    platform.relay_and_apply(&paid).await;
    assert!(!unchanged(&second).await, "order and timeline have changed");
}

#[tokio::test]
async fn erased_personal_data_is_left_out_of_every_part() {
    let platform = Platform::new().await;
    let (ada, order) = customer_and_order(&platform).await;
    let service = Service::start(&platform.bed).await;
    let path = format!("/v1/orders/{}?include=customer,timeline", order.id);
    let named = service.get(&path).await;
    assert!(
        named.json["order"].to_string().contains("Erase Me") && named.json["customer"].to_string().contains("Erase Me")
    );
    platform.append_customer_erasure(ada).await;
    let erased = service.get(&path).await;
    assert!(!erased.json.to_string().contains("Erase Me"), "{erased:?}");
    assert_eq!(
        (&erased.json["order"]["personal_data_erased"], &erased.json["customer"]["erased"]),
        (&json!(true), &json!(true))
    );
    assert_ne!(erased.header("etag"), named.header("etag"));
}

#[tokio::test]
async fn every_part_contains_the_token() {
    let platform = Platform::new().await;
    let (ada, order) = customer_and_order(&platform).await;
    let service = Service::start(&platform.bed).await;
    service.until_lag_is_known().await;
    let path = format!("/v1/orders/{}?include=customer,timeline", order.id);
    assert_eq!(service.get_not_older(&path, platform.head(), 0).await.status, 200);
    let far = service.get_not_older(&path, 999_999_999, 0).await;
    assert_eq!((far.status, far.problem()), (400, "invalid-consistency-token"));

    let paid = platform.append_payment(&order).await;
    let behind = service.get_not_older(&path, paid.position.0, 0).await;
    assert_eq!((behind.status, behind.problem()), (503, "projection-lag"));
    let (waited, ()) = tokio::join!(service.get_not_older(&path, paid.position.0, 10), async {
        platform.relay_and_apply(&paid).await;
    });
    assert_eq!(waited.status, 200, "{waited:?}");
    assert_eq!(
        (&waited.json["order"]["version"], &waited.json["timeline"]["items"][1]["kind"]),
        (&json!(2), &json!("PaymentCaptured"))
    );

    // The customer is parked, so its part will not contain the token.
    let parked = platform.park(&StreamId::customer(ada)).await;
    let refused = service.get_not_older(&path, parked.0, 10).await;
    assert_eq!(
        (refused.status, refused.problem(), &refused.json["applied"]),
        (503, "projection-lag", &json!(parked.0 - 1))
    );
    let without = service.get_not_older(&format!("/v1/orders/{}?include=timeline", order.id), parked.0, 10).await;
    assert_eq!(without.status, 200, "{without:?}");
    let older = service.get(&path).await;
    assert_eq!(older.header("projection-position"), (parked.0 - 1).to_string());
}

#[tokio::test]
async fn a_long_timeline_continues_on_the_page_of_the_timeline() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let mut last = order.clone();
    for _ in 0..201 {
        last = platform.append_order_hold(&last).await;
    }
    platform.relay_and_apply(&last).await;
    let service = Service::start(&platform.bed).await;
    let shown = service.get(&format!("/v1/orders/{}?include=timeline", order.id)).await;
    assert_eq!(shown.json["timeline"]["items"].as_array().map(Vec::len), Some(200));
    let next = service.get(shown.json["timeline"]["next"].as_str().expect("a next page")).await;
    assert_eq!(next.items("version"), ["201", "202"]);
    assert_eq!(next.json.get("next"), None::<&Value>);
}
