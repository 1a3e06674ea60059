//! Long streams and long logs: a start and a first command do not read more because of them.

use std::collections::BTreeMap;

use command_service::log::Log;
use command_service::log::snapshot::{NO_SHAPE, Snapshot, StreamItem};
use command_service::writer::{Limits, Reply, Request, Shed, Together, Want};
use domain::state;
use domain::state::State;
use domain::world::{Slot, code_of};
use events::{Position, StreamId};
use futures::future::join_all;
use sqlx::types::Json;
use testbed::Bed;

use super::support::{Running, all, assert_gapless, done, log_of, logs, order, owner, receipt, request, stock, tally};

/// Events of a stream between two snapshots, as the writer promises.
const EVENTS_PER_SNAPSHOT: usize = 100;

fn stock_item() -> StreamId {
    "stock-A@main".parse().unwrap()
}

/// The items that are loaded for a stream.
async fn items(log: &Log, stream: StreamId, shape: i64) -> Vec<StreamItem> {
    let mut items = Vec::new();
    log.load(&[stream], shape, |item| items.push(item)).await.unwrap();
    items
}

fn fold(items: &[StreamItem]) -> Slot {
    let mut slot = Slot::default();
    for item in items {
        match item {
            StreamItem::Snapshot(snapshot) => {
                slot = Slot { version: snapshot.version, state: Some(serde_json::from_str(&snapshot.state).unwrap()) };
            }
            StreamItem::Event(recorded) => drop(slot.evolve(&recorded.decode().unwrap())),
        }
    }
    slot
}

