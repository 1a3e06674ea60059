//! The admin port.

use crate::client::{Server, get, start};
use axum::Router;
use axum::routing;
use platform::admin;
use platform::health::Health;
use platform::server::Limits;

fn admin(health: &Health) -> Server {
    start(admin::router(health.clone(), platform::metrics::install()), Limits::admin())
}

#[tokio::test]
async fn readiness_follows_the_dependencies_and_liveness_does_not() {
    let health = Health::new();
    let postgres = health.component("postgres");
    let server = admin(&health);

    assert_eq!(server.ask(&get("/health/ready")).await.status, 503);
    postgres.up();
    assert_eq!(server.ask(&get("/health/ready")).await.status, 200);
    postgres.down("connection refused");
    let answer = server.ask(&get("/health/ready")).await;
    assert_eq!(answer.status, 503);
    let report: serde_json::Value = serde_json::from_str(&answer.body).expect("the report is JSON");
    assert_eq!(report["status"], "down");
    assert_eq!(report["components"][0]["name"], "postgres");
    assert_eq!(report["components"][0]["reason"], "connection refused");
    assert_eq!(server.ask(&get("/health/live")).await.status, 200);
}

#[tokio::test]
async fn requests_are_counted_by_pattern_and_not_by_path() {
    let things = start(Router::new().route("/counted/{id}", routing::get(async || "ok")), Limits::default());
    let server = admin(&Health::new());
    for path in ["/counted/1", "/counted/2", "/stray/1"] {
        things.ask(&get(path)).await;
    }
    things.ask("BREW /counted/3 HTTP/1.1\r\nhost: test\r\n\r\n").await;

    let text = server.ask(&get("/metrics")).await.body;

    let counted = |line: &str| text.lines().any(|it| it == line);
    assert!(counted("http_requests_total{route=\"/counted/{id}\",method=\"GET\",status=\"2xx\"} 2"), "{text}");
    assert!(counted("http_requests_total{route=\"/counted/{id}\",method=\"other\",status=\"4xx\"} 1"), "{text}");
    assert!(counted("http_request_seconds_count{route=\"/counted/{id}\",method=\"GET\"} 2"), "{text}");
    assert!(text.contains("http_requests_total{route=\"unmatched\",method=\"GET\",status=\"4xx\"}"), "{text}");
    assert!(!text.contains("/stray") && !text.contains("BREW"), "{text}");
}
