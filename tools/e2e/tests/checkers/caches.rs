//! What the checkers find in Redis: a wrong value at once, however patient they are, because it would end by itself; an old one
//! once the patience ends.

use std::time::Duration;

use e2e::audit::{Invariant, Subject};
use events::{LogPosition, Recorded};
use read_model::cache::Keys;
use read_model::{OrderDocument, StockDocument};

use crate::findings;
use crate::history::{self, ERASED_NOTE};
use crate::tables::Platform;

/// Longer than any value stays in Redis.
const LONG: Duration = Duration::from_secs(3_600);

struct Caches {
    platform: Platform,
    values: Vec<(String, String)>,
}

impl Caches {
    async fn example() -> Caches {
        let platform = Platform::example().await;
        let values = platform.cached();
        Caches { platform, values }
    }

    fn keys(&self) -> Keys {
        Keys::new(self.platform.bed.cache_prefix())
    }

    fn stock_key(&self) -> String {
        self.keys().stock(&"A".parse().unwrap(), &"main".parse().unwrap())
    }

    fn order_key(&self, number: u8) -> String {
        self.keys().order(history::order_id(number))
    }

    fn value(&self, key: &str) -> String {
        self.values.iter().find(|(known, _)| known == key).unwrap().1.clone()
    }

    /// The values with another one under this key.
    async fn with(&self, key: &str, value: String, patience: Duration) -> Subject {
        let mut values = self.values.clone();
        values.retain(|(known, _)| known != key);
        values.push((key.to_owned(), value));
        let subject = self.platform.subject_with_redis(&values).await;
        Subject { patience, ..subject }
    }

    /// The first `count` events of a stream.
    fn begun(&self, stream: &str, count: usize) -> Vec<Recorded> {
        let streams = self.platform.history.streams();
        streams[&stream.parse().unwrap()][..count].to_vec()
    }

    /// The example order as it was after its first `count` events.
    fn old_order(&self, number: u8, count: usize) -> (LogPosition, String) {
        let mut order = None;
        for recorded in self.begun(&format!("order-{}", history::order_id(number)), count) {
            let events::Event::Order(event) = recorded.decode().unwrap() else { panic!("an order") };
            OrderDocument::fold(&mut order, &recorded, &event).unwrap();
        }
        let order = order.unwrap();
        (order.log_position(), serde_json::to_string(&order).unwrap())
    }

    fn old_stock(&self, count: usize) -> (LogPosition, String) {
        let mut stock = None;
        for recorded in self.begun("stock-A@main", count) {
            let events::Event::Stock(event) = recorded.decode().unwrap() else { panic!("stock") };
            StockDocument::fold(&mut stock, &recorded, &event).unwrap();
        }
        let stock = stock.unwrap();
        (stock.log_position(), serde_json::to_string(&stock).unwrap())
    }
}

#[tokio::test]
async fn cache_sees_a_wrong_order_at_the_first_look() {
    let caches = Caches::example().await;
    let key = caches.order_key(1);
    let wrong = caches.value(&key).replacen("Lamp", "Lump", 1);
    let found = findings(Invariant::Cache, &caches.with(&key, wrong, LONG).await).await;
    assert_eq!(found, [format!("{key}: /lines/0/name is \"Lump\", should be \"Lamp\"")]);
}

#[tokio::test]
async fn cache_sees_wrong_stock_at_the_first_look() {
    let caches = Caches::example().await;
    let key = caches.stock_key();
    let wrong = caches.value(&key).replacen("\"reserved\":0", "\"reserved\":1", 1);
    let found = findings(Invariant::Cache, &caches.with(&key, wrong, LONG).await).await;
    assert_eq!(found, [format!("{key}: /reserved is 1, should be 0")]);
}

#[tokio::test]
async fn cache_sees_values_that_are_not_ours_or_nobodys_or_too_new_at_the_first_look() {
    let caches = Caches::example().await;
    let stock = caches.stock_key();
    let nobodys = caches.keys().product(&"B".parse().unwrap());
    let product = caches.value(&caches.keys().product(&"A".parse().unwrap()));
    let wrong = [
        (&stock, "hello".to_owned(), "not a value of ours"),
        (&nobodys, product, "no such row"),
        (
            &stock,
            format!("{:04}{:019}{}", 1, 900, &caches.value(&stock)[LogPosition::TEXT_BYTES..]),
            "stamped position 900",
        ),
        (
            &stock,
            format!("{:04}{:019}{}", 1, 1, &caches.value(&stock)[LogPosition::TEXT_BYTES..]),
            "no event of the stream has that",
        ),
    ];
    for (key, value, word) in wrong {
        let subject = caches.with(key, value, LONG).await;
        let found = findings(Invariant::Cache, &subject).await;
        assert_eq!((found.len(), found[0].contains(word)), (1, true), "{found:?}");
        e2e::faults::flush_caches(&subject.redis.unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn cache_sees_values_that_stay_old() {
    let caches = Caches::example().await;
    for (key, (stamp, json)) in
        [(caches.order_key(1), caches.old_order(1, 2)), (caches.stock_key(), caches.old_stock(2))]
    {
        let subject = caches.with(&key, read_model::cache::encode(stamp, &json), Duration::ZERO).await;
        let found = findings(Invariant::Cache, &subject).await;
        assert_eq!((found.len(), found[0].contains(": stamped position")), (1, true), "{found:?}");
    }
}

#[tokio::test]
async fn cache_sees_an_old_value_that_was_never_right_at_the_first_look() {
    let caches = Caches::example().await;
    let (stamp, json) = caches.old_stock(2);
    let wrong = read_model::cache::encode(stamp, &json.replacen("\"on_hand\":10", "\"on_hand\":11", 1));
    let found = findings(Invariant::Cache, &caches.with(&caches.stock_key(), wrong, LONG).await).await;
    assert!(found.iter().any(|finding| finding.contains("/on_hand is 11")), "{found:?}");
}

#[tokio::test]
async fn erasure_sees_a_value_of_before_it_that_stays() {
    let caches = Caches::example().await;
    let key = caches.order_key(3);
    let (stamp, json) = caches.old_order(3, 1);
    assert!(json.contains(ERASED_NOTE));
    let subject = caches.with(&key, read_model::cache::encode(stamp, &json), Duration::ZERO).await;
    assert_eq!(findings(Invariant::Erasure, &subject).await, [format!("{key} has personal data")]);
}

#[tokio::test]
async fn erasure_sees_personal_data_in_a_value_of_after_it_at_the_first_look() {
    let caches = Caches::example().await;
    let key = caches.order_key(3);
    let (stamp, _) = caches.old_order(3, 2);
    let (_, named) = caches.old_order(3, 1);
    let subject = caches.with(&key, read_model::cache::encode(stamp, &named), LONG).await;
    assert_eq!(findings(Invariant::Erasure, &subject).await, [format!("{key} has personal data")]);
}
