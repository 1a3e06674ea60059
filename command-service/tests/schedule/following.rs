//! The schedule is derived from the log: after restarts, by several instances, and after a rebuild.

use std::process::Command as Process;

use command_service::schedule::Outcome;
use domain::command::Command;
use domain::order::OrderCommand;
use events::Position;
use futures::future::join_all;
use serde_json::json;

use crate::shop::{Shop, work};

/// More orders than one batch contains.
const MANY: usize = 250;

async fn unpaid_orders(shop: &Shop, count: usize) {
    join_all((0..count).map(|_| shop.order(Some(shop.at(600))))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_became_due_while_no_instance_was_running_are_submitted_later() {
    let shop = Shop::open().await;
    unpaid_orders(&shop, MANY).await;
    let shop = shop.restart().await;
    assert_eq!(work(&mut shop.schedule(), shop.at(1_000_000)).await, MANY);
    assert_eq!(shop.count("OrderExpired").await, MANY as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_process_continues_after_the_previous_one() {
    let shop = Shop::open().await;
    unpaid_orders(&shop, MANY).await;
    let mut before = shop.schedule();
    work(&mut before, shop.at(0)).await;
    assert_eq!(before.step(shop.at(600)).await.unwrap(), Outcome::Submitted { due: 100, answered: 100 });
    drop(before);
    let shop = shop.restart().await;
    assert_eq!(work(&mut shop.schedule(), shop.at(600)).await, MANY - 100);
    assert_eq!(shop.count("OrderExpired").await, MANY as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_share_the_work_and_each_order_expires_once() {
    let one = Shop::open().await;
    let two = one.beside().await;
    unpaid_orders(&one, MANY).await;
    let (mut first, mut second) = (one.schedule(), two.schedule());
    let (by_first, by_second) = tokio::join!(work(&mut first, one.at(600)), work(&mut second, one.at(600)));
    assert_eq!(by_first + by_second, MANY, "no command is submitted twice");
    assert_eq!(one.count("OrderExpired").await, MANY as i64);
    work(&mut first, one.at(600)).await;
    assert_eq!(one.entries().await, [], "no entries remain");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_expiry_is_submitted_twice_expires_once() {
    let shop = Shop::open().await;
    shop.order(Some(shop.at(600))).await;
    let (mut first, mut second) = (shop.schedule(), shop.schedule());
    work(&mut first, shop.at(0)).await;
    let copy = "create table kept as table schedule";
    sqlx::query(copy).execute(&mut shop.owner().await).await.unwrap();
    work(&mut first, shop.at(600)).await;

    // The database loses the changes of the first schedule, as it may after a crash.
    sqlx::query("insert into schedule table kept").execute(&mut shop.owner().await).await.unwrap();
    assert_eq!(work(&mut second, shop.at(600)).await, 1);
    assert_eq!(shop.count("OrderExpired").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_schedule_has_the_same_entries() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    let (paid, delivered) = (shop.order(Some(shop.at(600))).await, shop.order(None).await);
    shop.pay_in_full(paid).await;
    shop.deliver(delivered).await;
    shop.order(Some(shop.at(900))).await;
    shop.order(Some(shop.at(300))).await;
    work(&mut schedule, shop.at(0)).await;
    let entries = shop.entries().await;
    assert_eq!(entries.len(), 4);

    rebuild(&shop);
    assert_eq!(shop.entries().await, []);

    work(&mut schedule, shop.at(0)).await;
    assert_eq!(shop.entries().await.len(), entries.len());
    assert_eq!(shop.entries().await, entries);
    work(&mut schedule, shop.at(900)).await;
    assert_eq!(shop.count("OrderExpired").await, 2);
}

/// Runs the command of the operator.
fn rebuild(shop: &Shop) {
    let done = Process::new(env!("CARGO_BIN_EXE_command-service"))
        .args(["schedule", "rebuild"])
        .env("DATABASE_URL", shop.bed.writer_url().unwrap())
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains("rebuilds it from"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_repeats_no_effect() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    unpaid_orders(&shop, 10).await;
    work(&mut schedule, shop.at(600)).await;
    rebuild(&shop);
    work(&mut schedule, shop.at(600)).await;
    assert_eq!(shop.count("OrderExpired").await, 10);
    assert_eq!(shop.entries().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_lost_events_or_changed_rules_the_log_is_followed_from_the_beginning() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    shop.order(Some(shop.at(600))).await;
    work(&mut schedule, shop.at(0)).await;
    let entries = shop.entries().await;

    for lost in ["position = position + 1", "incarnation = incarnation + 1", "edition = edition - 1"] {
        let statement = format!("update schedule_checkpoint set {lost}");
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut shop.owner().await).await.unwrap();
        sqlx::query("update schedule set stream_id = 'hold-0190163d-8694-739b-aea5-966c26f8ad91'")
            .execute(&mut shop.owner().await)
            .await
            .unwrap();
        assert_eq!(schedule.step(shop.at(0)).await.unwrap(), Outcome::StartedOver, "{lost}");
        work(&mut schedule, shop.at(0)).await;
        assert_eq!(shop.entries().await, entries, "{lost}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_later_events_remove_are_not_submitted() {
    let shop = Shop::open().await;
    let order = shop.order(Some(shop.at(600))).await;
    // More than a page of events between the start and the end of the order.
    let filler = "
        with head as (update log_head set position = position + 10000 returning position - 10000 as base)
        insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
        select head.base + n, 1, 'product-FILLER', n, 'ProductReactivated', 1, '{}', now()
        from head, generate_series(1, 10000) as n";
    sqlx::query(filler).execute(&mut shop.owner().await).await.unwrap();
    let shop = shop.restart().await;
    let now = shop.at(600);
    let body = serde_json::from_value(json!({"reason": "not wanted"})).unwrap();
    shop.send(Command::Order(order, OrderCommand::CancelOrder { body })).await;
    rebuild(&shop);

    let mut schedule = shop.schedule();
    assert_eq!(schedule.step(now).await.unwrap(), Outcome::Followed(Position(10_000)));
    assert_eq!(shop.entries().await.len(), 1, "the order seems due");
    assert_eq!(schedule.step(now).await.unwrap(), Outcome::Idle(None));
}
