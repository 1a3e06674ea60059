//! Failures: of instances, of the writer and of the database, and events that cannot be decoded.

use std::pin::pin;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use command_service::database::Database;
use command_service::log::{self, Log};
use command_service::schedule::changes::ScheduleChanges;
use command_service::schedule::rules::EDITION;
use command_service::schedule::store::Store;
use command_service::schedule::{self, Config, Outcome, Schedule};
use command_service::writer::key::Key;
use command_service::writer::{Limits, Reply, Request, Shed, Writer};
use domain::command::Command;
use events::{Recorded, StreamId};
use futures::FutureExt;
use platform::health::Health;
use platform::shutdown::Shutdown;
use sqlx::{Connection, PgConnection};
use testbed::PATIENCE;
use testbed::proxy::Proxy;

use crate::shop::{Shop, events_of, work};

#[tokio::test(flavor = "multi_thread")]
async fn entries_claimed_by_a_stopped_instance_are_due_again_after_the_lease() {
    let shop = Shop::open().await;
    let mut schedule = shop.schedule();
    shop.order(Some(shop.at(600))).await;
    work(&mut schedule, shop.at(0)).await;
    let store = Store::new(shop.database.clone());
    let claimed = store.claim(shop.at(600), Duration::from_secs(30), 100).await.unwrap();
    assert_eq!(claimed.len(), 1);

    assert_eq!(schedule.step(shop.at(629)).await.unwrap(), Outcome::Idle(Some(shop.at(630))));
    assert_eq!(work(&mut schedule, shop.at(630)).await, 1);
    assert_eq!(shop.count("OrderExpired").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_a_stopped_writer_does_not_accept_are_retried() {
    let shop = Shop::open().await;
    shop.order(Some(shop.at(600))).await;
    let mut stopped = shop.schedule();
    work(&mut stopped, shop.at(0)).await;
    let shop = shop.restart().await;
    assert_eq!(stopped.step(shop.at(600)).await.unwrap(), Outcome::Submitted { due: 1, answered: 0 });

    assert_eq!(work(&mut shop.schedule(), shop.at(601)).await, 1, "the first retry is after at most a second");
    assert_eq!(shop.count("OrderExpired").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn due_commands_wait_for_room_in_a_full_mailbox() {
    let shop = Shop::open().await;
    for due in [600, 601] {
        shop.order(Some(shop.at(due))).await;
    }
    work(&mut shop.schedule(), shop.at(0)).await;
    let limits = Limits { mailbox: 2, ..Limits::default() };
    let log = Log::new(log::connect(shop.bed.writer_url().unwrap().parse().unwrap(), 4));
    let (writer, mailbox) = Writer::start(log, limits, None, Health::new().component("log")).await.unwrap();
    let place = || crate::shop::place(serde_json::json!({"currency": "GBP", "lines": [{"sku": "MUG", "quantity": 1}]}));
    let submit = |command: Command| mailbox.submit(Request::new(Key::anonymous(&command), command));
    let (mut first, mut second) = (pin!(submit(place())), pin!(submit(place())));
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    assert_eq!(submit(place()).await, Err(Shed::Full));

    let mut schedule = Schedule::new(Config::default(), shop.database.clone(), mailbox.clone());
    let now = shop.at(601);
    let submitting = tokio::spawn(async move { schedule.step(now).await.unwrap() });
    let claimed = "select count(*) = 2 from schedule where attempts = 1";
    let until_claimed =
        async { while !sqlx::query_scalar::<_, bool>(claimed).fetch_one(&shop.database).await.unwrap() {} };
    tokio::time::timeout(PATIENCE, until_claimed).await.expect("due entries are claimed");
    let stop = Shutdown::new();
    let running = tokio::spawn(writer.run(stop.clone()));
    assert_eq!(submitting.await.unwrap(), Outcome::Submitted { due: 2, answered: 2 });
    assert_eq!(shop.count("OrderExpired").await, 2);
    stop.request();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unresponsive_database_is_an_error_and_due_commands_are_submitted_afterwards() {
    let shop = Shop::open().await;
    let order = shop.order(Some(shop.at(600))).await;
    let (proxy, url) = Proxy::to_server(&shop.bed.writer_url().unwrap()).await.unwrap();
    let database = Database::new(url.parse().unwrap(), 1, Duration::from_millis(500));
    let mut schedule = Schedule::new(Config::default(), database, shop.mailbox.clone());
    work(&mut schedule, shop.at(0)).await;

    proxy.freeze();
    for _ in 0..2 {
        let error = schedule.step(shop.at(600)).await.unwrap_err();
        assert!(matches!(error, schedule::Error::Store(_)), "{error:?}");
    }
    proxy.thaw();
    let worked = async { while schedule.step(shop.at(600)).await.is_err() {} };
    tokio::time::timeout(PATIENCE, worked).await.unwrap();
    work(&mut schedule, shop.at(600)).await;
    assert_eq!(shop.last_of(order).await.event_type, "OrderExpired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_decoded_does_not_delay_other_streams() {
    let shop = Shop::open().await;
    let (bad, good) = (shop.order(Some(shop.at(600))).await, shop.order(Some(shop.at(601))).await);
    let unreadable = "
        with head as (update log_head set position = position + 1 returning position)
        insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
        select position, 1, $1, 2, 'OrderTagged', 99, '{}', now() from head";
    sqlx::query(unreadable).bind(StreamId::order(bad).as_str()).execute(&mut shop.owner().await).await.unwrap();
    let shop = shop.restart().await;
    let mut schedule = shop.schedule();
    work(&mut schedule, shop.at(0)).await;
    assert_eq!(schedule.step(shop.at(601)).await.unwrap(), Outcome::Submitted { due: 2, answered: 1 });
    assert_eq!(shop.last_of(good).await.event_type, "OrderExpired");

    let Outcome::Idle(Some(again)) = schedule.step(shop.at(601)).await.unwrap() else {
        panic!("the command is retried")
    };
    assert!(again > shop.at(601) && again <= shop.at(602), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_decoded_does_not_delay_other_streams() {
    let shop = Shop::open().await;
    let order = shop.order(Some(shop.at(600))).await;
    let broken = "
        with head as (update log_head set position = position + 1 returning position)
        insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
        select position, 1, 'order-0190163d-8694-739b-aea5-966c26f8ad91', 1, 'OrderCancelled', 1, '[]', now() from head";
    sqlx::query(broken).execute(&mut shop.owner().await).await.unwrap();
    let shop = shop.restart().await;
    work(&mut shop.schedule(), shop.at(600)).await;
    assert_eq!(shop.last_of(order).await.event_type, "OrderExpired");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_release_is_not_skipped() {
    let shop = Shop::open().await;
    let newer = "
        with head as (update log_head set position = position + 1 returning position)
        insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
        select position, 1, 'hold-0190163d-8694-739b-aea5-966c26f8ad91', 1, 'HoldPlaced', 99, '{}', now() from head";
    sqlx::query(newer).execute(&mut shop.owner().await).await.unwrap();
    let mut schedule = shop.schedule();
    assert_eq!(schedule.step(shop.at(0)).await.unwrap(), Outcome::StartedOver, "as at the first start");
    let stopped = schedule.step(shop.at(0)).await.unwrap_err();
    assert!(matches!(stopped, schedule::Error::NewerEvent { .. }), "{stopped:?}");
    let followed: i64 =
        sqlx::query_scalar("select position from schedule_checkpoint").fetch_one(&shop.database).await.unwrap();
    assert_eq!(followed, 0, "the newer release applies the event");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_of_a_newer_release_is_not_changed() {
    let shop = Shop::open().await;
    shop.order(Some(shop.at(600))).await;
    let mut schedule = shop.schedule();
    work(&mut schedule, shop.at(0)).await;
    let newer = "update schedule_checkpoint set edition = edition + 1";
    sqlx::query(newer).execute(&mut shop.owner().await).await.unwrap();
    let stopped = schedule.step(shop.at(600)).await.unwrap_err();
    assert!(matches!(stopped, schedule::Error::NewerEdition { edition } if edition == EDITION + 1), "{stopped:?}");
    assert_eq!((shop.entries().await.len(), shop.count("OrderExpired").await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_uses_the_key_of_a_scheduled_command_does_not_prevent_the_command() {
    let shop = Shop::open().await;
    let order = shop.order(Some(shop.at(600))).await;
    let stream = StreamId::order(order);
    let payment = crate::shop::place(serde_json::json!({"currency": "GBP", "lines": [{"sku": "MUG", "quantity": 1}]}));
    let key = Key::of_platform(&format!("expire_order/{stream}"), &payment);
    let reply = shop.mailbox.submit(Request::new(key, payment)).await.unwrap();
    assert!(matches!(reply, Reply::Done { .. }), "{reply:?}");

    work(&mut shop.schedule(), shop.at(600)).await;
    assert_eq!(shop.last_of(order).await.event_type, "OrderExpired");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_imported_after_its_payment_deadline_has_time_for_its_payment() {
    let shop = Shop::open().await;
    let order = shop.order(Some(shop.at(600))).await;
    let placed = shop.last_of(order).await;
    let shop = shop.restart().await;
    // An import of a one-year-old order.
    let mut payload: serde_json::Value = serde_json::from_str(&placed.payload).unwrap();
    let old = "0190163d-8694-739b-aea5-966c26f8ad91";
    payload["order_id"] = old.into();
    payload["payment_due"] = serde_json::json!(shop.at(-31_536_000));
    let imported = "
        with head as (update log_head set position = position + 1 returning position)
        insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
        select position, 1, $1, 1, 'OrderPlaced', 2, $2::json, $3 from head";
    sqlx::query(imported)
        .bind(format!("order-{old}"))
        .bind(payload.to_string())
        .bind(shop.opened)
        .execute(&mut shop.owner().await)
        .await
        .unwrap();
    work(&mut shop.schedule(), shop.opened).await;
    let due: Vec<_> =
        shop.entries().await.into_iter().map(|(stream, _, due, _)| (stream.ends_with(old), due)).collect();
    assert_eq!(due, [(true, Some(900)), (false, Some(600))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_submits_due_commands_and_stops_on_request() {
    let shop = Shop::open().await;
    let soon = Utc::now() + chrono::TimeDelta::milliseconds(500);
    let order = shop.order(Some(soon)).await;
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let schedule = shop.schedule_with(Config { poll: Duration::from_millis(20), ..Config::default() });
    let running = tokio::spawn(schedule::run(schedule, health.optional("schedule"), shutdown.clone()));

    let expired = tokio::time::timeout(PATIENCE, last_event(&shop.log, order, "OrderExpired")).await.unwrap();
    assert!(expired >= soon);
    shutdown.request();
    running.await.unwrap();
    assert!(health.optional("schedule").is_up());
}

/// Waits until the last event of an order has this type, and returns the instant of its recording.
async fn last_event(log: &Log, order: events::OrderId, event_type: &str) -> DateTime<Utc> {
    loop {
        let events = events_of(log, &StreamId::order(order)).await;
        if let Some(last) = events.last().filter(|last| last.event_type == event_type) {
            return last.recorded_at;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_command_service_can_read_the_schedule() {
    let shop = Shop::open().await;
    for url in [shop.bed.reader_url().unwrap(), shop.bed.projector_url().unwrap()] {
        let mut other = PgConnection::connect(&url).await.unwrap();
        assert!(sqlx::query("select from schedule").execute(&mut other).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn emptying_the_schedule_has_a_time_limit() {
    let shop = Shop::open().await;
    let (proxy, url) = Proxy::to_server(&shop.bed.writer_url().unwrap()).await.unwrap();
    let store = Store::new(Database::new(url.parse().unwrap(), 1, Duration::from_secs(2)));
    let mut owner = shop.owner().await;
    let mut checkpoint = owner.begin().await.unwrap();
    sqlx::query("select from schedule_checkpoint for update").execute(&mut *checkpoint).await.unwrap();
    let clearing = tokio::spawn(async move { store.clear().await });
    // The second statement waits for the lock on the checkpoint, and then for a response that does not arrive.
    let waits = "select exists (
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    let mut admin = PgConnection::connect(&shop.bed.admin_url().unwrap()).await.unwrap();
    while !clearing.is_finished() && !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut admin).await.unwrap() {
        tokio::task::yield_now().await;
    }
    proxy.freeze();
    tokio::time::timeout(PATIENCE, clearing).await.unwrap().unwrap().unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_lost_events_are_not_applied() {
    let shop = Shop::open().await;
    work(&mut shop.schedule(), shop.at(0)).await;
    let store = Store::new(shop.database.clone());
    let from = store.checkpoint().await.unwrap().applied;
    shop.order(Some(shop.at(600))).await;
    let page = shop.log.read_after(from.position, 10).await.unwrap();
    let last = page.last().unwrap();
    let lost = Recorded { recorded_at: last.recorded_at - TimeDelta::seconds(1), ..last.clone() };
    assert!(!store.apply(from, &lost, &ScheduleChanges::default()).await.unwrap());
    assert_eq!(store.checkpoint().await.unwrap().applied, from);
    assert!(store.apply(from, last, &ScheduleChanges::default()).await.unwrap());
}
