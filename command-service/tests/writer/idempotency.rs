//! One effect per idempotency key: repeats get the first answer, and a second command with a key in flight is refused at once.

use std::num::NonZeroUsize;

use command_service::writer::key::Key;
use command_service::writer::{Limits, Outcome, Reply, Shed, Together};
use domain::command::Command;
use events::Position;
use futures::future::join_all;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use testbed::Bed;
use uuid::Uuid;

use super::support::{Running, all, assert_gapless, done, log_of, logs, order, order_with, product, request, tally};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_gets_the_first_answer_before_and_after_a_restart() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 10).await;
        let first = running.send("the-key", order("A", 1)).await;
        let again = Reply::Done { answer: done(&first).clone(), replayed: true, state: None };
        assert_eq!(running.send("the-key", order("A", 1)).await, again);
        assert_eq!(running.send("the-key", order("A", 2)).await, Reply::KeyReused);
        running.stop().await;

        let restarted = Running::start(&log).await;
        assert_eq!(restarted.send("the-key", order("A", 1)).await, again);
        assert_eq!(restarted.send("the-key", order("A", 2)).await, Reply::KeyReused);
        restarted.stop().await;
        assert_gapless(&log).await;
    }
}

/// An id that the order itself contains.
const ID: &str = "012ca109-c1c0-7684-bf4a-f1f3a8d4ebae";

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_gets_the_first_answer_even_if_the_rules_would_reject_the_command_now() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        let with_id = || order_with(json!({"id": ID, "currency": "GBP", "lines": [{"sku": "A", "quantity": 1}]}));
        let first = running.send("the-last-unit", with_id()).await;
        let again = Reply::Done { answer: done(&first).clone(), replayed: true, state: None };
        running.stop().await;

        let restarted = Running::start(&log).await;
        assert_eq!(restarted.send("the-last-unit", with_id()).await, again);
        assert!(matches!(restarted.send("another", with_id()).await, Reply::Rejected(_)));
        assert!(matches!(restarted.send("create-A", product("B")).await, Reply::KeyReused));
        restarted.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_concurrent_commands_with_one_key_take_effect_once() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1000).await;
        let replies = join_all((0..100).map(|_| running.send("at-once", order("A", 1)))).await;
        let tally = tally(&replies);
        assert_eq!(tally.get("done"), Some(&1), "{tally:?}");
        assert!(tally.keys().all(|kind| ["done", "in-flight", "replayed"].contains(kind)), "{tally:?}");
        running.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_among_new_commands_get_their_own_first_answers() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1000).await;
        let sends = (0..100).map(|n| running.send(&format!("buy-{n}"), order("A", 1)));
        let codes: Vec<_> = join_all(sends.collect::<Vec<_>>()).await.iter().map(|r| done(r).code.clone()).collect();
        running.stop().await;

        let restarted = Running::start(&log).await;
        let keys: Vec<String> = (0..200).map(|n| format!("buy-{n}")).collect();
        let replies = join_all(keys.iter().map(|key| restarted.send(key, order("A", 1)))).await;
        assert_eq!(tally(&replies), [("done", 100), ("replayed", 100)].into());
        let again: Vec<_> = replies.iter().take(100).map(|reply| done(reply).code.clone()).collect();
        assert_eq!(again, codes);
        restarted.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_answer_is_no_longer_in_memory_is_answered_from_the_log() {
    for log in logs().await {
        Running::stocked(&log, "A", 10).await.stop().await;
        let limits = Limits { answers: NonZeroUsize::MIN, ..Limits::default() };
        let running = Running::start_with(&log, limits).await;
        let first = running.send("first", order("A", 1)).await;
        done(&running.send("second", order("A", 1)).await);
        let again = Reply::Done { answer: done(&first).clone(), replayed: true, state: None };
        assert_eq!(running.send("first", order("A", 1)).await, again);
        assert_eq!(running.send("first", order("A", 2)).await, Reply::KeyReused);

        let group = ["first", "third"].map(|key| request(key, order("A", 1))).to_vec();
        let replies = running.mailbox.submit_many(group, Together::Each).await.unwrap();
        assert_eq!(replies[0], again);
        assert!(matches!(replies[1], Reply::Done { replayed: false, .. }));
        running.stop().await;
        assert_gapless(&log).await;
    }
}

