//! Servers that are away, die, fall silent and come back.

use std::time::Instant;

use testbed::Bed;

use crate::house::House;
use crate::proxy::Proxy;
use crate::service::Service;

/// The port in an address of the test's servers, and the same address by way of `proxy`.
fn by_way_of(url: &str, proxy_port: Option<u16>) -> (u16, String) {
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    let (login, rest) = rest.split_once('@').expect("a login");
    let (host_and_port, path) = rest.split_once('/').expect("a path");
    let (_, port) = host_and_port.split_once(':').expect("a port");
    let path = path.split('?').next().expect("a path");
    let proxied = format!("{scheme}://{login}@127.0.0.1:{}/{path}", proxy_port.unwrap_or_default());
    (port.parse().expect("a number"), proxied)
}

async fn proxied(url: &str) -> (Proxy, String) {
    let proxy = Proxy::before(by_way_of(url, None).0).await;
    let url = by_way_of(url, Some(proxy.port)).1;
    (proxy, url)
}

fn primary_and_replica(bed: &Bed) -> (String, String) {
    (bed.reader_url().expect("an address"), bed.reader_replica_url().expect("an address"))
}

#[tokio::test]
async fn a_replica_that_dies_is_replaced_by_the_primary_without_an_error() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    house.bed.replica_caught_up().await.expect("replication");
    let (replica, replica_url) = proxied(&primary_and_replica(&house.bed).1).await;
    let changes = [("REPLICA_URL", replica_url), ("PROCESS_CACHE_TTL", "0ms".into())];
    let service = Service::start_with(&house.bed, &changes).await;
    let path = format!("/v1/orders/{}", order.id);
    service.get_until("/v1/freshness", |it| it.json["source"] == "replica").await;
    assert_eq!(service.get(&path).await.status, 200);

    replica.dies();
    for _ in 0..20 {
        assert_eq!(service.get(&path).await.status, 200);
    }
    let freshness = service.get_until("/v1/freshness", |it| it.json["source"] == "primary").await;
    assert_eq!(freshness.json["replica"]["answers"], false);
    assert!(service.is_ready().await, "one database is enough");

    replica.comes_back();
    service.get_until("/v1/freshness", |it| it.json["source"] == "replica").await;
}

#[tokio::test]
async fn without_any_database_it_listens_says_so_and_is_ready_when_one_is_there() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let (primary, primary_url) = proxied(&primary_and_replica(&house.bed).0).await;
    primary.dies();
    let changes = [("DATABASE_URL", primary_url), ("DATABASE_ACQUIRE_TIMEOUT", "300ms".into())];
    let service = Service::start_with(&house.bed, &changes).await;
    let path = format!("/v1/orders/{}", order.id);

    let refused = service.get(&path).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{refused:?}");
    let refused = service.get_until(&path, |it| it.problem() == "database-down").await;
    assert_eq!(refused.status, 503);
    assert_eq!(service.get("/v1/freshness").await.problem(), "freshness-unknown");
    assert!(!service.is_ready().await);

    primary.comes_back();
    service.ready().await;
    assert_eq!(service.get_until(&path, |it| it.status != 503).await.status, 200);
}

#[tokio::test]
async fn a_dead_redis_is_not_noticed() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let (redis, redis_url) = proxied(&house.bed.redis_url().expect("an address")).await;
    let changes = [("REDIS_URL", redis_url), ("PROCESS_CACHE_TTL", "0ms".into())];
    let service = Service::start_with(&house.bed, &changes).await;
    let path = format!("/v1/orders/{}", order.id);
    service.dependency_up("redis").await;
    let with_redis = service.get(&path).await;

    redis.dies();
    for _ in 0..20 {
        assert_eq!(service.get(&path).await.json, with_redis.json);
    }
    service.dependency_down("redis").await;
    assert!(service.is_ready().await, "it can do without");

    redis.comes_back();
    service.dependency_up("redis").await;
    assert_eq!(service.get(&path).await.json, with_redis.json);
}

#[tokio::test]
async fn a_silent_redis_costs_its_budget_and_then_nothing() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let (redis, redis_url) = proxied(&house.bed.redis_url().expect("an address")).await;
    let changes = [("REDIS_URL", redis_url), ("PROCESS_CACHE_TTL", "0ms".into()), ("REDIS_BUDGET", "50ms".into())];
    let service = Service::start_with(&house.bed, &changes).await;
    service.dependency_up("redis").await;

    redis.falls_silent();
    let began = Instant::now();
    for _ in 0..200 {
        assert_eq!(service.get(&format!("/v1/orders/{}", order.id)).await.status, 200);
    }
    // Each of them waiting would be ten seconds.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    service.dependency_down("redis").await;
}

#[tokio::test]
async fn without_any_database_a_cached_order_is_shown_unless_it_has_personal_data() {
    let house = House::new().await;
    let plain = house.order_placed("2026-03-05T10:00:00Z").await;
    let named = house.order_placed_with("2026-03-05T10:00:00Z", |placed| placed.note = Some("for Ada".into())).await;
    let (primary, primary_url) = proxied(&primary_and_replica(&house.bed).0).await;
    let changes = [("DATABASE_URL", primary_url), ("PROCESS_CACHE_TTL", "1h".into())];
    let service = Service::start_with(&house.bed, &changes).await;
    let [plain, named] = [plain, named].map(|order| format!("/v1/orders/{}", order.id));
    assert_eq!((service.get(&plain).await.status, service.get(&named).await.status), (200, 200));

    primary.dies();
    service.dependency_down("database").await;
    assert_eq!(service.get(&plain).await.status, 200);
    // Nobody can say whether whom it names was erased meanwhile.
    let refused = service.get_until(&named, |it| it.status == 503).await;
    assert_eq!(refused.problem(), "database-down", "{refused:?}");
    primary.comes_back();
    assert_eq!(service.get_until(&named, |it| it.status == 200).await.json["note"], "for Ada");
}
