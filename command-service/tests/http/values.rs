//! Values that identify something: values that look the same are the same, and values that cannot be addressed are rejected.

use serde_json::{Value, json};

use crate::shop::{Shop, lamps};

fn with(name: &str, value: Value) -> Value {
    let mut body = lamps(1);
    body[name] = value;
    body
}

#[tokio::test]
async fn references_that_look_the_same_are_one_order() {
    let shop = Shop::with_lamps(100).await;
    let place = async |key: &str, reference: &str| {
        shop.post("/v1/orders", &[("idempotency-key", key)], &with("external_ref", json!(reference))).await
    };
    assert_eq!(place("first", "X\u{e9}").await.status, 201);
    let same = [
        "X\u{e9} ",
        " X\u{e9}",
        "X\u{e9}\u{200e}",
        "\u{202a}X\u{e9}\u{202c}",
        "Xe\u{301}",
        "\u{feff}X\u{e9}\u{200b}",
        "\tX\u{e9}\n",
    ];
    for (number, reference) in same.into_iter().enumerate() {
        place(&format!("same-{number}"), reference).await.assert_problem(409, "duplicate-external-ref");
        let item = json!([{ "command": "place_order", "key": format!("b-{number}"), "body": with("external_ref", json!(reference)) }]);
        let said = shop.post("/v1/commands", &[], &item).await.json();
        assert_eq!(said["results"][0]["type"], "/problems/duplicate-external-ref", "{said}");
    }
    assert_eq!(place("other", "Xe").await.status, 201);
    // A repeat is recognised by the bytes that were sent.
    let spaced = place("spaced", " Y ").await;
    assert_eq!(
        (spaced.status.as_u16(), place("spaced", " Y ").await.header("idempotent-replayed")),
        (201, Some("true"))
    );
}

#[tokio::test]
async fn the_canonical_form_is_stored() {
    let shop = Shop::with_lamps(10).await;
    let events = shop.events().await;
    let mut body = with("external_ref", json!("  M-1\u{200e} "));
    body["tags"] = json!(["gift", "gift ", "\u{feff}gift"]);
    let tried = shop.post("/v1/orders?dry_run=true", &[], &body).await.json();
    let placed = &tried["events"][0]["data"];
    assert_eq!((&placed["external_ref"], &placed["tags"]), (&json!("M-1"), &json!(["gift"])), "{tried}");
    let receipt = json!({ "quantity": 1, "reference": " PO\u{200b}-7 " });
    let tried = shop.post("/v1/stock/LAMP/main/receipts?dry_run=true", &[], &receipt).await.json();
    assert_eq!(tried["events"][0]["data"]["reference"], "PO-7");
    assert_eq!(shop.events().await, events);
}

#[tokio::test]
async fn texts_without_visible_characters_are_rejected() {
    let shop = Shop::with_lamps(10).await;
    for blank in ["\u{200b}", "\u{feff}\u{202e}", " \u{3164}", "\u{2800}"] {
        let product = json!({ "sku": "B", "name": blank, "prices": {} });
        shop.post("/v1/products", &[], &product).await.assert_problem(422, "invalid-body");
        for (name, value) in [
            ("external_ref", json!(blank)),
            ("tags", json!([blank])),
            ("contact", json!({ "name": blank })),
            ("shipping_address", json!({ "name": blank, "line1": "1", "city": "L", "country": "GB" })),
            ("shipping_lines", json!([{ "name": blank, "amount": 1 }])),
        ] {
            let refused = shop.post("/v1/orders", &[("idempotency-key", "k")], &with(name, value)).await;
            refused.assert_problem(422, "invalid-body");
        }
        let customer = json!({ "email": "a@b", "name": blank });
        shop.post("/v1/customers", &[("idempotency-key", "k")], &customer).await.assert_problem(422, "invalid-body");
        let held = json!({ "reason": blank });
        let path = "/v1/orders/0190163d-8694-739b-aea5-966c26f8ad91/holds";
        shop.post(path, &[], &held).await.assert_problem(422, "invalid-body");
    }
}

