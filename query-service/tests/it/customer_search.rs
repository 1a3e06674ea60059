//! Customers by e-mail address.

use events::email::EmailIndex;
use read_model::CustomerDocument;
use serde_json::json;

use crate::fixture::Platform;
use crate::service::{Answer, Service};

const AT: &str = "2026-03-05T10:00:00Z";
const KEY: &str = "a key of at least 32 characters..";

fn emails() -> EmailIndex {
    EmailIndex::from_secret(KEY).expect("a long key")
}

async fn service(platform: &Platform) -> Service {
    Service::start_with(&platform.bed, &[("PERSONAL_INDEX_KEY", KEY.to_owned())]).await
}

async fn search(service: &Service, email: &str, headers: &[(&str, &str)]) -> Answer {
    service.post("/v1/customers/search", &json!({ "email": email }), headers).await
}

async fn registered(platform: &Platform, number: u8, email: &str) -> CustomerDocument {
    let customer = platform.register_customer(AT, number, "Ada").await;
    platform.take_email(customer.id, emails().hash(&email.parse().expect("an address"))).await;
    customer
}

#[tokio::test]
async fn a_customer_is_found_by_every_spelling_of_the_address_and_by_no_other_address() {
    let platform = Platform::new().await;
    let ada = registered(&platform, 1, "Ada@bücher.example").await;
    registered(&platform, 2, "ben@example.com").await;
    let service = service(&platform).await;
    for email in ["Ada@bücher.example", " ada@BÜCHER.example ", "ADA@xn--bcher-kva.example"] {
        let found = search(&service, email, &[]).await;
        assert_eq!(found.json, json!({ "items": [serde_json::to_value(&ada).expect("a document")] }), "{email}");
        assert_eq!(found.header("cache-control"), "no-store");
        assert!(found.headers.get("etag").is_none());
        found.header("projection-position");
    }
    for unknown in ["ada@example.com", "ada@bucher.example", "ad@bücher.example"] {
        let found = search(&service, unknown, &[]).await;
        assert_eq!((found.status, found.json), (200, json!({ "items": [] })), "{unknown}");
    }
    let other_key = [("PERSONAL_INDEX_KEY", "another key of at least 32 characters".to_owned())];
    let other = Service::start_with(&platform.bed, &other_key).await;
    assert_eq!(search(&other, "ben@example.com", &[]).await.json, json!({ "items": [] }));
}

#[tokio::test]
async fn an_erased_customer_is_not_found_before_the_erasure_is_applied() {
    let platform = Platform::new().await;
    let ada = registered(&platform, 1, "ada@example.com").await;
    let service = service(&platform).await;
    assert_eq!(search(&service, "ada@example.com", &[]).await.items("id"), [ada.id.to_string()]);
    platform.append_customer_erasure(ada.id).await;
    assert!(search(&service, "ada@example.com", &[]).await.items("id").is_empty());
    platform.free_email(ada.id, emails().hash(&"ada@example.com".parse().expect("an address"))).await;
    assert!(search(&service, "ada@example.com", &[]).await.items("id").is_empty());
}

#[tokio::test]
async fn an_address_leads_to_the_customer_who_uses_it_now() {
    let platform = Platform::new().await;
    let ada = registered(&platform, 1, "info@example.com").await;
    let service = service(&platform).await;
    platform.free_email(ada.id, emails().hash(&"info@example.com".parse().expect("an address"))).await;
    assert!(search(&service, "info@example.com", &[]).await.items("id").is_empty());
    let ben = registered(&platform, 2, "info@example.com").await;
    assert_eq!(search(&service, "info@example.com", &[]).await.items("id"), [ben.id.to_string()]);
}

#[tokio::test]
async fn a_search_with_a_token_waits_until_the_customer_is_in_the_projection() {
    let platform = Platform::new().await;
    registered(&platform, 1, "ada@example.com").await;
    let before = platform.head();
    let ben = registered(&platform, 2, "ben@example.com").await;
    let token = platform.head().to_string();
    platform.return_to(events::Position(before)).await;
    let service = service(&platform).await;
    assert!(search(&service, "ben@example.com", &[]).await.items("id").is_empty());
    let required = [("Consistency-Token", token.as_str())];
    let lagging = search(&service, "ben@example.com", &required).await;
    assert_eq!((lagging.status, lagging.problem()), (503, "projection-lag"));
    platform.relay().await;
    platform.apply_all(events::Position(platform.head())).await;
    let waiting = [("Consistency-Token", token.as_str()), ("Prefer", "wait=10")];
    assert_eq!(search(&service, "ben@example.com", &waiting).await.items("id"), [ben.id.to_string()]);
}

#[tokio::test]
async fn an_address_is_never_repeated_in_a_problem_and_never_part_of_a_url() {
    let platform = Platform::new().await;
    let service = service(&platform).await;
    for (body, status, problem) in [
        (json!({ "email": "secret person" }), 422, "invalid-body"),
        (json!({ "email": ["secret@example.com"] }), 422, "invalid-body"),
        (json!({ "email": "a@example.com", "secret@example.com": 1 }), 422, "invalid-body"),
        (json!({}), 422, "invalid-body"),
        (json!([]), 422, "invalid-body"),
    ] {
        let refused = service.post("/v1/customers/search", &body, &[]).await;
        assert_eq!((refused.status, refused.problem()), (status, problem), "{body}");
        assert!(body["email"] == "a@example.com" || !refused.json.to_string().contains("secret"), "{refused:?}");
    }
    let in_url = service.get("/v1/customers?email=secret@example.com").await;
    assert_eq!((in_url.status, in_url.problem()), (400, "invalid-query"));
    assert!(!in_url.json.to_string().contains("secret"));
    let in_url = service.post("/v1/customers/search?email=secret@example.com", &json!({ "email": "a@b" }), &[]).await;
    assert_eq!((in_url.status, in_url.problem()), (400, "invalid-query"));
    let token = search(&service, "a@b", &[("Consistency-Token", "x")]).await;
    assert_eq!((token.status, token.problem()), (400, "invalid-consistency-token"));
}

#[tokio::test]
async fn without_the_key_the_search_is_refused() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    let refused = search(&service, "ada@example.com", &[]).await;
    assert_eq!((refused.status, refused.problem()), (501, "email-search-off"));
}
