//! Several replicas. Both addresses lead to the only replica of the test servers, through proxies that fail independently.

use events::Position;
use testbed::proxy::Proxy;

use crate::fixture::Platform;
use crate::service::{Answer, Service};

const COLD: (&str, &str) = ("PROCESS_CACHE_TTL", "0ms");

/// A service with two replicas.
async fn service(platform: &Platform, fallback: &str) -> (Service, [Proxy; 2]) {
    platform.bed.replica_caught_up().await.expect("replication");
    let url = platform.bed.reader_replica_url().expect("an address");
    let (first, first_url) = Proxy::to_server(&url).await.expect("a proxy");
    let (second, second_url) = Proxy::to_server(&url).await.expect("a proxy");
    let changes = [
        ("REPLICA_URLS", format!("{first_url},{second_url}")),
        ("REPLICA_FALLBACK", fallback.to_owned()),
        ("REPLICA_LAG_MAX", "1h".to_owned()),
        (COLD.0, COLD.1.to_owned()),
    ];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.get_until("/v1/freshness", |it| serving(it) == ["replica-1", "replica-2"]).await;
    (service, [first, second])
}

/// The replicas that serve reads, according to the freshness report.
fn serving(freshness: &Answer) -> Vec<&str> {
    let replicas = freshness.json["replicas"].as_array().into_iter().flatten();
    replicas.filter(|it| it["serves_reads"] == true).filter_map(|it| it["name"].as_str()).collect()
}

async fn statements(service: &Service, replica: &str) -> f64 {
    service.metric(&format!("query_database_seconds_count{{source=\"{replica}\"}}")).await
}

#[tokio::test]
async fn replicas_share_the_reads_and_replace_each_other() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let (service, [first, second]) = service(&platform, "primary").await;
    let path = format!("/v1/orders/{}", order.id);
    let before = [statements(&service, "replica-1").await, statements(&service, "replica-2").await];
    for _ in 0..20 {
        assert_eq!(service.get(&path).await.status, 200);
    }
    for (replica, before) in ["replica-1", "replica-2"].into_iter().zip(before) {
        assert!(statements(&service, replica).await > before, "{replica} served no read");
    }

    first.stop();
    for _ in 0..20 {
        assert_eq!(service.get(&path).await.status, 200, "the other replica replaces it");
    }
    service.dependency_down("replica-1").await;
    let freshness = service.get_until("/v1/freshness", |it| serving(it) == ["replica-2"]).await;
    assert_eq!(
        (&freshness.json["source"], &freshness.json["replicas"][0]["answers"]),
        (&"replica".into(), &false.into())
    );
    assert!(freshness.json.get("replica").is_none(), "there is more than one");

    second.freeze();
    for _ in 0..5 {
        assert_eq!(service.get(&path).await.status, 200, "the primary replaces both");
    }
    service.dependency_down("replica-2").await;
    service.get_until("/v1/freshness", |it| it.json["source"] == "primary").await;
    assert!(service.is_ready().await);

    first.restart();
    second.thaw();
    service.get_until("/v1/freshness", |it| serving(it) == ["replica-1", "replica-2"]).await;
    service.dependency_up("replica-1").await;
}

#[tokio::test]
async fn a_token_waits_for_one_of_the_replicas() {
    let platform = Platform::new().await;
    let (service, [first, _]) = service(&platform, "reject").await;
    for replica in [None, Some(first)] {
        if let Some(lost) = replica {
            lost.stop();
            service.get_until("/v1/freshness", |it| serving(it) == ["replica-2"]).await;
        }
        let order = platform.append_order("2026-03-05T10:00:00Z").await;
        let (path, token) = (format!("/v1/orders/{}", order.id), order.position.0);
        let with_parts = format!("{path}?include=timeline");
        let (waited, with_parts, ()) = tokio::join!(
            service.get_not_older(&path, token, 10),
            service.get_not_older(&with_parts, token, 10),
            async { platform.relay_and_apply(&order).await }
        );
        assert_eq!((waited.status, with_parts.status), (200, 200), "{waited:?} {with_parts:?}");
    }
}

#[tokio::test]
async fn without_a_usable_replica_reads_are_rejected_if_that_is_the_policy() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let (service, [first, second]) = service(&platform, "reject").await;
    let path = format!("/v1/orders/{}", order.id);
    first.stop();
    second.stop();
    let refused = service.get_until(&path, |it| it.status == 503 && it.problem() == "database-down").await;
    assert_eq!(refused.header("retry-after"), "1");
    service.dependency_down("database").await;
    assert!(!service.is_ready().await);

    second.restart();
    assert_eq!(service.get_until(&path, |it| it.status == 200).await.json["code"], "SON000001");
    service.ready().await;
}

#[tokio::test]
async fn a_replica_that_is_too_far_behind_serves_no_reads() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    // Another log stands for a replica that has not replayed the current incarnation of the log.
    platform.lose_events_after(Position(1)).await;
    let other = Platform::new().await;
    let behind = other.bed.reader_url().expect("an address");
    let lag_max = ("REPLICA_LAG_MAX", "0ms".to_owned());
    let path = format!("/v1/orders/{}", order.id);
    for (fallback, status) in [("primary", 200), ("reject", 503)] {
        let changes = [
            ("REPLICA_URL", behind.clone()),
            lag_max.clone(),
            (COLD.0, COLD.1.into()),
            ("REPLICA_FALLBACK", fallback.into()),
        ];
        let service = Service::start_with(&platform.bed, &changes).await;
        let answer = service.get_until(&path, |it| it.status == status).await;
        if status == 503 {
            assert_eq!((answer.problem(), answer.header("retry-after")), ("projection-lag", "1"), "{answer:?}");
            assert_eq!(service.get_until("/v1/freshness", |it| it.status == 503).await.problem(), "freshness-unknown");
        } else {
            let freshness = service.get_until("/v1/freshness", |it| it.json["source"] == "primary").await;
            assert_eq!(freshness.json["replica"]["answers"], true);
        }
    }
}