#[tokio::test]
async fn dot_segments_are_rejected_because_clients_resolve_them() {
    let shop = Shop::with_lamps(10).await;
    let key = [("idempotency-key", "k")];
    for dots in [".", ".."] {
        let product = json!({ "sku": dots, "name": "N", "prices": {} });
        let refused = shop.post("/v1/products", &[], &product).await;
        refused.assert_problem(422, "invalid-body");
        assert_eq!(refused.json()["pointer"], "/sku");
        let encoded = dots.replace('.', "%2e");
        for (path, body) in
            [("receipts", json!({ "quantity": 1 })), ("adjustments", json!({ "delta": 1, "reason": "r" }))]
        {
            let path = format!("/v1/stock/LAMP/{encoded}/{path}");
            shop.post(&path, &key, &body).await.assert_problem(400, "invalid-path");
        }
        let policy =
            shop.call("PUT", &format!("/v1/stock/LAMP/{encoded}/policy"), &[], &json!({ "kind": "untracked" })).await;
        policy.assert_problem(400, "invalid-path");
        let transfer = json!({ "sku": "LAMP", "from": "main", "to": dots, "quantity": 1 });
        shop.post("/v1/stock-transfers", &key, &transfer).await.assert_problem(422, "invalid-body");
        let item = json!([{ "command": "receive_stock", "key": "k", "sku": "LAMP", "location": dots, "body": { "quantity": 1 } }]);
        let said = shop.post("/v1/commands", &[], &item).await.json();
        assert_eq!(
            (&said["results"][0]["status"], &said["results"][0]["pointer"]),
            (&json!(422), &json!("/location")),
            "{said}"
        );
        shop.post("/v1/orders", &[("idempotency-key", dots)], &lamps(1))
            .await
            .assert_problem(400, "idempotency-key-invalid");
        // An existing product or stock item with such a name is addressed as before.
        let known = shop.post(&format!("/v1/products/{encoded}/discontinuation"), &[], &json!({})).await;
        known.assert_problem(404, "unknown-product");
    }
    assert_eq!(shop.events().await, 2);
    let document = shop.get("/v1/openapi.json").await.json();
    let sku = &document["components"]["schemas"]["CreateProduct"]["properties"]["sku"];
    assert_eq!(sku["not"]["enum"], json!([".", ".."]), "{sku}");
}

#[tokio::test]
async fn an_id_has_one_form() {
    let shop = Shop::with_lamps(10).await;
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    let (urn, bare) = (format!("urn:uuid:{id}"), id.replace('-', ""));
    for other in ["%7B0190163d-8694-739b-aea5-966c26f8ad91%7D", urn.as_str(), &bare] {
        let path = format!("/v1/orders/{other}/holds/release");
        shop.post(&path, &[], &json!({})).await.assert_problem(400, "invalid-path");
    }
    for other in ["{0190163d-8694-739b-aea5-966c26f8ad91}", urn.as_str(), &bare] {
        for name in ["id", "customer_id", "hold_id"] {
            let refused = shop.post("/v1/orders", &[("idempotency-key", "k")], &with(name, json!(other))).await;
            refused.assert_problem(422, "invalid-body");
        }
    }
    let upper = with("customer_id", json!(id.to_uppercase()));
    assert_eq!(shop.post("/v1/orders", &[("idempotency-key", "k")], &upper).await.status, 201);
}

