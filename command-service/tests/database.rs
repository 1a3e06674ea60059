//! A frozen database, or a silently lost connection: every wait ends with an error in time, and the pool recovers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::ErrorKind;
use std::time::Duration;

use command_service::database::Database;
use futures::FutureExt;
use sqlx::Connection;
use testbed::proxy::Proxy;
use testbed::{Bed, PATIENCE};

/// Short, so that the tests do not take long; every response here arrives in a small fraction of it.
const LIMIT: Duration = Duration::from_millis(500);

const CONNECTIONS: u32 = 3;

async fn database(bed: &Bed) -> (Proxy, Database) {
    let (proxy, url) = Proxy::to_server(&bed.writer_url().unwrap()).await.unwrap();
    (proxy, Database::new(url.parse().unwrap(), CONNECTIONS, LIMIT))
}

async fn ask(database: &Database) -> sqlx::Result<i64> {
    sqlx::query_scalar("select position from log_head").fetch_one(database).await
}

/// Repeats the query until there is a response, as workers do.
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
async fn a_frozen_database_is_an_error_and_leaks_no_connection() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    answered(&database).await;
    proxy.freeze();
    // More often than there are connections.
    for _ in 0..=CONNECTIONS {
        let error = ask(&database).await.unwrap_err();
        assert!(is_silence(&error), "{error}");
    }
    proxy.thaw();
    assert_eq!(answered(&database).await, 0);
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_tried_again_until_the_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("postgres://nobody:secret@127.0.0.1:{port}/orders");
    let error = ask(&Database::new(url.parse().unwrap(), CONNECTIONS, LIMIT)).await.unwrap_err();
    assert!(is_silence(&error), "{error}");
}

#[tokio::test]
async fn when_one_connection_is_silent_the_idle_ones_are_closed_too() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    let mut held = Vec::new();
    while held.len() < CONNECTIONS as usize {
        held.extend(database.acquire().await);
    }
    held.into_iter().for_each(|acquired| acquired.release());
    answered(&database).await;

    proxy.lose_connections();
    assert!(is_silence(&ask(&database).await.unwrap_err()));
    // If the other connections were still open, the next query would fail too.
    assert_eq!(answered(&database).await, 0);
}

#[tokio::test]
async fn a_transaction_is_begun_and_ended_within_the_limit() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    answered(&database).await;
    let transaction = database.begin("select position from log_head for update").await.unwrap();
    proxy.freeze();
    assert!(is_silence(&transaction.commit().await.unwrap_err()));
    assert!(is_silence(&database.begin("select 1").await.unwrap_err()));
    proxy.thaw();
    answered(&database).await;
    database.begin("select position from log_head for update").await.unwrap().rollback().await.unwrap();
}

#[tokio::test]
async fn a_connection_whose_statement_was_dropped_is_not_reused() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    let holder = database.begin("select position from log_head for update").await.unwrap();
    proxy.freeze();
    // Started, and dropped before the response.
    assert!(database.begin("select 1").now_or_never().is_none());
    drop(holder);
    proxy.thaw();
    answered(&database).await;
    for _ in 0..CONNECTIONS {
        let mut acquired = database.acquire().await.unwrap();
        let mut transactions = Vec::new();
        for _ in 0..2 {
            let current = sqlx::query_scalar::<_, i64>("select txid_current()");
            transactions.push(current.fetch_one(&mut *acquired).await.unwrap());
        }
        assert_ne!(transactions[0], transactions[1], "each statement is a transaction of its own");
        acquired.release();
    }
}

#[tokio::test]
async fn a_transaction_that_was_dropped_while_it_began_is_not_reused() {
    let (proxy, database) = database(&Bed::new().await.unwrap()).await;
    let pool = database.separate_pool(1);
    let mut connection = pool.acquire().await.unwrap();
    proxy.freeze();
    // Dropped before sqlx knows that it has begun.
    assert!(connection.begin().now_or_never().is_none());
    drop(connection);
    proxy.thaw();
    let mut transactions = Vec::new();
    while transactions.len() < 2 {
        let current = sqlx::query_scalar::<_, i64>("select txid_current()");
        let mut connection = tokio::time::timeout(PATIENCE, pool.acquire()).await.unwrap();
        if let Ok(connection) = &mut connection {
            transactions.push(current.fetch_one(&mut **connection).await.unwrap());
        }
    }
    assert_ne!(transactions[0], transactions[1], "each statement is a transaction of its own");
}

#[tokio::test]
async fn an_idle_transaction_ends_and_a_wait_for_its_lock_fails_in_time() {
    let bed = Bed::new().await.unwrap();
    let options = || bed.writer_url().unwrap().parse().unwrap();
    let (paused, patient) = (Database::new(options(), 1, LIMIT), Database::new(options(), 1, PATIENCE));
    const LOCK: &str = "select position from log_head for update";
    let idle = paused.begin(LOCK).await.unwrap();
    // The server ends the idle transaction.
    patient.begin(LOCK).await.unwrap().rollback().await.unwrap();
    idle.commit().await.unwrap_err();

    let _kept = patient.begin(LOCK).await.unwrap();
    let error = paused.begin(LOCK).await.unwrap_err();
    assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("55P03"), "{error}");
}
