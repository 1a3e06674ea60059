//! The Redis cache.

use std::time::Duration;

use read_model::cache::Keys;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::fixture::{Platform, sku};
use crate::service::{PATIENCE, Service};

pub(crate) async fn redis(platform: &Platform) -> (MultiplexedConnection, Keys) {
    let client = redis::Client::open(platform.bed.redis_url().expect("an address")).expect("a client");
    let connection = client.get_multiplexed_async_connection().await.expect("Redis");
    (connection, Keys::new(platform.bed.cache_prefix(), 1))
}

/// A service without a process cache: every request reads Redis, and the database after a miss.
pub(crate) async fn service_with_redis(platform: &Platform) -> Service {
    let changes = [
        ("REDIS_URL", platform.bed.redis_url().expect("an address")),
        ("REDIS_BUDGET", "20s".to_owned()),
        ("PROCESS_CACHE_TTL", "0ms".to_owned()),
    ];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.dependency_up("redis").await;
    service
}

pub(crate) async fn wait_for_value(connection: &mut MultiplexedConnection, key: &str) -> Vec<u8> {
    let polling = async {
        loop {
            if let Some(value) = connection.get::<_, Option<Vec<u8>>>(key).await.expect("Redis") {
                return value;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, polling).await.expect("the value was not written to Redis")
}

#[tokio::test]
async fn a_missing_document_is_written_to_redis_as_the_projector_writes_it() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let (mut connection, keys) = redis(&platform).await;
    let service = service_with_redis(&platform).await;
    service.get(&format!("/v1/orders/{}", order.id)).await;

    let key = keys.order(order.id);
    let value = wait_for_value(&mut connection, &key).await;
    assert_eq!(
        read_model::cache::decode(&value),
        Some((order.log_position(), serde_json::to_string(&order).expect("a document").as_str()))
    );
    let ttl_ms: i64 = connection.pttl(&key).await.expect("Redis");
    assert!((1..=30_000).contains(&ttl_ms), "{ttl_ms}");
}

#[tokio::test]
async fn a_document_in_redis_is_served_without_reading_the_database() {
    let platform = Platform::new().await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    let (mut connection, keys) = redis(&platform).await;
    let value = read_model::cache::encode(order.log_position(), &serde_json::to_string(&order).expect("a document"));
    let () = connection.set_ex(keys.order(order.id), value, 60).await.expect("Redis");
    let service = service_with_redis(&platform).await;

    assert_eq!(service.get(&format!("/v1/orders/{}", order.id)).await.json["code"], "SON000001");
    service.dependency_up("database").await;
    let by_token = service.get_not_older(&format!("/v1/orders/{}", order.id), order.position.0, 0).await;
    assert_eq!(by_token.status, 200, "its own position proves that it contains the token");
}

#[tokio::test]
async fn a_document_in_redis_that_is_older_than_the_token_is_not_served() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let (mut connection, keys) = redis(&platform).await;
    let value = read_model::cache::encode(order.log_position(), &serde_json::to_string(&order).expect("a document"));
    let () = connection.set_ex(keys.order(order.id), value, 60).await.expect("Redis");
    let paid = platform.append_payment(&order).await;
    platform.relay_and_apply(&paid).await;
    let service = service_with_redis(&platform).await;
    let path = format!("/v1/orders/{}", order.id);

    assert_eq!(service.get(&path).await.json["version"], 1);
    assert_eq!(service.get_not_older(&path, paid.position.0, 0).await.json["version"], 2);
    service.get_until(&path, |it| it.json["version"] == 2).await;
    let value = wait_for_value(&mut connection, &keys.order(order.id)).await;
    assert_eq!(read_model::cache::decode(&value).map(|(stamp, _)| stamp), Some(paid.log_position()));
}

#[tokio::test]
async fn a_malformed_value_in_redis_is_a_miss() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let (mut connection, keys) = redis(&platform).await;
    let () = connection.set_ex(keys.order(order.id), "malformed", 60).await.expect("Redis");
    let service = service_with_redis(&platform).await;
    let answer = service.get(&format!("/v1/orders/{}", order.id)).await;
    assert_eq!((answer.status, &answer.json["version"]), (200, &1.into()));
}

