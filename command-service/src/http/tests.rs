//! The OpenAPI document describes every route, and no others.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use platform::server::{Limits, shell};
use serde_json::Value;
use tower::ServiceExt;

use super::rejection_types::type_of;
use super::{HttpState, INFO, commands, router, routes};
use domain::rejection;
use domain::rejection::AllowedCommand;
use events::email::EmailIndex;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn emails() -> EmailIndex {
    EmailIndex::from_secret("any secret, as long as it has 32 characters").unwrap()
}

/// Every operation of the document: path, method and description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, said)| (path.clone(), method.clone(), said.clone()))
    });
    each.collect()
}

#[test]
fn every_route_is_in_the_document() {
    let document = routes(commands(&emails())).document(&INFO);
    let documented: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    // axum does not list its routes, but its debug output contains every path pattern in quotes; `/` and a pattern of axum itself
    // are the fallback.
    let printed = format!("{:?}", router(HttpState::default(), &emails()));
    let routed: BTreeSet<&str> =
        printed.split('"').filter(|it| it.len() > 1 && it.starts_with('/') && !it.starts_with("/{*")).collect();
    assert!(routed.contains("/v1/orders"), "{printed}");
    for path in routed {
        let is_the_document = path.starts_with("/docs") || path == platform::openapi::DOCUMENT_PATH;
        let versioned = format!("/v1{path}");
        let is_known = documented.contains(path) || documented.contains(versioned.as_str());
        assert!(is_known || is_the_document, "{path} is not in the document");
    }
}

#[tokio::test]
async fn the_documented_methods_are_the_supported_ones() {
    let document = routes(commands(&emails())).document(&INFO);
    let router = shell(router(HttpState::default(), &emails()), &Limits::default());
    for path in document["paths"].as_object().unwrap().keys() {
        for method in METHODS {
            let request = Request::builder().method(method.to_ascii_uppercase().as_str()).uri(filled(path));
            let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let is_taken = response.status() != StatusCode::METHOD_NOT_ALLOWED;
            let is_documented = !document["paths"][path][method].is_null();
            assert_eq!(is_taken, is_documented, "{method} {path}: {}", response.status());
        }
    }
}

/// A path that matches the pattern.
fn filled(pattern: &str) -> String {
    pattern.split('/').map(|it| if it.starts_with('{') { "1" } else { it }).collect::<Vec<_>>().join("/")
}

#[test]
fn operation_ids_are_unique_and_every_reference_resolves() {
    let document = routes(commands(&emails())).document(&INFO);
    let ids: Vec<Value> =
        operations(&document).into_iter().map(|(_, _, mut said)| said["operationId"].take()).collect();
    let distinct: BTreeSet<&str> = ids.iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference} does not resolve");
    }
}

#[test]
fn every_variable_of_a_path_is_a_parameter() {
    for (path, method, said) in operations(&routes(commands(&emails())).document(&INFO)) {
        let in_path: BTreeSet<&str> =
            path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters = said["parameters"].as_array().unwrap();
        let said: BTreeSet<&str> =
            parameters.iter().filter(|it| it["in"] == "path").map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(said, in_path, "{method} {path}");
    }
}

#[test]
fn every_kind_of_rejection_is_documented_under_its_status() {
    let document = routes(commands(&emails())).document(&INFO);
    let all: Vec<Value> = operations(&document).into_iter().map(|(_, _, said)| said["responses"].clone()).collect();
    for (rejection, _) in rejection::samples::every() {
        let problem_type = type_of(&rejection);
        let (kind, status) = (problem_type.slug, problem_type.status.as_u16());
        let kinds = format!("/{status}/content/application~1problem+json/schema/properties/type/enum");
        let kind = Value::String(format!("/problems/{kind}"));
        let is_said =
            all.iter().any(|said| said.pointer(&kinds).is_some_and(|it| it.as_array().unwrap().contains(&kind)));
        assert!(is_said, "no operation documents {status} {kind}");
    }
}

#[test]
fn every_integer_has_exactly_representable_bounds() {
    let found = events::exact::find_unbounded_integers(&routes(commands(&emails())).document(&INFO));
    assert!(found.is_empty(), "these integers need bounds of at most 2^53 - 1: {found:#?}");
}

#[test]
fn every_command_that_the_state_of_an_order_allows_has_a_path() {
    let paths = commands(&emails()).paths();
    let path = |command| paths.path(command);
    for (name, expected) in [
        ("record_payment", "payments"),
        ("record_refund", "refunds"),
        ("create_fulfilment", "fulfilments"),
        ("cancel_order", "cancellation"),
        ("request_return", "returns"),
        ("amend_order", "amendments"),
        ("hold_order", "holds"),
        ("release_order", "holds/release"),
        ("change_addresses", "addresses"),
        ("add_note", "notes"),
        ("tag_order", "tags"),
        ("assign_customer", "customer"),
    ] {
        assert_eq!(path(AllowedCommand::to_order(name)).as_deref(), Some(expected));
    }
    for (name, expected) in [
        ("ship_fulfilment", "fulfilments/7/shipment"),
        ("deliver_fulfilment", "fulfilments/7/delivery"),
        ("cancel_fulfilment", "fulfilments/7/cancellation"),
        ("receive_return", "returns/7/receipt"),
        ("reject_return", "returns/7/rejection"),
    ] {
        assert_eq!(path(AllowedCommand::to_part(name, 7)).as_deref(), Some(expected));
    }
    assert_eq!(path(AllowedCommand::to_order("complete_order")), None);
}
