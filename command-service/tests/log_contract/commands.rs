//! Command ids, claims and versions are taken once, and commands are found by id.

use std::collections::{HashMap, HashSet};

use chrono::Utc;
use command_service::log::batch::{Appended, NewRow};
use command_service::log::command::LoggedCommand;
use events::Position;
use uuid::Uuid;

use super::support::{append, header, logs, row, stock_item};

#[tokio::test]
async fn a_version_a_command_and_a_claim_are_taken_once() {
    for log in logs().await {
        let id = Uuid::now_v7();
        let with = |sku, version, command, claim: Option<&str>| NewRow {
            command,
            claim: claim.map(str::to_owned),
            ..row(sku, version)
        };
        append(&log, &[with("A", 1, header(id, 1), Some("name"))]).await;
        let taken = [
            vec![with("B", 1, header(id, 1), None)],
            vec![with("B", 1, None, Some("name"))],
            vec![with("B", 1, None, Some("other")), with("B", 2, None, Some("other"))],
        ];
        for rows in taken {
            let head = log.head().await.unwrap();
            let appended = log.append(head, Utc::now(), &rows).await;
            assert!(matches!(appended, Appended::Taken), "{appended:?} for {rows:?}");
        }
        // No command and no claim is taken: the batch was decided on states that differ from the log.
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
        batch[0].command = header(one, 2);
        batch[2].command = header(two, 1);
        append(&log, &batch).await;
        let found = log.load_commands(&[one, two, never]).await.unwrap();
        let events = log.read_after(Position::ZERO, 10).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[&one].fingerprint, &found[&one].events[..]), (7, &events[..2]));
        assert_eq!(found[&two].events, events[2..]);

        let mut written = log.find_commands(&[one, two, never]).await.unwrap();
        written.sort_by_key(|written| written.first);
        let expected = [(one, 7, stock_item("A"), 1, 2), (two, 7, stock_item("A"), 3, 3)];
        let expected = expected.map(|(id, fingerprint, stream, first, last)| LoggedCommand {
            id,
            fingerprint,
            stream,
            first: Position(first),
            last: Position(last),
        });
        assert_eq!(written, expected);
        let mut ids = log.list_command_ids(Position(0), Position(3)).await.unwrap();
        ids.sort();
        assert_eq!(ids, [one, two]);
        assert_eq!(log.list_command_ids(Position(1), Position(3)).await.unwrap(), [two]);
        assert_eq!(log.list_command_ids(Position(0), Position(2)).await.unwrap(), [one]);
        let read = log.read_command_events(&written).await.unwrap();
        assert_eq!(read, HashMap::from([(one, events[..1].to_vec()), (two, events[2..].to_vec())]));
    }
}
