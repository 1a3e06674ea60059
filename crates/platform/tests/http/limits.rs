//! Limits that protect the server from its clients.

use crate::client::{get, post, start};
use axum::Router;
use axum::routing;
use platform::body::Whole;
use platform::server::{Limits, RouteLimits, Unpacking};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const SOON: Duration = Duration::from_millis(20);

fn echo_size() -> Router {
    Router::new()
        .route("/size", routing::post(async |Whole(body): Whole| body.len().to_string()))
        .route("/large", routing::post(async |Whole(body): Whole| body.len().to_string()))
}

fn ten_bytes() -> Limits {
    let large = RouteLimits {
        body_bytes_max: 100_000,
        request_timeout: Duration::from_secs(5),
        unpacking: Unpacking::ByServer,
    };
    Limits { body_bytes_max: 10, ..Limits::default() }.with_route("/large", large)
}

#[tokio::test]
async fn incomplete_request_headers_time_out() {
    let server = start(Router::new(), Limits { header_read_timeout: SOON, ..Limits::default() });
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: te").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = start(Router::new(), Limits { header_read_timeout: SOON, ..Limits::default() });
    let mut client = server.connect().await;
    client.send(&get("/")).await;
    assert_eq!(client.answer().await.status, 404);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn request_headers_that_are_too_large_are_rejected() {
    let server = start(Router::new(), Limits { header_bytes_max: 8192, ..Limits::default() });
    let mut client = server.connect().await;
    client.send(&format!("GET / HTTP/1.1\r\nhost: test\r\nx: {}", "x".repeat(9000))).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_shed_and_later_ones_are_accepted() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (entered, leave) = (entered.clone(), leave.clone());
        async move || {
            entered.notify_one();
            leave.notified().await;
            "done"
        }
    };
    let router = Router::new().route("/wait", routing::get(handler));
    let server = start(router, Limits { requests_in_flight_max: 1, ..Limits::default() });

    let mut first = server.connect().await;
    first.send(&get("/wait")).await;
    entered.notified().await;

    let shed = server.ask(&get("/wait")).await;
    assert_eq!((shed.status, shed.kind().as_str()), (503, "overloaded"));
    assert_eq!(shed.headers["retry-after"], "1");

    leave.notify_one();
    assert_eq!(first.answer().await.body, "done");
    leave.notify_one();
    assert_eq!(server.ask(&get("/wait")).await.body, "done");
}

#[tokio::test]
async fn an_abandoned_request_is_no_longer_in_flight() {
    let (entered, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    struct OnDrop(Arc<Notify>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let handler = {
        let (entered, gone) = (entered.clone(), gone.clone());
        async move || {
            let _on_drop = OnDrop(gone);
            entered.notify_one();
            std::future::pending::<&str>().await
        }
    };
    let router = Router::new().route("/never", routing::get(handler)).route("/", routing::get(async || "ok"));
    let server = start(router, Limits { requests_in_flight_max: 1, ..Limits::default() });

    let mut client = server.connect().await;
    client.send(&get("/never")).await;
    entered.notified().await;
    drop(client);
    gone.notified().await;

    assert_eq!(server.ask(&get("/")).await.status, 200);
}

#[tokio::test]
async fn a_stated_length_beyond_the_limit_is_rejected_and_the_connection_survives() {
    let server = start(echo_size(), ten_bytes());
    let mut client = server.connect().await;
    client.send(&post("/size", "", "12345678901")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.kind().as_str()), (413, "body-too-large"));
    assert_eq!(answer.problem()["max_bytes"], 10);
    client.send(&post("/size", "", "1234567890")).await;
    assert_eq!(client.answer().await.body, "10");
}

#[tokio::test]
async fn a_client_that_is_still_sending_receives_the_rejection() {
    let server = start(echo_size(), ten_bytes());
    let mut client = server.connect().await;
    client.send("POST /size HTTP/1.1\r\nhost: test\r\ncontent-length: 4000000\r\n\r\n").await;
    assert!(client.try_send(&vec![b'x'; 4_000_000]).await);
    assert_eq!(client.answer().await.status, 413);
}

#[tokio::test]
async fn a_client_that_expects_100_continue_receives_the_rejection() {
    let server = start(echo_size(), ten_bytes());
    let head = "POST /size HTTP/1.1\r\nhost: test\r\ncontent-length: 11\r\nexpect: 100-continue\r\n\r\n";
    assert_eq!(server.ask(head).await.status, 413);
}

#[tokio::test]
async fn a_chunked_body_is_rejected_where_it_exceeds_the_limit() {
    let server = start(echo_size(), ten_bytes());
    let head = "POST /size HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = server.ask(&format!("{head}8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n")).await;
    assert_eq!((answer.status, answer.kind().as_str()), (413, "body-too-large"));
    let answer = server.ask(&format!("{head}5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n")).await;
    assert_eq!(answer.body, "10");
}

#[tokio::test]
async fn a_route_can_have_a_higher_limit() {
    let server = start(echo_size(), ten_bytes());
    assert_eq!(server.ask(&post("/large", "", &"x".repeat(100_000))).await.body, "100000");
    assert_eq!(server.ask(&post("/large", "", &"x".repeat(100_001))).await.status, 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_sent_times_out() {
    let server = start(echo_size(), ten_bytes());
    let answer = server.ask("POST /size HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n123").await;
    assert_eq!((answer.status, answer.kind().as_str()), (408, "body-timeout"));
}

#[tokio::test]
async fn an_incomplete_body_is_rejected() {
    let server = start(echo_size(), ten_bytes());
    let head = "POST /size HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = server.ask(&format!("{head}zz\r\n")).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_handler_that_exceeds_its_time_limit_is_aborted() {
    let router = Router::new().route("/never", routing::get(async || std::future::pending::<&str>().await));
    let server = start(router, Limits { request_timeout: SOON, ..Limits::default() });
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.send(&get("/never")).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.kind().as_str()), (503, "timeout"));
    }
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_closed() {
    let router = Router::new().route("/", routing::get(async || "ok"));
    let server = start(router, Limits { connections_per_ip_max: 1, ..Limits::default() });
    let mut first = server.connect().await;
    first.send(&get("/")).await;
    assert_eq!(first.answer().await.status, 200);

    assert_eq!(server.connect().await.rest().await, "");

    first.send(&get("/")).await;
    assert_eq!(first.answer().await.status, 200);
}
