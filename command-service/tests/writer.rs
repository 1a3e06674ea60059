//! The writer against a real log: at most one effect per key, nothing sold twice, numbers without gaps, whatever happens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashSet;

use command_service::command::{Command, CreateProduct, PlaceOrder, ReceiveStock};
use command_service::log::{self, Log};
use command_service::rejection::Rejection;
use command_service::writer::key::Key;
use command_service::writer::{Limits, Mailbox, Reply, Request, StartError, Writer};
use futures::future::join_all;
use platform::health::Health;
use platform::shutdown::Shutdown;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use testbed::Bed;

/// Commands of one writer, until dropped.
struct Running {
    mailbox: Mailbox,
    stop: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(bed: &Bed) -> Running {
        let (writer, mailbox) = writer(bed).await.unwrap();
        let stop = Shutdown::new();
        let task = tokio::spawn(writer.run(stop.clone()));
        Running { mailbox, stop, task }
    }

    async fn send(&self, key: &str, command: Command) -> Reply {
        self.mailbox.submit(request(key, command)).await.unwrap()
    }

    async fn stop(self) {
        self.stop.request();
        self.task.await.unwrap();
    }
}

fn log_of(bed: &Bed) -> Log {
    Log::new(log::connect(bed.writer_url().unwrap().parse().unwrap(), 4))
}

async fn writer(bed: &Bed) -> Result<(Writer, Mailbox), StartError> {
    Writer::start(log_of(bed), Limits::default(), None, Health::new().component("postgres")).await
}

fn request(key: &str, command: Command) -> Request {
    Request::new(Key::named(key, &command).unwrap(), command)
}

fn product(sku: &str) -> Command {
    let body = serde_json::from_value(json!({"sku": sku, "name": sku, "prices": {"GBP": 450}})).unwrap();
    Command::CreateProduct(CreateProduct { body })
}

fn receipt(sku: &str, quantity: u32) -> Command {
    let body = serde_json::from_value(json!({"quantity": quantity})).unwrap();
    Command::ReceiveStock(ReceiveStock { sku: sku.parse().unwrap(), location: "main".parse().unwrap(), body })
}

fn order(sku: &str, quantity: u32) -> Command {
    order_with(json!({"currency": "GBP", "lines": [{"sku": sku, "quantity": quantity}]}))
}

fn order_with(body: serde_json::Value) -> Command {
    Command::PlaceOrder(PlaceOrder { body: serde_json::from_value(body).unwrap() })
}

async fn stocked(bed: &Bed, sku: &str, quantity: u32) -> Running {
    let running = Running::start(bed).await;
    done(&running.send(&format!("create-{sku}"), product(sku)).await);
    done(&running.send(&format!("receive-{sku}"), receipt(sku, quantity)).await);
    running
}

#[track_caller]
fn done(reply: &Reply) -> &command_service::writer::answer::Answer {
    match reply {
        Reply::Done { answer, .. } => answer,
        other => panic!("not done: {other:?}"),
    }
}

async fn owner(bed: &Bed) -> PgConnection {
    PgConnection::connect(&bed.owner_url().unwrap()).await.unwrap()
}

