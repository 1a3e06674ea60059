//! Invalid request headers.

use crate::client::{Answer, Server, start};
use axum::Router;
use axum::routing;
use platform::json::Json;
use platform::server::Limits;
use serde_json::Value;

fn server() -> Server {
    let router = Router::new()
        .route("/get", routing::get(async || "got"))
        .route("/json", routing::post(async |Json(body): Json<Value>| Json(body)));
    start(router, Limits::default())
}

async fn get(server: &Server, version: &str, headers: &str) -> Answer {
    server.ask(&format!("GET /get {version}\r\n{headers}\r\n")).await
}

#[tokio::test]
async fn a_request_has_exactly_one_host() {
    let server = server();
    for good in ["host: test\r\n", "Host: shop.example:8080\r\n", "host: [::1]:80\r\n", "host: 127.0.0.1\r\n"] {
        assert_eq!(get(&server, "HTTP/1.1", good).await.status, 200, "{good}");
    }
    for wrong in [
        "",
        "host: a\r\nhost: a\r\n",
        "host: a\r\nhost: b\r\n",
        "host:\r\n",
        "host: a b\r\n",
        "host: u@a\r\n",
        "host: a/b\r\n",
    ] {
        let answer = get(&server, "HTTP/1.1", wrong).await;
        assert_eq!((answer.status, answer.kind().as_str()), (400, "invalid-host"), "{wrong}");
        assert!(answer.headers.contains_key("x-request-id"));
    }
    assert_eq!(server.ask("GET /nowhere HTTP/1.1\r\n\r\n").await.kind(), "invalid-host");
    assert_eq!(get(&server, "HTTP/1.0", "").await.status, 200);
    assert_eq!(get(&server, "HTTP/1.0", "host: a\r\nhost: b\r\n").await.status, 400);
}

async fn chunked(server: &Server, headers: &str) -> Answer {
    let head = "POST /json HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n";
    server.ask(&format!("{head}{headers}\r\n2\r\n{{}}\r\n0\r\n\r\n")).await
}

#[tokio::test]
async fn an_unsupported_transfer_coding_is_rejected() {
    let server = server();
    assert_eq!(chunked(&server, "transfer-encoding: Chunked\r\n").await.body, "{}");
    for wrong in ["transfer-encoding: gzip, chunked\r\n", "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n"] {
        let answer = chunked(&server, wrong).await;
        assert_eq!((answer.status, answer.kind().as_str()), (501, "transfer-encoding"), "{wrong}");
    }
    assert_eq!(chunked(&server, "transfer-encoding: chunked, gzip\r\n").await.status, 400);
}

#[tokio::test]
async fn a_body_with_two_lengths_ends_the_connection() {
    let server = server();
    let mut client = server.connect().await;
    let head = "POST /json HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 40\r\n";
    client.send(&format!("{head}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n")).await;
    assert_eq!(client.answer().await.body, "{}");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn json_has_one_type_that_is_utf8_and_may_begin_with_a_byte_order_mark() {
    let server = server();
    let post = async |headers: &str, body: &str| {
        let head = format!("POST /json HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        server.ask(&format!("{head}{body}")).await
    };
    for good in ["application/json; charset=utf8", "application/json;charset=\"UTF-8\"", "application/json"] {
        assert_eq!(post(&format!("content-type: {good}\r\n"), "\u{feff}{}").await.body, "{}", "{good}");
    }
    for wrong in [
        "content-type: application/json\r\ncontent-type: text/plain\r\n",
        "content-type: application/json\r\ncontent-type: application/json\r\n",
        "content-type: application/json; charset=utf-16\r\n",
    ] {
        let answer = post(wrong, "{}").await;
        assert_eq!((answer.status, answer.kind().as_str()), (415, "content-type"), "{wrong}");
    }
}
