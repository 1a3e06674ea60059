//! Invalid requests of any kind get a problem document that explains the error, never a status 5xx, and they change nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use e2e::api::{Answer, Api, answer};
use e2e::audit::{self, Invariant, Subject};
use e2e::fleet::{Fleet, FleetConfig, Service};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testbed::Bed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

/// Name of the case, request, expected status and last segment of the expected problem type.
type Case = (&'static str, RequestBuilder, u16, &'static str);

const UNKNOWN_ORDER: &str = "01890000-0000-7000-8000-000000000000";

/// Starts a platform with a product that has 10 units in stock and a discontinued product.
async fn platform() -> (Bed, Fleet, Api) {
    let bed = Bed::new().await.unwrap();
    let fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    api.create_product_with_stock("LAMP", 450, 10).await.unwrap();
    api.create_product_with_stock("OLD-LAMP", 450, 10).await.unwrap();
    api.command("/v1/products/OLD-LAMP/discontinuation", Uuid::now_v7(), &json!({})).await.unwrap().success().unwrap();
    (bed, fleet, api)
}

fn post(api: &Api, path: &str) -> RequestBuilder {
    api.raw_command(path).header("idempotency-key", Uuid::now_v7().to_string())
}

fn order(api: &Api, body: &Value) -> RequestBuilder {
    post(api, "/v1/orders").json(body)
}

fn text(api: &Api, body: impl Into<Vec<u8>>) -> RequestBuilder {
    post(api, "/v1/orders").header("content-type", "application/json").body(body.into())
}

fn lamps(quantity: Value) -> Value {
    json!({ "currency": "GBP", "lines": [{ "sku": "LAMP", "quantity": quantity }] })
}

