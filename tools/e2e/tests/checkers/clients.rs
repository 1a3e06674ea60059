//! What the checkers find in what clients were told: reads that are too old, commands with another outcome than they were told.

use e2e::ack::Ack;
use e2e::audit::{Invariant, Subject};
use e2e::seen::{End, Read, Resolved, Scope};

use crate::tables::Platform;
use crate::{breaks, findings};

/// The example with one of its reads changed: that of the stock.
async fn with_read(change: impl FnOnce(&mut Read)) -> Vec<String> {
    let platform = Platform::example().await;
    let mut subject = platform.subject();
    assert_eq!(findings(Invariant::MonotonicRead, &subject).await, Vec::<String>::new());
    let read = subject.reads.iter_mut().find(|read| read.scope == Scope::StockOf("A".into())).unwrap();
    change(read);
    findings(Invariant::MonotonicRead, &subject).await
}

#[tokio::test]
async fn monotonic_read_sees_a_read_that_is_older_than_its_token() {
    let found = with_read(|read| read.versions.values_mut().for_each(|version| *version -= 1)).await;
    assert_eq!((found.len(), found[0].contains("of stock-A@main, which had")), (1, true), "{found:?}");
}

#[tokio::test]
async fn monotonic_read_sees_a_location_that_a_response_leaves_out() {
    let mut platform = Platform::example().await;
    let sql = "update events set stream_id = 'stock-A@annex', version = 1
               where position = (select max(position) from events where stream_id = 'stock-A@main')";
    sqlx::Executor::execute(&mut platform.sql, sql).await.unwrap();
    let mut subject = platform.subject();
    // As new as its newest part: nothing but the log shows what is missing.
    let read = subject.reads.iter_mut().find(|read| read.scope == Scope::StockOf("A".into())).unwrap();
    read.versions.values_mut().for_each(|version| *version -= 1);
    let found = findings(Invariant::MonotonicRead, &subject).await;
    assert_eq!((found.len(), found[0].contains("shows version 0 of stock-A@annex")), (1, true), "{found:?}");
}

#[tokio::test]
async fn monotonic_read_sees_a_response_that_claims_more_than_it_contains() {
    let found = with_read(|read| {
        read.token = 1;
        read.versions.values_mut().for_each(|version| *version = 1);
    })
    .await;
    assert_eq!((found.len(), found[0].contains("says it contains position")), (1, true), "{found:?}");
}

#[tokio::test]
async fn monotonic_read_sees_a_session_that_goes_back() {
    let platform = Platform::example().await;
    let mut subject = platform.subject();
    let newer = subject.reads.iter().find(|read| read.scope == Scope::StockOf("A".into())).unwrap();
    let mut older = Read { token: 1, contains: 1, ..newer.clone() };
    older.versions.values_mut().for_each(|version| *version -= 1);
    subject.reads.push(older);
    let found = findings(Invariant::MonotonicRead, &subject).await;
    assert_eq!((found.len(), found[0].starts_with("session 1 has seen version")), (1, true), "{found:?}");
}

/// The example with one command that was repeated: it ended like this.
async fn with_end(end: impl FnOnce(&[Ack]) -> (uuid::Uuid, End)) -> Vec<String> {
    let platform = Platform::example().await;
    let subject = platform.subject();
    assert_eq!(findings(Invariant::IndefiniteResolves, &subject).await, Vec::<String>::new());
    let (key, end) = end(&subject.acks);
    let resolved = vec![Resolved { key, path: "/v1/orders".into(), end }];
    findings(Invariant::IndefiniteResolves, &Subject { resolved, ..subject }).await
}

#[tokio::test]
async fn indefinite_resolves_sees_a_command_that_was_acknowledged_and_has_no_effect() {
    let lost = with_end(|acks| {
        let key = uuid::Uuid::now_v7();
        (key, End::Done(Ack { key, ..acks[0].clone() }))
    })
    .await;
    assert_eq!((lost.len(), lost[0].contains("its key is not in the log")), (1, true), "{lost:?}");
}

#[tokio::test]
async fn indefinite_resolves_sees_a_command_with_another_outcome() {
    let other =
        with_end(|acks| (acks[3].key, End::Done(Ack { version: acks[3].version + 1, ..acks[3].clone() }))).await;
    assert_eq!((other.len(), other[0].contains("but the log has")), (1, true), "{other:?}");
}

#[tokio::test]
async fn indefinite_resolves_sees_a_command_that_was_refused_and_took_effect() {
    let refused = with_end(|acks| (acks[0].key, End::Refused(409))).await;
    assert_eq!((refused.len(), refused[0].contains("was refused with 409")), (1, true), "{refused:?}");
}

#[tokio::test]
async fn erasure_sees_personal_data_in_a_row() {
    let sql =
        "update orders set document = jsonb_set(document::jsonb, '{note}', '\"Ada\"')::json where code = 'SON000003'";
    breaks(Invariant::Erasure, sql, "has personal data").await;
}
