//! What a log promises, whichever it is: the one in PostgreSQL and the one in memory are held to the same.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use command_service::log::append::{Appended, CommandMark, NewRow};
use command_service::log::backwards::Back;
use command_service::log::past::Written;
use command_service::log::snapshot::{Piece, Snapshot};
use command_service::log::stretch::Wanted;
use command_service::log::{self, End, Log};
use events::order::{Line, OrderEvent, OrderPlaced};
use events::stock::{StockEvent, StockReceived};
use events::{
    Event, Incarnation, Location, LogPosition, Metadata, Minor, OrderCode, OrderId, Position, Recorded, StreamId,
    Version,
};
use testbed::Bed;
use uuid::Uuid;

/// A log of each kind, both empty.
async fn logs() -> [Log; 2] {
    let bed = Bed::new().await.unwrap();
    [Log::in_memory(), Log::new(log::connect(bed.writer_url().unwrap().parse().unwrap(), 4))]
}

fn shelf(sku: &str) -> StreamId {
    format!("stock-{sku}@main").parse().unwrap()
}

fn row(sku: &str, version: i32) -> NewRow {
    let received = StockEvent::Received(StockReceived { quantity: 1, reference: None });
    NewRow::new(shelf(sku), Version(version), &received.into())
}

/// The rows of versions `first..=last` of one shelf.
fn rows(sku: &str, first: i32, last: i32) -> Vec<NewRow> {
    (first..=last).map(|version| row(sku, version)).collect()
}

fn placed(prefix: &str, number: u64) -> NewRow {
    let mut random = [prefix.as_bytes()[0]; 10];
    random[6..].copy_from_slice(&(number as u32).to_be_bytes());
    let order_id = OrderId::new(DateTime::UNIX_EPOCH, random);
    let line = Line {
        line: 1,
        sku: "A".parse().unwrap(),
        name: "A".into(),
        quantity: 1,
        unit_price: Minor(1),
        discount: Minor::ZERO,
        tax: Minor::ZERO,
        total: Minor(1),
        pricing: events::order::pricing::Pricing { tax_rate: Some(0), ..Default::default() },
        location: Location::main(),
        backordered: 0,
        untracked: false,
    };
    let placed = OrderPlaced {
        order_id,
        code: OrderCode::new(prefix, number),
        channel: "default".parse().unwrap(),
        currency: "GBP".parse().unwrap(),
        customer_id: None,
        external_ref: None,
        lines: vec![line],
        discount: Minor::ZERO,
        shipping: Minor::ZERO,
        shipping_lines: Vec::new(),
        total: Minor(1),
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Default::default(),
        payment_due: None,
        hold_id: None,
    };
    NewRow::new(StreamId::order(order_id), Version(1), &Event::Order(OrderEvent::Placed(placed)))
}

fn mark(id: Uuid, size: i16) -> Option<CommandMark> {
    Some(CommandMark { id, fingerprint: 7, size })
}

async fn append(log: &Log, rows: &[NewRow]) -> Position {
    let head = log.head().await.unwrap();
    match log.append(head, Utc::now(), rows).await {
        Appended::After(base, _) => base,
        other => panic!("not appended: {other:?}"),
    }
}

async fn load(log: &Log, streams: &[StreamId], shape: i64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    log.load(streams, shape, |piece| pieces.push(piece)).await.unwrap();
    pieces
}

#[tokio::test]
async fn an_empty_log_ends_at_position_0() {
    for log in logs().await {
        assert_eq!(log.head().await.unwrap(), LogPosition { incarnation: Incarnation(1), position: Position::ZERO });
        assert_eq!(log.seen().await.unwrap(), Position::ZERO);
        assert!(log.read_after(Position::ZERO, 10).await.unwrap().is_empty());
        let since = log.read_since(Position::ZERO, 10).await.unwrap();
        assert_eq!((since.head.position, since.events.len()), (Position::ZERO, 0));
    }
}

