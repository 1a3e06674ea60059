//! The HTTP interface of exports: creation, lists, deletion, links and limits.

use platform::config::FromSetting;
use query_service::exports::job::Format;
use query_service::exports::jobs::{Created, Jobs, NewExport};
use query_service::exports::store::Store;
use query_service::http::cursor::CursorKey;
use query_service::http::signed_link::LinkKey;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::export_instance::{Hand, KEEP};
use crate::exports::{export, service};
use crate::fixture::Platform;
use crate::service::Service;

const PATH: &str = "/v1/exports";

fn body(query: &str, format: &str) -> Value {
    json!({ "query": query, "format": format })
}

#[tokio::test]
async fn an_invalid_request_is_refused_with_the_name_of_what_is_wrong() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    for (document, status, problem, named) in [
        (body("/v1/orders?lifecycle=opened", "csv"), 400, "invalid-query", "`lifecycle`"),
        (body("/v1/orders?limit=10", "csv"), 400, "invalid-query", "`limit`"),
        (body("/v1/reports/sales?from=2026-01-01", "csv"), 400, "invalid-query", "`to`"),
        (body("/v1/events", "csv"), 400, "invalid-query", "/v1/orders"),
        (body("/v1/orders", "xlsx"), 422, "invalid-body", "format"),
        (json!({ "query": "/v1/orders" }), 422, "invalid-body", "format"),
        (json!({ "query": "/v1/orders", "format": "csv", "rows": 7 }), 422, "invalid-body", "rows"),
        (body(&format!("/v1/orders?q={}", "x".repeat(20_000)), "csv"), 413, "body-too-large", "16384"),
    ] {
        let refused = service.post(PATH, &document, &[]).await;
        assert_eq!((refused.status, refused.problem()), (status, problem), "{refused:?}");
        assert!(refused.json.to_string().contains(named), "{refused:?}");
    }
    assert_eq!(service.post("/v1/exports?format=csv", &body("/v1/orders", "csv"), &[]).await.status, 400);
    assert!(service.get(PATH).await.items("id").is_empty());
}

#[tokio::test]
async fn a_repeat_with_the_same_idempotency_key_returns_the_same_export() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    let key = [("Idempotency-Key", "0190163d-8694-739b-aea5-966c26f8a001")];
    let first = service.post(PATH, &body("/v1/orders", "csv"), &key).await;
    let again = service.post(PATH, &body("/v1/orders", "csv"), &key).await;
    assert_eq!((first.status, again.status, &first.json["id"]), (202, 202, &again.json["id"]), "{again:?}");
    assert_eq!((first.headers.get("idempotent-replayed"), again.header("idempotent-replayed")), (None, "true"));
    for other in [body("/v1/stock", "csv"), body("/v1/orders", "parquet")] {
        let refused = service.post(PATH, &other, &key).await;
        assert_eq!((refused.status, refused.problem()), (422, "idempotency-key-reused"), "{refused:?}");
    }
    let invalid = service.post(PATH, &body("/v1/orders", "csv"), &[("Idempotency-Key", "a b")]).await;
    assert_eq!((invalid.status, invalid.problem()), (400, "idempotency-key-invalid"));
    assert_eq!(service.get(PATH).await.items("id").len(), 1);

    let deleted = service.send("delete", first.header("location")).await;
    let new = service.post(PATH, &body("/v1/stock", "csv"), &key).await;
    assert_eq!((deleted, new.status), (204, 202), "a key is remembered as long as its export");
}

#[tokio::test]
async fn a_repeat_completes_a_request_that_was_interrupted() {
    let (directory, hand) = (TempDir::new().expect("a folder"), Hand::at("2026-03-05T10:00:00Z"));
    let jobs = Jobs::new(Store::open_directory(directory.path()).expect("a folder"), hand.clock(), KEEP);
    let create = async || {
        let new = NewExport { query: "/v1/orders".to_owned(), format: Format::Csv };
        match jobs.create(new, Some("key")).await.expect("a store") {
            Created::New(export) => (true, export.job.id),
            Created::Known(export) => (false, export.job.id),
            other => panic!("{other:?}"),
        }
    };
    let (_, id) = create().await;
    std::fs::remove_file(directory.path().join(format!("exports/{id}/job.json"))).expect("a job");
    assert_eq!(create().await, (true, id));
    assert_eq!(create().await, (false, id));
}

