//! The drain of a server.

use crate::client::{get, start};
use axum::Router;
use axum::routing;
use platform::server::{Drained, Limits};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;

struct Gate {
    entered: Arc<Notify>,
    leave: Arc<Notify>,
}

/// A route that responds when its gate is opened.
fn gated() -> (Gate, Router) {
    let gate = Gate { entered: Arc::default(), leave: Arc::default() };
    let (entered, leave) = (gate.entered.clone(), gate.leave.clone());
    let handler = async move || {
        entered.notify_one();
        leave.notified().await;
        "done"
    };
    (gate, Router::new().route("/gated", routing::get(handler)).route("/", routing::get(async || "ok")))
}

#[tokio::test]
async fn a_running_request_finishes_while_new_ones_are_rejected() {
    let (gate, router) = gated();
    let server = start(router, Limits::default());
    let mut client = server.connect().await;
    client.send(&get("/gated")).await;
    gate.entered.notified().await;
    let mut idle = server.connect().await;
    idle.send(&get("/")).await;
    assert_eq!(idle.answer().await.body, "ok");

    server.shutdown.request();
    // The idle connection is closed in the same step after which no request is processed.
    assert_eq!(idle.rest().await, "");
    let refused = server.ask(&get("/")).await;
    assert_eq!((refused.status, refused.kind().as_str()), (503, "stopping"));
    assert_eq!((refused.headers["retry-after"].as_str(), refused.headers["connection"].as_str()), ("1", "close"));

    gate.leave.notify_one();
    let answer = client.answer().await;
    assert_eq!(answer.body, "done");
    assert_eq!(answer.headers["connection"], "close");
    assert_eq!(server.served.await.expect("the server ends"), Drained { cut_off: 0 });
    assert!(TcpStream::connect(server.addr).await.is_err());
}

#[tokio::test]
async fn requests_that_still_run_at_the_deadline_are_aborted() {
    let (gate, router) = gated();
    let server = start(router, Limits { drain_timeout: Duration::from_millis(20), ..Limits::default() });
    let mut client = server.connect().await;
    client.send(&get("/gated")).await;
    gate.entered.notified().await;

    server.shutdown.request();

    assert_eq!(server.served.await.expect("the server ends"), Drained { cut_off: 1 });
    assert_eq!(client.rest().await, "");
}

#[tokio::test(start_paused = true)]
async fn connections_are_accepted_during_the_drain_notice() {
    let (_, router) = gated();
    let notice = Duration::from_secs(5);
    let server = start(router, Limits { drain_notice: notice, ..Limits::default() });
    let requested_at = tokio::time::Instant::now();
    server.shutdown.request();
    assert_eq!(server.ask(&get("/")).await.body, "ok");
    assert_eq!(server.served.await.expect("the server ends"), Drained { cut_off: 0 });
    assert!(requested_at.elapsed() >= notice);
}
