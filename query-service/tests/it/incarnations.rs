//! A failover that lost the tail of the log: what was cached of it is neither shown nor taken for something newer.

use events::{Incarnation, LogPosition, Position};
use read_model::OrderDocument;
use redis::AsyncCommands;

use crate::cached;
use crate::house::{House, sku};
use crate::service::{Answered, Service};

fn path(order: &OrderDocument) -> String {
    format!("/v1/orders/{}", order.id)
}

/// An order that was paid in the tail that is lost, as it was before and after the payment.
async fn paid_in_vain(house: &House) -> (OrderDocument, OrderDocument) {
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let paid = house.payment_appended(&order).await;
    house.relayed().await;
    house.order_applied(&paid).await;
    (order, paid)
}

async fn lost_tail(house: &House, order: &OrderDocument) {
    house.tail_lost_after(order.position.0).await;
    house.order_applied(order).await;
}

async fn knows_the_new_life(service: &Service) {
    service.get_until("/v1/freshness", |it| it.json["head"] == 1).await;
}

fn payment(answered: &Answered) -> &str {
    assert_eq!(answered.status, 200, "{answered:?}");
    answered.json["status"]["payment"].as_str().expect("a status")
}

#[tokio::test]
async fn an_order_that_the_process_cached_of_the_lost_tail_is_read_anew() {
    let house = House::new().await;
    let (order, paid) = paid_in_vain(&house).await;
    let service = Service::start_with(&house.bed, &[("PROCESS_CACHE_TTL", "1h".into())]).await;
    let void = service.get(&path(&order)).await;
    assert_eq!(payment(&void), "paid");

    lost_tail(&house, &order).await;
    let read = service.get_until(&path(&order), |it| it.json["version"] == 1).await;
    assert_eq!(payment(&read), "unpaid");

    let held = house.hold_appended(&order).await;
    house.relayed().await;
    house.order_applied(&held).await;
    assert_eq!((held.version, held.position), (paid.version, paid.position));
    let read = service.get_not_older(&path(&order), held.position.0, 0).await;
    assert_eq!(read.json, serde_json::to_value(&held).expect("a document"));
    let stale = service.get_with(&path(&order), &[("If-None-Match", void.header("etag"))]).await;
    assert_eq!((stale.status, stale.header("etag") == void.header("etag")), (200, false));
}

#[tokio::test]
async fn an_answer_that_was_proven_for_the_lost_tail_proves_nothing_for_the_new_one() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    house.product_created("LAMP", 450).await;
    let service = Service::start_with(&house.bed, &[("PROCESS_CACHE_TTL", "1h".into())]).await;
    assert_eq!(service.get_not_older(&path(&order), 2, 0).await.json["version"], 1);

    house.tail_lost_after(1).await;
    knows_the_new_life(&service).await;
    let held = house.hold_appended(&order).await;
    house.relayed().await;
    house.order_applied(&held).await;
    let read = service.get_not_older(&path(&order), held.position.0, 0).await;
    assert_eq!((read.status, &read.json["version"]), (200, &2.into()), "{read:?}");
}

#[tokio::test]
async fn an_order_of_the_lost_tail_that_redis_holds_is_a_miss() {
    let house = House::new().await;
    let (order, paid) = paid_in_vain(&house).await;
    let (mut connection, keys) = cached::redis(&house).await;
    let value = read_model::cache::encode(paid.log_position(), &serde_json::to_string(&paid).expect("a document"));
    let () = connection.set_ex(keys.order(order.id), value, 3600).await.expect("Redis");
    let service = cached::service_with_redis(&house).await;
    assert_eq!(payment(&service.get(&path(&order)).await), "paid");

    lost_tail(&house, &order).await;
    service.get_until(&path(&order), |it| it.json["version"] == 1).await;
    let held = house.hold_appended(&order).await;
    house.relayed().await;
    house.order_applied(&held).await;
    let read = service.get_not_older(&path(&order), held.position.0, 0).await;
    assert_eq!(read.json, serde_json::to_value(&held).expect("a document"));
}

