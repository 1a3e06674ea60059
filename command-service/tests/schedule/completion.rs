//! Completion of orders.

use std::time::Duration;

use crate::shop::{Shop, completing_after, work};

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_and_delivered_order_is_completed() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let order = shop.order(None).await;
    shop.pay_in_full(order).await;
    assert_eq!(work(&mut schedule, shop.at(60)).await, 0, "not submitted before the delivery");

    shop.deliver(order).await;
    assert_eq!(work(&mut schedule, shop.at(60)).await, 1);
    assert_eq!(shop.last_of(order).await.event_type, "OrderCompleted");
    assert_eq!(work(&mut schedule, shop.at(1_000_000)).await, 0);
    assert_eq!(shop.entries().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_completed_when_it_is_paid_after_its_delivery() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let order = shop.order(None).await;
    shop.deliver(order).await;
    work(&mut schedule, shop.at(60)).await;
    assert_eq!(shop.last_of(order).await.event_type, "FulfilmentDelivered");

    shop.pay_in_full(order).await;
    work(&mut schedule, shop.at(61)).await;
    assert_eq!(shop.last_of(order).await.event_type, "OrderCompleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_completed_after_the_configured_delay() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule_with(completing_after(Duration::from_secs(14 * 86_400)));
    let order = shop.order(None).await;
    shop.pay_in_full(order).await;
    shop.deliver(order).await;
    assert_eq!(work(&mut schedule, shop.at(13 * 86_400)).await, 0);
    assert_eq!(work(&mut schedule, shop.at(14 * 86_400 + 60)).await, 1);
    assert_eq!(shop.count("OrderCompleted").await, 1);
}
