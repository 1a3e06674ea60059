//! Orders that nobody pays.

use chrono::TimeDelta;
use command_service::schedule::Outcome;
use serde_json::json;

use crate::shop::{Shop, work};

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_order_expires_at_its_instant_and_not_before() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let order = shop.order(Some(shop.at(600))).await;
    work(&mut schedule, shop.at(0)).await;

    let a_moment_before = shop.at(600) - TimeDelta::microseconds(1);
    assert_eq!(schedule.step(a_moment_before).await.unwrap(), Outcome::Idle(Some(shop.at(600))));
    assert_eq!(schedule.step(shop.at(600)).await.unwrap(), Outcome::Issued { due: 1, answered: 1 });

    assert_eq!(shop.last_of(order).await.event_type, "OrderExpired");
    assert_eq!(schedule.step(shop.at(601)).await.unwrap(), Outcome::Idle(None));
    assert_eq!(shop.entries().await, [], "an end is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_expired_order_had_reserved_can_be_bought_again() {
    let shop = Shop::open().await;
    let all = json!({"currency": "GBP", "lines": [{"sku": "MUG", "quantity": 1_000_000}], "payment_due": shop.at(600)});
    shop.order_with(all).await;
    work(&mut shop.schedule(), shop.at(600)).await;
    shop.order(None).await;
    assert_eq!(shop.count("StockReleased").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_says_where_it_comes_from() {
    let shop = Shop::open().await;
    let order = shop.order(Some(shop.at(600))).await;
    let placed = shop.last_of(order).await;
    work(&mut shop.schedule(), shop.at(600)).await;
    let expired = shop.last_of(order).await;
    assert_eq!(expired.metadata.causation_id, Some(placed.id().to_string()));
    assert_eq!(expired.metadata.correlation_id.as_deref(), Some("schedule"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_is_asked_about_once_and_stays() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let order = shop.order(Some(shop.at(600))).await;
    work(&mut schedule, shop.at(0)).await;
    shop.pay_in_full(order).await;

    assert_eq!(work(&mut schedule, shop.at(600)).await, 1);
    assert_eq!(work(&mut schedule, shop.at(1_000_000)).await, 0);
    assert_eq!(shop.last_of(order).await.event_type, "PaymentCaptured");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_keeps_an_order_until_it_is_taken_back() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let order = shop.order(Some(shop.at(600))).await;
    shop.pay(order, json!({"kind": "authorized", "amount": 450, "method": "card"})).await;
    work(&mut schedule, shop.at(700)).await;
    assert_eq!(shop.count("OrderExpired").await, 0);

    shop.pay(order, json!({"kind": "voided", "payment": 1})).await;
    work(&mut schedule, shop.at(701)).await;
    assert_eq!(shop.count("OrderExpired").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_taken_back_early_leaves_the_buyer_the_time_there_is() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let order = shop.order(Some(shop.at(600))).await;
    shop.pay(order, json!({"kind": "authorized", "amount": 450, "method": "card"})).await;
    shop.pay(order, json!({"kind": "voided", "payment": 1})).await;
    assert_eq!(work(&mut schedule, shop.at(599)).await, 0);
    assert_eq!(work(&mut schedule, shop.at(600)).await, 1);
    assert_eq!(shop.last_of(order).await.event_type, "OrderExpired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_back_brings_nothing_about_twice() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    shop.order(Some(shop.at(600))).await;
    shop.order(Some(shop.at(900))).await;
    for now in [shop.at(600), shop.at(10), shop.at(600), shop.at(900), shop.at(10), shop.at(1_000)] {
        work(&mut schedule, now).await;
    }
    assert_eq!(shop.count("OrderExpired").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_ahead_of_the_databases_brings_nothing_about_early() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let order = shop.order(Some(shop.at(600))).await;
    let now = schedule.now(shop.at(1_000_000)).await.unwrap();
    assert!(now < shop.at(600), "{now}");
    assert_eq!(work(&mut schedule, now).await, 0);
    // One that is behind is late, and nothing else.
    assert_eq!(schedule.now(shop.at(-1_000_000)).await.unwrap(), shop.at(-1_000_000));
    assert_eq!(work(&mut schedule, shop.at(600)).await, 1);
    assert_eq!(shop.last_of(order).await.event_type, "OrderExpired");
}
