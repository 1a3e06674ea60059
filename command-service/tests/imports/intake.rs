//! Uploads that are accepted or rejected, and the responses to repeats.

use std::io::Write;

use axum::body::Body;
use axum::http::Request;
use command_service::jobs::Limits;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::site::{CSV, NDJSON, Site};

const MUG: &str = r#"{"sku":"MUG","name":"Mug","prices":{"GBP":450}}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzipped(body: Vec<u8>) -> Request<Body> {
    Request::post("/v1/imports/products")
        .header("content-type", NDJSON)
        .header("content-encoding", "gzip")
        .header("idempotency-key", "gzipped")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn an_upload_is_a_job() {
    let site = Site::open().await;
    let accepted = site.upload("products?dry_run=true", NDJSON, MUG).await;
    assert_eq!(accepted.status, 202);
    let job = accepted.json();
    assert_eq!(accepted.headers["location"], format!("/v1/jobs/{}", job["id"].as_str().unwrap()));
    assert_eq!((&job["kind"], &job["state"], &job["dry_run"]), (&"products".into(), &"queued".into(), &true.into()));
    assert_eq!((&job["progress"]["total"], &job["progress"]["read"]), (&1.into(), &0.into()));
    assert_eq!(site.job(&accepted).await["id"], job["id"]);
}

#[tokio::test]
async fn a_repeat_returns_the_same_job_and_another_body_is_rejected() {
    let site = Site::open().await;
    let first = site.upload_as("k", "products", NDJSON, MUG).await;
    let again = site.upload_as("k", "products", NDJSON, MUG).await;
    assert_eq!((again.status.as_u16(), &again.headers["idempotent-replayed"]), (202, &"true".parse().unwrap()));
    assert_eq!(again.json()["id"], first.json()["id"]);
    for (path, body) in [("products", "{}"), ("products?dry_run=true", MUG), ("stock", MUG)] {
        let other = site.upload_as("k", path, NDJSON, body).await;
        assert_eq!(other.problem(), (422, "idempotency-key-reused".into()), "{path}");
    }
    assert_eq!((site.count("imports").await, site.count("import_chunks").await), (1, 1));
    let without = Request::post("/v1/imports/products").header("content-type", NDJSON).body(Body::from(MUG)).unwrap();
    assert_eq!(site.send(without).await.problem(), (400, "idempotency-key-missing".into()));
}

#[tokio::test]
async fn an_invalid_upload_is_rejected_and_leaves_no_rows() {
    let site = Site::with_limits(Limits { bytes: 3 << 20, rows: 3, ..Limits::default() }).await;
    let refused =
        async |path: &str, media_type: &str, body: String| site.upload(path, media_type, body).await.problem();
    let long = |bytes| "x".repeat(bytes);
    assert_eq!(refused("products", "application/json", MUG.into()).await, (415, "content-type".into()));
    assert_eq!(refused("products", "text/csv; charset=latin1", MUG.into()).await, (415, "content-type".into()));
    assert_eq!(refused("products", NDJSON, long(4 << 20)).await, (413, "body-too-large".into()));
    assert_eq!(refused("products", NDJSON, long(2 << 20)).await, (413, "row-too-long".into()));
    assert_eq!(refused("products", NDJSON, "{}\n".repeat(4)).await, (413, "too-many-rows".into()));
    assert_eq!(refused("products", NDJSON, "\n \r\n".into()).await, (422, "no-rows".into()));
    assert_eq!(refused("products", CSV, "sku,name\n".into()).await, (422, "no-rows".into()));
    assert_eq!(refused("products", CSV, "sku,colour\nMUG,red\n".into()).await, (422, "invalid-header".into()));
    assert_eq!(refused("products", CSV, "sku\nMUG\n".into()).await, (422, "invalid-header".into()));
    assert_eq!(refused("parcels", NDJSON, MUG.into()).await, (400, "invalid-path".into()));
    assert_eq!(refused("products?on_error=panic", NDJSON, MUG.into()).await, (400, "invalid-query".into()));
    assert_eq!((site.count("imports").await, site.count("import_chunks").await), (0, 0));
}

#[tokio::test]
async fn gzip_is_decompressed_within_the_limit() {
    let site = Site::with_limits(Limits { bytes: 1 << 20, ..Limits::default() }).await;
    let bomb = gzip(&b"{}\n".repeat(32 << 20));
    assert!(bomb.len() < 1 << 20, "{} bytes pass the server's own limit", bomb.len());
    assert_eq!(site.send(gzipped(bomb)).await.problem(), (413, "body-too-large".into()));
    assert_eq!(site.send(gzipped(MUG.into())).await.problem(), (400, "malformed-gzip".into()));
    let mut cut = gzip(MUG.as_bytes());
    cut.truncate(cut.len() - 9);
    assert_eq!(site.send(gzipped(cut)).await.problem(), (400, "malformed-gzip".into()));
    assert_eq!(site.count("import_chunks").await, 0);

    let accepted = site.send(gzipped(gzip(MUG.as_bytes()))).await;
    assert_eq!(accepted.status, 202);
    let plain = site.upload_as("gzipped", "products", NDJSON, MUG).await;
    assert_eq!(plain.json()["id"], accepted.json()["id"]);
    site.work().await;
    assert_eq!(site.job(&accepted).await["progress"]["applied"], 1);
}

#[tokio::test]
async fn jobs_are_listed_newest_first_in_pages() {
    let site = Site::open().await;
    for number in 0..5 {
        let kind = if number % 2 == 0 { "products" } else { "stock" };
        site.upload(kind, NDJSON, "{}").await;
    }
    let first = site.get("/v1/jobs?kind=products&limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = site.get(&format!("/v1/jobs?kind=products&limit=2&cursor={cursor}")).await.json();
    let ids = |page: &serde_json::Value| -> Vec<String> {
        page["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = [ids(&first), ids(&second)].concat();
    assert_eq!((all.len(), second["next_cursor"].is_null()), (3, true));
    assert!(all.is_sorted_by(|newer, older| newer > older));
    assert_eq!(ids(&site.get("/v1/jobs?state=queued").await.json()).len(), 5);
    assert_eq!(ids(&site.get("/v1/jobs?state=running").await.json()).len(), 0);
    assert_eq!(site.get("/v1/jobs?limit=0").await.problem(), (400, "invalid-query".into()));
    let unknown = "/v1/jobs/01900000-0000-7000-8000-000000000000";
    assert_eq!(site.get(unknown).await.problem(), (404, "unknown-job".into()));
}
