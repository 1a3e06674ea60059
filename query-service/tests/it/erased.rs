//! Nobody who is erased is named, from whichever cache or database an answer comes.

use chrono::DateTime;
use events::CustomerId;
use events::order::OrderPlaced;
use events::personal::{Address, Contact, Personal};
use read_model::OrderDocument;
use read_model::cache::Keys;
use redis::AsyncCommands;
use serde_json::Value;

use crate::house::House;
use crate::service::{Answered, Service};

const NAMED: &str = "Erase Me";

/// Answers stay in the process for as long as the test runs.
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

fn names(answered: &Answered) -> bool {
    assert_eq!(answered.status, 200, "{answered:?}");
    let names = answered.json.to_string().contains(NAMED);
    assert_eq!(answered.json["personal_data_erased"] == true, !names, "{answered:?}");
    names
}

async fn warm(house: &House) -> Service {
    Service::start_with(&house.bed, &[(WARM.0, WARM.1.to_owned())]).await
}

fn path(order: &OrderDocument) -> String {
    format!("/v1/orders/{}", order.id)
}

#[tokio::test]
async fn the_order_of_an_erased_customer_names_nobody_at_once_although_it_is_cached() {
    let house = House::new().await;
    let order = house.order_placed_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    let other = house.order_placed_with("2026-03-05T10:00:00Z", by_customer(2)).await;
    let service = warm(&house).await;
    for path in [path(&order), "/v1/orders/SON000001".into(), path(&other)] {
        assert!(names(&service.get(&path).await), "{path}");
    }

    house.customer_erased(customer(1)).await;
    for path in [path(&order), "/v1/orders/SON000001".into()] {
        let shown = service.get(&path).await;
        assert!(!names(&shown), "{path}");
        for member in ["note", "shipping_address"] {
            assert_eq!(shown.json[member], Value::Null, "{member}");
        }
        assert_eq!((&shown.json["total"], &shown.json["customer_id"]), (&900.into(), &customer(1).to_string().into()));
    }
    assert!(names(&service.get(&path(&other)).await), "others are shown");
    let list = service.get(&format!("/v1/orders?customer_id={}", customer(1))).await;
    assert_eq!((list.json["items"].as_array().map(Vec::len), list.json.to_string().contains(NAMED)), (Some(1), false));
}

#[tokio::test]
async fn an_erased_guest_is_hidden_before_the_erasure_is_relayed_and_applied() {
    let house = House::new().await;
    let order = house.order_placed_with("2026-03-05T10:00:00Z", by_guest).await;
    let service = warm(&house).await;
    assert!(names(&service.get(&path(&order)).await));
    let erased = house.order_erasure_appended(&order).await;
    assert!(!names(&service.get(&path(&order)).await));

    house.relayed().await;
    house.order_applied(&erased).await;
    let shown = service.get_not_older(&path(&order), erased.position.0, 0).await;
    assert!(!names(&shown));
    assert_eq!((shown.tagged_version(), &shown.json), (2, &serde_json::to_value(&erased).expect("a document")));
}

#[tokio::test]
async fn a_reader_who_holds_the_order_is_sent_it_anew_without_its_personal_data() {
    let house = House::new().await;
    let order = house.order_placed_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    let service = warm(&house).await;
    let before = service.get(&path(&order)).await.header("etag").to_owned();
    house.customer_erased(customer(1)).await;
    let anew = service.get_with(&path(&order), &[("If-None-Match", &before)]).await;
    assert!(!names(&anew));
    assert_eq!((anew.tagged_version(), anew.header("etag") == before), (1, false));
    let held = service.get_with(&path(&order), &[("If-None-Match", anew.header("etag"))]).await;
    assert_eq!(held.status, 304);
}

#[tokio::test]
async fn what_redis_holds_is_checked_too() {
    let house = House::new().await;
    let orders = [
        house.order_placed_with("2026-03-05T10:00:00Z", by_customer(1)).await,
        house.order_placed_with("2026-03-05T10:00:00Z", by_guest).await,
    ];
    house.customer_erased(customer(1)).await;
    house.order_erasure_appended(&orders[1]).await;
    let client = redis::Client::open(house.bed.redis_url().expect("an address")).expect("a client");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
    let keys = Keys::new(house.bed.cache_prefix());
    let changes = [
        ("REDIS_URL", house.bed.redis_url().expect("an address")),
        ("REDIS_BUDGET", "20s".to_owned()),
        ("PROCESS_CACHE_TTL", "0ms".to_owned()),
    ];
    let service = Service::start_with(&house.bed, &changes).await;
    service.dependency_up("redis").await;
    for order in &orders {
        // A later version than the database has shows that it comes out of Redis.
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
async fn a_replica_that_is_behind_shows_nobody_who_is_erased_on_the_primary() {
    let house = House::new().await;
    let order = house.order_placed_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    house.bed.replica_caught_up().await.expect("replication");
    let replica = ("REPLICA_URL", house.bed.reader_replica_url().expect("an address"));
    let service = Service::start_with(&house.bed, &[replica, ("PROCESS_CACHE_TTL", "0ms".to_owned())]).await;
    assert!(names(&service.get(&path(&order)).await));
    // The replica replays this in its own time; the answer does not wait for it.
    house.customer_erased(customer(1)).await;
    assert!(!names(&service.get(&path(&order)).await));
}

#[tokio::test]
async fn a_read_at_the_position_of_the_erasure_names_nobody() {
    let house = House::new().await;
    let order = house.order_placed_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    let service = warm(&house).await;
    assert!(names(&service.get(&path(&order)).await));
    house.customer_erased(customer(1)).await;
    house.relayed().await;
    let shown = service.get_not_older(&path(&order), house.head(), 0).await;
    assert!(!names(&shown));
}

#[tokio::test]
async fn an_order_names_nobody_once_any_customer_whom_it_belonged_to_is_erased() {
    let house = House::new().await;
    let order = house.order_placed_with("2026-03-05T10:00:00Z", by_customer(1)).await;
    let assigned = house.assignment_appended(&order, customer(2)).await;
    house.relayed().await;
    house.order_applied(&assigned).await;
    let service = warm(&house).await;
    assert!(names(&service.get(&path(&order)).await));
    house.customer_erased(customer(1)).await;
    assert!(!names(&service.get(&path(&order)).await));
}