#[tokio::test]
async fn exports_are_listed_newest_first_in_pages_and_deleted() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    let mut ids = Vec::new();
    for query in ["/v1/orders", "/v1/products", "/v1/stock"] {
        ids.insert(0, export(&service, query, "csv").await.json["id"].as_str().expect("an id").to_owned());
    }
    let first = service.get("/v1/exports?limit=2").await;
    let second = service.get(first.json["next"].as_str().expect("a next page")).await;
    assert_eq!([first.items("id"), second.items("id")].concat(), ids);
    assert!(second.json.get("next").is_none());
    assert_eq!(service.get("/v1/exports?state=failed").await.problem(), "invalid-query");
    assert_eq!(service.get("/v1/exports?cursor=x").await.problem(), "invalid-cursor");

    let path = format!("{PATH}/{}", ids[1]);
    let href = service.get(&path).await.json["file"]["href"].as_str().expect("a link").to_owned();
    assert_eq!(service.send("delete", &path).await, 204);
    assert_eq!(service.send("delete", &path).await, 404);
    for gone in [&path, &href] {
        let answer = service.get(gone).await;
        assert_eq!((answer.status, answer.problem()), (404, "export-not-found"));
    }
    assert_eq!(service.get(PATH).await.items("id"), [ids[0].as_str(), ids[2].as_str()]);
    assert_eq!(service.get("/v1/exports/7").await.problem(), "invalid-path");
}

#[tokio::test]
async fn a_file_is_sent_only_for_a_valid_link() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    let (one, other) = (export(&service, "/v1/orders", "csv").await, export(&service, "/v1/stock", "csv").await);
    let href = one.json["file"]["href"].as_str().expect("a link");
    assert_eq!(service.response(href, &[]).await.status(), 200);
    assert_eq!(service.response(href.trim_start_matches("/v1"), &[]).await.status(), 200);
    let (path, query) = href.split_once('?').expect("a query");
    let other_path = format!("/v1/exports/{}/file", other.json["id"].as_str().expect("an id"));
    let forged = [path.to_owned(), format!("{other_path}?{query}"), href.replace("expires=1", "expires=2")];
    for forged in forged {
        let refused = service.get(&forged).await;
        assert_eq!((refused.status, refused.problem()), (403, "invalid-export-link"), "{forged}");
    }
    assert_eq!(service.get(&format!("{href}&x=1")).await.problem(), "invalid-query");

    let id: Uuid = one.json["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let key = LinkKey::of(&CursorKey::from_setting(&"5a".repeat(32)).expect("a key"));
    let now = chrono::Utc::now();
    let ago = |hours| now - chrono::TimeDelta::hours(hours);
    let expired = service.get(&key.sign(id, ago(2), now).href).await;
    assert_eq!((expired.status, expired.problem()), (410, "export-link-expired"));
    let earlier = key.sign(id, now - chrono::TimeDelta::minutes(59), now + chrono::TimeDelta::hours(1)).href;
    assert_eq!(service.response(&earlier, &[]).await.status(), 200);
}

#[tokio::test]
async fn at_most_a_hundred_exports_wait() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    // No worker executes them, because no service has this directory yet.
    let jobs = Jobs::new(Store::open_directory(directory.path()).expect("a folder"), Hand::now().clock(), KEEP);
    let create = async |key: Option<&str>| {
        let new = NewExport { query: "/v1/orders".to_owned(), format: Format::Csv };
        jobs.create(new, key).await.expect("a store")
    };
    for number in 0..100 {
        assert!(matches!(create(Some(&number.to_string())).await, Created::New(_)));
    }
    assert!(matches!(create(None).await, Created::QueueFull));
    assert!(matches!(create(Some("more")).await, Created::QueueFull));
    assert!(matches!(create(Some("7")).await, Created::Known(_)));
    let lock = platform.lock_table("orders_1.orders").await;
    let service = service(&platform, &directory).await;
    platform.statement_is_blocked().await;
    let refused = service.post(PATH, &body("/v1/orders", "csv"), &[]).await;
    assert_eq!((refused.status, refused.problem(), refused.header("retry-after")), (503, "too-many-exports", "30"));
    drop(lock);
}

#[tokio::test]
async fn without_a_directory_exports_are_off() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    for path in [PATH, "/v1/export-schedules"] {
        let off = service.get(path).await;
        assert_eq!((off.status, off.problem()), (501, "exports-off"), "{off:?}");
        assert!(off.detail().contains("EXPORTS_DIR"));
    }
    assert_eq!(service.post(PATH, &body("/v1/orders", "csv"), &[]).await.status, 501);
}

#[tokio::test]
async fn a_service_stops_while_an_export_runs() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    platform.place_order("2026-03-05T10:00:00Z").await;
    let mut stopped = service(&platform, &directory).await;
    let lock = platform.lock_table("orders_1.orders").await;
    let created = stopped.post(PATH, &body("/v1/orders", "csv"), &[]).await;
    platform.statement_is_blocked().await;
    assert_eq!(stopped.get(created.header("location")).await.json["state"], "running");
    stopped.stop().await;
    drop(lock);
    let other = service(&platform, &directory).await;
    let export = other.get_until(created.header("location"), |it| it.json["state"] == "complete").await;
    assert_eq!((&export.json["attempts"], &export.json["rows"]), (&2.into(), &1.into()));
}
