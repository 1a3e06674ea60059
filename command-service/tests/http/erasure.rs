//! After an erasure, no response of the service contains the erased personal data: neither to later commands, nor to repeats, nor to
//! requests for the outcome of a command.

use serde_json::{Value, json};

use crate::shop::{Answered, Shop};

/// Part of every personal text that is sent.
const NAMED: &str = "Erase Me";

const ANY: (&str, &str) = ("if-match", "*");
const REPRESENTATION: (&str, &str) = ("prefer", "return=representation");

fn address(line1: &str) -> Value {
    json!({ "name": NAMED, "line1": format!("{NAMED} {line1}"), "city": "X", "postcode": "1", "country": "GB" })
}

fn order(of: Value) -> Value {
    let mut order = json!({
        "currency": "GBP",
        "lines": [{ "sku": "LAMP", "quantity": 4 }],
        "shipping_address": address("Street 1"),
        "billing_address": address("Street 2"),
        "note": format!("ring at {NAMED}"),
    });
    order.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
    order
}

async fn key(shop: &Shop, method: &str, path: &str, key: &str, body: Value) -> Answered {
    let answered = shop.call(method, path, &[("idempotency-key", key), ANY], &body).await;
    assert!(answered.status.is_success(), "{path}: {answered:?}");
    answered
}

/// Sends every command that adds personal data to an order, each with its own key; returns the path of the order and the keys.
async fn eventful(shop: &Shop, of: Value) -> (String, Vec<&'static str>) {
    let why = || format!("{NAMED} said so");
    let placed = shop.post("/v1/orders", &[("idempotency-key", "place")], &order(of)).await;
    let path = placed.header("location").unwrap().to_owned();
    let at = |end: &str| format!("{path}/{end}");
    let one = || json!([{ "line": 1, "quantity": 1 }]);
    key(shop, "POST", &at("notes"), "note", json!({ "note": why(), "author": NAMED })).await;
    key(shop, "POST", &at("addresses"), "move", json!({ "shipping_address": address("Street 3") })).await;
    let amended = json!({ "change": [{ "line": 1, "quantity": 5 }], "billing_address": address("4"), "reason": why() });
    key(shop, "POST", &at("amendments"), "amend", amended).await;
    key(shop, "POST", &at("payments"), "fail", json!({ "kind": "failed", "reason": why() })).await;
    key(shop, "POST", &at("cancellation"), "cancel", json!({ "reason": why(), "lines": one() })).await;
    key(shop, "POST", &at("fulfilments"), "pack", json!({ "lines": one() })).await;
    key(shop, "POST", &at("fulfilments/1/shipment"), "ship", json!({})).await;
    key(shop, "POST", &at("returns"), "return", json!({ "reason": why(), "lines": one() })).await;
    key(shop, "POST", &at("returns/1/rejection"), "reject", json!({ "reason": why() })).await;
    key(shop, "POST", &at("holds"), "hold", json!({ "reason": why() })).await;
    (path, vec!["place", "note", "move", "amend", "fail", "cancel", "return", "reject", "hold"])
}

async fn registered(shop: &Shop, number: u8) -> String {
    let body = json!({
        "email": format!("e{number}@example.com"), "name": NAMED, "phone": "+441234", "addresses": [address("Street 1")],
    });
    let registered = key(shop, "POST", "/v1/customers", &format!("register-{number}"), body).await;
    registered.json()["id"].as_str().unwrap().to_owned()
}

/// Whether the outcome of a command contains personal data.
async fn names(shop: &Shop, key: &str) -> bool {
    let found = shop.get(&format!("/v1/commands/{key}")).await;
    assert_eq!(found.status, 200, "{key}: {found:?}");
    let names = ["Erase Me", "example.com", "+44"].iter().any(|text| found.text.contains(text));
    assert_eq!(found.text.contains("\"personal_data_erased\":true"), !names, "{key}: {}", found.text);
    names
}

#[tokio::test]
async fn outcomes_contain_no_personal_data_after_the_order_is_erased() {
    let shop = Shop::with_lamps(10).await;
    let contact = json!({ "name": NAMED, "email": "e@example.com", "phone": "+441234" });
    let (path, keys) = eventful(&shop, json!({ "contact": contact })).await;
    for key in &keys {
        assert!(names(&shop, key).await, "{key}");
    }
    let personal = format!("{path}/personal-data");
    let before = shop.events().await;
    let erased = shop.call("DELETE", &personal, &[REPRESENTATION], &Value::Null).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    assert_eq!(erased.json()["state"]["order"]["personal_data_erased"], true, "{erased:?}");
    assert!(!erased.text.contains(NAMED), "{erased:?}");
    assert_eq!(shop.types_after(before).await, ["OrderPersonalDataErased"]);
    let again = shop.call("DELETE", &personal, &[], &Value::Null).await;
    assert_eq!((again.status.as_u16(), &again.json()["version"]), (200, &erased.json()["version"]));

    for key in &keys {
        assert!(!names(&shop, key).await, "{key}");
    }
    let found = shop.get("/v1/commands/place").await.json();
    assert_eq!(found["events"][0]["data"]["total"], 1800, "sums stay: {found}");
    let repeated = shop
        .post("/v1/orders", &[("idempotency-key", "place"), REPRESENTATION], &order(json!({ "contact": contact })))
        .await;
    assert_eq!((repeated.status.as_u16(), repeated.header("idempotent-replayed")), (201, Some("true")), "{repeated:?}");
    assert!(!repeated.text.contains(NAMED), "{repeated:?}");
    let unknown = "/v1/orders/0190163d-8694-739b-aea5-966c26f8ad91/personal-data";
    shop.call("DELETE", unknown, &[], &Value::Null).await.assert_problem(404, "unknown-order");
}