#[tokio::test]
async fn a_log_has_an_identity_that_nobody_can_change() {
    let (some, others) = (logs().await, logs().await);
    for (log, other) in some.iter().zip(&others) {
        assert_ne!(log.id().await.unwrap(), other.id().await.unwrap());
        let before = log.id().await.unwrap();
        append(log, &[row("A", 1)]).await;
        assert_eq!(log.clone().id().await.unwrap(), before);
    }
    let bed = Bed::new().await.unwrap();
    let pool = log::connect(bed.owner_url().unwrap().parse().unwrap(), 1);
    for change in
        ["update log_identity set id = gen_random_uuid()", "delete from log_identity", "truncate log_identity"]
    {
        let refused = sqlx::query(change).execute(&pool).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{change}: {refused}");
    }
    let log = Log::new(log::connect(bed.writer_url().unwrap().parse().unwrap(), 1));
    let id = log.id().await.unwrap();
    // What `deploy/up` does each time.
    migrations::MIGRATOR.run(&pool.separate_pool(1)).await.unwrap();
    assert_eq!(log.id().await.unwrap(), id);
}

#[tokio::test]
async fn what_is_appended_is_read_as_it_was_written_at_gapless_positions() {
    for log in logs().await {
        let metadata = Metadata { correlation_id: Some("c".into()), ..Metadata::default() };
        let id = Uuid::now_v7();
        let mut rows = vec![row("A", 1), row("B", 1), row("A", 2)];
        rows[0].metadata = Some(serde_json::to_string(&metadata).unwrap());
        rows[0].command = mark(id, 3);
        let recorded_at = Utc::now().trunc_subsecs(6);
        let head = log.head().await.unwrap();
        assert!(matches!(log.append(head, recorded_at, &rows).await, Appended::After(Position::ZERO, _)));
        append(&log, &[row("C", 1)]).await;

        let events = log.read_after(Position::ZERO, 10).await.unwrap();
        assert_eq!(events.iter().map(|event| event.position.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let first = &events[0];
        assert_eq!((&first.metadata, first.command_id, first.recorded_at), (&metadata, Some(id), recorded_at));
        assert_eq!((&first.payload, first.event_type.as_str()), (&rows[0].payload, "StockReceived"));
        assert_eq!((events[2].version, events[2].command_id), (Version(2), None));
        assert_eq!(log.read_after(Position(2), 1).await.unwrap(), events[2..3]);
        assert_eq!(log.head().await.unwrap().position, Position(4));
    }
}

#[tokio::test]
async fn times_never_decrease_whatever_the_clocks_of_two_writers_say() {
    let start = Utc::now().trunc_subsecs(6);
    // Seconds by the clock of a writer, alternately of two, and the latest of them so far.
    let clocks = [(0, 0), (-3600, 0), (5, 5), (-3595, 5), (-100_000, 5), (7200, 7200), (10, 7200), (7201, 7201)];
    for log in logs().await {
        for (version, (clock, latest)) in (1..).zip(clocks) {
            let (clock, latest) = (start + TimeDelta::seconds(clock), start + TimeDelta::seconds(latest));
            let rows = [row("A", version), row("B", version)];
            let appended = match version % 2 {
                0 => log.append(log.head().await.unwrap(), clock, &rows).await,
                _ => {
                    let lock = log.lock(Position::ZERO, 0).await.unwrap();
                    let head = lock.since.head;
                    lock.append(head, clock, &rows).await
                }
            };
            let Appended::After(base, recorded_at) = appended else { panic!("not appended: {appended:?}") };
            let logged = log.read_after(base, 10).await.unwrap();
            assert_eq!((recorded_at, logged.len()), (latest, 2));
            let told = log::append::recorded(rows.to_vec(), Incarnation(1), base, recorded_at).unwrap();
            assert_eq!(told, logged, "what a writer is told is what the log says");
        }
    }
}

#[tokio::test]
async fn an_append_that_does_not_happen_moves_no_time() {
    for log in logs().await {
        let (now, later) = (Utc::now().trunc_subsecs(6), Utc::now().trunc_subsecs(6) + TimeDelta::hours(1));
        let head = log.head().await.unwrap();
        assert!(matches!(log.append(head, now, &[row("A", 1)]).await, Appended::After(..)));
        assert!(matches!(log.append(head, later, &[row("A", 2)]).await, Appended::Lost));
        let head = log.head().await.unwrap();
        assert!(matches!(log.append(head, later, &[row("A", 1)]).await, Appended::Conflicting(_)));
        assert!(matches!(log.append(head, now, &[row("A", 2)]).await, Appended::After(_, at) if at == now));
    }
}

/// An instance of the release before `log_head.recorded_at` appends as it always did.
#[tokio::test]
async fn a_time_that_an_older_release_recorded_counts() {
    const APPEND_AS_BEFORE: &str = "
        with head as (update log_head set position = position + 1)
        insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
        values (1, 1, 'stock-A@main', 1, 'StockReceived', 1, '{\"quantity\":1}', $1)";
    let bed = Bed::new().await.unwrap();
    let pool = log::connect(bed.writer_url().unwrap().parse().unwrap(), 4);
    let (now, later) = (Utc::now().trunc_subsecs(6), Utc::now().trunc_subsecs(6) + TimeDelta::hours(1));
    sqlx::query(APPEND_AS_BEFORE).bind(later).execute(&pool).await.unwrap();
    let log = Log::new(pool);
    let head = log.head().await.unwrap();
    assert!(matches!(log.append(head, now, &[row("A", 2)]).await, Appended::After(_, at) if at == later));
}

#[tokio::test]
async fn a_batch_that_was_decided_on_an_old_head_is_lost_and_leaves_nothing() {
    for log in logs().await {
        let head = log.head().await.unwrap();
        append(&log, &[row("A", 1)]).await;
        assert!(matches!(log.append(head, Utc::now(), &[row("B", 1)]).await, Appended::Lost));
        let ahead = LogPosition { position: Position(9), ..head };
        assert!(matches!(log.append(ahead, Utc::now(), &[row("B", 1)]).await, Appended::Lost));
        let other_life = LogPosition { incarnation: Incarnation(2), position: Position(1) };
        assert!(matches!(log.append(other_life, Utc::now(), &[row("B", 1)]).await, Appended::Lost));
        assert_eq!(log.head().await.unwrap().position, Position(1));
    }
}

#[tokio::test]
async fn a_batch_that_was_decided_after_another_event_at_the_same_position_is_lost() {
    for log in logs().await {
        append(&log, &[NewRow { command: mark(Uuid::now_v7(), 2), ..row("A", 1) }, row("B", 1)]).await;
        let end = log.end().await.unwrap();
        assert!(log.ends_at(&end).await.unwrap());
        let last = end.last.as_deref().unwrap();
        let others = [
            Recorded { stream: shelf("C"), ..last.clone() },
            Recorded { version: Version(2), ..last.clone() },
            Recorded { payload: r#"{"quantity":2}"#.to_owned(), ..last.clone() },
            Recorded { recorded_at: last.recorded_at + TimeDelta::microseconds(1), ..last.clone() },
            Recorded { command_id: Some(Uuid::now_v7()), ..last.clone() },
            Recorded { incarnation: Incarnation(2), ..last.clone() },
        ];
        for other in others {
            let other = End { last: Some(Arc::new(other)), ..end.clone() };
            assert!(!log.ends_at(&other).await.unwrap(), "{other:?}");
            assert!(matches!(log.append(&other, Utc::now(), &[row("A", 2)]).await, Appended::Lost), "{other:?}");
            let lock = log.lock(Position::ZERO, 0).await.unwrap();
            assert!(matches!(lock.append(&other, Utc::now(), &[row("A", 2)]).await, Appended::Lost), "{other:?}");
        }
        assert!(matches!(log.append(&end, Utc::now(), &[row("A", 2)]).await, Appended::After(Position(2), _)));
        assert!(!log.ends_at(&end).await.unwrap());
        let lock = log.lock(Position::ZERO, 0).await.unwrap();
        let end = log.end().await.unwrap();
        assert!(matches!(lock.append(&end, Utc::now(), &[row("A", 3)]).await, Appended::After(Position(3), _)));
    }
}

#[tokio::test]
async fn of_many_who_append_at_once_one_wins() {
    for log in logs().await {
        let head = log.head().await.unwrap();
        let rows: Vec<_> = (0..8).map(|n| [row(&format!("S{n}"), 1)]).collect();
        let appends = rows.iter().map(|rows| log.append(head, Utc::now(), rows));
        let results = futures::future::join_all(appends).await;
        let won = results.iter().filter(|result| matches!(result, Appended::After(..))).count();
        let lost = results.iter().filter(|result| matches!(result, Appended::Lost)).count();
        // A pool that is busy for long refuses some; they did not append either.
        assert_eq!(won, 1);
        assert!(lost > 0);
        assert_eq!(log.head().await.unwrap().position, Position(1));
    }
}

#[tokio::test]
async fn a_version_a_command_and_a_claim_are_taken_once() {
    for log in logs().await {
        let id = Uuid::now_v7();
        let with = |sku, version, command, claim: Option<&str>| NewRow {
            command,
            claim: claim.map(str::to_owned),
            ..row(sku, version)
        };
        append(&log, &[with("A", 1, mark(id, 1), Some("name"))]).await;
        let taken = [
            vec![with("B", 1, mark(id, 1), None)],
            vec![with("B", 1, None, Some("name"))],
            vec![with("B", 1, None, Some("other")), with("B", 2, None, Some("other"))],
        ];
        for rows in taken {
            let head = log.head().await.unwrap();
            let appended = log.append(head, Utc::now(), &rows).await;
            assert!(matches!(appended, Appended::Taken), "{appended:?} for {rows:?}");
        }
        // No command and no claim explains that: it was decided on something that the log does not say.
        for rows in [vec![row("A", 1)], vec![row("B", 1), row("B", 1)]] {
            let head = log.head().await.unwrap();
            let appended = log.append(head, Utc::now(), &rows).await;
            assert!(matches!(appended, Appended::Conflicting(_)), "{appended:?} for {rows:?}");
        }
        assert_eq!(log.head().await.unwrap().position, Position(1));
        let claims = ["name".to_owned(), "other".to_owned()];
        assert_eq!(log.find_claims(&claims).await.unwrap(), HashSet::from(["name".to_owned()]));
    }
}

#[tokio::test]
async fn a_command_is_found_with_its_events_and_only_with_them() {
    for log in logs().await {
        let (one, two, never) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let mut batch = vec![row("A", 1), row("B", 1), row("A", 2)];
        batch[0].command = mark(one, 2);
        batch[2].command = mark(two, 1);
        append(&log, &batch).await;
        let found = log.find_commands(&[one, two, never]).await.unwrap();
        let events = log.read_after(Position::ZERO, 10).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[&one].fingerprint, &found[&one].events[..]), (7, &events[..2]));
        assert_eq!(found[&two].events, events[2..]);

        let mut written = log.find_written(&[one, two, never]).await.unwrap();
        written.sort_by_key(|written| written.first);
        let expected = [(one, 7, shelf("A"), 1, 2), (two, 7, shelf("A"), 3, 3)];
        let expected = expected.map(|(id, fingerprint, stream, first, last)| Written {
            id,
            fingerprint,
            stream,
            first: Position(first),
            last: Position(last),
        });
        assert_eq!(written, expected);
        let read = log.read_written(&written).await.unwrap();
        assert_eq!(read, HashMap::from([(one, events[..1].to_vec()), (two, events[2..].to_vec())]));
    }
}

#[tokio::test]
async fn who_has_the_head_reads_and_appends_before_everybody_else() {
    for log in logs().await {
        append(&log, &rows("A", 1, 3)).await;
        let lock = log.lock(Position(1), 10).await.unwrap();
        assert_eq!((lock.since.head.position, lock.since.events.len()), (Position(3), 2));
        let head = lock.since.head;
        let other = tokio::spawn({
            let log = log.clone();
            async move { log.append(head, Utc::now(), &[row("B", 1)]).await }
        });
        assert!(matches!(lock.append(head, Utc::now(), &[row("C", 1)]).await, Appended::After(Position(3), _)));
        assert!(matches!(other.await.unwrap(), Appended::Lost));
        let events = log.read_after(Position(3), 10).await.unwrap();
        assert_eq!(events.iter().map(|event| event.stream.clone()).collect::<Vec<_>>(), [shelf("C")]);
    }
}

#[tokio::test]
async fn who_waited_for_the_head_sees_what_was_appended_meanwhile() {
    for log in logs().await {
        let lock = log.lock(Position::ZERO, 10).await.unwrap();
        let head = lock.since.head;
        let mut next = Box::pin(log.lock(Position::ZERO, 10));
        assert!(futures::poll!(&mut next).is_pending());
        assert!(matches!(lock.append(head, Utc::now(), &rows("A", 1, 2)).await, Appended::After(..)));
        let next = next.await.unwrap();
        assert_eq!((next.since.head.position, next.since.events.len()), (Position(2), 2));
        next.release().await;
        // Dropped or released, it is free again.
        drop(log.lock(Position::ZERO, 10).await.unwrap());
        append(&log, &[row("B", 1)]).await;
    }
}

#[tokio::test]
async fn a_turn_is_a_courtesy_that_one_has_at_a_time() {
    for log in logs().await {
        let turn = log.take_turn().await.unwrap();
        let mut next = Box::pin(log.take_turn());
        assert!(futures::poll!(&mut next).is_pending());
        // Who does not ask for it is not held up.
        append(&log, &[row("A", 1)]).await;
        assert!(futures::poll!(&mut next).is_pending());
        turn.end().await;
        // Dropped or ended, it is the next one's.
        drop(next.await.unwrap());
        log.take_turn().await.unwrap().end().await;
    }
}

#[tokio::test]
async fn a_stream_is_loaded_in_order_and_others_are_not() {
    for log in logs().await {
        append(&log, &[row("A", 1), row("B", 1), row("A", 2), row("C", 1), row("A", 3)]).await;
        let pieces = load(&log, &[shelf("A"), shelf("B"), shelf("never")], 1).await;
        let loaded: Vec<_> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Event(event) => (event.stream.clone(), event.version.0, event.position.0),
                Piece::Snapshot(snapshot) => panic!("nobody saved {snapshot:?}"),
            })
            .collect();
        let expected = [(shelf("A"), 1, 1), (shelf("A"), 2, 3), (shelf("A"), 3, 5), (shelf("B"), 1, 2)];
        assert_eq!(loaded, expected);
    }
}

