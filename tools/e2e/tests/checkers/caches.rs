//! Checks of Redis: a wrong value is a finding at the first attempt, because it could expire while the check waits; a correct but
//! old value is a finding if it is still there when the patience ends.

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
        Keys::new(self.platform.bed.cache_prefix(), 1)
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

    /// The example with another value for this key.
    async fn with(&self, key: &str, value: String, patience: Duration) -> Subject {
        let mut values = self.values.clone();
        values.retain(|(known, _)| known != key);
        values.push((key.to_owned(), value));
        let subject = self.platform.subject_with_redis(&values).await;
        Subject { patience, ..subject }
    }

    /// The first `count` events of a stream.
    fn first_events(&self, stream: &str, count: usize) -> Vec<Recorded> {
        let streams = self.platform.history.streams();
        streams[&stream.parse().unwrap()][..count].to_vec()
    }

    /// The example order as it was after its first `count` events.
    fn old_order(&self, number: u8, count: usize) -> (LogPosition, String) {
        let mut order = None;
        for recorded in self.first_events(&format!("order-{}", history::order_id(number)), count) {
            let events::Event::Order(event) = recorded.decode().unwrap() else { panic!("an order") };
            OrderDocument::fold(&mut order, &recorded, &event).unwrap();
        }
        let order = order.unwrap();
        (order.log_position(), serde_json::to_string(&order).unwrap())
    }

    fn old_stock(&self, count: usize) -> (LogPosition, String) {
        let mut stock = None;
        for recorded in self.first_events("stock-A@main", count) {
            let events::Event::Stock(event) = recorded.decode().unwrap() else { panic!("stock") };
            StockDocument::fold(&mut stock, &recorded, &event).unwrap();
        }
        let stock = stock.unwrap();
        (stock.log_position(), serde_json::to_string(&stock).unwrap())
    }
}

#[tokio::test]
async fn cache_detects_a_wrong_order_at_the_first_attempt() {
    let caches = Caches::example().await;
    let key = caches.order_key(1);
    let wrong = caches.value(&key).replacen("Lamp", "Lump", 1);
    let found = findings(Invariant::Cache, &caches.with(&key, wrong, LONG).await).await;
    assert_eq!(found, [format!("{key}: /lines/0/name is \"Lump\", should be \"Lamp\"")]);
}

#[tokio::test]
async fn cache_detects_wrong_stock_at_the_first_attempt() {
    let caches = Caches::example().await;
    let key = caches.stock_key();
    let wrong = caches.value(&key).replacen("\"reserved\":0", "\"reserved\":1", 1);
    let found = findings(Invariant::Cache, &caches.with(&key, wrong, LONG).await).await;
    assert_eq!(found, [format!("{key}: /reserved is 1, should be 0")]);
}

#[tokio::test]
async fn cache_detects_invalid_values_values_without_a_row_and_wrong_stamps_at_the_first_attempt() {
    let caches = Caches::example().await;
    let stock = caches.stock_key();
    let without_row = caches.keys().product(&"B".parse().unwrap());
    let product = caches.value(&caches.keys().product(&"A".parse().unwrap()));
    let wrong = [
        (&stock, "hello".to_owned(), "the value has no valid stamp"),
        (&without_row, product, "no row for this value"),
        (
            &stock,
            format!("{:04}{:019}{}", 1, 900, &caches.value(&stock)[LogPosition::TEXT_BYTES..]),
            "the stamp is position 900",
        ),
        (
            &stock,
            format!("{:04}{:019}{}", 1, 1, &caches.value(&stock)[LogPosition::TEXT_BYTES..]),
            "no event with this stamp",
        ),
    ];
    for (key, value, text) in wrong {
        let subject = caches.with(key, value, LONG).await;
        let found = findings(Invariant::Cache, &subject).await;
        assert_eq!((found.len(), found[0].contains(text)), (1, true), "{found:?}");
        e2e::caches::Caches::open(&subject.redis.unwrap()).await.unwrap().flush().await.unwrap();
    }
}

#[tokio::test]
async fn cache_detects_old_values_that_do_not_expire() {
    let caches = Caches::example().await;
    for (key, (stamp, json)) in
        [(caches.order_key(1), caches.old_order(1, 2)), (caches.stock_key(), caches.old_stock(2))]
    {
        let subject = caches.with(&key, read_model::cache::encode(stamp, &json), Duration::ZERO).await;
        let found = findings(Invariant::Cache, &subject).await;
        assert_eq!((found.len(), found[0].contains(": the stamp is position")), (1, true), "{found:?}");
    }
}

#[tokio::test]
async fn cache_detects_an_old_value_that_was_never_correct_at_the_first_attempt() {
    let caches = Caches::example().await;
    let (stamp, json) = caches.old_stock(2);
    let wrong = read_model::cache::encode(stamp, &json.replacen("\"on_hand\":10", "\"on_hand\":11", 1));
    let found = findings(Invariant::Cache, &caches.with(&caches.stock_key(), wrong, LONG).await).await;
    assert!(found.iter().any(|finding| finding.contains("/on_hand is 11")), "{found:?}");
}

#[tokio::test]
async fn erasure_detects_an_earlier_value_that_does_not_expire() {
    let caches = Caches::example().await;
    let key = caches.order_key(3);
    let (stamp, json) = caches.old_order(3, 1);
    assert!(json.contains(ERASED_NOTE));
    let subject = caches.with(&key, read_model::cache::encode(stamp, &json), Duration::ZERO).await;
    assert_eq!(findings(Invariant::Erasure, &subject).await, [format!("{key} contains personal data")]);
}

#[tokio::test]
async fn erasure_detects_personal_data_in_a_later_value_at_the_first_attempt() {
    let caches = Caches::example().await;
    let key = caches.order_key(3);
    let (stamp, _) = caches.old_order(3, 2);
    let (_, with_personal_data) = caches.old_order(3, 1);
    let subject = caches.with(&key, read_model::cache::encode(stamp, &with_personal_data), LONG).await;
    assert_eq!(findings(Invariant::Erasure, &subject).await, [format!("{key} contains personal data")]);
}
