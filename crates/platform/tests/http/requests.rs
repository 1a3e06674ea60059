//! Request ids and headers that every response has.

use crate::client::{get, start};
use axum::Router;
use axum::routing;
use platform::caller::Caller;
use platform::server::Limits;

fn who() -> Router {
    let handler = async |caller: Caller| format!("{} {}", caller.peer.ip(), caller.request_id);
    Router::new().route("/who", routing::get(handler))
}

#[tokio::test]
async fn a_request_id_comes_from_the_client_or_is_generated() {
    let server = start(who(), Limits::default());
    let given = server.ask("GET /who HTTP/1.1\r\nhost: test\r\nx-request-id: r-1\r\n\r\n").await;
    assert_eq!((given.headers["x-request-id"].as_str(), given.body.as_str()), ("r-1", "127.0.0.1 r-1"));

    let made = server.ask(&get("/who")).await;
    let id = &made.headers["x-request-id"];
    assert_eq!(made.body, format!("127.0.0.1 {id}"));
    assert_ne!(server.ask(&get("/who")).await.headers["x-request-id"], *id);
}

#[tokio::test]
async fn an_invalid_request_id_is_replaced() {
    let server = start(who(), Limits::default());
    let long = "x".repeat(129);
    for odd in ["two words", long.as_str(), "caf\u{e9}"] {
        let answer = server.ask(&format!("GET /who HTTP/1.1\r\nhost: test\r\nx-request-id: {odd}\r\n\r\n")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["x-request-id"].len(), 28, "{odd}");
    }
}

#[tokio::test]
async fn responses_forbid_content_sniffing() {
    let server = start(who(), Limits::default());
    for path in ["/who", "/nowhere"] {
        assert_eq!(server.ask(&get(path)).await.headers["x-content-type-options"], "nosniff", "{path}");
    }
}
