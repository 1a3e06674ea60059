//! Consistency tokens: a response contains the required position, or the request is refused.

use events::{Position, StreamId};

use crate::fixture::{Platform, other_partition};
use crate::service::Service;

/// Disables the process cache.
const COLD: (&str, &str) = ("PROCESS_CACHE_TTL", "0ms");

#[tokio::test]
async fn a_token_waits_until_the_order_is_applied() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    let (path, token) = (format!("/v1/orders/{}", order.id), platform.head());

    let at_once = service.get_not_older(&path, token, 0).await;
    assert_eq!((at_once.status, at_once.problem(), at_once.header("retry-after")), (503, "projection-lag", "1"));
    let (waited, ()) = tokio::join!(service.get_not_older(&path, token, 10), async {
        platform.relay_and_apply(&order).await;
    });

    assert_eq!((waited.status, &waited.json["code"]), (200, &"SON000001".into()), "{waited:?}");
}

#[tokio::test]
async fn a_token_that_is_not_reached_in_time_reports_the_reached_position() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let late = platform.append_order("2026-03-05T10:00:01Z").await;
    platform.relay().await;
    let service = Service::start(&platform.bed).await;

    for path in [format!("/v1/orders/{}", late.id), "/v1/orders/SON000002".into(), "/v1/orders".into()] {
        let refused = service.get_not_older(&path, platform.head(), 1).await;
        assert_eq!((refused.status, refused.problem()), (503, "projection-lag"), "{path}");
        assert_eq!(refused.json["wanted"], 2);
        assert_eq!(refused.json["relayed"], 2);
        assert!(refused.json["applied"].as_i64() < Some(2) && refused.json["waited_ms"] == 1000, "{refused:?}");
    }
}

#[tokio::test]
async fn a_token_needs_no_wait_once_the_projection_has_reached_it() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    platform.receive_stock("MUG-1", "main", 3).await;
    platform.create_product("MUG-1", 450).await;
    let service = Service::start(&platform.bed).await;
    let token = platform.head().to_string();
    let paths = [format!("/v1/orders/{}", order.id), "/v1/orders/SON000001".into(), "/v1/orders".into()];
    let others = [
        "/v1/stock/MUG-1",
        "/v1/stock/MUG-1/main/ledger",
        "/v1/products/MUG-1",
        "/v1/products/MUG-1/prices",
        "/v1/products",
    ];
    for path in paths.iter().map(String::as_str).chain(others) {
        let answer = service.get_with(path, &[("Consistency-Token", &token)]).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn not_found_must_be_true_at_the_token() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    let unknown =
        ["/v1/orders/0190b6d2-7e1a-7000-8000-000000000001", "/v1/orders/SON000099", "/v1/products/X", "/v1/stock/X"];
    for path in unknown {
        let known_missing = service.get_not_older(path, platform.head(), 0).await;
        assert_eq!(known_missing.status, 404, "{path}");
    }
    for path in unknown {
        let unsure = service.get_not_older(path, platform.head() + 1, 0).await;
        assert_eq!((unsure.status, unsure.problem()), (503, "projection-lag"), "{path}");
    }
}

#[tokio::test]
async fn a_cached_document_that_is_older_than_the_token_is_not_served() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start_with(&platform.bed, &[("PROCESS_CACHE_TTL", "1h".into())]).await;
    let path = format!("/v1/orders/{}", order.id);
    assert_eq!(service.get(&path).await.json["version"], 1);
    let paid = platform.append_payment(&order).await;
    platform.relay_and_apply(&paid).await;

    assert_eq!(service.get(&path).await.json["version"], 1, "without a token the cached document is served");
    assert_eq!(service.get_not_older(&path, platform.head(), 0).await.json["version"], 2);
    assert_eq!(service.get(&path).await.json["version"], 2, "and the newer document is cached for all readers");
}

#[tokio::test]
async fn a_parked_order_is_not_served_at_a_later_token() {
    let platform = Platform::new().await;
    let (parked, other) =
        (platform.place_order("2026-03-05T10:00:00Z").await, platform.place_order("2026-03-05T10:00:00Z").await);
    platform.park(&StreamId::order(parked.id)).await;
    let service = Service::start(&platform.bed).await;
    let token = platform.head();

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
    let platform = Platform::new().await;
    let replica = ("REPLICA_URL", platform.bed.reader_replica_url().expect("an address"));
    platform.bed.replica_caught_up().await.expect("replication");
    let service = Service::start_with(&platform.bed, &[replica]).await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;

    let answer = service.get_not_older(&format!("/v1/orders/{}", order.id), platform.head(), 10).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json, serde_json::to_value(&order).expect("a document"));
}

#[tokio::test]
async fn a_malformed_token_is_refused() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    for token in ["abc", "-1", "1.5", "", "99999999999999999999"] {
        let refused = service.get_with("/v1/orders/SON000001", &[("Consistency-Token", token)]).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-consistency-token"), "{token:?}");
    }
}

