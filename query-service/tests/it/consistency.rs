//! Consistency tokens: an answer is not older than it was asked to be, or there is none.

use events::{Position, StreamId};

use crate::house::House;
use crate::service::Service;

#[tokio::test]
async fn a_token_waits_until_the_order_is_applied() {
    let house = House::new().await;
    let service = Service::start(&house.bed).await;
    let order = house.order_appended("2026-03-05T10:00:00Z").await;
    let (path, token) = (format!("/v1/orders/{}", order.id), house.head());

    let at_once = service.get_not_older(&path, token, 0).await;
    assert_eq!((at_once.status, at_once.problem(), at_once.header("retry-after")), (503, "projection-lag", "1"));
    let (waited, ()) = tokio::join!(service.get_not_older(&path, token, 10), async {
        house.relayed().await;
        house.order_applied(&order).await;
    });

    assert_eq!((waited.status, &waited.json["code"]), (200, &"SON000001".into()), "{waited:?}");
}

#[tokio::test]
async fn a_token_that_is_not_reached_in_time_says_how_far_it_came() {
    let house = House::new().await;
    house.order_placed("2026-03-05T10:00:00Z").await;
    let late = house.order_appended("2026-03-05T10:00:01Z").await;
    house.relayed().await;
    let service = Service::start(&house.bed).await;

    for path in [format!("/v1/orders/{}", late.id), "/v1/orders/SON000002".into(), "/v1/orders".into()] {
        let refused = service.get_not_older(&path, house.head(), 1).await;
        assert_eq!((refused.status, refused.problem()), (503, "projection-lag"), "{path}");
        assert_eq!(refused.json["wanted"], 2);
        assert_eq!(refused.json["relayed"], 2);
        assert!(refused.json["applied"].as_i64() < Some(2) && refused.json["waited_ms"] == 1000, "{refused:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_applied_needs_no_wait_even_where_nothing_happened_to_it() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    house.stock_received("MUG-1", "main", 3).await;
    house.product_created("MUG-1", 450).await;
    let service = Service::start(&house.bed).await;
    let token = house.head().to_string();
    let paths = [format!("/v1/orders/{}", order.id), "/v1/orders/SON000001".into(), "/v1/orders".into()];
    let others = [
        "/v1/stock/MUG-1",
        "/v1/stock/MUG-1/main/ledger",
        "/v1/products/MUG-1",
        "/v1/products/MUG-1/prices",
        "/v1/products",
    ];
    for path in paths.iter().map(String::as_str).chain(others) {
        let answered = service.get_with(path, &[("Consistency-Token", &token)]).await;
        assert_eq!(answered.status, 200, "{path}: {answered:?}");
    }
}

#[tokio::test]
async fn that_there_is_no_order_must_be_true_at_the_token() {
    let house = House::new().await;
    house.order_placed("2026-03-05T10:00:00Z").await;
    let service = Service::start(&house.bed).await;
    let unknown =
        ["/v1/orders/0190b6d2-7e1a-7000-8000-000000000001", "/v1/orders/SON000099", "/v1/products/X", "/v1/stock/X"];
    for path in unknown {
        let known_missing = service.get_not_older(path, house.head(), 0).await;
        assert_eq!(known_missing.status, 404, "{path}");
    }
    for path in unknown {
        let unsure = service.get_not_older(path, house.head() + 1, 0).await;
        assert_eq!((unsure.status, unsure.problem()), (503, "projection-lag"), "{path}");
    }
}

#[tokio::test]
async fn a_cached_answer_that_is_older_than_the_token_is_not_given() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let service = Service::start_with(&house.bed, &[("PROCESS_CACHE_TTL", "1h".into())]).await;
    let path = format!("/v1/orders/{}", order.id);
    assert_eq!(service.get(&path).await.json["version"], 1);
    let paid = house.payment_appended(&order).await;
    house.relayed().await;
    house.order_applied(&paid).await;

    assert_eq!(service.get(&path).await.json["version"], 1, "for those who do not ask, what is cached is good enough");
    assert_eq!(service.get_not_older(&path, house.head(), 0).await.json["version"], 2);
    assert_eq!(service.get(&path).await.json["version"], 2, "and from then on it is there for all");
}

#[tokio::test]
async fn an_order_that_is_parked_is_not_called_up_to_date() {
    let house = House::new().await;
    let (parked, other) =
        (house.order_placed("2026-03-05T10:00:00Z").await, house.order_placed("2026-03-05T10:00:00Z").await);
    house.payment_appended(&parked).await;
    house.relayed().await;
    house.parked(&StreamId::order(parked.id), Position(house.head())).await;
    let service = Service::start(&house.bed).await;
    let token = house.head();

    let refused = service.get_not_older(&format!("/v1/orders/{}", parked.id), token, 0).await;
    assert_eq!((refused.status, refused.problem()), (503, "projection-lag"));
    let before = service.get_not_older(&format!("/v1/orders/{}", parked.id), token - 1, 0).await;
    assert_eq!(before.status, 200);
    let unconcerned = service.get_not_older(&format!("/v1/orders/{}", other.id), token, 0).await;
    assert_eq!(unconcerned.status, 200);
    let freshness = service.get_until("/v1/freshness", |it| it.status == 200).await;
    assert_eq!(freshness.json["projections"][0]["parked_streams"], 1);
}

#[tokio::test]
async fn the_replica_answers_a_token_once_it_has_replayed_it() {
    let house = House::new().await;
    let replica = ("REPLICA_URL", house.bed.reader_replica_url().expect("an address"));
    house.bed.replica_caught_up().await.expect("replication");
    let service = Service::start_with(&house.bed, &[replica]).await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;

    let answered = service.get_not_older(&format!("/v1/orders/{}", order.id), house.head(), 10).await;
    assert_eq!(answered.status, 200);
    assert_eq!(answered.json, serde_json::to_value(&order).expect("a document"));
}

#[tokio::test]
async fn a_malformed_token_is_refused() {
    let house = House::new().await;
    let service = Service::start(&house.bed).await;
    for token in ["abc", "-1", "1.5", "", "99999999999999999999"] {
        let refused = service.get_with("/v1/orders/SON000001", &[("Consistency-Token", token)]).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-consistency-token"), "{token:?}");
    }
}