fn snapshot(sku: &str, version: i32, position: i64) -> Snapshot {
    Snapshot {
        stream: shelf(sku),
        version: Version(version),
        position: Position(position),
        incarnation: Incarnation(1),
        shape: 1,
        state: format!("{{\"at\":{version}}}"),
    }
}

fn versions(pieces: &[Piece]) -> Vec<(&'static str, i32)> {
    let version = |piece: &Piece| match piece {
        Piece::Snapshot(snapshot) => ("snapshot", snapshot.version.0),
        Piece::Event(event) => ("event", event.version.0),
    };
    pieces.iter().map(version).collect()
}

#[tokio::test]
async fn a_stream_begins_with_its_last_snapshot() {
    for log in logs().await {
        append(&log, &rows("A", 1, 5)).await;
        append(&log, &rows("B", 1, 2)).await;
        log.save_snapshots(&[snapshot("A", 3, 3), snapshot("B", 2, 7)]).await.unwrap();
        let loaded = load(&log, &[shelf("A")], 1).await;
        assert_eq!(loaded[0], Piece::Snapshot(snapshot("A", 3, 3)));
        assert_eq!(versions(&loaded), [("snapshot", 3), ("event", 4), ("event", 5)]);
        assert_eq!(versions(&load(&log, &[shelf("B")], 1).await), [("snapshot", 2)], "nothing came after it");
        // An older one does not take the place of a newer one, a newer one does.
        log.save_snapshots(&[snapshot("A", 2, 2)]).await.unwrap();
        assert_eq!(versions(&load(&log, &[shelf("A")], 1).await)[0], ("snapshot", 3));
        log.save_snapshots(&[snapshot("A", 5, 5)]).await.unwrap();
        assert_eq!(versions(&load(&log, &[shelf("A")], 1).await), [("snapshot", 5)]);
    }
}

