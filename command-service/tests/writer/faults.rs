//! PostgreSQL fails, resets connections or refuses data: no command is lost or takes effect twice, and no command fails because of
//! another.

use std::collections::HashSet;
use std::time::Duration;

use command_service::database::Database;
use command_service::log::{self, Log};
use command_service::writer::{Limits, Reply, Together, Writer};
use futures::future::join_all;
use platform::health::Health;
use platform::shutdown::Shutdown;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use testbed::proxy::Proxy;
use testbed::{Bed, PATIENCE};

use super::support::{
    Running, assert_gapless, codes, done, log_of, order, order_with, owner, product, receipt, request, stock, tally,
    writer,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_postgresql_refuses_does_not_affect_the_others_of_its_batch() {
    let bed = Bed::new().await.unwrap();
    let running = Running::stocked(&log_of(&bed), "A", 100).await;
    sqlx::query("alter table events add constraint poison check (payload->>'note' is distinct from 'poison')")
        .execute(&mut owner(&bed).await)
        .await
        .unwrap();
    let sends = (0..40).map(|n| {
        let note = if n == 17 { "poison" } else { "fine" };
        let body = json!({"currency": "GBP", "lines": [{"sku": "A", "quantity": 1}], "note": note});
        let mailbox = running.mailbox.clone();
        async move { mailbox.submit(request(&format!("buy-{n}"), order_with(body))).await.unwrap() }
    });
    let replies = join_all(sends).await;
    for (n, reply) in replies.iter().enumerate() {
        match n {
            17 => assert_eq!(*reply, Reply::Unreadable),
            _ => drop(done(reply)),
        }
    }
    running.stop().await;
    assert_gapless(&log_of(&bed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_postgresql_refuses_fails_as_a_whole_and_does_not_affect_others() {
    let bed = Bed::new().await.unwrap();
    let running = Running::stocked(&log_of(&bed), "A", 100).await;
    sqlx::query("alter table events add constraint poison check (payload->>'note' is distinct from 'poison')")
        .execute(&mut owner(&bed).await)
        .await
        .unwrap();
    // The head is locked until all commands wait, so that they are one batch.
    let lock = log_of(&bed).lock_head(events::Position::ZERO, 0).await.unwrap();
    let groups = (0..8).map(|group| {
        let requests = (0..5).map(|n| {
            let note = if (group, n) == (3, 2) { "poison" } else { "fine" };
            let body = json!({"currency": "GBP", "lines": [{"sku": "A", "quantity": 1}], "note": note});
            request(&format!("buy-{group}-{n}"), order_with(body))
        });
        let (mailbox, requests) = (running.mailbox.clone(), requests.collect());
        tokio::spawn(async move { mailbox.submit_many(requests, Together::AllOrNothing).await.unwrap() })
    });
    let groups: Vec<_> = groups.collect();
    lock.release().await;
    for (group, replies) in join_all(groups).await.into_iter().enumerate() {
        let expected = if group == 3 { "unreadable" } else { "done" };
        assert_eq!(tally(&replies.unwrap()), [(expected, 5)].into());
    }
    running.stop().await;
    assert_gapless(&log_of(&bed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_reset_at_any_moment_lose_and_repeat_no_command() {
    let bed = Bed::new().await.unwrap();
    let running = Running::stocked(&log_of(&bed), "A", 100_000).await;
    let cutting = tokio::spawn(cut_connections(bed.clone(), 30));
    let mut keys = 0;
    let mut acknowledged = HashSet::new();
    while !cutting.is_finished() {
        let sends = (keys..keys + 50).map(|n| {
            let mailbox = running.mailbox.clone();
            async move {
                loop {
                    match mailbox.submit(request(&format!("buy-{n}"), order("A", 1))).await.unwrap() {
                        Reply::Unknown => {}
                        reply => return reply,
                    }
                }
            }
        });
        acknowledged.extend(join_all(sends).await.iter().map(|reply| done(reply).code.clone().unwrap().to_string()));
        keys += 50;
    }
    running.stop().await;
    let codes: HashSet<String> = codes(&log_of(&bed)).await.into_iter().collect();
    assert_eq!(acknowledged.len(), keys);
    assert_eq!(acknowledged, codes);
    assert_gapless(&log_of(&bed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silently_lost_connections_are_replaced_and_a_frozen_database_shows_in_health() {
    let bed = Bed::new().await.unwrap();
    let (proxy, url) = Proxy::to_server(&bed.writer_url().unwrap()).await.unwrap();
    let log = Log::new(Database::new(url.parse().unwrap(), 4, Duration::from_millis(500)));
    let health = Health::new();
    let (writer, mailbox) = Writer::start(log, Limits::default(), None, health.component("log")).await.unwrap();
    let stop = Shutdown::new();
    let running = tokio::spawn(writer.run(stop.clone()));
    done(&mailbox.submit(request("create", product("A"))).await.unwrap());
    done(&mailbox.submit(request("receive", receipt("A", 100))).await.unwrap());

    proxy.lose_connections();
    done(&mailbox.submit(request("after-the-cut", order("A", 1))).await.unwrap());

    proxy.freeze();
    let sent = tokio::spawn({
        let mailbox = mailbox.clone();
        async move { mailbox.submit(request("frozen", order("A", 1))).await.unwrap() }
    });
    let is_down = async {
        while health.is_ready() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, is_down).await.unwrap();
    proxy.thaw();
    done(&sent.await.unwrap());
    stop.request();
    running.await.unwrap();
    assert_eq!(codes(&log_of(&bed)).await.len(), 2);
    assert_gapless(&log_of(&bed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_does_not_start_on_a_log_that_lost_its_tail() {
    let bed = Bed::new().await.unwrap();
    Running::stocked(&log_of(&bed), "A", 1).await.stop().await;
    sqlx::query("update relay_checkpoint set position = 1000").execute(&mut owner(&bed).await).await.unwrap();
    let Err(log::Error::LostTail { head, seen }) = writer(&log_of(&bed), Limits::default()).await else {
        panic!("it started")
    };
    assert_eq!((head.0, seen.0), (2, 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_differs_from_the_log_is_loaded_again() {
    let bed = Bed::new().await.unwrap();
    let log = log_of(&bed);
    let running = Running::stocked(&log, "A", 1).await;
    for sku in ["B", "C"] {
        done(&running.send(&format!("create-{sku}"), product(sku)).await);
        done(&running.send(&format!("receive-{sku}"), receipt(sku, 1)).await);
    }
    // The event of stream B becomes an event of stream A; the end of the log does not change.
    let mut admin = PgConnection::connect(&bed.admin_url().unwrap()).await.unwrap();
    sqlx::raw_sql(
        "set session_replication_role = replica;
         update events set stream_id = 'stock-A@main', version = 2 where stream_id = 'stock-B@main'",
    )
    .execute(&mut admin)
    .await
    .unwrap();
    assert_eq!(done(&running.send("receive-A-again", receipt("A", 1)).await).version.0, 3);
    running.stop().await;
    assert_eq!(stock(&log, "A").await, (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_streams_that_postgresql_treats_as_equal_one_is_refused_and_others_are_not_affected() {
    let bed = Bed::new().await.unwrap();
    let running = Running::stocked(&log_of(&bed), "A", 100).await;
    sqlx::query("create unique index poison on events ((payload->>'note')) where payload->>'note' = 'poison'")
        .execute(&mut owner(&bed).await)
        .await
        .unwrap();
    let lock = log_of(&bed).lock_head(events::Position::ZERO, 0).await.unwrap();
    let sends = (0..20).map(|n| {
        let note = if n == 3 || n == 17 { "poison" } else { "fine" };
        let body = json!({"currency": "GBP", "lines": [{"sku": "A", "quantity": 1}], "note": note});
        let mailbox = running.mailbox.clone();
        tokio::spawn(async move { mailbox.submit(request(&format!("buy-{n}"), order_with(body))).await.unwrap() })
    });
    let sends: Vec<_> = sends.collect();
    lock.release().await;
    let replies: Vec<Reply> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(tally(&replies), [("done", 19), ("unreadable", 1)].into());
    running.stop().await;
    assert_gapless(&log_of(&bed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_role_of_the_writer_can_only_append() {
    let bed = Bed::new().await.unwrap();
    Running::stocked(&log_of(&bed), "A", 1).await.stop().await;
    let mut writer = PgConnection::connect(&bed.writer_url().unwrap()).await.unwrap();
    let mut owner = owner(&bed).await;
    for statement in ["update events set version = 9", "delete from events", "truncate events"] {
        assert!(sqlx::query(statement).execute(&mut writer).await.is_err(), "{statement} as the writer");
        let error = sqlx::query(statement).execute(&mut owner).await.unwrap_err();
        assert!(error.to_string().contains("the log is append-only"), "{statement} as the owner: {error}");
    }
}

/// Terminates the server processes of the writer's connections repeatedly, each time after some orders were placed.
async fn cut_connections(bed: Bed, times: usize) {
    let mut admin = PgConnection::connect(&bed.admin_url().unwrap()).await.unwrap();
    let mut seen = 0;
    for _ in 0..times {
        loop {
            let head: i64 = sqlx::query_scalar("select position from log_head").fetch_one(&mut admin).await.unwrap();
            if head > seen {
                seen = head;
                break;
            }
        }
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and usename = 'command_service'",
        )
        .execute(&mut admin)
        .await
        .unwrap();
    }
}