#[tokio::test]
async fn stock_is_joined_from_its_locations_and_a_missing_location_is_read_from_the_database() {
    let platform = Platform::new().await;
    platform.receive_stock("A-1", "main", 7).await;
    let north = platform.receive_stock("A-1", "north", 5).await;
    let (mut connection, keys) = redis(&platform).await;
    let service = service_with_redis(&platform).await;
    service.get("/v1/stock/A-1").await;
    let key = keys.stock(&sku("A-1"), &north.location);
    wait_for_value(&mut connection, &key).await;

    let mut newer = north.clone();
    newer.available = 99;
    newer.position.0 += 10;
    let json = serde_json::to_string(&newer).expect("a document");
    let () = connection.set_ex(&key, read_model::cache::encode(newer.log_position(), &json), 60).await.expect("Redis");
    assert_eq!(service.get("/v1/stock/A-1").await.json["locations"][1]["available"], 99, "from Redis");

    let () = connection.del(&key).await.expect("Redis");
    assert_eq!(service.get("/v1/stock/A-1").await.json["locations"][1]["available"], 5, "from the database");
}

#[tokio::test]
async fn a_document_in_the_process_cache_is_served_for_its_whole_lifetime() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let service =
        Service::start_with(&platform.bed, &[("PROCESS_CACHE_TTL", format!("{}s", Duration::from_secs(60).as_secs()))])
            .await;
    let path = format!("/v1/orders/{}", order.id);
    let first = service.get(&path).await;
    platform.apply_order(&platform.append_payment(&order).await).await;
    assert_eq!(service.get(&path).await.json, first.json);
}

#[tokio::test]
async fn the_newest_orders_are_in_redis_before_they_are_requested() {
    let platform = Platform::new().await;
    for _ in 0..3 {
        platform.place_order("2026-03-05T10:00:00Z").await;
    }
    let newest = platform.place_order("2026-03-05T10:00:01Z").await;
    let (mut connection, keys) = redis(&platform).await;
    let changes = [
        ("REDIS_URL", platform.bed.redis_url().expect("an address")),
        ("REDIS_BUDGET", "20s".to_owned()),
        ("WARM_UP_ORDERS", "2".to_owned()),
    ];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.ready().await;
    let value = wait_for_value(&mut connection, &keys.order(newest.id)).await;
    assert_eq!(
        read_model::cache::decode(&value),
        Some((newest.log_position(), serde_json::to_string(&newest).expect("a document").as_str()))
    );
}

#[tokio::test]
async fn an_unknown_order_is_remembered_as_unknown_except_for_readers_with_a_token() {
    let platform = Platform::new().await;
    let service = Service::start_with(&platform.bed, &[("PROCESS_CACHE_TTL", "1h".into())]).await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    let paths = [format!("/v1/orders/{}", order.id), format!("/v1/orders/{}", order.code)];
    for path in &paths {
        assert_eq!(service.get(path).await.status, 404);
    }
    platform.relay_and_apply(&order).await;
    for path in &paths {
        assert_eq!(service.get(path).await.status, 404, "the database is not asked again");
    }
    for path in &paths {
        let found = service.get_not_older(path, order.position.0, 10).await;
        assert_eq!(found.status, 200, "{path}");
        assert_eq!(service.get(path).await.status, 200, "and then all readers find it: {path}");
    }
}

#[tokio::test]
async fn a_redis_that_refuses_writes_still_serves_reads() {
    let platform = Platform::new().await;
    let (cached, missing) =
        (platform.place_order("2026-03-05T10:00:00Z").await, platform.place_order("2026-03-05T10:00:00Z").await);
    let (mut connection, keys) = redis(&platform).await;
    let value = read_model::cache::encode(cached.log_position(), "{\"version\":1,\"from\":\"Redis\"}");
    let () = connection.set_ex(keys.order(cached.id), value, 60).await.expect("Redis");
    // A user that may only read stands for a Redis that is full.
    let user = platform.bed.group();
    let mut acl = redis::cmd("ACL");
    acl.arg("SETUSER")
        .arg(&user)
        .arg("on")
        .arg(">secret")
        .arg("~*")
        .arg("+get")
        .arg("+ping")
        .arg("+client")
        .arg("+hello");
    let () = acl.query_async(&mut connection).await.expect("a user");
    let url = platform.bed.redis_url().expect("an address");
    let (scheme, host) = (url.split_once("://").expect("a URL").0, url.rsplit_once('@').expect("a login").1);
    let changes = [
        ("REDIS_URL", format!("{scheme}://{user}:secret@{host}")),
        ("REDIS_BUDGET", "20s".to_owned()),
        ("PROCESS_CACHE_TTL", "0ms".to_owned()),
    ];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.dependency_up("redis").await;
    for _ in 0..5 {
        assert_eq!(service.get(&format!("/v1/orders/{}", missing.id)).await.status, 200);
        assert_eq!(service.get(&format!("/v1/orders/{}", cached.id)).await.json["from"], "Redis");
    }
    service.dependency_up("redis").await;
}
