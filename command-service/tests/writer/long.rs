//! Long streams and long logs: what a start and a first command read does not grow with them.

use command_service::log::Log;
use command_service::log::snapshot::{NO_SHAPE, Piece, Snapshot};
use command_service::state::{self, State};
use command_service::world::Slot;
use command_service::writer::{Reply, Request, Together, Want};
use events::{Position, StreamId};

use super::support::{Running, assert_gapless, done, logs, order, receipt, request, stock, tally};

/// Events of a stream between two snapshots, as the writer promises.
const EVENTS_PER_SNAPSHOT: usize = 1_000;

fn shelf() -> StreamId {
    "stock-A@main".parse().unwrap()
}

/// What is read to know a stream.
async fn pieces(log: &Log, stream: StreamId, shape: i64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    log.load(&[stream], shape, |piece| pieces.push(piece)).await.unwrap();
    pieces
}

fn fold(pieces: &[Piece]) -> Slot {
    let mut slot = Slot::default();
    for piece in pieces {
        match piece {
            Piece::Snapshot(snapshot) => {
                slot = Slot { version: snapshot.version, state: Some(serde_json::from_str(&snapshot.state).unwrap()) };
            }
            Piece::Event(recorded) => drop(slot.evolve(&recorded.decode().unwrap())),
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
async fn a_long_stream_is_read_from_its_last_snapshot() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        for round in 0..3 {
            receive(&running, &format!("round-{round}"), 900).await;
        }
        running.stop().await;

        let read = pieces(&log, shelf(), state::shape()).await;
        assert!(matches!(read[0], Piece::Snapshot(_)) && read.len() <= EVENTS_PER_SNAPSHOT, "{} were read", read.len());
        let every = pieces(&log, shelf(), NO_SHAPE).await;
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
async fn a_long_stream_without_a_snapshot_gets_one_from_who_reads_it() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        receive(&running, "many", 1_500).await;
        running.stop().await;
        // Of a build that folds otherwise.
        let (last, state) = (pieces(&log, shelf(), NO_SHAPE).await.pop(), "{}".to_owned());
        let Some(Piece::Event(last)) = last else { panic!("it has events") };
        let (version, position, incarnation) = (last.version, last.position, last.incarnation);
        let other = Snapshot { stream: shelf(), version, position, incarnation, shape: state::shape() ^ 1, state };
        log.save_snapshots(&[other]).await.unwrap();
        assert_eq!(pieces(&log, shelf(), state::shape()).await.len(), 1_501);

        let restarted = Running::start(&log).await;
        done(&restarted.send("sold", order("A", 1)).await);
        restarted.stop().await;
        assert_eq!(pieces(&log, shelf(), state::shape()).await.len(), 2, "a snapshot and the reservation");
        assert_eq!(stock(&log, "A").await, (1_501, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_read_is_not_needed() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 5).await;
        receive(&running, "more", 10).await;
        running.stop().await;
        let Some(Piece::Event(last)) = pieces(&log, shelf(), NO_SHAPE).await.pop() else { panic!("it has events") };
        let (version, position, incarnation) = (last.version, last.position, last.incarnation);
        let state = r#"{"Stock":"what is this"}"#.to_owned();
        let torn = Snapshot { stream: shelf(), version, position, incarnation, shape: state::shape(), state };
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

        // One that crashed saved nothing: the rest is counted.
        let crashed = Running::start(&log).await;
        done(&crashed.send("buy-10", order("A", 1)).await);
        crashed.crash().await;
        let numbers = log.load_numbers(log.head().await.unwrap()).await.unwrap();
        assert_eq!((numbers.saved, numbers.last), (head.position, [("SON".to_owned(), 11)].into()));
        let restarted = Running::start(&log).await;
        assert_eq!(done(&restarted.send("buy-11", order("A", 1)).await).code.as_ref().unwrap().as_str(), "SON000012");
        restarted.stop().await;
        // What lies beyond where one stands is of no use there.
        assert_eq!(log.load_numbers(head).await.unwrap().saved, Position::ZERO);
        assert_gapless(&log).await;
    }
}
