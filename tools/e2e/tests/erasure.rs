//! After an erasure, no service returns personal data of a customer or of the guest of an order, even if it was cached before.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use e2e::api::{Answer, Api};
use e2e::audit::{self, Invariant, Outcome, Subject};
use e2e::client_history::ClientHistory;
use e2e::fleet::{Fleet, FleetConfig};
use serde_json::{Value, json};
use testbed::Bed;
use uuid::Uuid;

const PERSON: &str = "Erase Me";

/// A command that contains personal data, with its idempotency key and response.
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

async fn place(api: &Api, buyer: Value) -> Sent {
    let address = json!({ "name": PERSON, "line1": "Secret Street 1", "city": "X", "postcode": "1", "country": "GB" });
    let mut order = json!({
        "currency": "GBP",
        "lines": [{ "sku": "LAMP", "quantity": 2 }],
        "shipping_address": address,
        "note": format!("ring at {PERSON}"),
    });
    order.as_object_mut().unwrap().extend(buyer.as_object().unwrap().clone());
    send(api, "/v1/orders", order).await
}

/// Paths that return an order: by id, by code, and two lists.
fn paths(order: &Answer) -> [String; 4] {
    let (id, code) = (order.text("id"), order.text("code"));
    [format!("/v1/orders/{id}"), format!("/v1/orders/{code}"), format!("/v1/orders?code={code}"), "/v1/orders".into()]
}

fn contains_personal_data(answer: &Answer) -> bool {
    assert!(answer.is_success(), "{answer:?}");
    [PERSON, "Secret Street", "e@example.com"].iter().any(|text| answer.body.to_string().contains(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erased_personal_data_is_not_returned() {
    let bed = Bed::new().await.unwrap();
    let fleet: Fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    api.create_product_with_stock("LAMP", 450, 10).await.unwrap();
    let customer = send(&api, "/v1/customers", json!({ "email": "e@example.com", "name": PERSON })).await;
    let bought = place(&api, json!({ "customer_id": customer.answer.body["id"] })).await;
    let guest = place(&api, json!({ "contact": { "name": PERSON, "email": "e@example.com" } })).await;
    let token = guest.answer.token.unwrap();

    // Before the erasure, every response contains the personal data, and the caches are filled.
    for order in [&bought, &guest] {
        for path in &paths(&order.answer)[..2] {
            assert!(
                contains_personal_data(&api.query_at(path, token).await.unwrap())
                    && contains_personal_data(&api.query(path).await.unwrap()),
                "{path}"
            );
        }
    }
    for sent in [&customer, &bought, &guest] {
        assert!(contains_personal_data(&api.outcome(sent.key).await.unwrap()), "{}", sent.path);
    }

    api.delete(&format!("/v1/customers/{}", customer.answer.text("id"))).await.unwrap().success().unwrap();
    let erased = api.delete(&format!("/v1/orders/{}/personal-data", guest.answer.text("id"))).await.unwrap();
    let token = erased.success().unwrap().token.unwrap();

    for order in [&bought, &guest] {
        for path in &paths(&order.answer) {
            assert!(!contains_personal_data(&api.query(path).await.unwrap()), "{path}");
            assert!(!contains_personal_data(&api.query_at(path, token).await.unwrap()), "{path}");
        }
        let shown = api.query_at(&paths(&order.answer)[0], token).await.unwrap().body;
        assert_eq!((&shown["total"], &shown["personal_data_erased"]), (&json!(900), &json!(true)), "{shown}");
    }
    for Sent { path, key, body, answer } in [&customer, &bought, &guest] {
        assert!(!contains_personal_data(&api.outcome(*key).await.unwrap()), "{path}");
        let again = api.command(path, *key, body).await.unwrap();
        assert_eq!(
            (again.is_replayed, &again.body, contains_personal_data(&again)),
            (true, &answer.body, false),
            "{path}"
        );
    }
    let subject = Subject::of(&bed, Vec::new()).unwrap().with(&api, ClientHistory::default());
    let line = audit::run(&subject, &[Invariant::Erasure]).await.remove(0);
    assert_eq!(line.outcome(), Outcome::Holds, "{line}");
    fleet.finish();
}
