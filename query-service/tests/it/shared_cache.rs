//! The product catalogue behind a shared cache: what a caching proxy stores, when it asks again, and what it must never store.

use crate::fixture::Platform;
use crate::service::{PATIENCE, Service};
use crate::varnish::{Gzip, Proxied, Rules, Varnish};

/// The headers alone must suffice; the example for operators must not break what they achieve.
const RULES: [Rules; 2] = [Rules::BuiltIn, Rules::Example];

/// A service whose own cache is off, so that every request that reaches it reads the database.
async fn service(platform: &Platform, max_age: &str) -> Service {
    let changes = [
        ("CATALOGUE_SHARED_MAX_AGE", max_age.to_owned()),
        ("PROCESS_CACHE_TTL", "0ms".to_owned()),
        // Varnish compiles its rules while the service runs.
        ("DATABASE_PROBE_TIMEOUT", "20s".to_owned()),
    ];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.until_lag_is_known().await;
    service
}

/// Repeats a request until the response satisfies `becomes`.
async fn get_until(varnish: &Varnish, path: &str, becomes: impl Fn(&Proxied) -> bool) -> Proxied {
    let polling = async {
        loop {
            let response = varnish.get(path, &[]).await;
            if becomes(&response) {
                return response;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, polling).await.expect("the expected state is not reached")
}

#[tokio::test]
async fn a_second_request_for_products_or_prices_does_not_reach_the_service() {
    let platform = Platform::new().await;
    platform.create_product("MUG-1", 450).await;
    let service = service(&platform, "1h").await;
    for rules in RULES {
        let varnish = Varnish::start(service.url(), rules, Gzip::AsSent).await;
        for path in ["/v1/products?limit=2", "/v1/products/MUG-1", "/v1/products/MUG-1/prices"] {
            let first = varnish.get(path, &[]).await;
            assert_eq!((first.status, varnish.forwarded().len()), (200, 1), "{path}: {first:?}");
            let directives = "public, max-age=0, s-maxage=3600, stale-while-revalidate=3600";
            assert_eq!(first.header("cache-control"), directives, "{path}");

            let aged = get_until(&varnish, path, |response| response.age_s() > 0).await;
            assert_eq!((aged.status, &aged.body), (200, &first.body), "{path}");
            assert_eq!(aged.header("projection-position"), first.header("projection-position"));
            let unchanged = varnish.get(path, &[("If-None-Match", first.header("etag"))]).await;
            assert_eq!((unchanged.status, unchanged.body.len()), (304, 0), "{path}");
            assert_eq!(unchanged.header("vary"), first.header("vary"), "{path}");
            assert!(varnish.forwarded().is_empty(), "{path}");
            if matches!(rules, Rules::Example) {
                assert_eq!(aged.header("cache-status"), "varnish; hit");
            }
        }
    }
}

#[tokio::test]
async fn an_expired_response_is_served_once_more_while_the_proxy_revalidates_it() {
    let platform = Platform::new().await;
    let product = platform.create_product("MUG-1", 450).await;
    let service = service(&platform, "1s").await;
    let varnish = Varnish::start(service.url(), Rules::BuiltIn, Gzip::AsSent).await;
    for path in ["/v1/products/MUG-1", "/v1/products", "/v1/products/MUG-1/prices"] {
        let first = varnish.get(path, &[]).await;
        let etag = first.header("etag");
        let revalidation = async {
            loop {
                let response = varnish.get(path, &[]).await;
                assert_eq!((response.status, &response.body), (200, &first.body), "{path}");
                let found = varnish.forwarded().into_iter().find(|it| it.if_none_match.is_some());
                if let Some(found) = found {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        let revalidation = tokio::time::timeout(PATIENCE, revalidation).await.expect("no revalidation");
        assert_eq!((revalidation.path.as_str(), revalidation.status), (path, 304));
        assert_eq!(revalidation.if_none_match.as_deref(), Some(etag), "{path}");
    }
    let product = platform.change_price(product, 500).await;
    let price = |response: &Proxied| response.json()["prices"]["GBP"].clone();
    let changed = get_until(&varnish, "/v1/products/MUG-1", |response| price(response) == 500).await;
    assert_eq!(changed.header("projection-position"), product.position.to_string());
}

#[tokio::test]
async fn a_request_with_a_consistency_token_never_receives_a_stored_response() {
    let platform = Platform::new().await;
    let service = service(&platform, "1h").await;
    for (rules, sku) in RULES.into_iter().zip(["MUG-1", "MUG-2"]) {
        let product = platform.create_product(sku, 450).await;
        let varnish = Varnish::start(service.url(), rules, Gzip::Converted).await;
        let paths =
            [format!("/v1/products/{sku}"), format!("/v1/products?q={sku}"), format!("/v1/products/{sku}/prices")];
        for path in &paths {
            assert_eq!(varnish.get(path, &[]).await.status, 200, "{path}");
        }
        let changed = platform.change_price(product, 500).await;
        varnish.forwarded();

        let token = changed.position.to_string();
        for path in &paths {
            for _ in 0..2 {
                let headers = [("Consistency-Token", token.as_str()), ("Prefer", "wait=10")];
                let required = varnish.get(path, &headers).await;
                assert_eq!((required.status, required.header("cache-control")), (200, "private, no-cache"), "{path}");
                assert!(String::from_utf8_lossy(&required.body).contains(":500"), "{path}: {required:?}");
                assert_eq!(varnish.forwarded().len(), 1, "{path}");
            }
            let beyond = (changed.position.0 + 1_000).to_string();
            let refused = varnish.get(path, &[("Consistency-Token", &beyond)]).await;
            assert_eq!((refused.status, refused.header("cache-control")), (503, "no-store"), "{path}");
            assert_eq!(varnish.forwarded().len(), 1, "{path}");

            let stored = varnish.get(path, &[]).await;
            assert!(!String::from_utf8_lossy(&stored.body).contains(":500"), "{path}: {stored:?}");
            assert!(varnish.forwarded().is_empty(), "a reader without a token receives the stored response: {path}");
        }
    }
}

#[tokio::test]
async fn compressed_and_uncompressed_responses_are_kept_apart() {
    let platform = Platform::new().await;
    for number in 10..40 {
        platform.create_product(&format!("MUG-{number}"), 450).await;
    }
    let service = service(&platform, "1h").await;
    for (gzip, stored) in [(Gzip::AsSent, 2), (Gzip::Converted, 1)] {
        let varnish = Varnish::start(service.url(), Rules::BuiltIn, gzip).await;
        for _ in 0..2 {
            let compressed = varnish.get("/v1/products", &[("Accept-Encoding", "gzip")]).await;
            assert!(compressed.is_gzip() && compressed.header("content-encoding") == "gzip", "{gzip:?}");
            let plain = varnish.get("/v1/products", &[]).await;
            assert_eq!(plain.json()["items"].as_array().map(Vec::len), Some(30), "{gzip:?}");
            assert!(plain.headers.get("content-encoding").is_none() && plain.body.len() > compressed.body.len());
            for response in [&compressed, &plain] {
                assert_eq!(response.header("vary"), "Consistency-Token, Accept-Encoding");
            }
        }
        assert_eq!(varnish.forwarded().len(), stored, "{gzip:?}");
    }
}

#[tokio::test]
async fn responses_that_are_not_the_catalogue_and_problems_are_never_stored() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    platform.create_product("MUG-1", 450).await;
    platform.receive_stock("MUG-1", "main", 3).await;
    let customer = platform.register_customer("2026-03-01T10:00:00Z", 1, "Ada").await;
    let service = service(&platform, "1h").await;
    let customer = format!("/v1/customers/{}", customer.id);
    let paths = [
        ("/v1/orders/SON000001", 200),
        ("/v1/orders", 200),
        (&customer, 200),
        ("/v1/customers", 200),
        ("/v1/stock/MUG-1", 200),
        ("/v1/availability?sku=MUG-1", 200),
        ("/v1/freshness", 200),
        ("/v1/reports/sales?from=2026-03-01&to=2026-04-01", 200),
        ("/v1/events", 200),
        ("/v1/stats", 200),
        ("/v1/products/UNKNOWN", 404),
        ("/v1/products/UNKNOWN/prices", 404),
        ("/v1/products?unknown=1", 400),
        ("/v1/orders/SON999999", 404),
        ("/v1/unknown", 404),
    ];
    for rules in RULES {
        let varnish = Varnish::start(service.url(), rules, Gzip::Converted).await;
        for (path, status) in paths {
            for _ in 0..2 {
                let response = varnish.get(path, &[]).await;
                assert_eq!((response.status, varnish.forwarded().len()), (status, 1), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn an_age_of_zero_keeps_the_catalogue_out_of_shared_caches() {
    let platform = Platform::new().await;
    platform.create_product("MUG-1", 450).await;
    let service = service(&platform, "0ms").await;
    let varnish = Varnish::start(service.url(), Rules::BuiltIn, Gzip::Converted).await;
    for _ in 0..2 {
        let response = varnish.get("/v1/products/MUG-1", &[]).await;
        assert_eq!((response.status, response.header("cache-control")), (200, "private, no-cache"));
        assert_eq!(varnish.forwarded().len(), 1);
    }
}
