//! How an import speaks with a service: an HTTP server that answers as ours does, with moods.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use command_service::import::summary::Summary;
use command_service::import::{OnlineRetail, online_retail};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/online-retail-sample.csv");

/// What the server was asked, and how it answers.
#[derive(Default)]
struct Asked {
    /// Key and body of what it has done.
    done: HashMap<String, Bytes>,
    /// Keys that it has sent away once.
    sent_away: HashSet<String>,
    /// Paths and bodies in the order in which they were done.
    log: Vec<(String, serde_json::Value)>,
    /// Sends every request away once.
    busy: bool,
    /// Refuses requests whose body holds this.
    refuses: Option<&'static str>,
}

#[derive(Clone, Default)]
struct Server(Arc<Mutex<Asked>>);

impl Server {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().expect("no test panics with it")
    }

    fn paths(&self) -> Vec<String> {
        self.asked().log.iter().map(|(path, _)| path.clone()).collect()
    }
}

async fn answer(server: State<Server>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut asked = server.asked();
    let key = headers["idempotency-key"].to_str().expect("keys are ASCII").to_owned();
    if body == "{}" && uri.path() == "/v1/products" {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body");
    }
    if asked.busy && asked.sent_away.insert(key.clone()) {
        return ([("retry-after", "0")], problem(StatusCode::SERVICE_UNAVAILABLE, "overloaded")).into_response();
    }
    if asked.refuses.is_some_and(|word| String::from_utf8_lossy(&body).contains(word)) {
        return problem(StatusCode::CONFLICT, "insufficient-stock");
    }
    let answer = r#"{"id":"x","version":1,"position":1,"payment":1,"fulfilment":1,"return":1}"#;
    if let Some(before) = asked.done.get(&key) {
        assert_eq!(*before, body, "a key is always sent with the same body");
        return ([("idempotent-replayed", "true")], answer).into_response();
    }
    asked.done.insert(key, body.clone());
    asked.log.push((format!("{method} {}", uri.path()), serde_json::from_slice(&body).expect("a body is JSON")));
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
    online_retail(OnlineRetail {
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
async fn a_busy_service_is_asked_again_with_the_same_key() {
    let server = Server::default();
    server.asked().busy = true;
    let summary = import(&server.start().await, "busy.csv").await.unwrap();
    assert_eq!(summary.accepted, 35);
    let asked = server.asked();
    assert_eq!((asked.sent_away.len(), asked.log.len()), (110, 110));
}

#[tokio::test]
async fn what_the_service_refuses_is_in_the_report_with_its_reason() {
    let server = Server::default();
    server.asked().refuses = Some(r#""external_ref":"700001""#);
    let summary = import(&server.start().await, "refused.csv").await.unwrap();
    assert_eq!(summary.rejected["refused:insufficient-stock"], 4);
    assert_eq!(summary.rejected["order-refused"], 2, "the return of two lines is not sent");
    assert_eq!(summary.accepted + summary.rejected_lines(), 60);
    let written = std::fs::read_to_string(report("refused.csv")).unwrap();
    assert!(written.contains("2,rejected,refused:insufficient-stock,Not today.,700001,K1001A,ENAMEL CAMPING MUG,12,"));
    assert!(
        written.contains("20,rejected,order-refused,The order that it belongs to was refused: Not today.,C700008,")
    );
}

#[tokio::test]
async fn a_step_that_is_refused_is_noted_on_lines_that_are_in_the_log() {
    let server = Server::default();
    server.asked().refuses = Some(r#""reference":"700004""#);
    let summary = import(&server.start().await, "incomplete.csv").await.unwrap();
    assert_eq!((summary.accepted, summary.incomplete), (35, 1));
    let written = std::fs::read_to_string(report("incomplete.csv")).unwrap();
    assert_eq!(
        written
            .matches(",accepted,incomplete,A later step was refused (insufficient-stock): Not today.,700004,")
            .count(),
        3
    );
}

#[tokio::test]
async fn an_address_where_nobody_is_or_somebody_else_is_told_in_one_line() {
    let told = |error: anyhow::Error| format!("{error:#}");
    let nobody = told(import("http://127.0.0.1:1", "nobody.csv").await.unwrap_err());
    assert!(nobody.contains("no answer from the command-service at http://127.0.0.1:1/"), "{nobody}");
    assert!(nobody.contains("refused") && nobody.contains("it resumes") && !nobody.contains('\n'), "{nobody}");
    let https = told(import("https://127.0.0.1:1", "https.csv").await.unwrap_err());
    assert!(https.contains("must begin with http://"), "{https}");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(|| async { "hello" })).await });
    let other = told(import(&url, "other.csv").await.unwrap_err());
    assert!(other.contains("answers 200 OK, but not as a command-service"), "{other}");
    assert!(!report("other.csv").exists(), "a run that does not end leaves no report");
}
