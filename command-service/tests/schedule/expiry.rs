//! Expiry of unpaid orders.

use chrono::TimeDelta;
use command_service::schedule::Outcome;
use serde_json::json;

use crate::shop::{Shop, work};

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_order_expires_at_its_payment_deadline() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let order = shop.order(Some(shop.at(600))).await;
    work(&mut schedule, shop.at(0)).await;

    let just_before = shop.at(600) - TimeDelta::microseconds(1);
    assert_eq!(schedule.step(just_before).await.unwrap(), Outcome::Idle(Some(shop.at(600))));
    assert_eq!(schedule.step(shop.at(600)).await.unwrap(), Outcome::Submitted { due: 1, answered: 1 });

    assert_eq!(shop.last_of(order).await.event_type, "OrderExpired");
    assert_eq!(schedule.step(shop.at(601)).await.unwrap(), Outcome::Idle(None));
    assert_eq!(shop.entries().await, [], "the end of an order removes its entries");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_of_an_expired_order_is_available_again() {
    let shop = Shop::open().await;
    let all = json!({"currency": "GBP", "lines": [{"sku": "MUG", "quantity": 1_000_000}], "payment_due": shop.at(600)});
    shop.order_with(all).await;
    work(&mut shop.schedule(), shop.at(600)).await;
    shop.order(None).await;
    assert_eq!(shop.count("StockReleased").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_names_its_cause() {
    let shop = Shop::open().await;
    let order = shop.order(Some(shop.at(600))).await;
    let placed = shop.last_of(order).await;
    work(&mut shop.schedule(), shop.at(600)).await;
    let expired = shop.last_of(order).await;
    assert_eq!(expired.metadata.causation_id, Some(placed.id().to_string()));
    assert_eq!(expired.metadata.correlation_id.as_deref(), Some("schedule"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_does_not_expire() {
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
async fn an_authorized_order_expires_after_its_authorization_is_voided() {
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
async fn an_order_whose_authorization_was_voided_expires_at_its_payment_deadline() {
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
async fn a_clock_that_jumps_back_repeats_no_effect() {
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
async fn a_clock_ahead_of_the_database_clock_expires_nothing_early() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let order = shop.order(Some(shop.at(600))).await;
    let now = schedule.now(shop.at(1_000_000)).await.unwrap();
    assert!(now < shop.at(600), "{now}");
    assert_eq!(work(&mut schedule, now).await, 0);
    // A clock that is behind only delays commands.
    assert_eq!(schedule.now(shop.at(-1_000_000)).await.unwrap(), shop.at(-1_000_000));
    assert_eq!(work(&mut schedule, shop.at(600)).await, 1);
    assert_eq!(shop.last_of(order).await.event_type, "OrderExpired");
}
