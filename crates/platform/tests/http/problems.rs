//! The problems of invalid requests.

use crate::client::{get, post, post_json, start};
use axum::Router;
use axum::routing;
use platform::json::Json;
use platform::params::{Path, Query};
use platform::server::Limits;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sku: String,
    quantity: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: u16,
}

fn shop() -> Router {
    Router::new()
        .route("/lines", routing::post(async |Json(line): Json<Line>| Json(line)))
        .route("/pages", routing::get(async |Query(page): Query<Page>| page.limit.to_string()))
        .route("/things/{id}", routing::get(async |Path(id): Path<u32>| id.to_string()))
        .route("/panic", routing::get(async || -> &'static str { panic!("as the test wants it") }))
}

#[tokio::test]
async fn a_valid_body_is_accepted() {
    let server = start(shop(), Limits::default());
    let body = r#"{"sku":"a","quantity":2}"#;
    let answer = server.ask(&post_json("/lines", body)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, body));
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[tokio::test]
async fn the_problem_of_an_invalid_body_explains_the_error() {
    let server = start(shop(), Limits::default());
    for (body, status, kind) in [
        (r#"{"sku": "a", "quantity": 1"#, 400, "malformed-json"),
        (r#"{"sku": "a", "quantity": 1} x"#, 400, "malformed-json"),
        ("", 400, "malformed-json"),
        (r#"{"sku": "a", "quantity": "1"}"#, 422, "invalid-body"),
        (r#"{"sku": "a", "quantity": 1, "colour": "red"}"#, 422, "invalid-body"),
        (r#"{"sku": "a"}"#, 422, "invalid-body"),
        (r#"[]"#, 422, "invalid-body"),
    ] {
        let answer = server.ask(&post_json("/lines", body)).await;
        assert_eq!((answer.status, answer.kind().as_str()), (status, kind), "{body}");
    }
}

#[tokio::test]
async fn another_content_type_is_rejected() {
    let server = start(shop(), Limits::default());
    for header in ["", "content-type: text/plain\r\n", "content-type: application/json; charset=latin1\r\n"] {
        let answer = server.ask(&post("/lines", header, "{}")).await;
        assert_eq!((answer.status, answer.kind().as_str()), (415, "content-type"), "{header}");
    }
}

#[tokio::test]
async fn invalid_query_and_invalid_path_are_different_problems() {
    let server = start(shop(), Limits::default());
    let answer = server.ask(&get("/pages?limit=many")).await;
    assert_eq!((answer.status, answer.kind().as_str()), (400, "invalid-query"));
    assert_eq!(answer.problem()["detail"], "limit: must be a whole number, in digits.");
    let answer = server.ask(&get("/pages?limit=1&limits=2")).await;
    assert_eq!(answer.kind(), "invalid-query");
    let answer = server.ask(&get("/things/seven")).await;
    assert_eq!((answer.status, answer.kind().as_str()), (400, "invalid-path"));
    assert_eq!(
        answer.problem()["detail"],
        "`seven`: must be a whole number from 0 to 4294967295, and is the string \"seven\"."
    );
    assert_eq!(server.ask(&get("/things/7")).await.body, "7");
}

#[tokio::test]
async fn unknown_path_and_wrong_method_are_different_problems() {
    let server = start(shop(), Limits::default());
    let answer = server.ask(&get("/nowhere")).await;
    assert_eq!((answer.status, answer.kind().as_str()), (404, "not-found"));
    let answer = server.ask(&get("/lines")).await;
    assert_eq!((answer.status, answer.kind().as_str()), (405, "method-not-allowed"));
    assert_eq!(answer.headers["allow"], "POST");
}

#[tokio::test]
async fn a_panic_results_in_500_and_the_connection_survives() {
    let server = start(shop(), Limits::default());
    let mut client = server.connect().await;
    client.send(&get("/panic")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.kind().as_str()), (500, "internal"));
    assert!(!answer.body.contains("as the test wants it"));
    client.send(&get("/things/7")).await;
    assert_eq!(client.answer().await.body, "7");
}
