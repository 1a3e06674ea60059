//! Compressed bodies.

use crate::client::{Answer, Server, start};
use axum::Router;
use axum::routing;
use flate2::Compression;
use flate2::write::GzEncoder;
use platform::body::Whole;
use platform::json::Json;
use platform::server::Limits;
use serde_json::Value;
use std::io::Write;

const MAX_BYTES: u64 = 1000;

fn server() -> Server {
    let router = Router::new()
        .route("/json", routing::post(async |Json(body): Json<Value>| Json(body)))
        .route("/size", routing::post(async |Whole(body): Whole| body.len().to_string()))
        .route("/get", routing::get(async || "got"));
    start(router, Limits { body_bytes_max: MAX_BYTES, ..Limits::default() })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

async fn post(server: &Server, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut client = server.connect().await;
    let (length, typed) = (body.len(), "content-type: application/json\r\n");
    client
        .send(&format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n{typed}{headers}\r\n"))
        .await;
    assert!(client.try_send(body).await);
    client.answer().await
}

const GZIP: &str = "content-encoding: gzip\r\n";

#[tokio::test]
async fn gzip_is_decompressed() {
    let server = server();
    for encoding in [GZIP, "Content-Encoding: X-GZip\r\n"] {
        let answer = post(&server, "/json", encoding, &gzip(br#"{"a":1}"#)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"a":1}"#));
    }
    let two_members = [gzip(b"{\"a\""), gzip(b":1}")].concat();
    assert_eq!(post(&server, "/json", GZIP, &two_members).await.body, r#"{"a":1}"#);
    assert_eq!(post(&server, "/json", "content-encoding: identity\r\n", b"{}").await.body, "{}");
}

#[tokio::test]
async fn the_limit_applies_after_decompression() {
    let server = server();
    let full = vec![b' '; MAX_BYTES as usize];
    assert_eq!(post(&server, "/size", GZIP, &gzip(&full)).await.body, "1000");
    for bytes in [MAX_BYTES as usize + 1, 10 << 20] {
        let bomb = gzip(&vec![0; bytes]);
        let answer = post(&server, "/size", GZIP, &bomb).await;
        assert_eq!((answer.status, answer.kind().as_str()), (413, "body-too-large"), "{bytes}");
    }
}

#[tokio::test]
async fn invalid_gzip_data_is_rejected() {
    let server = server();
    let whole = gzip(br#"{"a":1}"#);
    let damaged: Vec<u8> =
        whole.iter().enumerate().map(|(at, byte)| if at == whole.len() - 5 { !byte } else { *byte }).collect();
    for wrong in [b"{}".as_slice(), &whole[..whole.len() - 1], &whole[..12], &damaged, &[&whole[..], b"{}"].concat()] {
        let answer = post(&server, "/json", GZIP, wrong).await;
        assert_eq!((answer.status, answer.kind().as_str()), (400, "malformed-gzip"), "{wrong:?}");
    }
}

#[tokio::test]
async fn every_other_coding_is_rejected_with_the_supported_codings() {
    let server = server();
    for wrong in [
        "content-encoding: br\r\n",
        "content-encoding: deflate\r\n",
        "content-encoding: gzip, gzip\r\n",
        "content-encoding: gzip\r\ncontent-encoding: gzip\r\n",
        "content-encoding: \u{e9}\r\n",
    ] {
        for path in ["/json", "/size", "/get", "/nowhere"] {
            let answer = post(&server, path, wrong, b"{}").await;
            assert_eq!((answer.status, answer.kind().as_str()), (415, "content-encoding"), "{path} {wrong}");
            assert_eq!(answer.headers["accept-encoding"], "gzip");
        }
    }
    let answer = server.ask("GET /get HTTP/1.1\r\nhost: test\r\ncontent-encoding: br\r\n\r\n").await;
    assert_eq!(answer.body, "got");
}