/// Positions 1 to the head, versions 1 to n of every stream, codes 1 to n: nothing missing, nothing twice.
async fn assert_gapless(bed: &Bed) {
    let mut owner = owner(bed).await;
    let (count, last, head): (i64, i64, i64) =
        sqlx::query_as("select count(*), coalesce(max(position), 0), (select position from log_head) from events")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert_eq!((count, last), (head, head));
    let broken: i64 = sqlx::query_scalar(
        "select count(*) from (select stream_id from events group by stream_id having max(version) <> count(*)) s",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert_eq!(broken, 0);
    let codes: Vec<String> =
        sqlx::query_scalar("select payload->>'code' from events where event_type = 'OrderPlaced' order by position")
            .fetch_all(&mut owner)
            .await
            .unwrap();
    let expected: Vec<String> = (1..=codes.len()).map(|number| format!("SON{number:06}")).collect();
    assert_eq!(codes, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_pieces_are_sold_once_and_everybody_else_is_told_how_many_are_left() {
    let bed = Bed::new().await.unwrap();
    let running = stocked(&bed, "A", 50).await;
    let tries = (0..200).map(|n| {
        let mailbox = running.mailbox.clone();
        async move { mailbox.submit(request(&format!("buy-{n}"), order("A", 1))).await.unwrap() }
    });
    let replies = join_all(tries).await;
    let sold = replies.iter().filter(|reply| matches!(reply, Reply::Done { replayed: false, .. })).count();
    let refused = replies
        .iter()
        .filter(
            |reply| matches!(reply, Reply::Rejected(Rejection::InsufficientStock(lines)) if lines[0].available == 0),
        )
        .count();
    assert_eq!((sold, refused), (50, 150));
    running.stop().await;
    assert_gapless(&bed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_gets_the_first_answer_again_soon_or_years_later() {
    let bed = Bed::new().await.unwrap();
    let running = stocked(&bed, "A", 10).await;
    let first = running.send("the-key", order("A", 1)).await;
    let again = Reply::Done { answer: done(&first).clone(), replayed: true, state: None };
    assert_eq!(running.send("the-key", order("A", 1)).await, again);
    assert_eq!(running.send("the-key", order("A", 2)).await, Reply::KeyReused);
    running.stop().await;

    let restarted = Running::start(&bed).await;
    assert_eq!(restarted.send("the-key", order("A", 1)).await, again);
    assert_eq!(restarted.send("the-key", order("A", 2)).await, Reply::KeyReused);
    restarted.stop().await;
    assert_gapless(&bed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_gets_the_first_answer_even_where_the_rules_would_refuse_it_now() {
    let bed = Bed::new().await.unwrap();
    let running = stocked(&bed, "A", 1).await;
    let with_id = || order_with(json!({"id": ID, "currency": "GBP", "lines": [{"sku": "A", "quantity": 1}]}));
    let first = running.send("the-last-piece", with_id()).await;
    let again = Reply::Done { answer: done(&first).clone(), replayed: true, state: None };
    running.stop().await;

    let restarted = Running::start(&bed).await;
    assert_eq!(restarted.send("the-last-piece", with_id()).await, again);
    assert!(matches!(restarted.send("another", with_id()).await, Reply::Rejected(_)));
    assert!(matches!(restarted.send("create-A", product("B")).await, Reply::KeyReused));
    restarted.stop().await;
    assert_gapless(&bed).await;
}

/// An order's own id.
const ID: &str = "012ca109-c1c0-7684-bf4a-f1f3a8d4ebae";

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_many_times_at_once_takes_effect_once() {
    let bed = Bed::new().await.unwrap();
    let running = stocked(&bed, "A", 1000).await;
    let sends = (0..100).map(|_| running.send("at-once", order("A", 1)));
    let replies = join_all(sends).await;
    let mut codes = HashSet::new();
    let mut first = 0;
    for reply in &replies {
        match reply {
            Reply::InFlight => {}
            reply => drop(codes.insert(done(reply).code.clone())),
        }
        first += usize::from(matches!(reply, Reply::Done { replayed: false, .. }));
    }
    assert_eq!((codes.len(), first), (1, 1));
    running.stop().await;
    assert_gapless(&bed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_share_one_log() {
    let bed = Bed::new().await.unwrap();
    let one = stocked(&bed, "A", 300).await;
    let two = Running::start(&bed).await;
    let sends = (0..400).map(|n| {
        let mailbox = if n % 2 == 0 { one.mailbox.clone() } else { two.mailbox.clone() };
        async move { mailbox.submit(request(&format!("buy-{n}"), order("A", 1))).await.unwrap() }
    });
    let replies = join_all(sends).await;
    let sold = replies.iter().filter(|reply| matches!(reply, Reply::Done { .. })).count();
    assert_eq!(sold, 300);
    assert!(replies.iter().all(|reply| matches!(reply, Reply::Done { .. } | Reply::Rejected(_))), "{replies:?}");
    // What one wrote the other knows by its key.
    assert!(matches!(two.send("buy-0", order("A", 1)).await, Reply::Done { replayed: true, .. } | Reply::Rejected(_)));
    one.stop().await;
    two.stop().await;
    assert_gapless(&bed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_poisoned_command_costs_its_neighbours_nothing() {
    let bed = Bed::new().await.unwrap();
    let running = stocked(&bed, "A", 100).await;
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
    assert_gapless(&bed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_at_any_moment_lose_nothing_and_double_nothing() {
    let bed = Bed::new().await.unwrap();
    let running = stocked(&bed, "A", 100_000).await;
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
    let codes: HashSet<String> =
        sqlx::query_scalar("select payload->>'code' from events where event_type = 'OrderPlaced'")
            .fetch_all(&mut owner(&bed).await)
            .await
            .unwrap()
            .into_iter()
            .collect();
    assert_eq!(acknowledged.len(), keys);
    assert_eq!(acknowledged, codes);
    assert_gapless(&bed).await;
}

/// Ends the writer's server processes, so many times, each time after some orders went through.
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

#[tokio::test(flavor = "multi_thread")]
async fn an_external_reference_is_taken_once_per_channel() {
    let bed = Bed::new().await.unwrap();
    let running = stocked(&bed, "A", 10).await;
    let with_ref =
        || order_with(json!({"currency": "GBP", "external_ref": "M-1", "lines": [{"sku": "A", "quantity": 1}]}));
    done(&running.send("one", with_ref()).await);
    let refused =
        |reply: &Reply| matches!(reply, Reply::Rejected(rejection) if rejection.kind() == "duplicate-external-ref");
    assert!(refused(&running.send("two", with_ref()).await));
    running.stop().await;
    let restarted = Running::start(&bed).await;
    let reply = restarted.send("three", with_ref()).await;
    assert!(refused(&reply), "{reply:?}");
    restarted.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_tail_is_not_appended_to() {
    let bed = Bed::new().await.unwrap();
    stocked(&bed, "A", 1).await.stop().await;
    sqlx::query("update relay_checkpoint set position = 1000").execute(&mut owner(&bed).await).await.unwrap();
    let Err(StartError::LostTail { head, seen }) = writer(&bed).await else { panic!("it started") };
    assert_eq!((head.0, seen.0), (2, 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writers_role_can_append_and_nothing_else() {
    let bed = Bed::new().await.unwrap();
    stocked(&bed, "A", 1).await.stop().await;
    let mut writer = PgConnection::connect(&bed.writer_url().unwrap()).await.unwrap();
    let mut owner = owner(&bed).await;
    for statement in ["update events set version = 9", "delete from events", "truncate events"] {
        assert!(sqlx::query(statement).execute(&mut writer).await.is_err(), "{statement} as the writer");
        let error = sqlx::query(statement).execute(&mut owner).await.unwrap_err();
        assert!(error.to_string().contains("the log is append-only"), "{statement} as the owner: {error}");
    }
}