fn id(key: &str, command: &Command) -> Uuid {
    Key::named(key, command).unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_command_with_a_key_in_flight_is_refused_at_once() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 10).await;
        let id = id("the-key", &order("A", 1));
        // While the head of the log is locked, the writer waits.
        let lock = log.lock_head(Position::ZERO, 0).await.unwrap();
        let mailbox = running.mailbox.clone();
        let first = tokio::spawn(async move { mailbox.submit(request("the-key", order("A", 1))).await.unwrap() });
        while running.mailbox.find(id).await.unwrap() != Outcome::InFlight {
            tokio::task::yield_now().await;
        }
        assert_eq!(running.send("the-key", order("A", 1)).await, Reply::InFlight);
        assert_eq!(running.send("the-key", order("A", 2)).await, Reply::KeyReused);
        lock.release().await;
        let first = first.await.unwrap();
        assert!(matches!(&first, Reply::Done { replayed: false, .. }), "{first:?}");
        assert!(matches!(running.send("the-key", order("A", 1)).await, Reply::Done { replayed: true, .. }));
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outcome_of_a_command_can_be_looked_up_by_key() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        let find = async |key: &str| running.mailbox.find(id(key, &order("A", 1))).await.unwrap();
        assert_eq!(find("sold").await, Outcome::Unknown);
        let reply = running.send("sold", order("A", 1)).await;
        let Outcome::Done { answer, events, .. } = find("sold").await else { panic!("it was sold") };
        assert_eq!(answer, *done(&reply));
        assert_eq!(events, all(&log).await.split_off(2));
        assert!(matches!(running.send("refused", order("A", 1)).await, Reply::Rejected(_)));
        assert_eq!(find("refused").await, Outcome::Unknown);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_reference_is_taken_once_per_channel() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 10).await;
        let with_ref =
            || order_with(json!({"currency": "GBP", "external_ref": "M-1", "lines": [{"sku": "A", "quantity": 1}]}));
        done(&running.send("one", with_ref()).await);
        let refused =
            |reply: &Reply| matches!(reply, Reply::Rejected(rejection) if rejection.kind() == "duplicate-external-ref");
        assert!(refused(&running.send("two", with_ref()).await));
        running.stop().await;
        let restarted = Running::start(&log).await;
        let reply = restarted.send("three", with_ref()).await;
        assert!(refused(&reply), "{reply:?}");
        restarted.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_refuses_commands_and_the_accepted_ones_get_replies() {
    for log in logs().await {
        Running::stocked(&log, "A", 100).await.stop().await;
        let running = Running::start_with(&log, Limits { mailbox: 4, ..Limits::default() }).await;
        let lock = log.lock_head(Position::ZERO, 0).await.unwrap();
        let mut taken = Vec::new();
        // The writer may have received one batch in addition to the four.
        let refused = loop {
            let key = format!("buy-{}", taken.len());
            let mut submitted = Box::pin(running.mailbox.submit(request(&key, order("A", 1))));
            match futures::poll!(&mut submitted) {
                std::task::Poll::Ready(refused) => break refused,
                std::task::Poll::Pending => taken.push(submitted),
            }
        };
        assert_eq!(refused, Err(Shed::Full));
        lock.release().await;
        for reply in join_all(taken).await {
            done(&reply.unwrap());
        }
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_stops_finishes_accepted_commands_and_accepts_no_more() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 100).await;
        let mailbox = running.mailbox.clone();
        let lock = log.lock_head(Position::ZERO, 0).await.unwrap();
        let requests: Vec<_> = (0..50).map(|n| request(&format!("buy-{n}"), order("A", 1))).collect();
        let mut sends: Vec<_> = requests.into_iter().map(|request| Box::pin(mailbox.submit(request))).collect();
        for send in &mut sends {
            assert!(futures::poll!(send).is_pending());
        }
        let stopping = tokio::spawn(running.stop());
        lock.release().await;
        for reply in join_all(sends).await {
            done(&reply.unwrap());
        }
        stopping.await.unwrap();
        assert_eq!(mailbox.submit(request("late", order("A", 1))).await, Err(Shed::Closed));
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_reads_only_the_events_that_its_answer_needs() {
    let bed = Bed::new().await.unwrap();
    let log = log_of(&bed);
    let running = Running::stocked(&log, "A", 10).await;
    let first = running.send("one", order("A", 1)).await;
    done(&running.send("two", order("A", 1)).await);
    running.stop().await;
    // The reservations of both, and the second order itself, cannot be read any more.
    let mut admin = PgConnection::connect(&bed.admin_url().unwrap()).await.unwrap();
    sqlx::raw_sql(
        "set session_replication_role = replica;
         update events set schema_version = 99 where event_type = 'StockReserved' or position = 5",
    )
    .execute(&mut admin)
    .await
    .unwrap();
    let restarted = Running::start(&log).await;
    let again = Reply::Done { answer: done(&first).clone(), replayed: true, state: None };
    assert_eq!(restarted.send("one", order("A", 1)).await, again);
    assert_eq!(restarted.send("two", order("A", 2)).await, Reply::KeyReused, "nothing of it is read for that");
    assert_eq!(restarted.send("two", order("A", 1)).await, Reply::Unreadable);
    restarted.stop().await;
}
