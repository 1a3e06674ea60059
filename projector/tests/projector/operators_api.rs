//! The HTTP API of operators, through its router.

use std::collections::BTreeSet;

use ::platform::config::Secret;
use ::platform::server::{Limits, shell};
use ::platform::shutdown::Shutdown;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use projector::ops::{self, Ops};
use projector::projections::{Orders, Stock};
use serde_json::{Value, json};
use testbed::PATIENCE;
use tower::ServiceExt;

use crate::operations::{SEGMENT_EVENTS, with_history};
use crate::platform::{Platform, now};
use crate::samples::*;

const ORDERS: &str = "/v1/ops/projections/orders";

/// The API as the admin port serves it.
struct Api {
    router: Router,
    shutdown: Shutdown,
}

struct Response {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Api {
    fn of(platform: &Platform) -> Api {
        Api::of_database(platform.database())
    }

    fn of_database(database: Secret) -> Api {
        let shutdown = Shutdown::new();
        let ops = Ops::new(database.clone(), database, shutdown.clone()).with_segment_events(SEGMENT_EVENTS);
        Api { router: shell(ops::router(ops), &Limits::admin()), shutdown }
    }

    async fn send(&self, request: Request<Body>) -> Response {
        let response = tokio::time::timeout(PATIENCE, self.router.clone().oneshot(request)).await.unwrap().unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Response { status, headers, json: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    async fn get(&self, path: &str) -> Response {
        self.send(request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Response {
        let request = request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Waits until the task of a projection satisfies a condition.
    async fn wait_for(&self, path: &str, pointer: &str, is_met: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let found = self.get(path).await.json.pointer(pointer).cloned().unwrap_or_default();
                if is_met(&found) {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the task does not reach the state")
    }

    /// Starts a rebuild and waits for its end.
    async fn rebuild(&self, path: &str) {
        let accepted = self.post(&format!("{path}/rebuild"), json!({})).await;
        assert_eq!(accepted.status, 202, "{}", accepted.json);
        let ended = self.wait_for(path, "/rebuild", |rebuild| rebuild["ended_at"].is_string()).await;
        assert_eq!((&ended["error"], &ended["progress"]["phase"]), (&Value::Null, &json!("done")));
    }

    /// Verifies a generation and returns the report.
    async fn verify(&self, path: &str, generation: i32) -> Value {
        let accepted = self.post(&format!("{path}/verify"), json!({ "generation": generation })).await;
        assert_eq!(accepted.status, 202, "{}", accepted.json);
        assert_eq!(accepted.headers[header::LOCATION], format!("{path}/verification"));
        let path = format!("{path}/verification");
        self.wait_for(&path, "/task/ended_at", Value::is_string).await;
        self.get(&format!("{path}?generation={generation}")).await.json["report"].take()
    }
}

impl Response {
    /// Status and type of a problem.
    fn problem(&self) -> (u16, &str) {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.json);
        (self.status, self.json["type"].as_str().unwrap())
    }
}

fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "localhost:9083")
}

/// The state of each generation of orders, by number.
async fn states(api: &Api) -> Vec<String> {
    let shown = api.get(ORDERS).await.json;
    let generations = shown["generations"].as_array().unwrap().iter();
    generations.map(|generation| generation["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_projection_is_rebuilt_verified_promoted_and_rolled_back() {
    let mut platform = with_history().await;
    let api = Api::of(&platform);
    assert_eq!(states(&api).await, ["live"]);
    let plan = api.post(&format!("{ORDERS}/rebuild"), json!({ "dry_run": true })).await;
    assert_eq!((plan.status, &plan.json["generation"], &plan.json["continues"]), (200, &json!(2), &json!(false)));
    assert_eq!(states(&api).await, ["live"], "a dry run changes nothing");

    let accepted = api.post(&format!("{ORDERS}/rebuild"), json!({ "readers": 1 })).await;
    assert_eq!((accepted.status, &accepted.headers[header::LOCATION]), (202, &ORDERS.parse().unwrap()));
    api.wait_for(ORDERS, "/rebuild/ended_at", Value::is_string).await;
    assert_eq!(states(&api).await, ["live", "following"]);
    let unverified = api.post(&format!("{ORDERS}/promote"), json!({})).await;
    assert_eq!(unverified.problem(), (409, "/problems/unsafe-promotion"));

    // A new order arrives, and the worker of the new generation applies it.
    let (id, stream) = order_at(now(), 77);
    platform.publish(&stream, placed(id, 77)).await;
    let mut worker = platform.worker_of::<Orders>(2);
    platform.catch_up_generation(&mut worker, 2).await;
    let report = api.verify(ORDERS, 2).await;
    assert_eq!((&report["differences_total"], &report["tables"][0]["stored"]), (&json!(0), &json!(13)));

    let promoted = api.post(&format!("{ORDERS}/promote"), json!({})).await;
    let expected = json!({ "live": { "projection": "orders", "generation": 2 }, "former": { "projection": "orders", "generation": 1 } });
    assert_eq!((promoted.status, promoted.json), (200, expected));
    assert_eq!(platform.number("select count(*) from public.orders").await, 13);
    let back = api.post(&format!("{ORDERS}/rollback"), json!({})).await;
    assert_eq!((back.status, &back.json["live"]["generation"]), (200, &json!(1)));
    assert_eq!(platform.number("select count(*) from public.orders").await, 12);
    let live = api.post(&format!("{ORDERS}/retire"), json!({ "generation": 1 })).await;
    assert_eq!(live.problem(), (409, "/problems/state-conflict"));
    assert_eq!(api.post(&format!("{ORDERS}/retire"), json!({ "generation": 2 })).await.status, 200);
    assert_eq!(states(&api).await, ["live"]);
}

#[tokio::test]
async fn a_rebuild_of_some_streams_copies_the_rows_of_all_others() {
    let mut platform = with_history().await;
    let api = Api::of(&platform);
    let path = format!("{ORDERS}/rebuild");
    let refused = api.post(&path, json!({ "from": platform.head().0 + 1 })).await;
    assert_eq!(refused.problem(), (409, "/problems/state-conflict"));
    let refused = api.post(&path, json!({ "months": ["2001-01"] })).await;
    assert_eq!(refused.problem(), (409, "/problems/state-conflict"));
    let plan = api.post(&path, json!({ "from": platform.head().0, "dry_run": true })).await;
    assert_eq!((&plan.json["streams"], &plan.json["copied_rows"]), (&json!(1), &json!(22)), "{}", plan.json);
    assert_eq!(api.post(&path, json!({ "from": platform.head().0 })).await.status, 202);
    api.wait_for(ORDERS, "/rebuild/ended_at", Value::is_string).await;
    assert_eq!(platform.number("select sum(rows)::bigint from projection_rebuild_segments").await, 22);
    assert_eq!(api.verify(ORDERS, 2).await["differences_total"], json!(0));
}

#[tokio::test]
async fn a_report_has_the_differing_keys_with_both_values_and_survives_the_process() {
    let mut platform = with_history().await;
    let api = Api::of(&platform);
    assert_eq!(api.get(&format!("{ORDERS}/verification")).await.json, json!({}), "not verified yet");
    api.rebuild(ORDERS).await;
    platform.execute("update orders_2.orders set due = 7 where code like '%4'").await;
    let report = api.verify(ORDERS, 2).await;
    let [difference] = report["differences"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert!(difference["key"].as_str().unwrap().starts_with("id="), "{difference}");
    let column = json!({ "column": "due", "stored": "7", "expected": "1500" });
    assert_eq!((&difference["kind"], &difference["columns"]), (&json!("columns"), &json!([column])));
    let refused = api.post(&format!("{ORDERS}/promote"), json!({ "force": false })).await;
    assert_eq!(refused.problem(), (409, "/problems/unsafe-promotion"));

    let restarted = Api::of(&platform);
    let stored = restarted.get(&format!("{ORDERS}/verification")).await.json;
    assert_eq!((&stored["report"], &stored["task"]), (&report, &Value::Null));
    assert!(stored["verified_at"].is_string());
    assert_eq!(restarted.post(&format!("{ORDERS}/promote"), json!({ "force": true })).await.status, 200);
}

#[tokio::test]
async fn one_rebuild_of_a_projection_runs_at_a_time_and_can_be_paused() {
    let mut platform = with_history().await;
    let api = Api::of(&platform);
    let slow = json!({ "readers": 1, "throttle": 1 });
    assert_eq!(api.post(&format!("{ORDERS}/pause"), json!({})).await.problem(), (409, "/problems/state-conflict"));
    assert_eq!(api.post(&format!("{ORDERS}/rebuild"), slow.clone()).await.status, 202);
    let second = api.post(&format!("{ORDERS}/rebuild"), slow.clone()).await;
    assert_eq!(second.problem(), (409, "/problems/operation-in-progress"));
    assert_eq!(second.json["detail"], "this process is rebuilding orders already.");
    let elsewhere = Api::of(&platform).post(&format!("{ORDERS}/rebuild"), slow).await;
    assert_eq!(elsewhere.problem(), (409, "/problems/operation-in-progress"));
    assert!(elsewhere.json["detail"].as_str().unwrap().starts_with("another process is rebuilding orders"));
    let running = api.post(&format!("{ORDERS}/retire"), json!({ "generation": 2 })).await;
    assert_eq!(running.problem(), (409, "/problems/operation-in-progress"));
    let unfinished = api.post(&format!("{ORDERS}/verify"), json!({ "generation": 2 })).await;
    assert_eq!(unfinished.problem(), (409, "/problems/state-conflict"));
    let unfinished = api.post(&format!("{ORDERS}/promote"), json!({ "force": true })).await;
    assert_eq!(unfinished.problem(), (409, "/problems/state-conflict"));

    let paused = api.post(&format!("{ORDERS}/pause"), json!({})).await;
    assert_eq!((paused.status, &paused.json["generation"]), (200, &json!(2)));
    assert_eq!(api.get(ORDERS).await.json["generations"][1]["paused"], json!(true));
    let stored = "select paused::int::bigint from projection_rebuilds";
    assert_eq!(platform.number(stored).await, 1);
    assert_eq!(api.post(&format!("{ORDERS}/resume"), json!({})).await.status, 200);
    assert_eq!(platform.number(stored).await, 0);
}

#[tokio::test]
async fn a_rebuild_that_a_shutdown_interrupts_continues_when_asked_again() {
    let mut platform = with_history().await;
    let api = Api::of(&platform);
    let slow = json!({ "readers": 1, "throttle": 1 });
    assert_eq!(api.post(&format!("{ORDERS}/rebuild"), slow).await.status, 202);
    api.wait_for(ORDERS, "/rebuild/progress/segments_done", |done| done.as_i64() > Some(0)).await;
    api.shutdown.request();
    let ended = api.wait_for(ORDERS, "/rebuild", |rebuild| rebuild["ended_at"].is_string()).await;
    assert!(ended["error"].as_str().unwrap().starts_with("interrupted"), "{ended}");
    let done = platform.number("select count(done_at) from projection_rebuild_segments").await;
    assert!(done > 0);

    let restarted = Api::of(&platform);
    let plan = restarted.post(&format!("{ORDERS}/rebuild"), json!({ "dry_run": true })).await.json;
    assert_eq!(plan["continues"], json!(true));
    // The server notices the end of the interrupted rebuild a moment later.
    let continued = async {
        while restarted.post(&format!("{ORDERS}/rebuild"), json!({ "throttle": 0 })).await.status != 202 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, continued).await.unwrap();
    restarted.wait_for(ORDERS, "/rebuild/ended_at", Value::is_string).await;
    assert_eq!(restarted.verify(ORDERS, 2).await["differences_total"], json!(0));
}

#[tokio::test]
async fn parked_streams_are_listed_retried_and_skipped() {
    let mut platform = Platform::new().await;
    let bad = stock_stream("BAD");
    platform.publish_unreadable(&bad).await;
    platform.publish(&bad, received(5)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    let api = Api::of(&platform);
    let path = "/v1/ops/projections/stock/parked";
    let listed = api.get(path).await.json;
    assert_eq!((&listed["parked"][0]["stream_id"], &listed["skipped"]), (&json!("stock-BAD@main"), &json!([])));
    let reason = "event type `StockImagined` is unknown to this build";
    let retried = api.post(&format!("{path}/stock-BAD@main/retry"), json!({})).await.json;
    assert_eq!(retried["outcomes"], json!([{ "generation": 1, "state": "still_parked", "reason": reason }]));

    let skip = json!({ "by": "mara", "reason": "not ours", "position": 1 });
    let skipped = api.post(&format!("{path}/stock-BAD%40main/skip"), skip.clone()).await.json;
    let resumed = json!({ "generation": 1, "skipped_position": 1, "state": "resumed", "events_applied": 1 });
    assert_eq!(skipped, json!({ "stream_id": "stock-BAD@main", "outcomes": [resumed] }));
    let again = api.post(&format!("{path}/stock-BAD@main/skip"), skip).await;
    assert_eq!((again.status, &again.json["outcomes"][0]["state"]), (200, &json!("not_parked")));
    let listed = api.get(path).await.json;
    assert_eq!(listed["parked"], json!([]));
    let record = &listed["skipped"][0];
    assert_eq!(
        (&record["skipped_by"], &record["reason"], &record["failure"], &record["position"]),
        (&json!("mara"), &json!("not ours"), &json!(reason), &json!(1))
    );
    let shown = api.get("/v1/ops/projections/stock").await.json;
    assert_eq!(shown["generations"][0]["skipped_events"], json!(1));

    let gone = api.post(&format!("{path}/stock-BAD@main/retry"), json!({})).await;
    assert_eq!(gone.problem(), (404, "/problems/not-found"));
    let gone = api.post(&format!("{path}/stock-BAD@main/skip"), json!({ "by": "mara", "reason": "again" })).await;
    assert_eq!(gone.problem(), (404, "/problems/not-found"));
    let nameless = api.post(&format!("{path}/stock-BAD@main/skip"), json!({ "by": " ", "reason": "x" })).await;
    assert_eq!(nameless.problem(), (422, "/problems/invalid-body"));
    let invalid = api.post(&format!("{path}/nonsense/retry"), json!({})).await;
    assert_eq!(invalid.problem(), (400, "/problems/invalid-path"));
}

#[tokio::test]
async fn all_projections_are_listed_with_what_the_command_line_shows() {
    let platform = Platform::new().await;
    let listed = Api::of(&platform).get("/v1/ops/projections").await;
    assert_eq!(listed.headers[header::CACHE_CONTROL], "no-store");
    let names: BTreeSet<&str> =
        listed.json["projections"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, read_model::Projection::ALL.map(|projection| projection.name()).into());
    let status = projector::status::list(&platform.database()).await.unwrap();
    let shown =
        listed.json["projections"].as_array().unwrap().iter().flat_map(|it| it["generations"].as_array().unwrap());
    let mut shown: Vec<&Value> = shown.collect();
    shown.sort_by_key(|generation| generation["projection"].as_str().unwrap().to_owned());
    assert_eq!(json!(shown), serde_json::to_value(status).unwrap());
}

#[tokio::test]
async fn errors_are_problem_documents() {
    let platform = Platform::new().await;
    let api = Api::of(&platform);
    for path in [
        "/v1/ops/projections/nothing",
        "/v1/ops/projections/nothing/parked",
        "/v1/ops/projections/nothing/verification",
    ] {
        let missing = api.get(path).await;
        assert_eq!(missing.problem(), (404, "/problems/not-found"), "{path}");
        assert!(missing.json["detail"].as_str().unwrap().contains("the projections are orders, stock"), "{path}");
    }
    let commands = ["rebuild", "pause", "resume", "verify", "promote", "rollback"];
    for command in commands {
        let missing = api.post(&format!("/v1/ops/projections/nothing/{command}"), json!({})).await;
        assert_eq!(missing.problem(), (404, "/problems/not-found"), "{command}");
        let unknown = api.post(&format!("{ORDERS}/{command}"), json!({ "no_such_member": 1 })).await;
        assert_eq!(unknown.problem(), (422, "/problems/invalid-body"), "{command}");
    }
    for command in ["pause", "resume", "promote", "rollback"] {
        let nothing = api.post(&format!("{ORDERS}/{command}"), json!({})).await;
        assert_eq!(nothing.problem(), (409, "/problems/state-conflict"), "{command}");
    }
    for (command, generation) in [("retire", 7), ("verify", 7)] {
        let missing = api.post(&format!("{ORDERS}/{command}"), json!({ "generation": generation })).await;
        assert_eq!(missing.problem(), (404, "/problems/not-found"), "{command}");
    }
    assert_eq!(api.get(&format!("{ORDERS}/verification?generation=7")).await.problem(), (404, "/problems/not-found"));
    assert_eq!(
        api.get(&format!("{ORDERS}/verification?generation=x")).await.problem(),
        (400, "/problems/invalid-query")
    );
    // The relay has not recorded the partitions of the topic yet.
    assert_eq!(api.post(&format!("{ORDERS}/rebuild"), json!({})).await.problem(), (409, "/problems/state-conflict"));
    assert_eq!(api.get(ORDERS).await.json["rebuild"], Value::Null, "a rejected rebuild leaves nothing");
    for body in [
        json!({ "readers": 0 }),
        json!({ "readers": 33 }),
        json!({ "throttle": -1 }),
        json!({ "readers": "two" }),
        json!({ "from": 0 }),
        json!({ "months": ["2026-1"] }),
        json!({ "months": ["2026-10"], "from": 1 }),
        json!({ "months": vec!["2026-10"; 121] }),
        json!([]),
    ] {
        let invalid = api.post(&format!("{ORDERS}/rebuild"), body.clone()).await;
        assert_eq!(invalid.problem(), (422, "/problems/invalid-body"), "{body}");
    }
    for (command, body) in
        [("retire", json!({})), ("retire", json!({ "generation": 0 })), ("verify", json!({ "generation": 0 }))]
    {
        let invalid = api.post(&format!("{ORDERS}/{command}"), body).await;
        assert_eq!(invalid.problem(), (422, "/problems/invalid-body"), "{command}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_503() {
    let api = Api::of_database(Secret::new("postgres://nobody@127.0.0.1:1/nothing".to_owned()));
    let requests = [
        api.get("/v1/ops/projections").await,
        api.get(&format!("{ORDERS}/parked")).await,
        api.get(&format!("{ORDERS}/verification")).await,
        api.post(&format!("{ORDERS}/rebuild"), json!({})).await,
        api.post(&format!("{ORDERS}/verify"), json!({})).await,
        api.post(&format!("{ORDERS}/promote"), json!({})).await,
        api.post(&format!("{ORDERS}/pause"), json!({})).await,
        api.post(&format!("{ORDERS}/parked/stock-BAD@main/retry"), json!({})).await,
        api.post(&format!("{ORDERS}/parked/stock-BAD@main/skip"), json!({ "by": "mara", "reason": "x" })).await,
    ];
    for response in requests {
        assert_eq!(response.problem(), (503, "/problems/database-unavailable"));
        assert_eq!(response.headers[header::RETRY_AFTER], "1");
    }
}

#[tokio::test]
async fn requests_of_other_sites_have_no_effect() {
    let platform = Platform::new().await;
    let api = Api::of(&platform);
    let path = format!("{ORDERS}/rollback");
    let post = |content_type: &'static str| request(Method::POST, &path).header(header::CONTENT_TYPE, content_type);
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let refused = api.send(post(content_type).body(Body::from("{}")).unwrap()).await;
        assert_eq!(refused.problem(), (415, "/problems/content-type"), "{content_type}");
    }
    let none = api.send(request(Method::POST, &path).body(Body::from("{}")).unwrap()).await;
    assert_eq!(none.problem(), (415, "/problems/content-type"));
    let foreign =
        post("application/json").header(header::ORIGIN, "http://evil.example").body(Body::from("{}")).unwrap();
    assert_eq!(api.send(foreign).await.problem(), (403, "/problems/cross-site"));
    let rebound = Request::builder().uri("/v1/ops/projections").header(header::HOST, "evil.example:9083");
    assert_eq!(api.send(rebound.body(Body::empty()).unwrap()).await.problem(), (403, "/problems/cross-site"));
    let preflight = request(Method::OPTIONS, &path)
        .header(header::ORIGIN, "http://evil.example")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let preflight = api.send(preflight.body(Body::empty()).unwrap()).await;
    assert!(preflight.status >= 400 && !preflight.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    let large = api.post(&path, json!({ "x": "x".repeat(100_000) })).await;
    assert_eq!(large.problem(), (413, "/problems/body-too-large"));
}

#[tokio::test]
async fn the_document_describes_every_route_and_method() {
    let api = Api::of_database(Secret::new("postgres://nobody@127.0.0.1:1/nothing".to_owned()));
    let document = api.get("/v1/openapi.json").await.json;
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference} cannot be resolved");
    }
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 13);
    for (path, methods) in paths {
        let filled = path.replace("{name}", "nothing").replace("{stream}", "stock-BAD@main");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let request = request(method.clone(), &filled).header(header::CONTENT_TYPE, "application/json");
            let status = api.send(request.body(Body::from("{}")).unwrap()).await.status;
            let is_documented = methods.get(method.as_str().to_lowercase()).is_some();
            assert_eq!(status != StatusCode::METHOD_NOT_ALLOWED, is_documented, "{method} {path}");
        }
    }
}
