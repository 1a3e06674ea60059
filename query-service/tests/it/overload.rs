//! Readers who wait, lists and single documents do not take each other's connections.

use events::StreamId;
use futures::future::join_all;
use sqlx::PgConnection;
use testbed::PATIENCE;

use crate::house::House;
use crate::service::Service;

/// More than there are connections.
const READERS: usize = 8;

/// Three connections, and a short wait for one of them.
async fn service(house: &House) -> Service {
    let changes = [("DATABASE_ACQUIRE_TIMEOUT", "100ms".to_owned()), ("PROCESS_CACHE_TTL", "0ms".to_owned())];
    let service = Service::start_with(&house.bed, &changes).await;
    service.ready().await;
    service
}

/// Returns once so many statements of the service wait for a lock.
async fn blocked(owner: &mut PgConnection, count: i64) {
    let select = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
        where not l.granted and d.datname = current_database()";
    let looking = async {
        while sqlx::query_scalar::<_, i64>(select).fetch_one(&mut *owner).await.expect("the locks") < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("nothing is blocked");
}

#[tokio::test]
async fn readers_who_wait_leave_connections_for_the_others() {
    let house = House::new().await;
    house.product_created("LAMP", 450).await;
    let order = house.order_appended("2026-03-05T10:00:00Z").await;
    house.relayed().await;
    let service = service(&house).await;
    let mut orders = house.locked("orders").await;
    let (path, token) = (format!("/v1/orders/{}", order.id), order.position.0);
    let waiting = join_all((0..READERS).map(|_| service.get_not_older(&path, token, 10)));
    let others = async {
        blocked(&mut orders, 1).await;
        for _ in 0..50 {
            for path in ["/v1/products/LAMP", "/v1/products"] {
                let read = service.get(path).await;
                assert_eq!(read.status, 200, "{path}: {read:?}");
            }
        }
        drop(orders);
        house.order_applied(&order).await;
    };
    let (waited, ()) = tokio::join!(waiting, others);
    for answered in waited {
        assert_eq!((answered.status, &answered.json["code"]), (200, &"SON000001".into()), "{answered:?}");
    }
}

#[tokio::test]
async fn readers_who_wait_are_told_that_the_projection_lags_however_many_they_are() {
    let house = House::new().await;
    let order = house.order_appended("2026-03-05T10:00:00Z").await;
    house.relayed().await;
    let service = service(&house).await;
    let mut orders = house.locked("orders").await;
    let path = format!("/v1/orders/{}", order.id);
    let one = service.get_not_older(&path, order.position.0, 10);
    let others = async {
        blocked(&mut orders, 1).await;
        let waited = join_all((0..READERS).map(|_| service.get_not_older(&path, order.position.0, 1))).await;
        for answered in waited {
            assert_eq!((answered.status, answered.problem()), (503, "projection-lag"), "{answered:?}");
        }
        drop(orders);
        house.order_applied(&order).await;
    };
    let (one, ()) = tokio::join!(one, others);
    assert_eq!(one.status, 200, "{one:?}");
}

#[tokio::test]
async fn lists_leave_connections_for_single_documents() {
    let house = House::new().await;
    house.product_created("LAMP", 450).await;
    let service = service(&house).await;
    let mut prices = house.locked("product_prices").await;
    let lists = join_all((0..READERS).map(|_| service.get("/v1/products/LAMP/prices")));
    let documents = async {
        blocked(&mut prices, 1).await;
        for _ in 0..50 {
            let read = service.get("/v1/products/LAMP").await;
            assert_eq!(read.status, 200, "{read:?}");
        }
        drop(prices);
    };
    tokio::join!(lists, documents);
}

#[tokio::test]
async fn readers_who_wait_for_what_is_parked_are_told_at_once() {
    let house = House::new().await;
    let order = house.order_placed("2026-03-05T10:00:00Z").await;
    let paid = house.payment_appended(&order).await;
    house.relayed().await;
    house.parked(&StreamId::order(order.id), paid.position).await;
    // The wait would be over long after the request.
    let service =
        Service::start_with(&house.bed, &[("WAIT_MAX", "1h".into()), ("HTTP_REQUEST_TIMEOUT", "2h".into())]).await;
    let path = format!("/v1/orders/{}", order.id);
    let refused = service.get_not_older(&path, paid.position.0, 3600).await;
    assert_eq!((refused.status, refused.problem()), (503, "projection-lag"));
    assert_eq!(refused.json["applied"], 1, "no more than before the event that is parked");
}
