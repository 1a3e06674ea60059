//! Every read says how new its result is.

use query_service::http::documentation::INFO;
use query_service::http::routes;

use crate::fixture::Platform;
use crate::service::Service;

/// Routes that do not read the log or a projection, or whose body is the freshness.
const NOT_READS: [&str; 2] = ["/v1/freshness", "/v1/schemas/"];

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

#[tokio::test]
async fn every_read_has_its_position_and_its_lag() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    platform.create_product("MUG-1", 450).await;
    platform.receive_stock("MUG-1", "main", 3).await;
    platform.register_customer("2026-03-01T10:00:00Z", 1, "Ada").await;
    platform.place_stock_hold("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    service.until_lag_is_known().await;

    let document = routes().document(&INFO);
    let is_read = |path: &&String| !NOT_READS.iter().any(|other| path.starts_with(other));
    let paths = document["paths"].as_object().expect("paths").keys().filter(is_read);
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
