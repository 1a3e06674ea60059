//! Orders as they were.

use events::StreamId;
use read_model::OrderDocument;
use serde_json::{Value, json};
use testbed::proxy::Proxy;

use crate::fixture::Platform;
use crate::service::Service;

fn document(order: &OrderDocument) -> Value {
    serde_json::to_value(order).expect("a document")
}

fn path(order: &OrderDocument, moment: impl std::fmt::Display) -> String {
    format!("/v1/orders/{}?as_of={moment}", order.id)
}

async fn recorded_at(platform: &Platform, order: &OrderDocument) -> String {
    let select = format!(
        "select to_char(recorded_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from events where position = {}",
        order.position
    );
    platform.text(&select).await
}

#[tokio::test]
async fn an_order_is_shown_as_it_was_at_a_position_and_at_an_instant() {
    let platform = Platform::new().await;
    platform.append_stock("A-1", "main", 1).await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    platform.append_stock("B-1", "main", 1).await;
    let paid = platform.append_payment(&order).await;
    let held = platform.append_order_hold(&paid).await;
    let service = Service::start(&platform.bed).await;
    for (position, expected) in [(2, &order), (3, &order), (4, &paid), (5, &held)] {
        let shown = service.get(&path(&order, position)).await;
        assert_eq!((shown.status, &shown.json), (200, &document(expected)), "{position}");
        assert_eq!(shown.header("projection-position"), expected.position.to_string());
        assert_eq!(shown.tagged_version(), i64::from(expected.version.0));
    }
    for expected in [&order, &paid, &held] {
        let shown = service.get(&path(&order, recorded_at(&platform, expected).await)).await;
        assert_eq!((shown.status, &shown.json), (200, &document(expected)));
    }
    let shown = service.get(&path(&order, 4)).await;
    let unchanged = service.get_with(&path(&order, 4), &[("If-None-Match", shown.header("etag"))]).await;
    assert_eq!(unchanged.status, 304);
}

#[tokio::test]
async fn an_order_that_did_not_exist_then_is_not_found() {
    let platform = Platform::new().await;
    platform.append_stock("A-1", "main", 1).await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    for moment in ["1", "2020-01-01T00:00:00Z"] {
        let missing = service.get(&path(&order, moment)).await;
        assert_eq!((missing.status, missing.problem()), (404, "order-not-found"), "{moment}");
    }
    let by_code = service.get("/v1/orders/SON000001?as_of=2").await;
    assert_eq!((by_code.status, &by_code.json), (200, &document(&order)));
    assert_eq!(service.get("/v1/orders/SON000009?as_of=2").await.problem(), "order-not-found");
}

#[tokio::test]
async fn invalid_moments_and_positions_beyond_the_log_are_refused() {
    let platform = Platform::new().await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    for moment in ["0", "-1", "x", "2026-03-05", "2999-01-01T00:00:00Z", "1&include=timeline", ""] {
        let refused = service.get(&path(&order, moment)).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-query"), "{moment}");
    }
    let next = service.get(&path(&order, 2)).await;
    assert_eq!((next.status, next.problem(), &next.json["applied"]), (503, "projection-lag", &json!(1)));
    let far = service.get(&path(&order, 999_999_999)).await;
    assert_eq!((far.status, far.problem(), &far.json["head"]), (400, "position-beyond-log", &json!(1)));
    let ahead = service.get_not_older(&path(&order, 1), 2, 0).await;
    assert_eq!((ahead.status, ahead.problem()), (503, "projection-lag"));
}

#[tokio::test]
async fn personal_data_that_was_erased_later_is_left_out() {
    let platform = Platform::new().await;
    let ada = platform.register_customer("2026-03-01T10:00:00Z", 1, "Ada").await;
    let order = platform.place_order_with("2026-03-05T10:00:00Z", |placed| placed.note = Some("Erase Me".into())).await;
    let guest = platform.place_order_with("2026-03-05T10:00:00Z", |placed| placed.note = Some("Erase Me".into())).await;
    // Ada is a customer of the order only after the moment that is requested.
    platform.append_assignment(&order, ada.id).await;
    let service = Service::start(&platform.bed).await;
    for order in [&order, &guest] {
        assert_eq!(service.get(&path(order, order.position)).await.json["note"], "Erase Me");
    }
    platform.append_customer_erasure(ada.id).await;
    platform.append_order_erasure(&guest).await;
    for order in [&order, &guest] {
        let shown = service.get(&path(order, order.position)).await;
        assert_eq!((shown.status, &shown.json["note"]), (200, &Value::Null), "{shown:?}");
        assert_eq!((&shown.json["personal_data_erased"], &shown.json["version"]), (&json!(true), &json!(1)));
    }
}

#[tokio::test]
async fn a_history_of_several_pages_is_read_and_a_skipped_event_is_skipped() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let mut last = order.clone();
    // A page has 500 events.
    for _ in 0..500 {
        last = platform.append_order_hold(&last).await;
    }
    let unknown = platform.park(&StreamId::order(order.id)).await;
    let service = Service::start(&platform.bed).await;
    assert_eq!(service.get(&path(&order, last.position)).await.json, document(&last));
    let unreadable = service.get(&path(&order, unknown)).await;
    assert_eq!((unreadable.status, unreadable.problem()), (500, "internal"));

    platform.skip(&StreamId::order(order.id), unknown).await;
    let shown = service.get(&path(&order, unknown)).await;
    assert_eq!((shown.status, &shown.json["version"], &shown.json["position"]), (200, &json!(502), &json!(unknown.0)));
}

#[tokio::test]
async fn a_history_that_the_replica_does_not_have_yet_is_read_from_the_primary() {
    let platform = Platform::new().await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    platform.bed.replica_caught_up().await.expect("replication");
    let (replica, replica_url) =
        Proxy::to_server(&platform.bed.reader_replica_url().expect("an address")).await.expect("a proxy");
    let changes = [("REPLICA_URL", replica_url), ("REPLICA_LAG_MAX", "1h".into())];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.get_until("/v1/freshness", |it| it.json["source"] == "replica").await;
    let held = platform.append_order_hold(&order).await;
    // Whether the replica has replayed the event by now or not, the moment is reached.
    for moment in [held.position.to_string(), recorded_at(&platform, &held).await] {
        assert_eq!(service.get(&path(&order, moment)).await.json, document(&held));
    }
    replica.stop();
    assert_eq!(service.get(&path(&order, held.position)).await.json, document(&held));
}