#[tokio::test]
async fn stock_that_was_cached_from_another_replica_does_not_hide_a_location_at_the_token() {
    let platform = Platform::new().await;
    let location = other_partition("A-1");
    let main = platform.receive_stock("A-1", "main", 7).await;
    let other = platform.append_stock("A-1", &location, 5).await;
    platform.receive_more_stock(Some(main), "A-1", "main", 2).await;
    let service = Service::start_with(&platform.bed, &[("PROCESS_CACHE_TTL", "1h".into())]).await;
    let path = "/v1/stock/A-1";
    assert_eq!(
        service.get(path).await.json["locations"].as_array().map(Vec::len),
        Some(1),
        "the other location is not applied here"
    );

    // Another replica has applied the other location, and not the last event at main.
    platform.return_to(other.position).await;
    let shown = service.get_not_older(path, other.position.0, 0).await;
    assert_eq!((shown.status, shown.json["locations"].as_array().map(Vec::len)), (200, Some(2)), "{shown:?}");
    let other = shown.json["locations"].as_array().and_then(|all| all.iter().find(|it| it["location"] != "main"));
    assert_eq!(other.expect("the other location")["on_hand"], 5);
}

#[tokio::test]
async fn the_position_of_stock_is_not_later_than_what_is_missing_from_it() {
    let platform = Platform::new().await;
    let location = other_partition("A-1");
    let main = platform.receive_stock("A-1", "main", 7).await;
    let late = platform.append_stock("A-1", &location, 5).await;
    platform.receive_more_stock(Some(main), "A-1", "main", 2).await;
    let service = Service::start_with(&platform.bed, &[(COLD.0, COLD.1.into())]).await;
    let position = async || service.get("/v1/stock/A-1").await.header("projection-position").parse::<i64>().ok();
    assert!(position().await < Some(late.position.0), "{:?}", position().await);

    platform.apply_stock(&late).await;
    assert_eq!(position().await, Some(3));
    platform.place_order("2026-03-05T10:00:00Z").await;
    assert_eq!(position().await, Some(platform.head()), "the position of unchanged stock advances with the projection");
}

#[tokio::test]
async fn the_position_of_stock_from_redis_is_not_later_than_what_is_missing_from_it() {
    let platform = Platform::new().await;
    let main = platform.receive_stock("A-1", "main", 7).await;
    let redis = [("REDIS_URL", platform.bed.redis_url().expect("an address")), ("REDIS_BUDGET", "20s".to_owned())];
    let [url, budget] = redis;
    let service = Service::start_with(&platform.bed, &[url, budget, (COLD.0, COLD.1.into())]).await;
    service.dependency_up("redis").await;
    service.get("/v1/stock/A-1").await;
    let mut connection = crate::cached::redis(&platform).await.0;
    let key = read_model::cache::Keys::new(platform.bed.cache_prefix(), 1).stock(&main.sku, &main.location);
    crate::cached::wait_for_value(&mut connection, &key).await;

    // A location that this process does not know yet, and a later event at the known location.
    let north = platform.receive_stock("A-1", "north", 5).await;
    let mut newer = main.clone();
    newer.position = Position(platform.head() + 1);
    let value = read_model::cache::encode(newer.log_position(), &serde_json::to_string(&newer).expect("a document"));
    let () = redis::AsyncCommands::set_ex(&mut connection, &key, value, 60).await.expect("Redis");
    let shown = service.get("/v1/stock/A-1").await;
    assert_eq!(shown.json["locations"].as_array().map(Vec::len), Some(1), "from Redis: {shown:?}");
    let position: i64 = shown.header("projection-position").parse().expect("a position");
    assert!(position < north.position.0, "{position}");
}

#[tokio::test]
async fn the_position_of_a_ledger_is_not_later_than_where_its_stream_is_parked() {
    let platform = Platform::new().await;
    let main = platform.receive_stock("A-1", "main", 7).await;
    let parked = platform.park(&StreamId::stock(&main.sku, &main.location)).await;
    assert_eq!(parked, Position(2));
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    for path in ["/v1/stock/A-1/main/ledger", "/v1/stock/A-1"] {
        assert_eq!(service.get(path).await.header("projection-position"), "1", "{path}");
    }
}

#[tokio::test]
async fn a_token_far_beyond_the_end_of_the_log_is_refused_at_once() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    service.get_until("/v1/freshness", |it| it.status == 200).await;
    for path in ["/v1/orders/SON000001", "/v1/orders", "/v1/stock/X", "/v1/products"] {
        let refused = service.get_not_older(path, 999_999_999, 10).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-consistency-token"), "{path}: {refused:?}");
        assert_eq!(refused.json["head"], 1);
    }
    let next = service.get_not_older("/v1/orders", platform.head() + 1, 0).await;
    assert_eq!(
        (next.status, next.problem()),
        (503, "projection-lag"),
        "the log may have grown since its end was observed"
    );
}

#[tokio::test]
async fn a_token_waits_for_an_order_by_its_code_in_lists_and_in_stock() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    let item = platform.append_stock("A-1", "main", 5).await;
    let (orders, stock) = (order.position.0, item.position.0);
    let (by_code, list, stock, ()) = tokio::join!(
        service.get_not_older("/v1/orders/SON000001", orders, 10),
        service.get_not_older("/v1/orders", orders, 10),
        service.get_not_older("/v1/stock/A-1", stock, 10),
        async {
            platform.relay_and_apply(&order).await;
            platform.apply_stock(&item).await;
        }
    );
    assert_eq!((by_code.status, &by_code.json["code"]), (200, &"SON000001".into()), "{by_code:?}");
    assert_eq!(list.items("code"), ["SON000001"]);
    assert_eq!((stock.status, &stock.json["locations"][0]["on_hand"]), (200, &5.into()), "{stock:?}");
}
