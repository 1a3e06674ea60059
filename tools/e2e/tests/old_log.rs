//! A log of an earlier release: its events have the same amounts as in that release, and this release can append to the log.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use e2e::api::{self, Answer, Api};
use e2e::audit::{self, Invariant, Subject};
use e2e::fleet::{Fleet, FleetConfig};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use testbed::Bed;
use uuid::Uuid;

const ORDER: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// Stream, version in the stream, type, schema version and payload of every event, in the order of the log: an order of three
/// lamps is paid, one of them is cancelled and refunded, and then one is added again.
fn events() -> Vec<(String, i32, &'static str, i16, Value)> {
    let (product, stock, order) = ("product-LAMP", "stock-LAMP@main", format!("order-{ORDER}"));
    let line = json!({
        "line": 1, "sku": "LAMP", "name": "Lamp", "quantity": 3, "unit_price": 333, "discount": 1, "tax": 200, "total": 1198,
        "location": "main",
    });
    let placed = json!({
        "order_id": ORDER, "code": "SON000001", "channel": "web", "currency": "GBP", "lines": [line], "shipping": 500,
        "total": 1698,
    });
    let change = json!({ "line": 1, "quantity": 4, "discount": 1, "tax": 266, "total": 1597 });
    let cancelled = json!({ "lines": [{ "line": 1, "quantity": 1 }], "reason": "late" });
    let reserved = |quantity: u32| json!({ "order_id": ORDER, "quantity": quantity });
    vec![
        (product.into(), 1, "ProductCreated", 1, json!({ "sku": "LAMP", "name": "Lamp", "prices": { "GBP": 333 } })),
        (stock.into(), 1, "StockReceived", 1, json!({ "quantity": 10 })),
        (order.clone(), 1, "OrderPlaced", 2, placed),
        (stock.into(), 2, "StockReserved", 1, reserved(3)),
        (order.clone(), 2, "PaymentCaptured", 1, json!({ "payment": 1, "amount": 1698, "method": "card" })),
        (order.clone(), 3, "OrderLinesCancelled", 1, cancelled),
        (stock.into(), 3, "StockReleased", 1, reserved(1)),
        (order.clone(), 4, "RefundRecorded", 1, json!({ "payment": 1, "amount": 399 })),
        (order, 5, "OrderAmended", 1, json!({ "changed": [change], "shipping": 500, "total": 2097 })),
        (stock.into(), 4, "StockReserved", 1, reserved(1)),
    ]
}

/// Writes the log as the earlier release did: one command per event, and no time at the head.
async fn write(bed: &Bed) {
    let mut owner = PgConnection::connect(&bed.owner_url().unwrap()).await.unwrap();
    for (index, (stream, version, event_type, schema_version, payload)) in events().into_iter().enumerate() {
        sqlx::query(
            "insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at,
                command_id, fingerprint, command_size)
             values ($1, 1, $2, $3, $4, $5, $6::json, '2026-01-01T00:00:00Z', $7, 1, 1)",
        )
        .bind(index as i64 + 1)
        .bind(stream)
        .bind(version)
        .bind(event_type)
        .bind(schema_version)
        .bind(payload.to_string())
        .bind(Uuid::now_v7())
        .execute(&mut owner)
        .await
        .unwrap();
    }
    sqlx::query("update log_head set position = $1").bind(events().len() as i64).execute(&mut owner).await.unwrap();
}

async fn amend_to(api: &Api, key: Uuid, quantity: u32) -> Answer {
    let amend = api.raw_command(&format!("/v1/orders/{ORDER}/amendments")).header("idempotency-key", key.to_string());
    let body = json!({ "change": [{ "line": 1, "quantity": quantity }] });
    api::answer(amend.header("if-match", "*").json(&body)).await.unwrap().success().unwrap()
}

async fn order_at(api: &Api, token: i64) -> Value {
    api.query_at(&format!("/v1/orders/{ORDER}"), token).await.unwrap().success().unwrap().body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_an_earlier_release_is_read_unchanged_and_can_be_appended_to() {
    let bed = Bed::new().await.unwrap();
    write(&bed).await;
    let fleet: Fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    let api = Api::of(&fleet).unwrap();

    // In that release, the cancellation reduces the amended line by a quarter. The refund returned too much, so the price of one
    // lamp is owed.
    let before = order_at(&api, events().len() as i64).await;
    let amounts = ["total", "due", "owed", "captured", "refunded"].map(|name| before[name].as_i64().unwrap());
    assert_eq!(amounts, [2097, 1698, 399, 1698, 399], "{before}");
    assert_eq!(before["status"]["payment"], "partially_paid");
    assert_eq!(before["lines"][0]["pricing"]["tax_rate"], Value::Null, "no event contains the tax rate");

    // Two of three lamps: 666 pence, half a penny of discount rounded to even, and tax in proportion to the charged amount.
    let key = Uuid::now_v7();
    let amended = amend_to(&api, key, 2).await;
    let after = order_at(&api, amended.token.unwrap()).await;
    assert_eq!((&after["due"], &after["owed"]), (&json!(1299), &json!(0)), "{after}");
    assert_eq!(after["status"]["payment"], "paid");

    let acks = vec![amended.ack(key, format!("order-{ORDER}")).unwrap()];
    let lines = audit::run(&Subject::of(&bed, acks).unwrap(), &Invariant::ALL).await;
    let report: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert!(lines.iter().all(audit::Line::has_passed), "{}", report.join("\n"));
    fleet.finish();
}
