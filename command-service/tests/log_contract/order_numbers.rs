//! Order numbers: loaded from a snapshot and the orders placed since.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use command_service::log::End;
use events::{LogPosition, Position, Recorded};

use super::support::{append, logs, placed, row};

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
        // Only up to the requested position.
        let earlier = LogPosition { position: Position(5), ..head };
        assert_eq!(log.load_numbers(earlier).await.unwrap().last, numbers(&[("SON", 3), ("WEB", 1)]));
    }
}

#[tokio::test]
async fn order_numbers_are_replaced_by_those_of_the_same_position() {
    for log in logs().await {
        append(&log, &[placed("SON", 1)]).await;
        let end = log.end().await.unwrap();
        log.save_numbers(&end, &numbers(&[("SON", 2)])).await.unwrap();
        log.save_numbers(&end, &numbers(&[("SON", 1)])).await.unwrap();
        let counted = log.load_numbers(end.head).await.unwrap();
        assert_eq!((counted.saved, counted.last), (end.head.position, numbers(&[("SON", 1)])));
    }
}

/// Only in PostgreSQL: the log in memory never loses its tail.
#[tokio::test]
async fn order_numbers_of_a_last_event_that_the_log_does_not_hold_are_not_saved() {
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
async fn order_numbers_from_beyond_the_head_are_ignored_and_replaced() {
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
