//! The OpenAPI document matches the routes, parameters and methods of the service.

use std::collections::BTreeSet;

use projector::frame::ReadModel;
use projector::frame::rows::tables;
use projector::projections::{WithReadModel, with_read_model};
use query_service::http::documentation::INFO;
use query_service::http::routes;
use read_model::Projection;
use serde_json::Value;
use testbed::Bed;

use crate::fixture::Platform;
use crate::service::Service;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn paths(document: &Value) -> Vec<String> {
    document["paths"].as_object().expect("paths").keys().cloned().collect()
}

#[test]
fn every_route_is_in_the_document() {
    let documented = paths(&routes().document(&INFO));
    // axum does not list its routes, but its debug output has the pattern of every one in quotes.
    let printed = format!("{:?}", routes().finish(&INFO));
    let routed: BTreeSet<&str> =
        printed.split('"').filter(|it| it.len() > 1 && it.starts_with('/') && !it.starts_with("/{*")).collect();
    assert!(routed.contains("/v1/orders/{key}"), "{printed}");
    for path in routed {
        let is_the_document = path.starts_with("/docs") || path == platform::openapi::DOCUMENT_PATH;
        let is_known = documented.iter().any(|known| known == path || *known == format!("/v1{path}"));
        assert!(is_known || is_the_document, "{path} is not in the document");
    }
}

/// The queries that the indexes of the read models are declared for.
fn queries_of_indexes() -> Vec<&'static str> {
    struct Queries;
    impl WithReadModel for Queries {
        type Output = Vec<&'static str>;

        fn call<M: ReadModel>(self) -> Vec<&'static str> {
            let indexes = tables::<M>().into_iter().flat_map(|table| table.indexes);
            // All other indexes are for the removal of rows.
            indexes
                .map(|index| index.query)
                .filter(|query| query.starts_with("GET ") || M::CLEAN_UP.is_none())
                .collect()
        }
    }
    Projection::ALL
        .into_iter()
        .flat_map(|projection| with_read_model(projection, Queries).expect("a read model"))
        .collect()
}

#[test]
fn every_index_of_a_read_model_is_for_a_query_of_the_document() {
    let document = routes().document(&INFO);
    let queries = queries_of_indexes();
    assert!(queries.contains(&"GET /v1/orders?fulfilment="), "{queries:?}");
    for request in queries {
        let request = request.strip_prefix("GET ").unwrap_or_else(|| panic!("`{request}` is not a query"));
        let (path, parameter) = request.split_once('?').unwrap_or((request, ""));
        let parameters = document["paths"][path]["get"]["parameters"].as_array();
        let parameters = parameters.unwrap_or_else(|| panic!("no query is called {request}"));
        let is_documented = |name: &str| parameters.iter().any(|it| it["name"] == name);
        let names = parameter.split('&').map(|name| name.trim_end_matches('=')).filter(|name| !name.is_empty());
        names.for_each(|name| assert!(is_documented(name), "no query is called {request}"));
    }
}

#[test]
fn reports_are_documented_as_json_and_as_csv() {
    let document = routes().document(&INFO);
    for report in ["sales", "products", "customers", "returns", "fulfilment", "stock"] {
        let content = &document["paths"][format!("/v1/reports/{report}")]["get"]["responses"]["200"]["content"];
        let media_types: Vec<&String> = content.as_object().expect("two media types").keys().collect();
        assert_eq!(media_types, ["application/json", "text/csv"], "{report}");
    }
}

#[test]
fn every_reference_can_be_resolved() {
    let document = routes().document(&INFO);
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()) {
        assert!(document.pointer(reference).is_some(), "{reference} cannot be resolved");
    }
}

#[tokio::test]
async fn documented_methods_and_parameters_are_those_that_are_accepted() {
    let (bed, exports) = (Bed::new().await.expect("a test bed"), tempfile::tempdir().expect("a folder"));
    let directory = exports.path().to_str().expect("a path").to_owned();
    let service = Service::start_with(&bed, &[("EXPORTS_DIR", directory)]).await;
    let document = service.get("/v1/openapi.json").await.json;
    assert_eq!(document, routes().document(&INFO));
    for path in paths(&document) {
        for method in METHODS {
            let is_accepted = service.send(method, &filled(&path)).await != 405;
            assert_eq!(is_accepted, !document["paths"][&path][method].is_null(), "{method} {path}");
        }
        let Some(read) = document["paths"][&path].get("get") else { continue };
        let parameters = read["parameters"].as_array().expect("parameters");
        let names = parameters.iter().filter(|it| it["in"] == "query").map(|it| it["name"].as_str().expect("a name"));
        let documented: BTreeSet<&str> = names.collect();
        let refused = service.get(&format!("{}?no-such-parameter=1", filled(&path))).await;
        assert_eq!(refused.json["type"], "/problems/invalid-query", "{path}");
        let allowed = refused.json["allowed"].as_array().expect("a list").iter();
        assert_eq!(documented, allowed.map(|it| it.as_str().expect("a name")).collect(), "{path}");
    }
}

#[tokio::test]
async fn a_version_is_selected_by_path_or_header_and_must_exist() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    for path in ["/v1/products", "/products"] {
        for version in [None, Some("1")] {
            let answer =
                service.get_with(path, &version.map(|it| ("api-version", it)).into_iter().collect::<Vec<_>>()).await;
            assert_eq!((answer.status, answer.headers["api-version"].as_bytes()), (200, b"1".as_slice()), "{path}");
        }
        for unknown in ["2", "", "one", "1, 1"] {
            let refused = service.get_with(path, &[("api-version", unknown)]).await;
            assert_eq!((refused.status, &refused.json["supported"]), (400, &serde_json::json!(["1"])), "{unknown}");
            assert_eq!(refused.json["type"], "/problems/unsupported-version");
        }
    }
}

#[tokio::test]
async fn the_documentation_page_loads_nothing_from_other_sites() {
    let bed = Bed::new().await.expect("a test bed");
    let service = Service::start(&bed).await;
    let (page, headers) = service.text("/docs").await;
    assert!(!page.contains("://"), "{page}");
    assert!(headers["content-security-policy"].to_str().expect("text").contains("script-src 'self'"));
    for part in page.split(['"']).filter(|it| it.starts_with("docs/")) {
        assert!(!service.text(&format!("/{part}")).await.0.is_empty(), "{part}");
    }
}

/// A path that matches the pattern.
fn filled(pattern: &str) -> String {
    let value = if pattern.starts_with("/v1/export") { "0190163d-8694-739b-aea5-966c26f8e001" } else { "SON000001" };
    pattern.split('/').map(|it| if it.starts_with('{') { value } else { it }).collect::<Vec<_>>().join("/")
}

#[test]
fn every_integer_can_be_represented_exactly_by_every_client() {
    let found = events::exact::find_unbounded_integers(&routes().document(&INFO));
    assert!(found.is_empty(), "these integers need bounds of at most 2^53 - 1: {found:#?}");
}
