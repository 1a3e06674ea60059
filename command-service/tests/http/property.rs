//! No request results in a 5xx or a panic: random JSON, valid bodies with a random change, and bytes that are not JSON, for every route
//! that accepts a body.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::shop::Shop;

/// Number of requests in a run. Each is a command to a real log, which takes some milliseconds.
const CASES: u32 = 2_000;

/// An id that no order has.
const SOME_ORDER: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// Values that often reveal defects: limits of numbers, control characters, direction marks, partial characters, names of other things.
const NASTY: [&str; 14] = [
    "",
    " ",
    "\0",
    "\u{202e}drowssap",
    "\u{200b}\u{feff}",
    "e\u{301}\u{301}\u{301}",
    "\u{1F468}\u{200d}\u{1F469}",
    "\u{fffd}",
    "'; drop table events; --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "LAMP",
    "GBP",
    "0190163d-8694-739b-aea5-966c26f8ad91",
];

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|it| json!(it)),
        prop::sample::select(vec![json!(0), json!(-1), json!(1), json!(i64::MIN), json!(u64::MAX), json!(1e300)]),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(NASTY.to_vec()).prop_map(str::to_owned), ".{0,20}", "[a-z_]{1,12}"]
}

/// Any JSON; the members of our bodies are more frequent than other names.
fn any_json(names: Vec<String>) -> impl Strategy<Value = Value> {
    let name = prop_oneof![prop::sample::select(names), text()];
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), text().prop_map(Value::from)];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// The JSON pointers of all values in a document.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// A valid body with another value in one place.
fn changed(right: Value, names: Vec<String>) -> impl Strategy<Value = Value> {
    let mut all = Vec::new();
    places(&right, "", &mut all);
    (prop::sample::select(all), any_json(names)).prop_map(move |(place, other)| {
        let mut body = right.clone();
        *body.pointer_mut(&place).unwrap() = other;
        body
    })
}

/// Every route that accepts a JSON body, with a valid body from the OpenAPI document.
fn routes(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().filter_map(move |(method, said)| {
            let right = said.pointer("/requestBody/content/application~1json/example")?;
            Some((method.clone(), filled(path), right.clone()))
        })
    });
    let batch = json!([{ "command": "place_order", "key": "k", "body": { "currency": "GBP", "lines": [] } }]);
    each.chain([("post".to_owned(), "/v1/commands".to_owned(), batch)]).collect()
}

/// A path with valid path variables.
fn filled(pattern: &str) -> String {
    let part = |part| match part {
        "{sku}" => "LAMP",
        "{location}" => "main",
        "{currency}" => "GBP",
        "{order_id}" | "{customer_id}" | "{hold_id}" => SOME_ORDER,
        other if other.starts_with('{') => "1",
        other => other,
    };
    pattern.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A word about the implementation of the service, if a problem contains one.
fn implementation_word(answer: &str) -> Option<&'static str> {
    const OURS: [&str; 21] = [
        "struct ",
        "enum ",
        "tuple",
        "variant",
        "visitor",
        "newtype",
        "sequence",
        "unit value",
        "EOF",
        " ident",
        "i8",
        "i64",
        "u8 ",
        "u16",
        "u32",
        "u64",
        "usize",
        "f64",
        "serde",
        "invalid type",
        "invalid length",
    ];
    let is_problem = answer.contains("\"/problems/");
    let answer = without_escapes(answer);
    OURS.into_iter().find(|word| is_problem && answer.contains(word))
}

/// The text without escapes of invisible characters, whose digits can look like a type: `\u{f6400}`.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("u{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// Names of the members of all bodies.
fn names(document: &Value) -> Vec<String> {
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let members = schemas.values().filter_map(|schema| schema["properties"].as_object());
    members.flat_map(|members| members.keys().cloned()).collect()
}

/// A random request: method, path and body.
fn request(document: &Value) -> impl Strategy<Value = (String, String, Vec<u8>)> + use<> {
    let names = names(document);
    prop::sample::select(routes(document)).prop_flat_map(move |(method, path, right)| {
        let body = prop_oneof![
            4 => changed(right, names.clone()).prop_map(|body| body.to_string().into_bytes()),
            3 => any_json(names.clone()).prop_map(|body| body.to_string().into_bytes()),
            1 => prop::collection::vec(any::<u8>(), 0..64),
        ];
        (Just(method), Just(path), body)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_input_of_any_shape_is_answered_with_a_5xx_or_a_panic() {
    let shop = Shop::with_lamps(1_000_000).await;
    let document = shop.get("/v1/openapi.json").await.json();
    let requests = request(&document);
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        let checked = runner.run(&requests, |(method, path, body)| {
            let key = uuid::Uuid::now_v7().to_string();
            let answered = handle.block_on(shop.send_as(&method, &path, &[("idempotency-key", &key)], body));
            prop_assert!(!answered.status.is_server_error(), "{method} {path}: {answered:?}");
            prop_assert_eq!(implementation_word(&answered.text), None, "{} {}: {:?}", method, path, answered);
            Ok(())
        });
        checked.unwrap();
    })
    .await
    .unwrap();
}

/// Values that (nearly) no member of any body accepts.
fn wrong_values() -> [Value; 10] {
    [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("\u{200b}"),
        json!("it's"),
        json!([[]]),
        json!({ "a": { "b": 1 } }),
    ]
}

#[tokio::test]
async fn every_invalid_value_is_rejected_in_words_for_callers() {
    let shop = Shop::with_lamps(10).await;
    let document = shop.get("/v1/openapi.json").await.json();
    let mut refused = 0;
    for (method, path, right) in routes(&document) {
        let mut all = Vec::new();
        places(&right, "", &mut all);
        for (place, wrong) in all.iter().flat_map(|place| wrong_values().map(|wrong| (place, wrong))) {
            let mut body = right.clone();
            *body.pointer_mut(place).unwrap() = wrong;
            let answered = shop.call(&method, &format!("{path}?dry_run=true"), &[], &body).await;
            assert_eq!(implementation_word(&answered.text), None, "{method} {path} {body}: {}", answered.text);
            refused += u32::from(answered.status.as_u16() == 422);
        }
    }
    assert!(refused > 500, "{refused}");
    for path in ["/v1/orders/x/holds", "/v1/products/a%20b/discontinuation", "/v1/orders/it's/fulfilments/1.5/shipment"]
    {
        let answered = shop.post(path, &[("idempotency-key", "k")], &json!({ "reason": "r" })).await;
        answered.assert_problem(400, "invalid-path");
        assert_eq!(
            (implementation_word(&answered.text), answered.text.contains("\\\\'")),
            (None, false),
            "{}",
            answered.text
        );
    }
}