#[tokio::test]
async fn outcomes_contain_no_personal_data_after_the_customer_is_erased() {
    let shop = Shop::with_lamps(10).await;
    let (erased, other) = (registered(&shop, 1).await, registered(&shop, 2).await);
    key(&shop, "PATCH", &format!("/v1/customers/{erased}"), "update", json!({ "phone": "+445" })).await;
    let (path, mut keys) = eventful(&shop, json!({ "customer_id": erased })).await;
    let of_other =
        shop.post("/v1/orders", &[("idempotency-key", "other")], &order(json!({ "customer_id": other }))).await;
    keys.extend(["register-1", "update"]);
    for key in &keys {
        assert!(names(&shop, key).await, "{key}");
    }
    key(&shop, "DELETE", &format!("/v1/customers/{erased}"), "erase", Value::Null).await;
    for key in &keys {
        assert!(!names(&shop, key).await, "{key}");
    }
    assert!(names(&shop, "register-2").await && names(&shop, "other").await, "whoever is not erased is shown");

    let tag = json!({ "add": ["late"] });
    let shown = shop.post(&format!("{path}/tags"), &[REPRESENTATION], &tag).await;
    assert_eq!(shown.header("preference-applied"), Some("return=representation"), "{shown:?}");
    assert!(!shown.text.contains(NAMED) && shown.text.contains("\"personal_data_erased\":true"), "{shown:?}");
    let items = json!([{ "command": "tag_order", "order_id": path.rsplit('/').next(), "body": { "add": ["batch"] } }]);
    let shown = shop.post("/v1/commands", &[REPRESENTATION], &items).await;
    assert!(!shown.text.contains(NAMED) && shown.text.contains("\"personal_data_erased\":true"), "{shown:?}");
    let shown = shop.post(&format!("{}/tags", of_other.header("location").unwrap()), &[REPRESENTATION], &tag).await;
    assert!(shown.text.contains(NAMED), "{shown:?}");
}

#[tokio::test]
async fn an_order_is_erased_with_every_customer_that_it_belonged_to() {
    let shop = Shop::with_lamps(10).await;
    let (first, second) = (registered(&shop, 1).await, registered(&shop, 2).await);
    let placed =
        shop.post("/v1/orders", &[("idempotency-key", "place")], &order(json!({ "customer_id": first }))).await;
    let path = placed.header("location").unwrap();
    let assign = |id: &str| json!({ "customer_id": id });
    key(&shop, "PUT", &format!("{path}/customer"), "assign", assign(&second)).await;
    key(&shop, "DELETE", &format!("/v1/customers/{first}"), "erase", Value::Null).await;
    assert!(!names(&shop, "place").await);
    let shown = shop.post(&format!("{path}/tags"), &[REPRESENTATION], &json!({ "add": ["late"] })).await;
    assert!(!shown.text.contains(NAMED), "{shown:?}");
}

#[tokio::test]
async fn an_erased_order_accepts_no_personal_data_and_can_be_processed() {
    let shop = Shop::with_lamps(10).await;
    let (erased, other) = (registered(&shop, 1).await, registered(&shop, 2).await);
    let guest = shop.post("/v1/orders", &[("idempotency-key", "guest")], &order(json!({}))).await;
    let of_customer =
        shop.post("/v1/orders", &[("idempotency-key", "customer")], &order(json!({ "customer_id": erased }))).await;
    let (guest, of_customer) = (guest.header("location").unwrap(), of_customer.header("location").unwrap());
    key(&shop, "DELETE", &format!("{guest}/personal-data"), "erase-order", Value::Null).await;
    key(&shop, "DELETE", &format!("/v1/customers/{erased}"), "erase-customer", Value::Null).await;
    for (number, path) in [guest, of_customer].into_iter().enumerate() {
        let refusals = [
            ("POST", "addresses", json!({ "shipping_address": address("Street 9") })),
            ("POST", "notes", json!({ "note": "x" })),
            ("POST", "amendments", json!({ "billing_address": address("Street 9") })),
            ("PUT", "customer", json!({ "customer_id": other })),
        ];
        for (method, end, body) in refusals {
            let headers = [("idempotency-key", "refused"), ANY];
            let refused = shop.call(method, &format!("{path}/{end}"), &headers, &body).await;
            refused.assert_problem(409, "personal-data-erased");
        }
        let k = |end: &str| format!("{end}-{number}");
        let more = json!({ "change": [{ "line": 1, "quantity": 5 }] });
        key(&shop, "POST", &format!("{path}/amendments"), &k("amend"), more).await;
        let cancelled = json!({ "reason": format!("{NAMED} said so") });
        key(&shop, "POST", &format!("{path}/cancellation"), &k("cancel"), cancelled).await;
        assert!(!names(&shop, &k("cancel")).await, "a reason that is needed is taken and not shown");
    }
    let late = shop.post("/v1/orders", &[("idempotency-key", "late")], &order(json!({ "customer_id": erased }))).await;
    late.assert_problem(409, "customer-erased");
}

#[tokio::test]
async fn an_order_can_be_erased_in_a_batch() {
    let shop = Shop::with_lamps(10).await;
    let placed = shop.post("/v1/orders", &[("idempotency-key", "place")], &order(json!({}))).await;
    let items = json!([{ "command": "erase_personal_data", "order_id": placed.json()["id"] }]);
    let done = shop.post("/v1/commands", &[], &items).await;
    assert_eq!(done.json()["results"][0]["status"], 200, "{done:?}");
    assert!(!names(&shop, "place").await);
}
