//! The commands that change an order, as HTTP requests.

use serde_json::{Value, json};

use crate::shop::{Answered, Shop};

/// A shop with an order of two lamps, and the order's path.
async fn ordered() -> (Shop, String) {
    let shop = Shop::with_lamps(10).await;
    let order = json!({
        "currency": "GBP",
        "lines": [{ "sku": "LAMP", "quantity": 2, "tax_rate": 200_000 }],
        "shipping_lines": [{ "name": "Standard", "amount": 400, "tax_rate": 200_000 }],
        "contact": { "name": "Ada Byron", "email": "ada@example.com" },
        "shipping_address": { "name": "Ada Byron", "line1": "12 St James's Square", "city": "London", "country": "GB" },
        "tags": ["gift"],
        "on_shortage": "reject",
        "expected_total": 1560,
    });
    let placed = shop.post("/v1/orders", &[("idempotency-key", "order")], &order).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let path = placed.header("location").unwrap().to_owned();
    (shop, path)
}

#[track_caller]
fn assert_version(answered: &Answered, status: u16, version: i64) {
    assert_eq!((answered.status.as_u16(), &answered.json()["version"]), (status, &json!(version)), "{answered:?}");
}

#[tokio::test]
async fn an_amendment_requires_the_current_version() {
    let (shop, order) = ordered().await;
    let path = format!("{order}/amendments");
    let more = json!({
        "change": [{ "line": 1, "quantity": 3 }],
        "add": [{ "sku": "LAMP", "quantity": 1, "unit_price": 100 }],
        "shipping_lines": [{ "name": "Express", "amount": 900, "tax_rate": 200_000 }],
        "expected_total": 2800,
    });
    shop.post(&path, &[("if-match", "\"1\"")], &more).await.assert_problem(400, "idempotency-key-missing");
    shop.post(&path, &[("idempotency-key", "a")], &more).await.assert_problem(428, "precondition-required");
    let stale = [("idempotency-key", "a"), ("if-match", "\"7\"")];
    shop.post(&path, &stale, &more).await.assert_problem(412, "stale-version");
    let seen = [("idempotency-key", "a"), ("if-match", "\"1\"")];
    assert_version(&shop.post(&path, &seen, &more).await, 200, 2);
    let again = shop.post(&path, &seen, &more).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let much = json!({ "change": [{ "line": 1, "quantity": 100 }] });
    let refused = shop.post(&path, &[("idempotency-key", "b"), ("if-match", "*")], &much).await;
    refused.assert_problem(409, "insufficient-stock");
    let line = json!({ "line": 1, "sku": "LAMP", "location": "main", "requested": 97, "available": 6 });
    assert_eq!(refused.json()["lines"], json!([line]));
}

#[tokio::test]
async fn an_order_on_hold_is_not_packed_until_it_is_released() {
    let (shop, order) = ordered().await;
    let hold = json!({ "reason": "address to be verified" });
    assert_version(&shop.post(&format!("{order}/holds"), &[], &hold).await, 200, 2);
    assert_version(&shop.post(&format!("{order}/holds"), &[], &hold).await, 200, 2);
    let (pack, key) = (format!("{order}/fulfilments"), [("idempotency-key", "pack")]);
    let refused = shop.post(&pack, &key, &json!({})).await;
    refused.assert_problem(409, "order-state");
    assert_eq!(refused.json()["held"], true);
    assert!(refused.json()["allowed"].as_array().unwrap().contains(&json!("holds/release")));
    assert_version(&shop.post(&format!("{order}/holds/release"), &[], &json!({})).await, 200, 3);
    assert_version(&shop.post(&pack, &key, &json!({})).await, 201, 4);
}

#[tokio::test]
async fn notes_tags_addresses_and_customer_of_an_order_change() {
    let (shop, order) = ordered().await;
    let note = json!({ "note": "Called, will be at home on Friday.", "author": "Kim" });
    shop.post(&format!("{order}/notes"), &[], &note).await.assert_problem(400, "idempotency-key-missing");
    assert_version(&shop.post(&format!("{order}/notes"), &[("idempotency-key", "n")], &note).await, 201, 2);
    let tags = json!({ "add": ["b2b"], "remove": ["gift"] });
    assert_version(&shop.post(&format!("{order}/tags"), &[], &tags).await, 200, 3);
    assert_version(&shop.post(&format!("{order}/tags"), &[], &tags).await, 200, 3);
    let address =
        json!({ "name": "Ada", "line1": "1 High St", "city": "Leeds", "postcode": "LS1 1AA", "country": "GB" });
    let addresses = json!({ "shipping_address": address });
    assert_version(&shop.post(&format!("{order}/addresses"), &[], &addresses).await, 200, 4);
    let customer: Value = json!({ "customer_id": "0190163d-8694-739b-aea5-966c26f8ad92" });
    let assigned = shop.call("PUT", &format!("{order}/customer"), &[], &customer).await;
    assigned.assert_problem(422, "unknown-customer");
}

#[tokio::test]
async fn the_deprecated_shipping_amount_is_accepted_with_deprecation_headers() {
    let shop = Shop::with_lamps(10).await;
    let mut order = json!({ "currency": "GBP", "lines": [{ "sku": "LAMP", "quantity": 1 }], "shipping": 300 });
    let placed = shop.post("/v1/orders", &[("idempotency-key", "1")], &order).await;
    assert_eq!(placed.status, 201);
    assert!(placed.header("deprecation").is_some() && placed.header("sunset").is_some());
    order["shipping_lines"] = json!([]);
    let both = shop.post("/v1/orders", &[("idempotency-key", "2")], &order).await;
    both.assert_problem(422, "exclusive-fields");
    assert_eq!(both.json()["fields"], json!(["shipping", "shipping_lines"]));
}

#[tokio::test]
async fn a_payment_reference_is_recorded_once_in_all_orders() {
    let (shop, order) = ordered().await;
    let capture = json!({ "kind": "captured", "amount": 100, "method": "card", "reference": "pi-1" });
    let pay = async |order: &str, key: &str, body: &Value| {
        shop.post(&format!("{order}/payments"), &[("idempotency-key", key)], body).await
    };
    assert_version(&pay(&order, "one", &capture).await, 201, 2);
    // The payment provider reports the same payment again, with another key.
    let again = pay(&order, "two", &capture).await;
    assert_version(&again, 201, 2);
    let more = json!({ "kind": "captured", "amount": 200, "method": "card", "reference": "pi-1" });
    pay(&order, "three", &more).await.assert_problem(409, "duplicate-payment-reference");
    let other = json!({ "currency": "GBP", "lines": [{ "sku": "LAMP", "quantity": 1 }] });
    let other = shop.post("/v1/orders", &[("idempotency-key", "other")], &other).await;
    let other = other.header("location").unwrap().to_owned();
    let refused = pay(&other, "four", &capture).await;
    refused.assert_problem(409, "duplicate-payment-reference");
    assert_eq!((&refused.json()["method"], &refused.json()["reference"]), (&json!("card"), &json!("pi-1")));
}