#[tokio::test]
async fn a_snapshot_of_another_shape_is_none_and_makes_room() {
    for log in logs().await {
        append(&log, &rows("A", 1, 3)).await;
        log.save_snapshots(&[snapshot("A", 3, 3)]).await.unwrap();
        assert_eq!(versions(&load(&log, &[shelf("A")], 2).await), [("event", 1), ("event", 2), ("event", 3)]);
        log.save_snapshots(&[Snapshot { shape: 2, ..snapshot("A", 2, 2) }]).await.unwrap();
        assert_eq!(versions(&load(&log, &[shelf("A")], 2).await), [("snapshot", 2), ("event", 3)]);
    }
}

#[tokio::test]
async fn a_snapshot_of_what_the_log_does_not_have_is_none_and_makes_room() {
    let of_lost_tails = [
        snapshot("A", 9, 9),
        Snapshot { incarnation: Incarnation(0), ..snapshot("A", 2, 2) },
        snapshot("A", 3, 2),
        snapshot("A", 1, 4),
    ];
    for lost in of_lost_tails {
        for log in logs().await {
            append(&log, &rows("A", 1, 3)).await;
            append(&log, &[row("B", 1)]).await;
            log.save_snapshots(std::slice::from_ref(&lost)).await.unwrap();
            let loaded = load(&log, &[shelf("A")], 1).await;
            assert_eq!(versions(&loaded), [("event", 1), ("event", 2), ("event", 3)], "{lost:?}");
            append(&log, &rows("A", 4, 5)).await;
            log.save_snapshots(&[snapshot("A", 5, 6)]).await.unwrap();
            assert_eq!(versions(&load(&log, &[shelf("A")], 1).await), [("snapshot", 5)], "{lost:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_is_read_backwards_a_stretch_at_a_time() {
    for log in logs().await {
        append(&log, &rows("A", 1, 3)).await;
        append(&log, &rows("B", 1, 2)).await;
        append(&log, &rows("A", 4, 5)).await;
        let back = async |before: i32, versions: i32, types: &[&str]| {
            let back = Back { before: Version(before), versions, types };
            let events = log.read_back(&shelf("A"), back).await.unwrap();
            events.iter().map(|event| event.version.0).collect::<Vec<_>>()
        };
        assert_eq!(back(6, 3, &["StockReceived"]).await, [5, 4, 3]);
        assert_eq!(back(3, 100, &["StockShipped", "StockReceived"]).await, [2, 1]);
        assert!(back(6, 3, &["StockShipped"]).await.is_empty());
        assert!(back(1, 3, &["StockReceived"]).await.is_empty());
    }
}

#[tokio::test]
async fn a_stretch_has_the_events_that_are_wanted_and_of_some_types_only_those_with_a_text() {
    const TYPES: &[&str] = &["StockReceived", "OrderPlaced"];
    for log in logs().await {
        append(&log, &[row("A", 1), placed("SON", 1), row("A", 2)]).await;
        let wanted = async |only_with: &'static [(&'static str, &'static str)], until: i64| {
            let wanted = Wanted { types: TYPES, only_with };
            let events = log.read_stretch(wanted, Position(0), Position(until)).await.unwrap();
            events.iter().map(|event| event.position.0).collect::<Vec<_>>()
        };
        assert_eq!(wanted(&[], 3).await, [1, 2, 3]);
        assert_eq!(wanted(&[], 2).await, [1, 2]);
        assert_eq!(wanted(&[("OrderPlaced", "\"payment_due\":")], 3).await, [1, 3]);
        let either = &[("OrderPlaced", "\"payment_due\":"), ("OrderPlaced", "\"currency\":\"GBP\"")];
        assert_eq!(wanted(either, 3).await, [1, 2, 3]);
    }
}

fn numbers(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
    of.iter().map(|(prefix, last)| ((*prefix).to_owned(), *last)).collect()
}

#[tokio::test]
async fn order_numbers_are_those_of_the_snapshot_and_of_the_orders_since() {
    for log in logs().await {
        append(&log, &[placed("SON", 1), row("A", 1), placed("WEB", 1), placed("SON", 2)]).await;
        let head = log.head().await.unwrap();
        let counted = log.load_numbers(head).await.unwrap();
        assert_eq!((counted.saved, counted.last), (Position::ZERO, numbers(&[("SON", 2), ("WEB", 1)])));
        log.save_numbers(head, &numbers(&[("SON", 2), ("WEB", 1)])).await.unwrap();
        append(&log, &[placed("SON", 3), placed("SON", 4)]).await;
        let counted = log.load_numbers(log.head().await.unwrap()).await.unwrap();
        assert_eq!((counted.saved, counted.last), (head.position, numbers(&[("SON", 4), ("WEB", 1)])));
        // Up to where one asks, and no further.
        let earlier = LogPosition { position: Position(5), ..head };
        assert_eq!(log.load_numbers(earlier).await.unwrap().last, numbers(&[("SON", 3), ("WEB", 1)]));
    }
}

#[tokio::test]
async fn order_numbers_make_room_for_better_ones_of_the_same_position() {
    for log in logs().await {
        append(&log, &[placed("SON", 1)]).await;
        let end = log.end().await.unwrap();
        log.save_numbers(&end, &numbers(&[("SON", 2)])).await.unwrap();
        log.save_numbers(&end, &numbers(&[("SON", 1)])).await.unwrap();
        let counted = log.load_numbers(end.head).await.unwrap();
        assert_eq!((counted.saved, counted.last), (end.head.position, numbers(&[("SON", 1)])));
    }
}

/// The log in memory loses nothing.
#[tokio::test]
async fn order_numbers_of_an_end_that_the_log_never_had_are_not_saved() {
    let [_, log] = logs().await;
    append(&log, &[placed("SON", 1)]).await;
    let end = log.end().await.unwrap();
    let last = end.last.as_deref().unwrap();
    let other = Recorded { recorded_at: last.recorded_at - TimeDelta::seconds(1), ..last.clone() };
    let other = End { last: Some(Arc::new(other)), ..end.clone() };
    log.save_numbers(&other, &numbers(&[("SON", 9)])).await.unwrap();
    assert_eq!(log.load_numbers(end.head).await.unwrap().last, numbers(&[("SON", 1)]));
}

#[tokio::test]
async fn order_numbers_from_beyond_the_end_are_none_and_make_room() {
    for log in logs().await {
        append(&log, &[placed("SON", 1)]).await;
        let head = log.head().await.unwrap();
        log.save_numbers(LogPosition { position: Position(100), ..head }, &numbers(&[("SON", 90)])).await.unwrap();
        let counted = log.load_numbers(head).await.unwrap();
        assert_eq!((counted.saved, counted.last), (Position::ZERO, numbers(&[("SON", 1)])));
        log.save_numbers(head, &numbers(&[("SON", 1)])).await.unwrap();
        assert_eq!(log.load_numbers(head).await.unwrap().saved, head.position);
    }
}
