//! Erased personal data is not returned, whichever cache or database a document comes from.

use chrono::DateTime;
use events::CustomerId;
use events::order::OrderPlaced;
use events::personal::{Address, Contact, Personal};
use read_model::OrderDocument;
use read_model::cache::Keys;
use redis::AsyncCommands;
use serde_json::Value;

use crate::fixture::Platform;
use crate::service::{Answer, Service};

const NAMED: &str = "Erase Me";

/// Documents stay in the process cache for the whole test.
const WARM: (&str, &str) = ("PROCESS_CACHE_TTL", "1h");

fn customer(number: u8) -> CustomerId {
    CustomerId::new(DateTime::UNIX_EPOCH, [number; 10])
}

fn named(placed: &mut OrderPlaced) {
    let address = Address { name: NAMED.into(), line1: "1 Street".into(), ..Address::default() };
    placed.note = Some(format!("ring at {NAMED}").into());
    placed.shipping_address = Some(Personal::new(address));
}

fn by_customer(number: u8) -> impl FnOnce(&mut OrderPlaced) {
    move |placed| {
        named(placed);
        placed.customer_id = Some(customer(number));
    }
}

fn by_guest(placed: &mut OrderPlaced) {
    named(placed);
    placed.contact = Some(Personal::new(Contact { name: Some(NAMED.into()), ..Contact::default() }));
}

fn names(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{answer:?}");
    let names = answer.json.to_string().contains(NAMED);
    assert_eq!(answer.json["personal_data_erased"] == true, !names, "{answer:?}");
    names
}

async fn warm(platform: &Platform) -> Service {
    Service::start_with(&platform.bed, &[(WARM.0, WARM.1.to_owned())]).await
}

fn path(order: &OrderDocument) -> String {
    format!("/v1/orders/{}", order.id)
}

#[tokio::test]
async fn a_cached_order_of_an_erased_customer_is_returned_without_personal_data_at_once() {
    let platform = Platform::new().await;
    let order = platform.place_order_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    let other = platform.place_order_with("2026-03-05T10:00:00Z", by_customer(2)).await;
    let service = warm(&platform).await;
    for path in [path(&order), "/v1/orders/SON000001".into(), path(&other)] {
        assert!(names(&service.get(&path).await), "{path}");
    }

    platform.append_customer_erasure(customer(1)).await;
    for path in [path(&order), "/v1/orders/SON000001".into()] {
        let shown = service.get(&path).await;
        assert!(!names(&shown), "{path}");
        for member in ["note", "shipping_address"] {
            assert_eq!(shown.json[member], Value::Null, "{member}");
        }
        assert_eq!((&shown.json["total"], &shown.json["customer_id"]), (&900.into(), &customer(1).to_string().into()));
    }
    assert!(names(&service.get(&path(&other)).await), "other orders are unchanged");
    let list = service.get(&format!("/v1/orders?customer_id={}", customer(1))).await;
    assert_eq!((list.json["items"].as_array().map(Vec::len), list.json.to_string().contains(NAMED)), (Some(1), false));
}

#[tokio::test]
async fn personal_data_of_a_guest_is_removed_before_the_erasure_is_relayed_and_applied() {
    let platform = Platform::new().await;
    let order = platform.place_order_with("2026-03-05T10:00:00Z", by_guest).await;
    let service = warm(&platform).await;
    assert!(names(&service.get(&path(&order)).await));
    let erased = platform.append_order_erasure(&order).await;
    assert!(!names(&service.get(&path(&order)).await));

    platform.relay_and_apply(&erased).await;
    let shown = service.get_not_older(&path(&order), erased.position.0, 0).await;
    assert!(!names(&shown));
    assert_eq!((shown.tagged_version(), &shown.json), (2, &serde_json::to_value(&erased).expect("a document")));
}

#[tokio::test]
async fn a_reader_who_has_the_order_receives_it_again_without_personal_data() {
    let platform = Platform::new().await;
    let order = platform.place_order_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    let service = warm(&platform).await;
    let before = service.get(&path(&order)).await.header("etag").to_owned();
    platform.append_customer_erasure(customer(1)).await;
    let again = service.get_with(&path(&order), &[("If-None-Match", &before)]).await;
    assert!(!names(&again));
    assert_eq!((again.tagged_version(), again.header("etag") == before), (1, false));
    let held = service.get_with(&path(&order), &[("If-None-Match", again.header("etag"))]).await;
    assert_eq!(held.status, 304);
}

#[tokio::test]
async fn documents_from_redis_are_checked_too() {
    let platform = Platform::new().await;
    let orders = [
        platform.place_order_with("2026-03-05T10:00:00Z", by_customer(1)).await,
        platform.place_order_with("2026-03-05T10:00:00Z", by_guest).await,
    ];
    platform.append_customer_erasure(customer(1)).await;
    platform.append_order_erasure(&orders[1]).await;
    let client = redis::Client::open(platform.bed.redis_url().expect("an address")).expect("a client");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
    let keys = Keys::new(platform.bed.cache_prefix(), 1);
    let changes = [
        ("REDIS_URL", platform.bed.redis_url().expect("an address")),
        ("REDIS_BUDGET", "20s".to_owned()),
        ("PROCESS_CACHE_TTL", "0ms".to_owned()),
    ];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.dependency_up("redis").await;
    for order in &orders {
        // A later version than in the database shows that the document comes from Redis.
        let mut newer = order.clone();
        newer.version.0 = 77;
        newer.position.0 += 100;
        let value =
            read_model::cache::encode(newer.log_position(), &serde_json::to_string(&newer).expect("a document"));
        let () = connection.set_ex(keys.order(order.id), value, 60).await.expect("Redis");
        let shown = service.get(&path(order)).await;
        assert!(!names(&shown));
        assert_eq!(shown.json["version"], 77);
    }
}

#[tokio::test]
async fn a_replica_that_is_behind_returns_no_personal_data_that_is_erased_on_the_primary() {
    let platform = Platform::new().await;
    let order = platform.place_order_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    platform.bed.replica_caught_up().await.expect("replication");
    let replica = ("REPLICA_URL", platform.bed.reader_replica_url().expect("an address"));
    let service = Service::start_with(&platform.bed, &[replica, ("PROCESS_CACHE_TTL", "0ms".to_owned())]).await;
    assert!(names(&service.get(&path(&order)).await));
    // The response does not wait until the replica replays the erasure.
    platform.append_customer_erasure(customer(1)).await;
    assert!(!names(&service.get(&path(&order)).await));
}

#[tokio::test]
async fn a_read_at_the_position_of_the_erasure_returns_no_personal_data() {
    let platform = Platform::new().await;
    let order = platform.place_order_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    let service = warm(&platform).await;
    assert!(names(&service.get(&path(&order)).await));
    platform.append_customer_erasure(customer(1)).await;
    platform.relay().await;
    let shown = service.get_not_older(&path(&order), platform.head(), 0).await;
    assert!(!names(&shown));
}

#[tokio::test]
async fn an_order_has_no_personal_data_once_any_of_its_former_customers_is_erased() {
    let platform = Platform::new().await;
    let order = platform.place_order_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    let assigned = platform.append_assignment(&order, customer(2)).await;
    platform.relay_and_apply(&assigned).await;
    let service = warm(&platform).await;
    assert!(names(&service.get(&path(&order)).await));
    platform.append_customer_erasure(customer(1)).await;
    assert!(!names(&service.get(&path(&order)).await));
}
