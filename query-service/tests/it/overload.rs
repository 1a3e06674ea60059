//! Waiting readers, lists and single documents do not use each other's connections.

use events::StreamId;
use futures::future::join_all;

use crate::fixture::Platform;
use crate::service::Service;

/// More readers than connections.
const READERS: usize = 8;

/// A service with three connections and a short wait for a connection.
async fn service(platform: &Platform) -> Service {
    let changes = [("DATABASE_ACQUIRE_TIMEOUT", "100ms".to_owned()), ("PROCESS_CACHE_TTL", "0ms".to_owned())];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.ready().await;
    service
}

#[tokio::test]
async fn waiting_readers_leave_connections_for_other_reads() {
    let platform = Platform::new().await;
    platform.create_product("LAMP", 450).await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    platform.relay().await;
    let service = service(&platform).await;
    let orders = platform.lock_table("orders").await;
    let (path, token) = (format!("/v1/orders/{}", order.id), order.position.0);
    let waiting = join_all((0..READERS).map(|_| service.get_not_older(&path, token, 10)));
    let others = async {
        platform.statement_is_blocked().await;
        for _ in 0..50 {
            for path in ["/v1/products/LAMP", "/v1/products"] {
                let read = service.get(path).await;
                assert_eq!(read.status, 200, "{path}: {read:?}");
            }
        }
        drop(orders);
        platform.apply_order(&order).await;
    };
    let (waited, ()) = tokio::join!(waiting, others);
    for answer in waited {
        assert_eq!((answer.status, &answer.json["code"]), (200, &"SON000001".into()), "{answer:?}");
    }
}

#[tokio::test]
async fn waiting_readers_are_refused_with_projection_lag_however_many_they_are() {
    let platform = Platform::new().await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    platform.relay().await;
    let service = service(&platform).await;
    let orders = platform.lock_table("orders").await;
    let path = format!("/v1/orders/{}", order.id);
    let one = service.get_not_older(&path, order.position.0, 10);
    let others = async {
        platform.statement_is_blocked().await;
        let waited = join_all((0..READERS).map(|_| service.get_not_older(&path, order.position.0, 1))).await;
        for answer in waited {
            assert_eq!((answer.status, answer.problem()), (503, "projection-lag"), "{answer:?}");
        }
        drop(orders);
        platform.apply_order(&order).await;
    };
    let (one, ()) = tokio::join!(one, others);
    assert_eq!(one.status, 200, "{one:?}");
}

#[tokio::test]
async fn lists_leave_connections_for_single_documents() {
    let platform = Platform::new().await;
    platform.create_product("LAMP", 450).await;
    let service = service(&platform).await;
    let prices = platform.lock_table("product_prices").await;
    let lists = join_all((0..READERS).map(|_| service.get("/v1/products/LAMP/prices")));
    let documents = async {
        platform.statement_is_blocked().await;
        for _ in 0..50 {
            let read = service.get("/v1/products/LAMP").await;
            assert_eq!(read.status, 200, "{read:?}");
        }
        drop(prices);
    };
    tokio::join!(lists, documents);
}

#[tokio::test]
async fn reports_leave_connections_for_other_reads_and_too_many_of_them_are_refused() {
    let platform = Platform::new().await;
    platform.create_product("LAMP", 450).await;
    let service = service(&platform).await;
    let sales = platform.lock_table("sales_channel_days").await;
    let report = "/v1/reports/sales?from=2026-03-01&to=2026-04-01";
    let reports = join_all((0..READERS).map(|_| service.get(report)));
    let others = async {
        platform.statement_is_blocked().await;
        for _ in 0..50 {
            for path in ["/v1/products/LAMP", "/v1/products"] {
                let read = service.get(path).await;
                assert_eq!(read.status, 200, "{path}: {read:?}");
            }
        }
        let refused = service.get(report).await;
        assert_eq!((refused.status, refused.problem(), refused.header("retry-after")), (503, "database-busy", "1"));
        drop(sales);
    };
    let (answers, ()) = tokio::join!(reports, others);
    assert!(answers.iter().any(|answer| answer.status == 200), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.problem() == "database-busy"), "{answers:?}");
}

#[tokio::test]
async fn readers_who_wait_for_a_parked_stream_are_refused_at_once() {
    let platform = Platform::new().await;
    let order = platform.place_order("2026-03-05T10:00:00Z").await;
    let parked = platform.park(&StreamId::order(order.id)).await;
    // The wait would end long after the test.
    let service =
        Service::start_with(&platform.bed, &[("WAIT_MAX", "1h".into()), ("HTTP_REQUEST_TIMEOUT", "2h".into())]).await;
    let path = format!("/v1/orders/{}", order.id);
    let refused = service.get_not_older(&path, parked.0, 3600).await;
    assert_eq!((refused.status, refused.problem()), (503, "projection-lag"));
    assert_eq!(refused.json["applied"], 1, "the position before the parked event");
}
