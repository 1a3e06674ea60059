//! The requests of the importer, sent to an HTTP server that answers like the command service and can be made to be
//! overloaded or to reject requests.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use importer::summary::Summary;
use importer::{Options, import_file};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/online-retail-sample.csv");

/// The requests that the server received, and how it answers.
#[derive(Default)]
struct State {
    /// Idempotency key and body of every accepted request.
    accepted: HashMap<String, Bytes>,
    /// Idempotency keys that were answered with 503 once.
    overloaded: HashSet<String>,
    /// Paths and bodies, in the order in which the requests were accepted.
    log: Vec<(String, serde_json::Value)>,
    /// Answers every request with 503 once.
    is_overloaded: bool,
    /// Rejects requests whose body contains this text.
    rejects: Option<&'static str>,
}

#[derive(Clone, Default)]
struct Server(Arc<Mutex<State>>);

impl Server {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with it")
    }

    fn paths(&self) -> Vec<String> {
        self.state().log.iter().map(|(path, _)| path.clone()).collect()
    }
}

async fn answer(server: extract::State<Server>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut state = server.state();
    let key = headers["idempotency-key"].to_str().expect("keys are ASCII").to_owned();
    if body == "{}" && uri.path() == "/v1/products" {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body");
    }
    if state.is_overloaded && state.overloaded.insert(key.clone()) {
        return ([("retry-after", "0")], problem(StatusCode::SERVICE_UNAVAILABLE, "overloaded")).into_response();
    }
    if state.rejects.is_some_and(|word| String::from_utf8_lossy(&body).contains(word)) {
        return problem(StatusCode::CONFLICT, "insufficient-stock");
    }
    let answer = r#"{"id":"x","version":1,"position":1,"payment":1,"fulfilment":1,"return":1}"#;
    if let Some(before) = state.accepted.get(&key) {
        assert_eq!(*before, body, "a key is always sent with the same body");
        return ([("idempotent-replayed", "true")], answer).into_response();
    }
    state.accepted.insert(key, body.clone());
    state.log.push((format!("{method} {}", uri.path()), serde_json::from_slice(&body).expect("a body is JSON")));
    (StatusCode::CREATED, answer).into_response()
}

fn problem(status: StatusCode, kind: &str) -> Response {
    let body =
        format!(r#"{{"type":"/problems/{kind}","title":"No","status":{},"detail":"Not today."}}"#, status.as_u16());
    (status, [("content-type", "application/problem+json")], body).into_response()
}

fn report(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

async fn import(url: &str, name: &str) -> anyhow::Result<Summary> {
    import_file(Options {
        file: SAMPLE.into(),
        url: url.to_owned(),
        dry_run: false,
        connections: 8,
        rejections: Some(report(name)),
    })
    .await
}

#[tokio::test]
async fn products_come_before_orders_and_orders_before_returns() {
    let server = Server::default();
    let summary = import(&server.start().await, "order.csv").await.unwrap();
    assert_eq!((summary.accepted, summary.read), (35, 60));
    let paths = server.paths();
    assert_eq!(paths.len(), 110);
    let at = |what: &dyn Fn(&str) -> bool| paths.iter().position(|path| what(path)).unwrap();
    let after = |what: &dyn Fn(&str) -> bool| paths.iter().rposition(|path| what(path)).unwrap();
    assert!(
        after(&|path| path.contains("/receipts") || path.contains("/prices/")) < at(&|path| path == "POST /v1/orders")
    );
    assert!(after(&|path| path.ends_with("/shipment")) < at(&|path| path.ends_with("/returns")));
    let one: Vec<_> = paths.iter().filter(|path| path.contains("K1009")).collect();
    assert_eq!(one, ["POST /v1/stock/K1009/main/receipts"]);
}

#[tokio::test]
async fn a_second_run_has_no_second_effect() {
    let server = Server::default();
    let url = server.start().await;
    let first = import(&url, "first.csv").await.unwrap();
    let second = import(&url, "second.csv").await.unwrap();
    assert_eq!(first, second);
    assert_eq!(server.paths().len(), 110);
}

#[tokio::test]
async fn a_request_to_an_overloaded_service_is_retried_with_the_same_key() {
    let server = Server::default();
    server.state().is_overloaded = true;
    let summary = import(&server.start().await, "overloaded.csv").await.unwrap();
    assert_eq!(summary.accepted, 35);
    let state = server.state();
    assert_eq!((state.overloaded.len(), state.log.len()), (110, 110));
}

#[tokio::test]
async fn a_rejected_order_is_in_the_report_with_its_reason() {
    let server = Server::default();
    server.state().rejects = Some(r#""external_ref":"700001""#);
    let summary = import(&server.start().await, "rejected.csv").await.unwrap();
    assert_eq!(summary.rejected["refused:insufficient-stock"], 4);
    assert_eq!(summary.rejected["order-refused"], 2, "the return of two lines is not sent");
    assert_eq!(summary.accepted + summary.rejected_lines(), 60);
    let written = std::fs::read_to_string(report("rejected.csv")).unwrap();
    assert!(written.contains("2,rejected,refused:insufficient-stock,Not today.,700001,K1001A,ENAMEL CAMPING MUG,12,"));
    assert!(written.contains("20,rejected,order-refused,The order of this return was rejected: Not today.,C700008,"));
}

#[tokio::test]
async fn a_rejected_later_step_is_a_warning_on_accepted_lines() {
    let server = Server::default();
    server.state().rejects = Some(r#""reference":"700004""#);
    let summary = import(&server.start().await, "incomplete.csv").await.unwrap();
    assert_eq!((summary.accepted, summary.incomplete), (35, 1));
    let written = std::fs::read_to_string(report("incomplete.csv")).unwrap();
    assert_eq!(
        written
            .matches(",accepted,incomplete,A later step was rejected (insufficient-stock): Not today.,700004,")
            .count(),
        3
    );
}

#[tokio::test]
async fn a_wrong_address_is_a_one_line_error() {
    let text = |error: anyhow::Error| format!("{error:#}");
    let nobody = text(import("http://127.0.0.1:1", "nobody.csv").await.unwrap_err());
    assert!(nobody.contains("no answer from the command service at http://127.0.0.1:1/"), "{nobody}");
    assert!(
        nobody.contains("refused") && nobody.contains("to resume the import") && !nobody.contains('\n'),
        "{nobody}"
    );
    let https = text(import("https://127.0.0.1:1", "https.csv").await.unwrap_err());
    assert!(https.contains("must begin with http://"), "{https}");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(|| async { "hello" })).await });
    let other = text(import(&url, "other.csv").await.unwrap_err());
    assert!(other.contains("answered 200 OK and is not a command service"), "{other}");
    assert!(!report("other.csv").exists(), "a failed import leaves no report");
}
