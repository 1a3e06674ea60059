//! A database that freezes, or that a connection is cut off from without a word: what waits for it gets an error in time, and
//! what worked before works again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::ErrorKind;
use std::time::Duration;

use command_service::database::Database;
use futures::FutureExt;
use sqlx::Connection;
use testbed::proxy::Proxy;
use testbed::{Bed, PATIENCE};

/// Small, so that the tests do not take long; every answer that is awaited here comes in a small part of it.
const LIMIT: Duration = Duration::from_millis(500);

const CONNECTIONS: u32 = 3;

async fn database(bed: &Bed) -> (Proxy, Database) {
    let (proxy, url) = Proxy::before(&bed.writer_url().unwrap()).await.unwrap();
    (proxy, Database::new(url.parse().unwrap(), CONNECTIONS, LIMIT))
}

async fn ask(database: &Database) -> sqlx::Result<i64> {
    sqlx::query_scalar("select position from log_head").fetch_one(database).await
}

/// Asks until there is an answer, as workers do.
async fn answered(database: &Database) -> i64 {
    let asking = async {
        loop {
            if let Ok(position) = ask(database).await {
                return position;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it answers again")
}

fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut)
}

#[tokio::test]
async fn a_frozen_database_is_an_error_and_takes_no_connection_with_it() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    answered(&database).await;
    proxy.freezes();
    // More often than there are connections.
    for _ in 0..=CONNECTIONS {
        let error = ask(&database).await.unwrap_err();
        assert!(is_silence(&error), "{error}");
    }
    proxy.thaws();
    assert_eq!(answered(&database).await, 0);
}

#[tokio::test]
async fn one_connection_that_is_cut_off_is_warning_enough_for_those_beside_it() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    let mut held = Vec::new();
    while held.len() < CONNECTIONS as usize {
        held.extend(database.acquire().await);
    }
    held.into_iter().for_each(|acquired| acquired.release());
    answered(&database).await;

    proxy.cuts_off();
    assert!(is_silence(&ask(&database).await.unwrap_err()));
    // Were the others still there, the next would fail too.
    assert_eq!(answered(&database).await, 0);
}

#[tokio::test]
async fn a_transaction_is_begun_and_ended_within_the_limit() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    answered(&database).await;
    let transaction = database.begin("select position from log_head for update").await.unwrap();
    proxy.freezes();
    assert!(is_silence(&transaction.commit().await.unwrap_err()));
    assert!(is_silence(&database.begin("select 1").await.unwrap_err()));
    proxy.thaws();
    answered(&database).await;
    database.begin("select position from log_head for update").await.unwrap().rollback().await.unwrap();
}

#[tokio::test]
async fn who_goes_away_in_the_middle_of_a_statement_leaves_no_connection_in_the_middle_of_it() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    let holder = database.begin("select position from log_head for update").await.unwrap();
    proxy.freezes();
    // Begun, and dropped while it waits for its answer.
    assert!(database.begin("select 1").now_or_never().is_none());
    drop(holder);
    proxy.thaws();
    answered(&database).await;
    for _ in 0..CONNECTIONS {
        let mut acquired = database.acquire().await.unwrap();
        let mut transactions = Vec::new();
        for _ in 0..2 {
            let current = sqlx::query_scalar::<_, i64>("select txid_current()");
            transactions.push(current.fetch_one(&mut *acquired).await.unwrap());
        }
        assert_ne!(transactions[0], transactions[1], "each statement is one of its own");
        acquired.release();
    }
}

#[tokio::test]
async fn a_transaction_that_was_dropped_at_its_beginning_is_not_the_next_borrowers() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    let pool = database.separate_pool(1);
    let mut connection = pool.acquire().await.unwrap();
    proxy.freezes();
    // Dropped before sqlx knows that it has begun.
    assert!(connection.begin().now_or_never().is_none());
    drop(connection);
    proxy.thaws();
    let mut transactions = Vec::new();
    while transactions.len() < 2 {
        let current = sqlx::query_scalar::<_, i64>("select txid_current()");
        let mut connection = tokio::time::timeout(PATIENCE, pool.acquire()).await.unwrap();
        if let Ok(connection) = &mut connection {
            transactions.push(current.fetch_one(&mut **connection).await.unwrap());
        }
    }
    assert_ne!(transactions[0], transactions[1], "each statement is one of its own");
}

#[tokio::test]
async fn a_transaction_that_is_idle_for_long_ends_and_who_waits_for_its_lock_is_told() {
    let bed = Bed::new().await.unwrap();
    let options = || bed.writer_url().unwrap().parse().unwrap();
    let (paused, patient) = (Database::new(options(), 1, LIMIT), Database::new(options(), 1, PATIENCE));
    const LOCK: &str = "select position from log_head for update";
    let idle = paused.begin(LOCK).await.unwrap();
    // Given up by the one that does nothing.
    patient.begin(LOCK).await.unwrap().rollback().await.unwrap();
    idle.commit().await.unwrap_err();

    let _kept = patient.begin(LOCK).await.unwrap();
    let error = paused.begin(LOCK).await.unwrap_err();
    assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("55P03"), "{error}");
}
