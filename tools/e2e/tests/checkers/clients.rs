//! Checks of client histories: reads that are too old, and commands whose outcome differs from the outcome that the client
//! received.

use e2e::audit::{Invariant, Subject};
use e2e::client_history::Ack;
use e2e::client_history::{FinalOutcome, Read, RetriedCommand, Scope};

use crate::tables::Platform;
use crate::{assert_detected, findings};

/// Findings after a change of the read of stock in the example.
async fn with_read(change: impl FnOnce(&mut Read)) -> Vec<String> {
    let platform = Platform::example().await;
    let mut subject = platform.subject();
    assert_eq!(findings(Invariant::MonotonicRead, &subject).await, Vec::<String>::new());
    let read = subject.reads.iter_mut().find(|read| read.scope == Scope::StockOf("A".into())).unwrap();
    change(read);
    findings(Invariant::MonotonicRead, &subject).await
}

#[tokio::test]
async fn monotonic_read_detects_a_read_that_is_older_than_its_token() {
    let found = with_read(|read| read.versions.values_mut().for_each(|version| *version -= 1)).await;
    assert_eq!((found.len(), found[0].contains("of stock-A@main, which had")), (1, true), "{found:?}");
}

#[tokio::test]
async fn monotonic_read_detects_a_missing_location() {
    let mut platform = Platform::example().await;
    let sql = "update events set stream_id = 'stock-A@annex', version = 1
               where position = (select max(position) from events where stream_id = 'stock-A@main')";
    sqlx::Executor::execute(&mut platform.sql, sql).await.unwrap();
    let mut subject = platform.subject();
    // The returned location is as new as the token; only the log shows that another location is missing.
    let read = subject.reads.iter_mut().find(|read| read.scope == Scope::StockOf("A".into())).unwrap();
    read.versions.values_mut().for_each(|version| *version -= 1);
    let found = findings(Invariant::MonotonicRead, &subject).await;
    assert_eq!((found.len(), found[0].contains("returned version 0 of stock-A@annex")), (1, true), "{found:?}");
}

#[tokio::test]
async fn monotonic_read_detects_a_response_that_is_older_than_its_projection_position() {
    let found = with_read(|read| {
        read.token = 1;
        read.versions.values_mut().for_each(|version| *version = 1);
    })
    .await;
    assert_eq!((found.len(), found[0].contains("with projection position")), (1, true), "{found:?}");
}

#[tokio::test]
async fn monotonic_read_detects_a_session_that_reads_an_older_version() {
    let platform = Platform::example().await;
    let mut subject = platform.subject();
    let newer = subject.reads.iter().find(|read| read.scope == Scope::StockOf("A".into())).unwrap();
    let mut older = Read { token: 1, projection_position: 1, ..newer.clone() };
    older.versions.values_mut().for_each(|version| *version -= 1);
    subject.reads.push(older);
    let found = findings(Invariant::MonotonicRead, &subject).await;
    assert_eq!((found.len(), found[0].starts_with("session 1 read version")), (1, true), "{found:?}");
}

/// Findings for the example with one retried command that has this outcome.
async fn with_outcome(outcome: impl FnOnce(&[Ack]) -> (uuid::Uuid, FinalOutcome)) -> Vec<String> {
    let platform = Platform::example().await;
    let subject = platform.subject();
    assert_eq!(findings(Invariant::IndefiniteResolves, &subject).await, Vec::<String>::new());
    let (key, outcome) = outcome(&subject.acks);
    let retried = vec![RetriedCommand { key, path: "/v1/orders".into(), outcome }];
    findings(Invariant::IndefiniteResolves, &Subject { retried, ..subject }).await
}

#[tokio::test]
async fn indefinite_resolves_detects_a_command_that_was_acknowledged_and_has_no_effect() {
    let lost = with_outcome(|acks| {
        let key = uuid::Uuid::now_v7();
        (key, FinalOutcome::Acknowledged(Ack { key, ..acks[0].clone() }))
    })
    .await;
    assert_eq!((lost.len(), lost[0].contains("its key is not in the log")), (1, true), "{lost:?}");
}

#[tokio::test]
async fn indefinite_resolves_detects_a_command_with_another_outcome() {
    let other = with_outcome(|acks| {
        (acks[3].key, FinalOutcome::Acknowledged(Ack { version: acks[3].version + 1, ..acks[3].clone() }))
    })
    .await;
    assert_eq!((other.len(), other[0].contains("but the log contains")), (1, true), "{other:?}");
}

#[tokio::test]
async fn indefinite_resolves_detects_a_command_that_was_rejected_and_took_effect() {
    let rejected = with_outcome(|acks| (acks[0].key, FinalOutcome::Rejected(409))).await;
    assert_eq!((rejected.len(), rejected[0].contains("was rejected with status 409")), (1, true), "{rejected:?}");
}

#[tokio::test]
async fn erasure_detects_personal_data_in_a_row() {
    let sql =
        "update orders set document = jsonb_set(document::jsonb, '{note}', '\"Ada\"')::json where code = 'SON000003'";
    assert_detected(Invariant::Erasure, sql, "contains personal data").await;
}
