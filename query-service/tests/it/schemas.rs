//! The event schemas that messages reference.

use events::{codec, schemas};
use testbed::Bed;

use crate::service::Service;

#[tokio::test]
async fn every_version_ever_written_is_found_by_the_urn_that_messages_carry() {
    let bed = Bed::new().await.expect("a test bed");
    let service = Service::start(&bed).await;
    for event_type in codec::EVENT_TYPES {
        for version in 1..=event_type.schema_version {
            let urn = schemas::urn(event_type.name, version);
            let parts: Vec<&str> = urn.split(':').collect();
            let found = service.get(&format!("/v1/schemas/{}/{}", parts[3], parts[4])).await;
            assert_eq!((found.status, found.header("content-type")), (200, "application/schema+json"), "{urn}");
            assert_eq!(found.json["$id"], urn);
            assert_eq!(found.json["$schema"], "https://json-schema.org/draft/2020-12/schema");
        }
    }
}

#[tokio::test]
async fn a_schema_may_be_cached_permanently() {
    let bed = Bed::new().await.expect("a test bed");
    let service = Service::start(&bed).await;
    let found = service.get("/v1/schemas/OrderPlaced/1").await;
    assert_eq!(found.header("cache-control"), "public, max-age=31536000, immutable");
    let etag = found.header("etag");
    let again = service.get_with("/v1/schemas/OrderPlaced/1", &[("If-None-Match", etag)]).await;
    assert_eq!((again.status, again.header("etag")), (304, etag));
    assert_ne!(service.get("/v1/schemas/OrderPlaced/2").await.header("etag"), etag);
    assert_eq!(service.send("head", "/v1/schemas/OrderPlaced/1").await, 200);
}

#[tokio::test]
async fn a_schema_that_was_never_written_is_not_found() {
    let bed = Bed::new().await.expect("a test bed");
    let service = Service::start(&bed).await;
    let unknown = [
        "OrderPlaced/0",
        "OrderPlaced/999",
        "OrderPlaced/01",
        "OrderPlaced/+1",
        "OrderPlaced/-1",
        "OrderPlaced/1.0",
        "OrderPlaced/99999999999",
        "orderplaced/1",
        "Nothing/1",
        "..%2FOrderPlaced/1",
    ];
    for path in unknown {
        let answer = service.get(&format!("/v1/schemas/{path}")).await;
        assert_eq!((answer.status, answer.problem()), (404, "schema-not-found"), "{path}");
        assert!(answer.detail().contains("/v1/schemas/OrderPlaced/2"), "{path}");
    }
}