#[tokio::test]
async fn a_code_that_was_given_in_the_lost_tail_does_not_name_its_order_any_more() {
    let house = House::new().await;
    let kept = house.order_placed("2026-03-05T10:00:00Z").await;
    let void = house.order_placed("2026-03-05T10:00:01Z").await;
    let service = Service::start(&house.bed).await;
    let path = format!("/v1/orders/{}", void.code);
    assert_eq!(service.get(&path).await.json["id"], void.id.to_string());

    house.tail_lost_after(kept.position.0).await;
    house.order_gone(&void).await;
    service.get_until(&path, |it| it.status == 404).await;
    // The code is given again.
    let again = house.order_placed_with("2026-03-05T10:00:02Z", |placed| placed.code = void.code.clone()).await;
    assert_eq!(service.get(&path).await.json["id"], again.id.to_string());
}

#[tokio::test]
async fn stock_of_the_lost_tail_that_redis_holds_is_a_miss() {
    let house = House::new().await;
    let main = house.stock_received("A-1", "main", 7).await;
    let more = house.stock_received_more(Some(main.clone()), "A-1", "main", 2).await;
    let (mut connection, keys) = cached::redis(&house).await;
    let service = cached::service_with_redis(&house).await;
    assert_eq!(service.get("/v1/stock/A-1").await.json["locations"][0]["on_hand"], 9);
    let key = keys.stock(&sku("A-1"), &more.location);
    cached::held(&mut connection, &key).await;
    let () = connection.persist(&key).await.expect("Redis");

    house.tail_lost_after(main.position.0).await;
    house.stock_applied(&main).await;
    let read = service.get_until("/v1/stock/A-1", |it| it.json["locations"][0]["on_hand"] == 7).await;
    assert_eq!(read.header("projection-position"), "1");
}

#[tokio::test]
async fn a_document_of_another_shape_is_not_the_one_that_a_reader_holds() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let service = Service::start_with(&house.bed, &[("PROCESS_CACHE_TTL", "0ms".into())]).await;
    let before = service.get(&path(&order)).await;
    let mut reshaped = order.clone();
    reshaped.tags.insert("shown-by-a-newer-build".into());
    house.order_applied(&reshaped).await;
    let after = service.get_with(&path(&order), &[("If-None-Match", before.header("etag"))]).await;
    assert_eq!((after.status, &after.json["version"]), (200, &1.into()));
    assert_eq!(service.get_with(&path(&order), &[("If-None-Match", after.header("etag"))]).await.status, 304);
}

#[tokio::test]
async fn where_each_life_began_is_found_in_the_log() {
    let house = House::new().await;
    let events = async |count| {
        for _ in 0..count {
            house.order_appended("2026-03-05T10:00:00Z").await;
        }
    };
    events(6).await;
    house.tail_lost_after(4).await;
    events(3).await;
    house.tail_lost_after(6).await;
    events(1).await;
    let (mut connection, keys) = cached::redis(&house).await;
    let service = cached::service_with_redis(&house).await;
    service.get_until("/v1/freshness", |it| it.json["head"] == 7).await;
    for (life, position, is_kept) in
        [(1, 1, true), (1, 4, true), (1, 5, false), (2, 5, true), (2, 6, true), (2, 7, false), (3, 7, true)]
    {
        let stamp = LogPosition { incarnation: Incarnation(life), position: Position(position) };
        let name = format!("P-{life}-{position}");
        let value = read_model::cache::encode(stamp, "{\"version\":1}");
        let () = connection.set_ex(keys.product(&sku(&name)), value, 3600).await.expect("Redis");
        let read = service.get(&format!("/v1/products/{name}")).await;
        assert_eq!(read.status == 200, is_kept, "{stamp}: {read:?}");
    }
}
