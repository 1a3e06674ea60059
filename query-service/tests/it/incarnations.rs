//! A failover that lost the last events of the log: cached documents with lost events are neither served nor preferred over
//! documents without them.

use events::{Incarnation, LogPosition, Position};
use read_model::OrderDocument;
use redis::AsyncCommands;

use crate::cached;
use crate::fixture::{Platform, sku};
use crate::service::{Answer, Service};

fn path(order: &OrderDocument) -> String {
    format!("/v1/orders/{}", order.id)
}

/// An order before and after a payment; the payment will be lost.
async fn order_with_payment_to_be_lost(platform: &Platform) -> (OrderDocument, OrderDocument) {
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let paid = platform.append_payment(&order).await;
    platform.relay_and_apply(&paid).await;
    (order, paid)
}

async fn observes_the_new_incarnation(service: &Service) {
    service.get_until("/v1/freshness", |it| it.json["head"] == 1).await;
}

fn payment(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["status"]["payment"].as_str().expect("a status")
}

#[tokio::test]
async fn an_order_with_lost_events_in_the_process_cache_is_read_again() {
    let platform = Platform::new().await;
    let (order, paid) = order_with_payment_to_be_lost(&platform).await;
    let service = Service::start_with(&platform.bed, &[("PROCESS_CACHE_TTL", "1h".into())]).await;
    let void = service.get(&path(&order)).await;
    assert_eq!(payment(&void), "paid");

    platform.lose_events_after(order.position).await;
    let read = service.get_until(&path(&order), |it| it.json["version"] == 1).await;
    assert_eq!(payment(&read), "unpaid");

    let held = platform.append_order_hold(&order).await;
    platform.relay_and_apply(&held).await;
    assert_eq!((held.version, held.position), (paid.version, paid.position));
    let read = service.get_not_older(&path(&order), held.position.0, 0).await;
    assert_eq!(read.json, serde_json::to_value(&held).expect("a document"));
    let changed = service.get_with(&path(&order), &[("If-None-Match", void.header("etag"))]).await;
    assert_eq!((changed.status, changed.header("etag") == void.header("etag")), (200, false));
}

#[tokio::test]
async fn a_position_that_was_proven_for_lost_events_proves_nothing_in_the_new_incarnation() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    platform.create_product("LAMP", 450).await;
    let service = Service::start_with(&platform.bed, &[("PROCESS_CACHE_TTL", "1h".into())]).await;
    assert_eq!(service.get_not_older(&path(&order), 2, 0).await.json["version"], 1);

    platform.lose_events_after(Position(1)).await;
    observes_the_new_incarnation(&service).await;
    let held = platform.append_order_hold(&order).await;
    platform.relay_and_apply(&held).await;
    let read = service.get_not_older(&path(&order), held.position.0, 0).await;
    assert_eq!((read.status, &read.json["version"]), (200, &2.into()), "{read:?}");
}

#[tokio::test]
async fn an_order_with_lost_events_in_redis_is_a_miss() {
    let platform = Platform::new().await;
    let (order, paid) = order_with_payment_to_be_lost(&platform).await;
    let (mut connection, keys) = cached::redis(&platform).await;
    let value = read_model::cache::encode(paid.log_position(), &serde_json::to_string(&paid).expect("a document"));
    let () = connection.set_ex(keys.order(order.id), value, 3600).await.expect("Redis");
    let service = cached::service_with_redis(&platform).await;
    assert_eq!(payment(&service.get(&path(&order)).await), "paid");

    platform.lose_events_after(order.position).await;
    service.get_until(&path(&order), |it| it.json["version"] == 1).await;
    let held = platform.append_order_hold(&order).await;
    platform.relay_and_apply(&held).await;
    let read = service.get_not_older(&path(&order), held.position.0, 0).await;
    assert_eq!(read.json, serde_json::to_value(&held).expect("a document"));
}

#[tokio::test]
async fn a_code_of_a_lost_order_does_not_find_that_order_any_more() {
    let platform = Platform::new().await;
    let kept = platform.place_order("2026-03-05T10:00:00Z").await;
    let void = platform.place_order("2026-03-05T10:00:01Z").await;
    let service = Service::start(&platform.bed).await;
    let path = format!("/v1/orders/{}", void.code);
    assert_eq!(service.get(&path).await.json["id"], void.id.to_string());

    platform.lose_events_after(kept.position).await;
    service.get_until(&path, |it| it.status == 404).await;
    // The order code is assigned again.
    let again = platform.place_order_with("2026-03-05T10:00:02Z", |placed| placed.code = void.code.clone()).await;
    // Without a token, the code is remembered as unknown for a moment.
    let found = service.get_not_older(&path, again.position.0, 0).await;
    assert_eq!(found.json["id"], again.id.to_string());
}

#[tokio::test]
async fn stock_with_lost_events_in_redis_is_a_miss() {
    let platform = Platform::new().await;
    let main = platform.receive_stock("A-1", "main", 7).await;
    let more = platform.receive_more_stock(Some(main.clone()), "A-1", "main", 2).await;
    let (mut connection, keys) = cached::redis(&platform).await;
    let service = cached::service_with_redis(&platform).await;
    assert_eq!(service.get("/v1/stock/A-1").await.json["locations"][0]["on_hand"], 9);
    let key = keys.stock(&sku("A-1"), &more.location);
    cached::wait_for_value(&mut connection, &key).await;
    let () = connection.persist(&key).await.expect("Redis");

    platform.lose_events_after(main.position).await;
    let read = service.get_until("/v1/stock/A-1", |it| it.json["locations"][0]["on_hand"] == 7).await;
    assert_eq!(read.header("projection-position"), "1");
}

#[tokio::test]
async fn a_document_of_another_shape_has_another_etag() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start_with(&platform.bed, &[("PROCESS_CACHE_TTL", "0ms".into())]).await;
    let before = service.get(&path(&order)).await;
    let mut reshaped = order.clone();
    reshaped.tags.insert("shown-by-a-newer-build".into());
    platform.replace_order_document(&reshaped).await;
    let after = service.get_with(&path(&order), &[("If-None-Match", before.header("etag"))]).await;
    assert_eq!((after.status, &after.json["version"]), (200, &1.into()));
    assert_eq!(service.get_with(&path(&order), &[("If-None-Match", after.header("etag"))]).await.status, 304);
}

#[tokio::test]
async fn the_begin_of_each_incarnation_is_found_in_the_log() {
    let platform = Platform::new().await;
    let events = async |count| {
        for _ in 0..count {
            platform.append_order("2026-03-05T10:00:00Z").await;
        }
    };
    events(6).await;
    platform.lose_events_after(Position(4)).await;
    events(3).await;
    platform.lose_events_after(Position(6)).await;
    events(1).await;
    let (mut connection, keys) = cached::redis(&platform).await;
    let service = cached::service_with_redis(&platform).await;
    service.get_until("/v1/freshness", |it| it.json["head"] == 7).await;
    for (incarnation, position, is_kept) in
        [(1, 1, true), (1, 4, true), (1, 5, false), (2, 5, true), (2, 6, true), (2, 7, false), (3, 7, true)]
    {
        let at = LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
        let name = format!("P-{incarnation}-{position}");
        let value = read_model::cache::encode(at, "{\"version\":1}");
        let () = connection.set_ex(keys.product(&sku(&name)), value, 3600).await.expect("Redis");
        let read = service.get(&format!("/v1/products/{name}")).await;
        assert_eq!(read.status == 200, is_kept, "{at}: {read:?}");
    }
}
