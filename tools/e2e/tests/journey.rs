//! Orders through all three services, from the receipt of stock to shipment and return. When services are killed meanwhile, no
//! acknowledged command is lost, and no command takes effect twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::time::Duration;

use e2e::api::{Answer, Api};
use e2e::audit::{self, Invariant, Subject};
use e2e::caches::Caches;
use e2e::fleet::{Fleet, FleetConfig, Service};
use e2e::load::Load;
use e2e::topics;
use events::{Category, Event};
use serde_json::{Value, json};
use testbed::{Bed, PATIENCE};
use uuid::Uuid;

/// How long a service may take to stop after SIGTERM.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

async fn post(api: &Api, path: &str, body: Value) -> Answer {
    api.command(path, Uuid::now_v7(), &body).await.unwrap().success().unwrap()
}

/// Reads an order with the consistency token of a response.
async fn read_back(api: &Api, key: &str, answer: &Answer) -> Value {
    let token = answer.token.expect("an answer to a command has a Consistency-Token");
    api.query_at(&format!("/v1/orders/{key}"), token).await.unwrap().success().unwrap().body
}

fn status(order: &Value) -> [&str; 4] {
    ["lifecycle", "payment", "fulfilment", "return"].map(|name| order["status"][name].as_str().unwrap_or_default())
}

