//! A database that stops responding during a command: the service reports it as down while that command still waits, rejects further
//! commands immediately, and after the database has recovered each command has taken effect once.

use std::time::Duration;

use command_service::database::Database;
use command_service::log::Log;
use testbed::proxy::Proxy;
use testbed::{Bed, PATIENCE};

use crate::shop::{Shop, lamps};

/// Short, so that the tests are fast.
const LIMIT: Duration = Duration::from_millis(500);

async fn shop() -> (Proxy, Shop) {
    let bed = Bed::new().await.unwrap();
    let (proxy, url) = Proxy::to_server(&bed.writer_url().unwrap()).await.unwrap();
    let log = Log::new(Database::new(url.parse().unwrap(), 4, LIMIT));
    (proxy, Shop::on(bed, log, LIMIT, 10).await)
}

async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the condition is met in time");
}

#[tokio::test]
async fn a_frozen_database_is_reported_while_a_command_waits_and_the_next_ones_are_rejected_at_once() {
    let (database, shop) = shop().await;
    let before = shop.events().await;
    database.freeze();
    let first = tokio::spawn(shop.client().post("/v1/orders", &[("idempotency-key", "first")], lamps(1)));
    until(|| !shop.health.is_ready()).await;
    assert!(!first.is_finished(), "its outcome is not known yet");

    // The database has exceeded its time limit already, so further commands do not wait for it.
    for _ in 0..3 {
        let refused = shop.post("/v1/orders", &[("idempotency-key", "second")], &lamps(1)).await;
        refused.assert_problem(503, "log-unreachable");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    shop.get("/v1/commands/second").await.assert_problem(503, "log-unreachable");
    assert!(!first.is_finished(), "all further commands got a response before it");

    database.thaw();
    let first = first.await.unwrap();
    assert!([201, 503].contains(&first.status.as_u16()), "{first:?}");
    until(|| shop.health.is_ready()).await;
    for key in ["first", "second"] {
        let placed = shop.post("/v1/orders", &[("idempotency-key", key)], &lamps(1)).await;
        assert_eq!(placed.status, 201, "{placed:?}");
    }
    assert_eq!(shop.events().await - before, 4, "two orders, each with its reservation");
}

#[tokio::test]
async fn a_recovered_database_is_detected_without_requests() {
    let (database, shop) = shop().await;
    database.freeze();
    let first = tokio::spawn(shop.client().post("/v1/orders", &[("idempotency-key", "first")], lamps(1)));
    until(|| !shop.health.is_ready()).await;
    let timed_out = first.await.unwrap();
    timed_out.assert_problem(503, "outcome-unknown");
    assert!(!shop.health.is_ready());

    database.thaw();
    until(|| shop.health.is_ready()).await;
    assert_eq!(shop.post("/v1/orders", &[("idempotency-key", "first")], &lamps(1)).await.status, 201);
}

#[tokio::test]
async fn lost_connections_delay_a_command_and_do_not_lose_it() {
    let (database, shop) = shop().await;
    let before = shop.events().await;
    database.lose_connections();
    let placed = shop.post("/v1/orders", &[("idempotency-key", "first")], &lamps(1)).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert!(shop.health.is_ready());
    assert_eq!(shop.events().await - before, 2);
}
