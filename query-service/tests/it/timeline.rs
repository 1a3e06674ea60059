//! The timeline of an order.

use serde_json::json;

use crate::fixture::Platform;
use crate::service::Service;

#[tokio::test]
async fn the_events_of_an_order_are_listed_in_sentences_oldest_first_page_by_page() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let paid = platform.append_payment(&order).await;
    let held = platform.append_order_hold(&paid).await;
    platform.relay_and_apply(&held).await;
    let service = Service::start(&platform.bed).await;

    for key in [order.id.to_string(), order.code.to_string()] {
        let page = service.get(&format!("/v1/orders/{key}/timeline?limit=2")).await;
        assert_eq!(page.items("kind"), ["OrderPlaced", "PaymentCaptured"]);
        assert_eq!(page.json["items"][0]["order_id"], json!(order.id));
        assert!(page.items("text").iter().all(|sentence| !sentence.is_empty()));
        let next = service.get(page.json["next"].as_str().expect("a next page")).await;
        assert_eq!((next.items("kind"), next.items("version")), (vec!["OrderHeld".into()], vec!["3".into()]));
        assert_eq!(next.items("position"), [held.position.to_string()]);
    }
    let id: String = service.get(&format!("/v1/orders/{}/timeline", order.id)).await.items("id")[0].clone();
    let stored = format!("select id from order_timeline where order_id = '{}' and version = 1", order.id);
    assert_eq!(id, platform.text(&stored).await);
}

#[tokio::test]
async fn the_timeline_of_an_unknown_order_is_not_found() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    for key in ["SON000009", "0190b6d2-7e1a-7000-8000-0000000000ab"] {
        let missing = service.get(&format!("/v1/orders/{key}/timeline")).await;
        assert_eq!((missing.status, missing.problem()), (404, "order-not-found"), "{key}");
    }
    assert_eq!(service.get("/v1/orders/no/timeline").await.problem(), "invalid-order-key");
}
