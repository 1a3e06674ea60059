//! Servers that are unreachable, die, stop responding and return.

use testbed::Bed;
use testbed::proxy::Proxy;

use crate::fixture::Platform;
use crate::service::Service;

async fn proxied(url: &str) -> (Proxy, String) {
    Proxy::to_server(url).await.expect("a proxy")
}

fn primary_and_replica(bed: &Bed) -> (String, String) {
    (bed.reader_url().expect("an address"), bed.reader_replica_url().expect("an address"))
}

#[tokio::test]
async fn a_replica_that_dies_is_replaced_by_the_primary_without_an_error() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    platform.bed.replica_caught_up().await.expect("replication");
    let (replica, replica_url) = proxied(&primary_and_replica(&platform.bed).1).await;
    let changes = [("REPLICA_URL", replica_url), ("PROCESS_CACHE_TTL", "0ms".into())];
    let service = Service::start_with(&platform.bed, &changes).await;
    let path = format!("/v1/orders/{}", order.id);
    service.get_until("/v1/freshness", |it| it.json["source"] == "replica").await;
    assert_eq!(service.get(&path).await.status, 200);

    replica.stop();
    for _ in 0..20 {
        assert_eq!(service.get(&path).await.status, 200);
    }
    let freshness = service.get_until("/v1/freshness", |it| it.json["source"] == "primary").await;
    assert_eq!(freshness.json["replica"]["answers"], false);
    assert!(service.is_ready().await, "one database is enough");

    replica.restart();
    service.get_until("/v1/freshness", |it| it.json["source"] == "replica").await;
}

#[tokio::test]
async fn without_a_database_it_reports_so_and_becomes_ready_when_one_answers() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let (primary, primary_url) = proxied(&primary_and_replica(&platform.bed).0).await;
    primary.stop();
    let changes = [("DATABASE_URL", primary_url), ("DATABASE_ACQUIRE_TIMEOUT", "300ms".into())];
    let service = Service::start_with(&platform.bed, &changes).await;
    let path = format!("/v1/orders/{}", order.id);

    let refused = service.get(&path).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{refused:?}");
    let refused = service.get_until(&path, |it| it.problem() == "database-down").await;
    assert_eq!(refused.status, 503);
    assert_eq!(service.get("/v1/freshness").await.problem(), "freshness-unknown");
    assert!(!service.is_ready().await);

    primary.restart();
    service.ready().await;
    assert_eq!(service.get_until(&path, |it| it.status != 503).await.status, 200);
}

#[tokio::test]
async fn a_dead_redis_causes_no_failed_request() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let (redis, redis_url) = proxied(&platform.bed.redis_url().expect("an address")).await;
    let changes = [("REDIS_URL", redis_url), ("PROCESS_CACHE_TTL", "0ms".into())];
    let service = Service::start_with(&platform.bed, &changes).await;
    let path = format!("/v1/orders/{}", order.id);
    service.dependency_up("redis").await;
    let with_redis = service.get(&path).await;

    redis.stop();
    for _ in 0..20 {
        assert_eq!(service.get(&path).await.json, with_redis.json);
    }
    service.dependency_down("redis").await;
    assert!(service.is_ready().await, "Redis is optional");

    redis.restart();
    service.dependency_up("redis").await;
    assert_eq!(service.get(&path).await.json, with_redis.json);
}

#[tokio::test]
async fn an_unresponsive_redis_is_used_once_and_then_no_more() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let (redis, redis_url) = proxied(&platform.bed.redis_url().expect("an address")).await;
    let changes = [("REDIS_URL", redis_url), ("PROCESS_CACHE_TTL", "0ms".into()), ("REDIS_BUDGET", "50ms".into())];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.dependency_up("redis").await;

    redis.freeze();
    let waited = service.metric("query_redis_failures_total").await;
    for _ in 0..50 {
        assert_eq!(service.get(&format!("/v1/orders/{}", order.id)).await.status, 200);
    }
    // If every read used Redis, they would be fifty. The counter belongs to all services of the test process, and each of them
    // has a few failures.
    let waited = service.metric("query_redis_failures_total").await - waited;
    assert!((1.0..20.0).contains(&waited), "{waited} requests waited for Redis");
    service.dependency_down("redis").await;

    redis.thaw();
    service.dependency_up("redis").await;
}

