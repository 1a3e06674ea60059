//! Every read says how new its result is, which caches may store it, and which request headers it depends on.

use query_service::http::documentation::INFO;
use query_service::http::routes;
use serde_json::Value;

use crate::fixture::Platform;
use crate::service::Service;

/// Routes that do not read the log or a projection, or whose body is the freshness.
const NOT_READS: [&str; 3] = ["/v1/freshness", "/v1/schemas/", "/v1/export"];

/// A request for each documented path that finds something.
async fn request(platform: &Platform, path: &str) -> String {
    let query = match path {
        "/v1/availability" => "?sku=MUG-1",
        "/v1/reports/customers" => "",
        report if report.starts_with("/v1/reports/") => "?from=2026-03-01&to=2026-04-01",
        _ => "",
    };
    let key = match path.split('/').nth(2) {
        Some("orders") => "SON000001".to_owned(),
        Some("customers") => platform.text("select id from customers").await,
        Some("stock-holds") => platform.text("select id from stock_holds").await,
        _ => "MUG-1".to_owned(),
    };
    let filled = path.split('/').map(|part| match part {
        "{location}" => "main",
        part if part.starts_with('{') => &key,
        part => part,
    });
    filled.collect::<Vec<_>>().join("/") + query
}

/// A platform with one of each, and a service that knows the lag of its projections.
async fn platform_and_service() -> (Platform, Service) {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    platform.create_product("MUG-1", 450).await;
    platform.receive_stock("MUG-1", "main", 3).await;
    platform.register_customer("2026-03-01T10:00:00Z", 1, "Ada").await;
    platform.place_stock_hold("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    service.until_lag_is_known().await;
    (platform, service)
}

#[tokio::test]
async fn every_read_has_its_position_and_its_lag() {
    let (platform, service) = platform_and_service().await;
    let document = routes().document(&INFO);
    let is_read = |path: &&String| !NOT_READS.iter().any(|other| path.starts_with(other));
    let paths = document["paths"].as_object().expect("paths");
    let paths =
        paths.iter().filter(|(_, operations)| operations.get("get").is_some()).map(|(path, _)| path).filter(is_read);
    let mut requests = Vec::new();
    for path in paths {
        requests.push(request(&platform, path).await);
    }
    assert!(requests.len() > 15, "{requests:?}");
    requests.push("/v1/orders/SON000001?as_of=1".to_owned());
    requests.push("/v1/orders/SON000001?include=customer,timeline".to_owned());
    for request in requests {
        let response = service.response(&request, &[]).await;
        assert_eq!(response.status(), 200, "{request}");
        for header in ["projection-position", "projection-lag-ms"] {
            let value = response.headers().get(header).unwrap_or_else(|| panic!("{request} has no {header}"));
            assert!(value.to_str().expect("text").parse::<u64>().is_ok(), "{request}: {header} is {value:?}");
        }
    }
}

/// `Cache-Control` of the response to a request without a consistency token.
fn cache_control(path: &str) -> &'static str {
    match path {
        path if path.starts_with("/v1/products") => "public, max-age=0, s-maxage=60, stale-while-revalidate=60",
        path if path.starts_with("/v1/schemas/") => "public, max-age=31536000, immutable",
        path if path.ends_with("/stream") || path == "/v1/freshness" => "no-store",
        _ => "private, no-cache",
    }
}

/// The request headers that change the response to a request that is otherwise the same, apart from headers of conditions.
fn vary(path: &str, operation: &Value) -> Option<&'static str> {
    let is_list = operation["parameters"].as_array().is_some_and(|it| it.iter().any(|it| it["name"] == "cursor"));
    match path {
        path if path.starts_with("/v1/reports/") => Some("Accept, Accept-Encoding"),
        "/v1/products/{sku}" => Some("Consistency-Token"),
        path if path.starts_with("/v1/products") => Some("Consistency-Token, Accept-Encoding"),
        _ => is_list.then_some("Accept-Encoding"),
    }
}

#[tokio::test]
async fn every_response_says_which_caches_may_store_it_and_what_it_depends_on() {
    let (platform, service) = platform_and_service().await;
    let document = routes().document(&INFO);
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let Some(operation) = operations.get("get") else { continue };
        if path.starts_with("/v1/export") {
            // Exports are off.
            continue;
        }
        let request = match path.starts_with("/v1/schemas/") {
            true => "/v1/schemas/OrderPlaced/2".to_owned(),
            false => request(&platform, path).await,
        };
        let response = service.response(&request, &[]).await;
        assert_eq!(response.status(), 200, "{request}");
        let headers = response.headers().clone();
        let header = |name: &str| headers.get_all(name).iter().map(|it| it.to_str().expect("text")).collect::<Vec<_>>();
        assert_eq!(header("cache-control"), [cache_control(path)], "{request}");
        let expected: Vec<&str> = vary(path, operation).into_iter().collect();
        assert_eq!(header("vary"), expected, "{request}");
        drop(response);

        let Some(etag) = headers.get("etag").map(|etag| etag.to_str().expect("text")) else { continue };
        for (name, value) in [("Accept-Encoding", "gzip"), ("Accept-Encoding", "identity")] {
            let unchanged = service.response(&request, &[("If-None-Match", etag), (name, value)]).await;
            assert_eq!(unchanged.status(), 304, "{request}");
            for name in ["etag", "cache-control", "vary"] {
                assert_eq!(unchanged.headers().get(name), headers.get(name), "{request}: {name}");
            }
        }
        if !path.starts_with("/v1/schemas/") {
            let with_token = service.response(&request, &[("Consistency-Token", "1")]).await;
            assert_eq!(
                (with_token.status().as_u16(), &with_token.headers()["cache-control"]),
                (200, &"private, no-cache".parse().expect("a value")),
                "{request}"
            );
        }
    }
}
