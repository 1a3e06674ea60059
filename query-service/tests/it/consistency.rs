//! Consistency tokens: an answer is not older than it was asked to be, or there is none.

use events::{Position, StreamId};

use crate::house::{House, elsewhere};
use crate::service::Service;

/// Nothing is read twice, so nothing hides behind a cache.
const COLD: (&str, &str) = ("PROCESS_CACHE_TTL", "0ms");

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

#[tokio::test]
async fn stock_that_is_cached_from_another_replica_does_not_hide_the_location_of_a_token() {
    let house = House::new().await;
    let main = house.stock_received("A-1", "main", 7).await;
    let north = house.stock_appended("A-1", "north", 5).await;
    house.stock_received_more(Some(main.clone()), "A-1", "main", 2).await;
    let service = Service::start_with(&house.bed, &[("PROCESS_CACHE_TTL", "1h".into())]).await;
    let path = "/v1/stock/A-1";
    assert_eq!(
        service.get(path).await.json["locations"].as_array().map(Vec::len),
        Some(1),
        "north is not applied here"
    );

    // Another replica is ahead with north and behind with main.
    house.stock_applied(&main).await;
    house.stock_applied(&north).await;
    let shown = service.get_not_older(path, north.position.0, 0).await;
    assert_eq!((shown.status, shown.json["locations"].as_array().map(Vec::len)), (200, Some(2)), "{shown:?}");
    assert_eq!(shown.json["locations"][1]["on_hand"], 5);
}

#[tokio::test]
async fn the_position_of_stock_is_not_later_than_what_is_missing_from_it() {
    let house = House::new().await;
    let shelf = elsewhere("A-1");
    let main = house.stock_received("A-1", "main", 7).await;
    let late = house.stock_appended("A-1", &shelf, 5).await;
    house.stock_received_more(Some(main), "A-1", "main", 2).await;
    let service = Service::start_with(&house.bed, &[(COLD.0, COLD.1.into())]).await;
    let position = async || service.get("/v1/stock/A-1").await.header("projection-position").parse::<i64>().ok();
    assert!(position().await < Some(late.position.0), "{:?}", position().await);

    house.stock_applied(&late).await;
    assert_eq!(position().await, Some(3));
    house.order_placed("2026-03-05T10:00:00Z").await;
    assert_eq!(position().await, Some(house.head()), "stock that does not change gets newer with the projection");
}

#[tokio::test]
async fn the_position_of_stock_out_of_redis_is_not_later_than_what_is_missing_from_it() {
    let house = House::new().await;
    let main = house.stock_received("A-1", "main", 7).await;
    let redis = [("REDIS_URL", house.bed.redis_url().expect("an address")), ("REDIS_BUDGET", "20s".to_owned())];
    let [url, budget] = redis;
    let service = Service::start_with(&house.bed, &[url, budget, (COLD.0, COLD.1.into())]).await;
    service.dependency_up("redis").await;
    service.get("/v1/stock/A-1").await;
    let mut connection = crate::cached::redis(&house).await.0;
    let key = read_model::cache::Keys::new(house.bed.cache_prefix()).stock(&main.sku, &main.location);
    crate::cached::held(&mut connection, &key).await;

    // A location that this process does not know yet, and a movement at the one that it knows.
    let north = house.stock_received("A-1", "north", 5).await;
    let mut newer = main.clone();
    newer.position = Position(house.head() + 1);
    let value = read_model::cache::encode(newer.log_position(), &serde_json::to_string(&newer).expect("a document"));
    let () = redis::AsyncCommands::set_ex(&mut connection, &key, value, 60).await.expect("Redis");
    let shown = service.get("/v1/stock/A-1").await;
    assert_eq!(shown.json["locations"].as_array().map(Vec::len), Some(1), "out of Redis: {shown:?}");
    let position: i64 = shown.header("projection-position").parse().expect("a position");
    assert!(position < north.position.0, "{position}");
}

#[tokio::test]
async fn the_position_of_a_ledger_is_not_later_than_where_its_stream_is_parked() {
    let house = House::new().await;
    let main = house.stock_received("A-1", "main", 7).await;
    house.stock_appended("B-2", "main", 1).await;
    house.relayed().await;
    let stream = StreamId::stock(&main.sku, &main.location);
    house.parked(&stream, Position(2)).await;
    house.order_placed("2026-03-05T10:00:00Z").await;
    let service = Service::start(&house.bed).await;
    for path in ["/v1/stock/A-1/main/ledger", "/v1/stock/A-1"] {
        assert_eq!(service.get(path).await.header("projection-position"), "1", "{path}");
    }
}

#[tokio::test]
async fn a_token_far_beyond_the_end_of_the_log_is_refused_and_not_waited_for() {
    let house = House::new().await;
    house.order_placed("2026-03-05T10:00:00Z").await;
    let service = Service::start(&house.bed).await;
    service.get_until("/v1/freshness", |it| it.status == 200).await;
    for path in ["/v1/orders/SON000001", "/v1/orders", "/v1/stock/X", "/v1/products"] {
        let refused = service.get_not_older(path, 999_999_999, 10).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-consistency-token"), "{path}: {refused:?}");
        assert_eq!(refused.json["head"], 1);
    }
    let next = service.get_not_older("/v1/orders", house.head() + 1, 0).await;
    assert_eq!((next.status, next.problem()), (503, "projection-lag"), "the log may have grown since it was looked at");
}

#[tokio::test]
async fn a_token_waits_for_an_order_by_its_code_in_lists_and_in_stock() {
    let house = House::new().await;
    let service = Service::start(&house.bed).await;
    let order = house.order_appended("2026-03-05T10:00:00Z").await;
    let item = house.stock_appended("A-1", "main", 5).await;
    let (orders, stock) = (order.position.0, item.position.0);
    let (by_code, list, stock, ()) = tokio::join!(
        service.get_not_older("/v1/orders/SON000001", orders, 10),
        service.get_not_older("/v1/orders", orders, 10),
        service.get_not_older("/v1/stock/A-1", stock, 10),
        async {
            house.relayed().await;
            house.order_applied(&order).await;
            house.stock_applied(&item).await;
        }
    );
    assert_eq!((by_code.status, &by_code.json["code"]), (200, &"SON000001".into()), "{by_code:?}");
    assert_eq!(list.items("code"), ["SON000001"]);
    assert_eq!((stock.status, &stock.json["locations"][0]["on_hand"]), (200, &5.into()), "{stock:?}");
}