#[tokio::test]
async fn a_frozen_replica_is_replaced_by_the_primary_once_a_probe_finds_it_unresponsive() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    platform.bed.replica_caught_up().await.expect("replication");
    let (replica, replica_url) = proxied(&primary_and_replica(&platform.bed).1).await;
    // A statement may take longer than the test: only a probe of the replica can end it.
    let changes = [("REPLICA_URL", replica_url), ("DATABASE_STATEMENT_TIMEOUT", "5m".into())];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.get_until("/v1/freshness", |it| it.json["source"] == "replica").await;
    assert_eq!(service.get("/v1/orders?limit=5").await.status, 200);

    replica.freeze();
    for _ in 0..5 {
        assert_eq!(service.get("/v1/orders?limit=5").await.items("code"), ["SON000001"]);
    }
    let freshness = service.get_until("/v1/freshness", |it| it.json["source"] == "primary").await;
    assert_eq!(freshness.json["replica"]["answers"], false);

    replica.thaw();
    service.get_until("/v1/freshness", |it| it.json["source"] == "replica").await;
}

#[tokio::test]
async fn interrupted_connections_to_the_replica_are_closed_and_replaced() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    platform.bed.replica_caught_up().await.expect("replication");
    let (replica, replica_url) = proxied(&primary_and_replica(&platform.bed).1).await;
    let changes = [("REPLICA_URL", replica_url), ("DATABASE_STATEMENT_TIMEOUT", "5m".into())];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.get_until("/v1/freshness", |it| it.json["source"] == "replica").await;
    assert_eq!(service.get("/v1/orders?limit=5").await.status, 200);

    replica.lose_connections();
    assert_eq!(service.get("/v1/orders?limit=5").await.items("code"), ["SON000001"]);
    service.get_until("/v1/freshness", |it| it.json["source"] == "replica").await;
    assert_eq!(service.get("/v1/orders?limit=5").await.items("code"), ["SON000001"]);
}

#[tokio::test]
async fn without_a_database_a_cached_order_is_served_unless_it_has_personal_data() {
    let platform = Platform::new().await;
    let plain = platform.place_order("2026-03-05T10:00:00Z").await;
    let named = platform.place_order_with("2026-03-05T10:00:00Z", |placed| placed.note = Some("for Ada".into())).await;
    let (primary, primary_url) = proxied(&primary_and_replica(&platform.bed).0).await;
    let changes = [("DATABASE_URL", primary_url), ("PROCESS_CACHE_TTL", "1h".into())];
    let service = Service::start_with(&platform.bed, &changes).await;
    let [plain, named] = [plain, named].map(|order| format!("/v1/orders/{}", order.id));
    assert_eq!((service.get(&plain).await.status, service.get(&named).await.status), (200, 200));

    primary.stop();
    service.dependency_down("database").await;
    assert_eq!(service.get(&plain).await.status, 200);
    // Whether this personal data was erased meanwhile is unknown.
    let refused = service.get_until(&named, |it| it.status == 503).await;
    assert_eq!(refused.problem(), "database-down", "{refused:?}");
    primary.restart();
    assert_eq!(service.get_until(&named, |it| it.status == 200).await.json["note"], "for Ada");
}

#[tokio::test]
async fn the_lag_is_unknown_while_the_primary_cannot_be_reached() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    platform.bed.replica_caught_up().await.expect("replication");
    let (primary_url, replica_url) = primary_and_replica(&platform.bed);
    let (primary, primary_url) = proxied(&primary_url).await;
    let changes = [("DATABASE_URL", primary_url), ("REPLICA_URL", replica_url)];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.get_until("/v1/freshness", |it| it.json["replica"]["lag_ms"].is_u64()).await;
    let (path, header) = (format!("/v1/orders/{}", order.id), "projection-lag-ms");
    service.get_until(&path, |it| it.headers.contains_key(header)).await;

    primary.stop();
    service.dependency_down("primary").await;
    let freshness = service.get_until("/v1/freshness", |it| it.json["replica"]["lag_ms"].is_null()).await;
    for projection in freshness.json["projections"].as_array().expect("projections") {
        assert!(projection["lag_ms"].is_null() && projection["lag_events"].is_null(), "{projection}");
        assert!(projection["applied"].is_u64(), "{projection}");
    }
    assert!(!service.get(&path).await.headers.contains_key(header));
    assert!(service.is_ready().await, "the replica is enough");

    primary.restart();
    service.get_until("/v1/freshness", |it| it.json["replica"]["lag_ms"].is_u64()).await;
    service.get_until(&path, |it| it.headers.contains_key(header)).await;
}
