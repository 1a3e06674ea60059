//! Customers over HTTP: an e-mail address belongs to one customer.

use serde_json::{Value, json};

use crate::shop::{Answered, Shop};

async fn register(shop: &Shop, key: &str, email: &str) -> Answered {
    let body = json!({ "email": email, "name": "Ada Lovelace", "phone": "+44 20 7946 0000" });
    shop.post("/v1/customers", &[("idempotency-key", key)], &body).await
}

fn path(registered: &Answered) -> String {
    format!("/v1/customers/{}", registered.json()["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_address_is_registered_once_and_available_again_after_an_erasure() {
    let shop = Shop::with_lamps(1).await;
    let ada = register(&shop, "ada", "Ada@Example.com").await;
    assert_eq!((ada.status.as_u16(), ada.header("location")), (201, Some(&*path(&ada))), "{ada:?}");
    assert_eq!((ada.header("etag"), ada.header("idempotent-replayed")), (Some("\"1\""), None));
    let again = register(&shop, "ada", "Ada@Example.com").await;
    assert_eq!((again.header("idempotent-replayed"), &again.text), (Some("true"), &ada.text));
    let refused = register(&shop, "bob", "ada@example.COM").await;
    refused.assert_problem(409, "duplicate-email");
    assert!(!refused.text.contains(ada.json()["id"].as_str().unwrap()), "{refused:?}");

    let before = shop.events().await;
    assert_eq!(shop.call("DELETE", &path(&ada), &[], &Value::Null).await.status, 200);
    assert_eq!(shop.types_after(before).await, ["CustomerErased", "CustomerEmailFreed"]);
    assert_eq!(shop.call("DELETE", &path(&ada), &[], &Value::Null).await.status, 200);
    shop.call("PATCH", &path(&ada), &[("if-match", "*")], &json!({ "name": "Ada" }))
        .await
        .assert_problem(410, "customer-erased");
    let bob = register(&shop, "bob-again", "ada@example.COM").await;
    assert_eq!(bob.status, 201, "{bob:?}");
    assert_ne!(path(&bob), path(&ada));
}

#[tokio::test]
async fn a_patch_requires_the_expected_version() {
    let shop = Shop::with_lamps(1).await;
    let ada = path(&register(&shop, "ada", "ada@example.com").await);
    let patch = json!({ "phone": null, "tags": ["vip"] });
    shop.call("PATCH", &ada, &[], &patch).await.assert_problem(428, "precondition-required");
    shop.call("PATCH", &ada, &[("if-match", "\"7\"")], &patch).await.assert_problem(412, "stale-version");
    let done = shop.call("PATCH", &ada, &[("if-match", "\"1\"")], &patch).await;
    assert_eq!((done.status.as_u16(), done.header("etag")), (200, Some("\"2\"")), "{done:?}");
    let same = shop.call("PATCH", &ada, &[("if-match", "*")], &patch).await;
    assert_eq!((same.status.as_u16(), same.header("etag")), (200, Some("\"2\"")), "{same:?}");
    let unknown = "/v1/customers/0190163d-8694-739b-aea5-966c26f8ad91";
    shop.call("PATCH", unknown, &[("if-match", "*")], &patch).await.assert_problem(404, "unknown-customer");
    shop.call("DELETE", unknown, &[], &Value::Null).await.assert_problem(404, "unknown-customer");
}

#[tokio::test]
async fn a_new_address_makes_the_previous_one_available() {
    let shop = Shop::with_lamps(1).await;
    let ada = path(&register(&shop, "ada", "ada@example.com").await);
    register(&shop, "bob", "bob@example.com").await;
    let any = [("if-match", "*")];
    shop.call("PATCH", &ada, &any, &json!({ "email": "BOB@example.com" })).await.assert_problem(409, "duplicate-email");
    let before = shop.events().await;
    assert_eq!(shop.call("PATCH", &ada, &any, &json!({ "email": "ada@example.org" })).await.status, 200);
    assert_eq!(shop.types_after(before).await, ["CustomerUpdated", "CustomerEmailFreed", "CustomerEmailTaken"]);
    assert_eq!(register(&shop, "new", "ada@example.com").await.status, 201);
}

#[tokio::test]
async fn a_batch_registers_customers_and_an_invalid_address_is_rejected() {
    let shop = Shop::with_lamps(1).await;
    let items = json!([
        { "command": "register_customer", "key": "a", "body": { "email": "ada@example.com" } },
        { "command": "register_customer", "key": "b", "body": { "email": "ADA@example.com" } },
    ]);
    let results = shop.post("/v1/commands", &[], &items).await;
    assert_eq!(results.status, 200, "{results:?}");
    assert!(results.text.contains("duplicate-email"), "{results:?}");
    for email in ["ada", "a@b@c", "", "a\u{0}@b", "a\u{202e}@b"] {
        let refused = register(&shop, "bad", email).await;
        refused.assert_problem(422, "invalid-body");
        assert_eq!(refused.json()["pointer"], "/email", "{refused:?}");
    }
    let long = format!("{}@example.com", "a".repeat(250));
    register(&shop, "long", &long).await.assert_problem(422, "invalid-body");
}