/// The JSON text of an order of one lamp, with one more field as raw text.
fn lamps_text(field: &str) -> String {
    format!(r#"{{"currency":"GBP","lines":[{{"sku":"LAMP","quantity":1}}],{field}}}"#)
}

fn order_of(sku: &str) -> Value {
    json!({ "currency": "GBP", "lines": [{ "sku": sku, "quantity": 1 }] })
}

fn lamps_with(name: &str, value: Value) -> Value {
    let mut body = lamps(json!(1));
    body[name] = value;
    body
}

fn bodies(api: &Api) -> Vec<Case> {
    let deep = format!("{{\"currency\":\"GBP\",\"lines\":{}", "[".repeat(10_000));
    let many = vec![json!({ "sku": "LAMP", "quantity": 1 }); 501];
    vec![
        ("no body", text(api, ""), 400, "malformed-json"),
        ("broken JSON", text(api, "{\"currency\": \"GBP\", \"lines\": [}"), 400, "malformed-json"),
        ("half a body", text(api, "{\"currency\": \"G"), 400, "malformed-json"),
        ("not UTF-8", text(api, b"{\"currency\": \"\xff\xfe\"}".to_vec()), 400, "malformed-json"),
        ("two documents", text(api, "{} {}"), 422, "invalid-body"),
        ("an array", order(api, &json!([])), 422, "invalid-body"),
        ("null", order(api, &json!(null)), 422, "invalid-body"),
        ("deeply nested JSON", text(api, deep), 422, "invalid-body"),
        ("an unknown field", order(api, &lamps_with("colour", json!("red"))), 422, "invalid-body"),
        ("a missing field", order(api, &json!({ "lines": [] })), 422, "invalid-body"),
        ("no lines", order(api, &lamps_with("lines", json!([]))), 422, "invalid-body"),
        ("501 lines", order(api, &lamps_with("lines", json!(many))), 422, "invalid-body"),
        ("a string for a number", order(api, &lamps(json!("3"))), 422, "invalid-body"),
        ("half a unit", order(api, &lamps(json!(1.5))), 422, "invalid-body"),
        ("zero units", order(api, &lamps(json!(0))), 422, "invalid-body"),
        ("a negative number of units", order(api, &lamps(json!(-1))), 422, "invalid-body"),
        ("too many units", order(api, &lamps(json!(1_000_001))), 422, "invalid-body"),
        (
            "a number that is too large for its type",
            text(api, lamps(json!(0)).to_string().replace(":0", ":1e400")),
            422,
            "invalid-body",
        ),
        ("an impossible SKU", order(api, &order_of("no such thing")), 422, "invalid-body"),
        ("a NUL character in a text", order(api, &lamps_with("note", json!("a\u{0}b"))), 422, "invalid-body"),
        ("a long text", order(api, &lamps_with("external_ref", json!("x".repeat(100_000)))), 422, "invalid-body"),
        ("an id of another kind", order(api, &lamps_with("id", json!(Uuid::nil()))), 422, "invalid-body"),
        ("a currency in lower case", order(api, &lamps_with("currency", json!("gbp"))), 422, "invalid-body"),
        ("an unknown currency", order(api, &lamps_with("currency", json!("XYZ"))), 422, "invalid-body"),
        (
            "a negative price",
            post(api, "/v1/products").json(&json!({ "sku": "B", "name": "B", "prices": { "GBP": -1 } })),
            422,
            "invalid-body",
        ),
        (
            "a receipt of zero units",
            post(api, "/v1/stock/LAMP/main/receipts").json(&json!({ "quantity": 0 })),
            422,
            "invalid-body",
        ),
        (
            "deeply nested JSON in a known field",
            text(api, lamps_text(&format!("\"note\":{}1{}", "[".repeat(5_000), "]".repeat(5_000)))),
            422,
            "invalid-body",
        ),
        ("an escaped NUL", text(api, lamps_text(r#""note":"a\u0000b""#)), 422, "invalid-body"),
        ("a lone surrogate", text(api, lamps_text(r#""note":"a\ud800b""#)), 400, "malformed-json"),
        ("a field twice", text(api, lamps_text(r#""currency":"GBP""#)), 422, "invalid-body"),
        (
            "a number of 400 digits",
            text(api, lamps_text(&format!("\"discount\":{}", "9".repeat(400)))),
            400,
            "malformed-json",
        ),
        ("a number with a huge exponent", text(api, lamps_text("\"discount\":1e99999")), 400, "malformed-json"),
        ("a SKU with a direction mark", order(api, &order_of("LAM\u{202e}P")), 422, "invalid-body"),
        ("a SKU with an invisible space", order(api, &order_of("LAMP\u{200b}")), 422, "invalid-body"),
        ("a SKU with a letter of another script", order(api, &order_of("L\u{0410}MP")), 422, "invalid-body"),
        ("an array instead of an object", text(api, "[null,null,\"GBP\"]"), 422, "invalid-body"),
        ("a body of 2 MB", text(api, vec![b' '; 2 << 20]), 413, "body-too-large"),
        ("plain text", post(api, "/v1/orders").header("content-type", "text/plain").body("hello"), 415, "content-type"),
        ("no content type", post(api, "/v1/orders").body("{}"), 415, "content-type"),
    ]
}

fn batches(api: &Api) -> Vec<Case> {
    let commands =
        |count: usize| json!(vec![json!({ "command": "place_order", "key": "k", "body": lamps(json!(1)) }); count]);
    let batch = |body: Value| api.raw_command("/v1/commands").json(&body);
    let typed = |content_type: &'static str, body: String| {
        api.raw_command("/v1/commands").header("content-type", content_type).body(body)
    };
    // The service rejects the request before it has read the body, so the connection cannot be used for another request.
    let huge = typed("application/json", " ".repeat(9 << 20)).header("connection", "close");
    vec![
        ("1,001 commands", batch(commands(1_001)), 422, "batch-too-large"),
        ("1,001 lines", typed("application/x-ndjson", "{}\n".repeat(1_001)), 422, "batch-too-large"),
        ("no commands", batch(json!([])), 422, "invalid-body"),
        ("one command, not in an array", batch(commands(1)[0].clone()), 422, "invalid-body"),
        ("an unterminated array", typed("application/json", "[".repeat(10_000)), 400, "malformed-json"),
        (
            "commands as a form",
            typed("application/x-www-form-urlencoded", "command=place_order".into()),
            415,
            "content-type",
        ),
        ("a batch of 9 MB", huge, 413, "body-too-large"),
        (
            "a misspelt query parameter",
            api.raw_command("/v1/commands?atomics=true").json(&commands(1)),
            400,
            "invalid-query",
        ),
    ]
}

fn rules(api: &Api) -> Vec<Case> {
    let payment = json!({ "kind": "captured", "amount": 100, "method": "card" });
    vec![
        ("an unknown SKU", order(api, &order_of("UNKNOWN")), 422, "unknown-product"),
        ("a discontinued product", order(api, &order_of("OLD-LAMP")), 409, "inactive-product"),
        ("a currency without a price", order(api, &lamps_with("currency", json!("JPY"))), 422, "price-missing"),
        ("an unknown channel", order(api, &lamps_with("channel", json!("moon"))), 422, "unknown-channel"),
        ("more units than are available", order(api, &lamps(json!(11))), 409, "insufficient-stock"),
        ("a different expected total", order(api, &lamps_with("expected_total", json!(1))), 422, "total-mismatch"),
        ("no key", api.raw_command("/v1/orders").json(&lamps(json!(1))), 400, "idempotency-key-missing"),
        (
            "a blank key",
            api.raw_command("/v1/orders").header("idempotency-key", " ").json(&lamps(json!(1))),
            400,
            "idempotency-key-invalid",
        ),
        (
            "a long key",
            api.raw_command("/v1/orders").header("idempotency-key", "k".repeat(256)).json(&lamps(json!(1))),
            400,
            "idempotency-key-invalid",
        ),
        (
            "a SKU that exists already",
            post(api, "/v1/products").json(&json!({ "sku": "LAMP", "name": "Other", "prices": { "GBP": 1 } })),
            409,
            "duplicate-sku",
        ),
        (
            "an unknown order",
            post(api, &format!("/v1/orders/{UNKNOWN_ORDER}/payments")).json(&payment),
            404,
            "unknown-order",
        ),
        (
            "an order code instead of an id",
            post(api, "/v1/orders/SON000001/payments").json(&payment),
            400,
            "invalid-path",
        ),
        ("an unknown path", post(api, "/v1/orderz").json(&json!({})), 404, "not-found"),
        ("an unknown product", post(api, "/v1/products/NONE/discontinuation").json(&json!({})), 404, "unknown-product"),
        (
            "stock of an unknown product",
            post(api, "/v1/stock/NONE/main/receipts").json(&json!({ "quantity": 1 })),
            404,
            "unknown-product",
        ),
    ]
}

/// Describes the difference between the response and the expected problem; `None` if there is none.
async fn difference(case: Case) -> Option<String> {
    let (name, request, status, problem) = case;
    let response = match answer(request).await {
        Ok(response) => response,
        Err(error) => return Some(format!("{name}: {error:#}")),
    };
    let is_document = response.content_type == "application/problem+json"
        && response.body["status"] == response.status
        && !response.text("title").is_empty()
        && !response.text("detail").is_empty();
    let is_expected = is_document && (response.status, response.problem()) == (status, problem);
    (!is_expected)
        .then(|| format!("{name}: expected {status} {problem}, received {} {}", response.status, response.body))
}

async fn differences(cases: Vec<Case>) -> Vec<String> {
    let mut differences = Vec::new();
    for case in cases {
        differences.extend(difference(case).await);
    }
    differences
}

async fn head(bed: &Bed) -> i64 {
    e2e::log::head(&e2e::log::connect(&bed.reader_url().unwrap()).await.unwrap()).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_commands_get_problems_and_change_nothing() {
    let (bed, fleet, api) = platform().await;
    let before = head(&bed).await;
    let mut found = differences(bodies(&api)).await;
    found.extend(differences(rules(&api)).await);
    found.extend(differences(batches(&api)).await);
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(head(&bed).await, before);
    fleet.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problems_name_the_order_line_and_the_available_units() {
    let (_bed, fleet, api) = platform().await;
    let lines = json!([{ "sku": "LAMP", "quantity": 1 }, { "sku": "LAMP", "quantity": 10 }]);
    let insufficient = answer(order(&api, &lamps_with("lines", lines))).await.unwrap();
    assert_eq!((insufficient.status, insufficient.problem()), (409, "insufficient-stock"));
    assert_eq!(
        (&insufficient.body["lines"][0]["line"], &insufficient.body["lines"][0]["sku"]),
        (&json!(2), &json!("LAMP")),
        "{}",
        insufficient.body
    );
    assert!(insufficient.body["lines"][0]["available"].is_i64(), "{}", insufficient.body);

    let wrong = answer(order(&api, &lamps(json!("3")))).await.unwrap();
    assert_eq!(wrong.body["pointer"], "/lines/0/quantity");

    let key = Uuid::now_v7();
    let placed = api.command("/v1/orders", key, &lamps(json!(2))).await.unwrap().success().unwrap();
    let reused = api.command("/v1/orders", key, &lamps(json!(3))).await.unwrap();
    assert_eq!((reused.status, reused.problem()), (422, "idempotency-key-reused"));
    let again = api.command("/v1/orders", key, &lamps(json!(2))).await.unwrap();
    assert_eq!((again.is_replayed, again.body), (true, placed.body.clone()));

    let cancelled = format!("/v1/orders/{}/cancellation", placed.text("id"));
    api.command(&cancelled, Uuid::now_v7(), &json!({ "reason": "late" })).await.unwrap().success().unwrap();
    let fulfil = format!("/v1/orders/{}/fulfilments", placed.text("id"));
    let late = api.command(&fulfil, Uuid::now_v7(), &json!({})).await.unwrap();
    assert_eq!((late.status, late.problem(), late.text("lifecycle")), (409, "order-state", "cancelled"));
    fleet.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_queries_get_problems() {
    let (_bed, fleet, api) = platform().await;
    let base = fleet.url(Service::Query).unwrap();
    let http = reqwest::Client::new();
    let get = |path: &str| http.get(format!("{base}{path}"));
    let not_older = |token: &str| get(&format!("/v1/orders/{UNKNOWN_ORDER}")).header("consistency-token", token);
    let cases: Vec<Case> = vec![
        ("a forged cursor", get("/v1/orders?cursor=AAAA"), 400, "invalid-cursor"),
        ("a cursor that is not UTF-8", get("/v1/orders?cursor=%ff"), 400, "invalid-query"),
        ("a page size of zero", get("/v1/orders?limit=0"), 400, "invalid-query"),
        ("a page size above the limit", get("/v1/orders?limit=100000"), 400, "invalid-query"),
        ("an unknown status", get("/v1/orders?lifecycle=happy"), 400, "invalid-query"),
        ("an unknown parameter", get("/v1/orders?lifecycel=open"), 400, "invalid-query"),
        ("a parameter twice", get("/v1/orders?limit=1&limit=2"), 400, "invalid-query"),
        ("neither an order id nor an order code", get("/v1/orders/hello"), 400, "invalid-order-key"),
        ("an unknown order", get(&format!("/v1/orders/{UNKNOWN_ORDER}")), 404, "order-not-found"),
        ("an unknown code", get("/v1/orders/SON999999"), 404, "order-not-found"),
        ("an unknown product", get("/v1/products/NONE"), 404, "product-not-found"),
        ("stock of an unknown product", get("/v1/stock/NONE"), 404, "stock-not-found"),
        (
            "an invalid consistency token",
            get("/v1/products/LAMP").header("consistency-token", "soon"),
            400,
            "invalid-consistency-token",
        ),
        ("an unknown path", get("/v1/nothing"), 404, "not-found"),
        (
            "a command to the query service",
            http.post(format!("{base}/v1/orders")).json(&json!({})),
            405,
            "method-not-allowed",
        ),
        (
            "a token far beyond the log",
            not_older("999999999").header("prefer", "wait=9"),
            400,
            "invalid-consistency-token",
        ),
        // This is no client error: the log has not reached the token yet, and the response states when to retry.
        ("a token slightly beyond the log", not_older("99999").header("prefer", "wait=1"), 503, "projection-lag"),
    ];
    let found = differences(cases).await;
    assert!(found.is_empty(), "{}", found.join("\n"));

    let cursor = next_cursor(&api).await;
    let case = get(&format!("/v1/orders?lifecycle=cancelled&cursor={cursor}"));
    assert_eq!(difference(("a cursor of a list with other filters", case, 400, "invalid-cursor")).await, None);
    fleet.finish();
}

/// The cursor after the first of two open orders.
async fn next_cursor(api: &Api) -> String {
    let mut token = 0;
    for _ in 0..2 {
        let placed: Answer = answer(order(api, &lamps(json!(1)))).await.unwrap().success().unwrap();
        token = placed.token.unwrap();
    }
    let page = api.query_at("/v1/orders?lifecycle=open&limit=1", token).await.unwrap().success().unwrap();
    page.text("next_cursor").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_http_does_not_affect_other_requests() {
    let (bed, fleet, api) = platform().await;
    for service in [Service::Command, Service::Query] {
        for garbage in [b"\x16\x03\x01\x02\x00".as_slice(), b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n", &[0xff; 70_000]]
        {
            let mut stream = TcpStream::connect(fleet.addr(service).unwrap()).await.unwrap();
            // The service may close the connection before it has read everything.
            let _ = stream.write_all(garbage).await;
            let _ = stream.shutdown().await;
            let mut received = Vec::new();
            let _ = stream.read_to_end(&mut received).await;
            let received = String::from_utf8_lossy(&received);
            assert!(received.is_empty() || received.starts_with("HTTP/1.1 4"), "{service}: {received}");
        }
    }
    let lines = [
        "POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5\r\ncontent-length: 9\r\n\r\n{}",
        "POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{}",
    ];
    for request in lines {
        let mut stream = TcpStream::connect(fleet.addr(Service::Command).unwrap()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut received = String::new();
        let _ = stream.read_to_string(&mut received).await;
        assert!(received.is_empty() || received.starts_with("HTTP/1.1 4"), "{received}");
    }
    answer(order(&api, &lamps(json!(1)))).await.unwrap().success().unwrap();
    let lines = audit::run(&Subject::of(&bed, Vec::new()).unwrap(), &[Invariant::Gapless, Invariant::Liveness]).await;
    assert!(lines.iter().all(audit::Line::has_passed), "{lines:?}");
    fleet.finish();
}
