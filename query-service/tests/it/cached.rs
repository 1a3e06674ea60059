//! Redis as the second level.

use std::time::Duration;

use read_model::cache::Keys;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::house::{House, sku};
use crate::service::{PATIENCE, Service};

pub(crate) async fn redis(house: &House) -> (MultiplexedConnection, Keys) {
    let client = redis::Client::open(house.bed.redis_url().expect("an address")).expect("a client");
    let connection = client.get_multiplexed_async_connection().await.expect("Redis");
    (connection, Keys::new(house.bed.cache_prefix()))
}

/// Reads Redis at every request and the database only when it must.
pub(crate) async fn service_with_redis(house: &House) -> Service {
    let changes = [
        ("REDIS_URL", house.bed.redis_url().expect("an address")),
        ("REDIS_BUDGET", "20s".to_owned()),
        ("PROCESS_CACHE_TTL", "0ms".to_owned()),
    ];
    let service = Service::start_with(&house.bed, &changes).await;
    service.dependency_up("redis").await;
    service
}

pub(crate) async fn held(connection: &mut MultiplexedConnection, key: &str) -> Vec<u8> {
    let looking = async {
        loop {
            if let Some(value) = connection.get::<_, Option<Vec<u8>>>(key).await.expect("Redis") {
                return value;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it was not filled in")
}

#[tokio::test]
async fn what_was_missed_is_filled_in_for_the_others_as_the_projector_would_have() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let (mut connection, keys) = redis(&house).await;
    let service = service_with_redis(&house).await;
    service.get(&format!("/v1/orders/{}", order.id)).await;

    let key = keys.order(order.id);
    let value = held(&mut connection, &key).await;
    assert_eq!(
        read_model::cache::decode(&value),
        Some((order.log_position(), serde_json::to_string(&order).expect("a document").as_str()))
    );
    let ttl_ms: i64 = connection.pttl(&key).await.expect("Redis");
    assert!((1..=30_000).contains(&ttl_ms), "{ttl_ms}");
}

#[tokio::test]
async fn what_redis_holds_is_given_without_asking_the_database() {
    let house = House::new().await;
    let order = house.order_appended("2026-03-05T10:00:00Z").await;
    let (mut connection, keys) = redis(&house).await;
    let value = read_model::cache::encode(order.log_position(), &serde_json::to_string(&order).expect("a document"));
    let () = connection.set_ex(keys.order(order.id), value, 60).await.expect("Redis");
    let service = service_with_redis(&house).await;

    assert_eq!(service.get(&format!("/v1/orders/{}", order.id)).await.json["code"], "SON000001");
    service.dependency_up("database").await;
    let by_token = service.get_not_older(&format!("/v1/orders/{}", order.id), order.position.0, 0).await;
    assert_eq!(by_token.status, 200, "its own position proves that it is new enough");
}

#[tokio::test]
async fn what_redis_holds_is_not_given_when_it_is_older_than_the_token() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let (mut connection, keys) = redis(&house).await;
    let value = read_model::cache::encode(order.log_position(), &serde_json::to_string(&order).expect("a document"));
    let () = connection.set_ex(keys.order(order.id), value, 60).await.expect("Redis");
    let paid = house.payment_appended(&order).await;
    house.relayed().await;
    house.order_applied(&paid).await;
    let service = service_with_redis(&house).await;
    let path = format!("/v1/orders/{}", order.id);

    assert_eq!(service.get(&path).await.json["version"], 1);
    assert_eq!(service.get_not_older(&path, paid.position.0, 0).await.json["version"], 2);
    service.get_until(&path, |it| it.json["version"] == 2).await;
    let value = held(&mut connection, &keys.order(order.id)).await;
    assert_eq!(read_model::cache::decode(&value).map(|(stamp, _)| stamp), Some(paid.log_position()));
}

#[tokio::test]
async fn rubbish_in_redis_is_a_miss() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let (mut connection, keys) = redis(&house).await;
    let () = connection.set_ex(keys.order(order.id), "rubbish", 60).await.expect("Redis");
    let service = service_with_redis(&house).await;
    let answered = service.get(&format!("/v1/orders/{}", order.id)).await;
    assert_eq!((answered.status, &answered.json["version"]), (200, &1.into()));
}

#[tokio::test]
async fn stock_is_put_together_from_its_locations_and_a_missing_one_asks_the_database() {
    let house = House::new().await;
    house.stock_received("A-1", "main", 7).await;
    let north = house.stock_received("A-1", "north", 5).await;
    let (mut connection, keys) = redis(&house).await;
    let service = service_with_redis(&house).await;
    service.get("/v1/stock/A-1").await;
    let key = keys.stock(&sku("A-1"), &north.location);
    held(&mut connection, &key).await;

    let mut newer = north.clone();
    newer.available = 99;
    newer.position.0 += 10;
    let json = serde_json::to_string(&newer).expect("a document");
    let () = connection.set_ex(&key, read_model::cache::encode(newer.log_position(), &json), 60).await.expect("Redis");
    assert_eq!(service.get("/v1/stock/A-1").await.json["locations"][1]["available"], 99, "out of Redis");

    let () = connection.del(&key).await.expect("Redis");
    assert_eq!(service.get("/v1/stock/A-1").await.json["locations"][1]["available"], 5, "out of the database");
}

#[tokio::test]
async fn the_process_cache_answers_while_everything_else_is_away() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let service =
        Service::start_with(&house.bed, &[("PROCESS_CACHE_TTL", format!("{}s", Duration::from_secs(60).as_secs()))])
            .await;
    let path = format!("/v1/orders/{}", order.id);
    let first = service.get(&path).await;
    house.order_applied(&house.payment_appended(&order).await).await;
    assert_eq!(service.get(&path).await.json, first.json);
}