#[tokio::test]
async fn integers_can_have_a_fraction_of_zero() {
    let shop = Shop::with_lamps(10).await;
    let order = |quantity: &str| format!(r#"{{"currency":"GBP","lines":[{{"sku":"LAMP","quantity":{quantity}}}]}}"#);
    let send =
        async |key: &str, body: String| shop.send_as("POST", "/v1/orders", &[("idempotency-key", key)], body).await;
    assert_eq!(send("k", order("2.0")).await.status, 201);
    let again = send("k", order("2")).await;
    assert_eq!(
        (again.status.as_u16(), again.header("idempotent-replayed")),
        (201, Some("true")),
        "the fingerprint is the same"
    );
    assert_eq!(send("k", order("0.02e2")).await.header("idempotent-replayed"), Some("true"));
    for wrong in ["1.5", "1e-1", "1e400", "1e21"] {
        let status = send("w", order(wrong)).await.status.as_u16();
        assert!(matches!(status, 400 | 422), "{wrong}: {status}");
    }
    let item = r#"[{"command":"receive_stock","key":"r","sku":"LAMP","location":"main","body":{"quantity":1e1}}]"#;
    let said = shop.send_as("POST", "/v1/commands", &[], item).await.json();
    assert_eq!(said["results"][0]["status"], 201, "{said}");
    let price = shop.send_as("PUT", "/v1/products/LAMP/prices/GBP", &[], r#"{"price":4.75e2}"#).await;
    assert_eq!(price.status, 200, "{price:?}");
}

#[tokio::test]
async fn a_withdrawn_currency_is_accepted_for_orders_before_its_withdrawal() {
    let shop = Shop::with_lamps(10).await;
    let set = async |currency: &str, body: Value| {
        shop.call("PUT", &format!("/v1/products/LAMP/prices/{currency}"), &[], &body).await
    };
    set("XXX", json!({ "price": 1 })).await.assert_problem(400, "invalid-path");
    assert_eq!(set("XCG", json!({ "price": 800 })).await.status, 200);
    set("BGN", json!({ "price": 800 })).await.assert_problem(422, "currency-withdrawn");
    assert_eq!(set("BGN", json!({ "price": 800, "occurred_at": "2025-06-01T00:00:00Z" })).await.status, 200);
    let product = json!({ "sku": "B", "name": "B", "prices": { "HRK": 1 } });
    shop.post("/v1/products", &[], &product).await.assert_problem(422, "currency-withdrawn");
    let order = |id: Option<&str>, currency: &str| {
        let mut body = json!({ "currency": currency, "lines": [{ "sku": "LAMP", "quantity": 1, "unit_price": 5 }] });
        body["id"] = json!(id);
        body
    };
    let refused = shop.post("/v1/orders", &[("idempotency-key", "k-1")], &order(None, "BGN")).await;
    refused.assert_problem(422, "currency-withdrawn");
    assert_eq!(refused.json()["last_day"], "2026-01-31");
    // 2024-06-14: after the kuna, before the end of the lev.
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    shop.post("/v1/orders", &[("idempotency-key", "k-2")], &order(Some(id), "HRK"))
        .await
        .assert_problem(422, "currency-withdrawn");
    let placed = shop.post("/v1/orders", &[("idempotency-key", "k-3")], &order(Some(id), "BGN")).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let payment = json!({ "kind": "captured", "amount": 5, "method": "card" });
    let path = format!("/v1/orders/{id}/payments");
    assert_eq!(shop.post(&path, &[("idempotency-key", "k-4")], &payment).await.status, 201);
}

#[tokio::test]
async fn unicode_and_punycode_forms_of_a_domain_are_one_address() {
    let shop = Shop::with_lamps(1).await;
    let register = async |key: &str, email: &str| {
        shop.post("/v1/customers", &[("idempotency-key", key)], &json!({ "email": email })).await
    };
    assert_eq!(register("a", "ada@xn--bcher-kva.example").await.status, 201);
    register("b", "Ada@B\u{fc}cher.example").await.assert_problem(409, "duplicate-email");
    assert_eq!(register("c", "bob@b\u{fc}cher.example").await.status, 201);
    register("d", "bob@XN--BCHER-KVA.example").await.assert_problem(409, "duplicate-email");
}