async fn assert_invariants_hold(subject: &Subject) {
    let lines = audit::run(subject, &Invariant::ALL).await;
    let report: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert!(lines.iter().all(audit::Line::has_passed), "{}", report.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_placed_paid_shipped_and_partly_returned() {
    let bed = Bed::new().await.unwrap();
    let fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    let api = Api::of(&fleet).unwrap();

    post(&api, "/v1/products", json!({ "sku": "LAMP", "name": "Lamp", "prices": { "GBP": 450 } })).await;
    let stocked = post(&api, "/v1/stock/LAMP/main/receipts", json!({ "quantity": 10 })).await;
    let stock = api.query_at("/v1/stock/LAMP", stocked.token.unwrap()).await.unwrap().success().unwrap().body;
    assert_eq!(quantity(&stock, "on_hand"), 10, "{stock}");

    let key = Uuid::now_v7();
    let order = json!({ "currency": "GBP", "lines": [{ "sku": "LAMP", "quantity": 3 }], "external_ref": "shop-1" });
    let placed = api.command("/v1/orders", key, &order).await.unwrap();
    assert_eq!((placed.status, placed.text("code"), placed.is_replayed), (201, "SON000001", false));
    assert_eq!(placed.token, placed.body["position"].as_i64());
    let id = placed.text("id").to_owned();

    let again = api.command("/v1/orders", key, &order).await.unwrap();
    assert_eq!((again.status, again.is_replayed, &again.body), (201, true, &placed.body));

    let shown = read_back(&api, &id, &placed).await;
    assert_eq!(status(&shown), ["open", "unpaid", "unfulfilled", "none"]);
    assert_eq!((&shown["total"], &shown["lines"][0]["name"]), (&json!(1350), &json!("Lamp")));
    assert_eq!(read_back(&api, "SON000001", &placed).await, shown);

    let paid = json!({ "kind": "captured", "amount": 1350, "method": "card" });
    let paid = post(&api, &format!("/v1/orders/{id}/payments"), paid).await;
    assert_eq!(status(&read_back(&api, &id, &paid).await), ["open", "paid", "unfulfilled", "none"]);

    let packed = post(&api, &format!("/v1/orders/{id}/fulfilments"), json!({})).await;
    assert_eq!(status(&read_back(&api, &id, &packed).await), ["open", "paid", "processing", "none"]);
    let shipped = post(&api, &format!("/v1/orders/{id}/fulfilments/1/shipment"), json!({})).await;
    assert_eq!(status(&read_back(&api, &id, &shipped).await), ["open", "paid", "shipped", "none"]);

    let back = json!({ "lines": [{ "line": 1, "quantity": 1 }], "reason": "broken" });
    let requested = post(&api, &format!("/v1/orders/{id}/returns"), back).await;
    assert_eq!(status(&read_back(&api, &id, &requested).await)[3], "requested");
    let received = post(&api, &format!("/v1/orders/{id}/returns/1/receipt"), json!({ "disposition": "restock" })).await;
    assert_eq!(status(&read_back(&api, &id, &received).await)[3], "partially_returned");

    let stock = api.query_at("/v1/stock/LAMP", received.token.unwrap()).await.unwrap().success().unwrap().body;
    let sums = ["received", "shipped", "restocked", "on_hand", "reserved"].map(|name| quantity(&stock, name));
    assert_eq!(sums, [10, 3, 1, 8, 0], "{stock}");

    let list = api.query("/v1/orders?lifecycle=open&limit=10").await.unwrap().success().unwrap().body;
    assert_eq!(list["items"][0]["id"], id.as_str(), "{list}");
    let nothing = api.query("/v1/orders?lifecycle=cancelled").await.unwrap().success().unwrap().body;
    assert_eq!(nothing["items"], json!([]));

    assert_eq!(order_events_on_kafka(&bed).await, 6);
    assert_invariants_hold(&Subject::of(&bed, vec![placed.ack(key, format!("order-{id}")).unwrap()]).unwrap()).await;
    stop_with_sigterm(fleet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backorder_is_allocated_when_stock_arrives_and_deallocated_when_a_count_finds_less() {
    let bed = Bed::new().await.unwrap();
    let fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    let key = Uuid::now_v7();
    let acks = api.create_product_with_stock("LAMP", 450, 1).await.unwrap();
    let policy = json!({ "kind": "backorder", "limit": 10 });
    let policy = json!([{ "command": "set_stock_policy", "sku": "LAMP", "location": "main", "body": policy }]);
    post(&api, "/v1/commands", policy).await;
    let order = json!({ "currency": "GBP", "lines": [{ "sku": "LAMP", "quantity": 3 }] });
    let placed = api.command("/v1/orders", key, &order).await.unwrap().success().unwrap();
    let id = placed.text("id").to_owned();
    let shown = read_back(&api, &id, &placed).await;
    assert_eq!((status(&shown)[2], &shown["lines"][0]["backordered"]), ("backordered", &json!(2)));

    post(&api, "/v1/stock/LAMP/main/receipts", json!({ "quantity": 10 })).await;
    wait_until_listed(&api, "unfulfilled", &id).await;
    let counted = json!({ "count": 1, "reason": "counted" });
    let counted = post(&api, "/v1/stock/LAMP/main/adjustments", counted).await;
    wait_until_listed(&api, "backordered", &id).await;
    let stock = api.query_at("/v1/stock/LAMP", counted.token.unwrap()).await.unwrap().success().unwrap().body;
    let sums = ["on_hand", "reserved", "available"].map(|name| quantity(&stock, name));
    assert_eq!(sums, [1, 3, 0], "{stock}");

    let acks = acks.into_iter().chain([placed.ack(key, format!("order-{id}")).unwrap()]).collect();
    assert_invariants_hold(&Subject::of(&bed, acks).unwrap()).await;
    fleet.finish();
}

/// Waits until the list of orders with this fulfilment status contains the order.
async fn wait_until_listed(api: &Api, fulfilment: &str, id: &str) {
    let path = format!("/v1/orders?fulfilment={fulfilment}");
    let listed = async {
        while api.query(&path).await.unwrap().success().unwrap().body["items"][0]["id"] != id {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, listed).await.unwrap_or_else(|_| panic!("{id} is not {fulfilment}"));
}

/// A quantity of the only location of a SKU.
fn quantity(stock: &Value, name: &str) -> i64 {
    let inside = stock["locations"].get(0).or(stock["items"].get(0)).unwrap_or(stock);
    inside[name].as_i64().unwrap_or(-1)
}

async fn order_events_on_kafka(bed: &Bed) -> usize {
    let subject = Subject::of(bed, Vec::new()).unwrap();
    let mut delivered = topics::read(&subject.kafka.unwrap(), bed.log_id().await.unwrap());
    let mut positions = std::collections::BTreeSet::new();
    while let Some(delivered) = delivered.recv().await {
        let delivered = delivered.unwrap();
        let event = delivered.message.unwrap().event;
        assert_eq!(delivered.key, event.stream.as_str());
        if delivered.category == Category::Order && matches!(event.decode().unwrap(), Event::Order(_)) {
            positions.insert(event.position);
        }
    }
    positions.len()
}

async fn stop_with_sigterm(mut fleet: Fleet) {
    for service in [Service::Query, Service::Projector, Service::Command] {
        let status = fleet.stop(service, STOP_PATIENCE).await.unwrap();
        assert!(status.success(), "{service} ended with {status}");
    }
    fleet.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_and_an_emptied_redis_lose_no_acknowledged_command() {
    let bed = Bed::new().await.unwrap();
    let mut fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    let skus: Vec<String> = (0..20).map(|number| format!("SKU-{number}")).collect();
    let mut acks = Vec::new();
    for sku in &skus {
        acks.extend(api.create_product_with_stock(sku, 450, 10_000).await.unwrap());
    }

    let load = Load::start(&api, &skus, 6);
    load.wait_for_orders(20).await.unwrap();
    for service in [Service::Command, Service::Projector, Service::Query, Service::Command] {
        fleet.kill_9(service).unwrap();
        if service != Service::Command {
            // The other services continue.
            load.wait_for_orders(20).await.unwrap();
        }
        fleet.restart(service).await.unwrap();
        load.wait_for_orders(20).await.unwrap();
    }
    let subject = Subject::of(&bed, Vec::new()).unwrap();
    Caches::open(subject.redis.as_ref().unwrap()).await.unwrap().flush().await.unwrap();
    load.wait_for_orders(20).await.unwrap();
    let history = load.stop().await.unwrap();

    let orders = history.orders().count();
    assert_invariants_hold(&Subject { acks, ..subject }.with(&api, history)).await;
    // Every command was sent until it was acknowledged, so the log must contain exactly the acknowledged orders.
    assert_eq!(orders_in_log(&bed).await, orders);
    fleet.finish();
}

async fn orders_in_log(bed: &Bed) -> usize {
    let pool = e2e::log::connect(&bed.reader_url().unwrap()).await.unwrap();
    e2e::log::count_orders(&pool).await.unwrap() as usize
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_services_recover_after_all_are_killed_at_once() {
    let bed = Bed::new().await.unwrap();
    let mut fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    let acks = api.create_product_with_stock("LAMP", 450, 1_000).await.unwrap().to_vec();
    let load = Load::start(&api, &["LAMP".to_owned(), "LAMP".to_owned()], 2);
    load.wait_for_orders(10).await.unwrap();
    for service in Service::ALL {
        fleet.kill_9(service).unwrap();
    }
    for service in [Service::Query, Service::Projector, Service::Command] {
        fleet.restart(service).await.unwrap();
    }
    load.wait_for_orders(10).await.unwrap();
    let history = load.stop().await.unwrap();
    let last = history.acks.last().unwrap().position;
    let newest = history.orders().last().unwrap();
    let shown = api.query_at(&format!("/v1/orders/{}", newest.code.as_ref().unwrap()), last).await.unwrap();
    assert_eq!(shown.success().unwrap().text("code"), newest.code.as_deref().unwrap());
    assert_invariants_hold(&Subject::of(&bed, acks).unwrap().with(&api, history)).await;
    fleet.finish();
}