async fn receive(running: &Running, name: &str, count: usize) {
    let requests = (0..count).map(|n| request(&format!("{name}-{n}"), receipt("A", 1))).collect();
    let replies = running.mailbox.submit_many(requests, Together::Each).await.unwrap();
    assert_eq!(tally(&replies), [("done", count)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_is_loaded_from_its_last_snapshot() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        for round in 0..3 {
            receive(&running, &format!("round-{round}"), 900).await;
        }
        running.stop().await;

        let read = items(&log, stock_item(), state::shape()).await;
        assert!(
            matches!(read[0], StreamItem::Snapshot(_)) && read.len() <= EVENTS_PER_SNAPSHOT,
            "{} were read",
            read.len()
        );
        let every = items(&log, stock_item(), NO_SHAPE).await;
        assert_eq!(every.len(), 2_701);
        assert_eq!(fold(&read), fold(&every));

        let restarted = Running::start(&log).await;
        let last = Request { want: Want::Representation, ..request("last", receipt("A", 1)) };
        let reply = restarted.mailbox.submit(last).await.unwrap();
        let Reply::Done { state: Some(state), answer, .. } = reply else { panic!("{reply:?}") };
        assert!(matches!(*state, State::Stock(level) if level.on_hand == 2_702), "{state:?}");
        assert_eq!(answer.version.0, 2_702);
        restarted.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_without_a_snapshot_gets_one_when_it_is_loaded() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        receive(&running, "many", 1_500).await;
        running.stop().await;
        // The snapshot of a build with another shape of the state.
        let (last, state) = (items(&log, stock_item(), NO_SHAPE).await.pop(), "{}".to_owned());
        let Some(StreamItem::Event(last)) = last else { panic!("it has events") };
        let (version, position, incarnation) = (last.version, last.position, last.incarnation);
        let other = Snapshot { stream: stock_item(), version, position, incarnation, shape: state::shape() ^ 1, state };
        log.save_snapshots(&[other]).await.unwrap();
        assert_eq!(items(&log, stock_item(), state::shape()).await.len(), 1_501);

        let restarted = Running::start(&log).await;
        done(&restarted.send("sold", order("A", 1)).await);
        restarted.stop().await;
        assert_eq!(items(&log, stock_item(), state::shape()).await.len(), 2, "a snapshot and the reservation");
        assert_eq!(stock(&log, "A").await, (1_501, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_decoded_is_not_needed() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 5).await;
        receive(&running, "more", 10).await;
        running.stop().await;
        let Some(StreamItem::Event(last)) = items(&log, stock_item(), NO_SHAPE).await.pop() else {
            panic!("it has events")
        };
        let (version, position, incarnation) = (last.version, last.position, last.incarnation);
        let state = r#"{"Stock":"what is this"}"#.to_owned();
        let torn = Snapshot { stream: stock_item(), version, position, incarnation, shape: state::shape(), state };
        log.save_snapshots(&[torn]).await.unwrap();
        let restarted = Running::start(&log).await;
        done(&restarted.send("sold", order("A", 15)).await);
        assert!(matches!(restarted.send("one-more", order("A", 1)).await, Reply::Rejected(_)));
        restarted.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_counts_only_the_orders_since_the_last_stop() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 100).await;
        for n in 0..10 {
            done(&running.send(&format!("buy-{n}"), order("A", 1)).await);
        }
        running.stop().await;
        let head = log.head().await.unwrap();
        let numbers = log.load_numbers(head).await.unwrap();
        assert_eq!((numbers.saved, numbers.last), (head.position, [("SON".to_owned(), 10)].into()));

        // A writer that crashed saved nothing: the orders since the last snapshot are counted.
        let crashed = Running::start(&log).await;
        done(&crashed.send("buy-10", order("A", 1)).await);
        crashed.crash().await;
        let numbers = log.load_numbers(log.head().await.unwrap()).await.unwrap();
        assert_eq!((numbers.saved, numbers.last), (head.position, [("SON".to_owned(), 11)].into()));
        let restarted = Running::start(&log).await;
        assert_eq!(done(&restarted.send("buy-11", order("A", 1)).await).code.as_ref().unwrap().as_str(), "SON000012");
        restarted.stop().await;
        // Numbers saved at a later position are not used for an earlier one.
        assert_eq!(log.load_numbers(head).await.unwrap().saved, Position::ZERO);
        assert_gapless(&log).await;
    }
}

/// Positions between two snapshots of the order numbers, as the writer promises.
const NUMBERS_EVERY: i64 = 50_000;

#[tokio::test(flavor = "multi_thread")]
async fn saved_order_numbers_are_those_in_the_log_not_those_decided_ahead() {
    let bed = Bed::new().await.unwrap();
    let log = log_of(&bed);
    Running::stocked(&log, "A", 100).await.stop().await;
    let filler = "
        with head as (update log_head set position = position + $1 returning position - $1 as base)
        insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
        select head.base + n, 1, 'product-FILLER', n, 'ProductReactivated', 1, '{}', now()
        from head, generate_series(1, $1) as n";
    sqlx::query(filler).bind(NUMBERS_EVERY).execute(&mut owner(&bed).await).await.unwrap();
    // No numbers are saved yet, so the next commit saves them.
    sqlx::query("delete from snapshots").execute(&mut owner(&bed).await).await.unwrap();
    let running = Running::start_with(&log, Limits { mailbox: 1, ..Limits::default() }).await;
    let held = log.lock_head(Position::ZERO, 0).await.unwrap();
    let mut sends = Vec::new();
    // The third command is accepted only after the second, which is decided while the first waits for the log.
    while sends.len() < 3 {
        let mut send = Box::pin(running.mailbox.submit(request(&format!("buy-{}", sends.len()), order("A", 1))));
        match futures::poll!(&mut send) {
            std::task::Poll::Ready(Err(Shed::Full)) => tokio::task::yield_now().await,
            std::task::Poll::Ready(reply) => panic!("{reply:?}"),
            std::task::Poll::Pending => sends.push(send),
        }
    }
    held.release().await;
    for reply in join_all(sends).await {
        done(&reply.unwrap());
    }
    let (position, saved) = saved_numbers(&bed).await;
    let before = all(&log).await.iter().filter(|it| it.position.0 <= position).filter_map(code_of).count();
    assert_eq!(saved["SON"], before as u64, "as of position {position}");
    running.stop().await;
}

/// Waits until order numbers are saved.
async fn saved_numbers(bed: &Bed) -> (i64, BTreeMap<String, u64>) {
    let mut owner = owner(bed).await;
    loop {
        let saved: Option<(i64, Json<BTreeMap<String, u64>>)> =
            sqlx::query_as("select position, state from snapshots where name = 'order-numbers'")
                .fetch_optional(&mut owner)
                .await
                .unwrap();
        match saved {
            Some((position, Json(saved))) => return (position, saved),
            None => tokio::task::yield_now().await,
        }
    }
}
