//! Appending: the outcomes of an append, gapless positions, and times that never decrease.

use std::sync::Arc;

use chrono::{SubsecRound, TimeDelta, Utc};
use command_service::log::batch::{self, Appended, NewRow};
use command_service::log::{self, End, Log};
use events::{Incarnation, LogPosition, Metadata, Position, Recorded, Version};
use testbed::Bed;
use uuid::Uuid;

use super::support::{append, header, logs, row, stock_item};

#[tokio::test]
async fn what_is_appended_is_read_as_it_was_written_at_gapless_positions() {
    for log in logs().await {
        let metadata = Metadata { correlation_id: Some("c".into()), ..Metadata::default() };
        let id = Uuid::now_v7();
        let mut rows = vec![row("A", 1), row("B", 1), row("A", 2)];
        rows[0].metadata = Some(serde_json::to_string(&metadata).unwrap());
        rows[0].command = header(id, 3);
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
async fn recording_times_never_decrease_whatever_the_clocks_of_two_writers_say() {
    let start = Utc::now().trunc_subsecs(6);
    // Seconds of the clocks of two writers, alternately, and the latest time so far.
    let clocks = [(0, 0), (-3600, 0), (5, 5), (-3595, 5), (-100_000, 5), (7200, 7200), (10, 7200), (7201, 7201)];
    for log in logs().await {
        for (version, (clock, latest)) in (1..).zip(clocks) {
            let (clock, latest) = (start + TimeDelta::seconds(clock), start + TimeDelta::seconds(latest));
            let rows = [row("A", version), row("B", version)];
            let appended = match version % 2 {
                0 => log.append(log.head().await.unwrap(), clock, &rows).await,
                _ => {
                    let lock = log.lock_head(Position::ZERO, 0).await.unwrap();
                    let head = lock.page.head;
                    lock.append(head, clock, &rows).await
                }
            };
            let Appended::After(base, recorded_at) = appended else { panic!("not appended: {appended:?}") };
            let logged = log.read_after(base, 10).await.unwrap();
            assert_eq!((recorded_at, logged.len()), (latest, 2));
            let returned = batch::recorded(rows.to_vec(), Incarnation(1), base, recorded_at).unwrap();
            assert_eq!(returned, logged, "the writer computes the events that the log holds");
        }
    }
}

#[tokio::test]
async fn a_refused_append_does_not_change_the_time_of_the_log() {
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

/// An instance of the release before the column `log_head.recorded_at` does not set it.
#[tokio::test]
async fn a_time_recorded_by_an_older_release_is_not_undercut() {
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
        let other_incarnation = LogPosition { incarnation: Incarnation(2), position: Position(1) };
        assert!(matches!(log.append(other_incarnation, Utc::now(), &[row("B", 1)]).await, Appended::Lost));
        assert_eq!(log.head().await.unwrap().position, Position(1));
    }
}

#[tokio::test]
async fn a_batch_that_was_decided_after_another_event_at_the_same_position_is_lost() {
    for log in logs().await {
        append(&log, &[NewRow { command: header(Uuid::now_v7(), 2), ..row("A", 1) }, row("B", 1)]).await;
        let end = log.end().await.unwrap();
        assert!(log.ends_at(&end).await.unwrap());
        let last = end.last.as_deref().unwrap();
        let others = [
            Recorded { stream: stock_item("C"), ..last.clone() },
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
            let lock = log.lock_head(Position::ZERO, 0).await.unwrap();
            assert!(matches!(lock.append(&other, Utc::now(), &[row("A", 2)]).await, Appended::Lost), "{other:?}");
        }
        assert!(matches!(log.append(&end, Utc::now(), &[row("A", 2)]).await, Appended::After(Position(2), _)));
        assert!(!log.ends_at(&end).await.unwrap());
        let lock = log.lock_head(Position::ZERO, 0).await.unwrap();
        let end = log.end().await.unwrap();
        assert!(matches!(lock.append(&end, Utc::now(), &[row("A", 3)]).await, Appended::After(Position(3), _)));
    }
}

#[tokio::test]
async fn of_many_concurrent_appends_exactly_one_succeeds() {
    for log in logs().await {
        let head = log.head().await.unwrap();
        let rows: Vec<_> = (0..8).map(|n| [row(&format!("S{n}"), 1)]).collect();
        let appends = rows.iter().map(|rows| log.append(head, Utc::now(), rows));
        let results = futures::future::join_all(appends).await;
        let won = results.iter().filter(|result| matches!(result, Appended::After(..))).count();
        let lost = results.iter().filter(|result| matches!(result, Appended::Lost)).count();
        // A busy pool may refuse some; those did not append either.
        assert_eq!(won, 1);
        assert!(lost > 0);
        assert_eq!(log.head().await.unwrap().position, Position(1));
    }
}
