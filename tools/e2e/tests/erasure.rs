//! Whoever is erased is named by no service any more, whatever was cached before: neither a customer nor the guest of an order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use e2e::api::{Answer, Api};
use e2e::audit::{self, Invariant, Outcome, Subject};
use e2e::fleet::{Fleet, Plan};
use e2e::load::Promised;
use serde_json::{Value, json};
use testbed::Bed;
use uuid::Uuid;

const NAMED: &str = "Erase Me";

/// A command that names somebody, with its key.
struct Sent {
    path: &'static str,
    key: Uuid,
    body: Value,
    answer: Answer,
}

async fn send(api: &Api, path: &'static str, body: Value) -> Sent {
    let key = Uuid::now_v7();
    let answer = api.command(path, key, &body).await.unwrap().success().unwrap();
    Sent { path, key, body, answer }
}

async fn place(api: &Api, of: Value) -> Sent {
    let address = json!({ "name": NAMED, "line1": "Secret Street 1", "city": "X", "postcode": "1", "country": "GB" });
    let mut order = json!({
        "currency": "GBP",
        "lines": [{ "sku": "LAMP", "quantity": 2 }],
        "shipping_address": address,
        "note": format!("ring at {NAMED}"),
    });
    order.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
    send(api, "/v1/orders", order).await
}

/// Every way to an order: by id, by code, in lists.
fn ways(order: &Answer) -> [String; 4] {
    let (id, code) = (order.text("id"), order.text("code"));
    [format!("/v1/orders/{id}"), format!("/v1/orders/{code}"), format!("/v1/orders?code={code}"), "/v1/orders".into()]
}

fn names(answer: &Answer) -> bool {
    assert!(answer.is_success(), "{answer:?}");
    [NAMED, "Secret Street", "e@example.com"].iter().any(|text| answer.body.to_string().contains(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_is_erased_is_named_any_more() {
    let bed = Bed::new().await.unwrap();
    let fleet: Fleet = Plan::everything(&bed).start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    api.offer("LAMP", 450, 10).await.unwrap();
    let customer = send(&api, "/v1/customers", json!({ "email": "e@example.com", "name": NAMED })).await;
    let bought = place(&api, json!({ "customer_id": customer.answer.body["id"] })).await;
    let guest = place(&api, json!({ "contact": { "name": NAMED, "email": "e@example.com" } })).await;
    let token = guest.answer.token.unwrap();

    // Every cache is warm, and everything names them.
    for order in [&bought, &guest] {
        for way in &ways(&order.answer)[..2] {
            assert!(names(&api.query_at(way, token).await.unwrap()) && names(&api.query(way).await.unwrap()), "{way}");
        }
    }
    for sent in [&customer, &bought, &guest] {
        assert!(names(&api.outcome(sent.key).await.unwrap()), "{}", sent.path);
    }

    api.delete(&format!("/v1/customers/{}", customer.answer.text("id"))).await.unwrap().success().unwrap();
    let erased = api.delete(&format!("/v1/orders/{}/personal-data", guest.answer.text("id"))).await.unwrap();
    let token = erased.success().unwrap().token.unwrap();

    for order in [&bought, &guest] {
        for way in &ways(&order.answer) {
            assert!(!names(&api.query(way).await.unwrap()), "{way}");
            assert!(!names(&api.query_at(way, token).await.unwrap()), "{way}");
        }
        let shown = api.query_at(&ways(&order.answer)[0], token).await.unwrap().body;
        assert_eq!((&shown["total"], &shown["personal_data_erased"]), (&json!(900), &json!(true)), "{shown}");
    }
    for Sent { path, key, body, answer } in [&customer, &bought, &guest] {
        assert!(!names(&api.outcome(*key).await.unwrap()), "{path}");
        let again = api.command(path, *key, body).await.unwrap();
        assert_eq!((again.is_replayed, &again.body, names(&again)), (true, &answer.body, false), "{path}");
    }
    let subject = Subject::of(&bed, Vec::new()).unwrap().with(&api, Promised::default());
    let line = audit::run(&subject, &[Invariant::Erasure]).await.remove(0);
    assert_eq!(line.outcome(), Outcome::Holds, "{line}");
    fleet.retire();
}
