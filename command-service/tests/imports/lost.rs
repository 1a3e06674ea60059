//! Lost responses, claims and queue entries: an accepted bulk import keeps its rows and is executed to its end, once.

use std::time::Duration;

use command_service::database::Database;
use command_service::jobs::{Limits, queue};
use platform::health::Health;
use sqlx::{Connection, PgConnection};
use testbed::PATIENCE;
use testbed::proxy::Proxy;

use super::site::{NDJSON, Site, connect};

/// Another worker claims the bulk import as soon as its first batch is saved.
const STEAL: &str = "
    create function steal() returns trigger language plpgsql as $$
    begin
        update imports set claim = gen_random_uuid() where id = new.id;
        update jobs._private_jobs set locked_by = 'another worker' where key = new.id::text;
        return null;
    end $$;
    create trigger steal after update of rows_read on imports
        for each row when (old.rows_read = 0 and new.rows_read > 0) execute function steal()";

/// Makes the statement that accepts a bulk import wait for a lock of this test.
const HOLD_UP: &str = "
    create function hold_up() returns trigger language plpgsql as $$
    begin
        perform pg_advisory_xact_lock(1);
        return new;
    end $$;
    create trigger hold_up before insert on imports for each row execute function hold_up()";

fn receipts(count: usize) -> String {
    "{\"sku\":\"MUG\",\"quantity\":1}\n".repeat(count)
}

/// Returns once a statement waits for the lock of this test.
async fn until_one_waits(owner: &mut PgConnection) {
    let waits = "select exists (select from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and l.locktype = 'advisory' and not l.granted)";
    let waiting = async { while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut *owner).await.unwrap() {} };
    tokio::time::timeout(PATIENCE, waiting).await.expect("a statement waits");
}

#[tokio::test]
async fn an_accepted_import_whose_response_is_lost_keeps_its_rows() {
    let site = Site::open().await;
    site.stocked().await;
    let (proxy, url) = Proxy::to_server(&site.database_url()).await.unwrap();
    let site = site.over(connect(&url, 2).await);
    let mut owner = site.owner().await;
    let mut watching = site.owner().await;

    // The connection is lost while the statement that accepts the bulk import waits; then the statement takes effect.
    sqlx::raw_sql(HOLD_UP).execute(&mut owner).await.unwrap();
    let mut lock = owner.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(1)").execute(&mut *lock).await.unwrap();
    let uploading = site.upload_as("k", "stock", NDJSON, receipts(2));
    let cutting = async {
        until_one_waits(&mut watching).await;
        proxy.lose_connections();
        lock.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(uploading, cutting);
    assert_eq!(answer.problem(), (503, "database-unavailable".into()));

    let again = site.upload_as("k", "stock", NDJSON, receipts(2)).await;
    assert_eq!((again.status.as_u16(), &again.headers["idempotent-replayed"]), (202, &"true".parse().unwrap()));
    site.work().await;
    let job = site.job(&again).await;
    assert_eq!((&job["state"], &job["progress"]["applied"]), (&"succeeded".into(), &2.into()), "{job}");
    assert_eq!(site.events("StockReceived").await, 3 + 2);
}

#[tokio::test]
async fn the_response_to_an_import_needs_no_further_statement() {
    let site = Site::open().await;
    site.stocked().await;
    let mut owner = site.owner().await;
    sqlx::query("revoke select on import_jobs from log_writer").execute(&mut owner).await.unwrap();
    let accepted = site.upload("stock", NDJSON, receipts(2)).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    sqlx::query("grant select on import_jobs to log_writer").execute(&mut owner).await.unwrap();
    let (response, stored) = (accepted.json(), site.job(&accepted).await);
    assert_eq!(response, stored, "the response contains the stored job");
    site.work().await;
    assert_eq!(site.job(&accepted).await["progress"]["applied"], 2);
}

#[tokio::test]
async fn a_worker_that_lost_its_import_leaves_the_queue_entry_to_its_owner() {
    // The loss is detected when the second batch is saved, or when the job is ended after its only batch.
    for rows in [1_200, 1] {
        let site = Site::open().await;
        site.stocked().await;
        let mut owner = site.owner().await;
        let accepted = site.upload("stock", NDJSON, receipts(rows)).await;
        sqlx::raw_sql(STEAL).execute(&mut owner).await.unwrap();
        site.work().await;
        let held = "select count(*) from jobs.jobs where locked_by = 'another worker' and attempts = 1";
        assert_eq!(sqlx::query_scalar::<_, i64>(held).fetch_one(&mut owner).await.unwrap(), 1, "{rows} rows");
        assert_eq!(site.job(&accepted).await["state"], "running");

        // The other worker dies, and the job is continued.
        let queue = site.queue().await;
        queue.recover(Duration::ZERO).await.unwrap();
        queue.step().await.unwrap();
        let job = site.job(&accepted).await;
        assert_eq!((&job["state"], &job["progress"]["applied"]), (&"succeeded".into(), &rows.into()), "{job}");
        assert_eq!(site.events("StockReceived").await, 3 + rows as i64);
    }
}

#[tokio::test]
async fn an_import_without_a_queue_entry_gets_one() {
    let site = Site::open().await;
    site.stocked().await;
    let accepted = site.upload("stock", NDJSON, receipts(2)).await;
    sqlx::query("delete from jobs._private_jobs").execute(&mut site.owner().await).await.unwrap();
    let database = Database::new(site.database_url().parse().unwrap(), 2, PATIENCE);
    let runner = site.runner();
    let stop = runner.stop.clone();
    let running = tokio::spawn(queue::run(database, runner, Limits::default(), Health::new().optional("imports")));
    let worked = async { while site.job(&accepted).await["state"] != "succeeded" {} };
    tokio::time::timeout(PATIENCE, worked).await.expect("it is worked");
    stop.request();
    running.await.unwrap();
    assert_eq!(site.events("StockReceived").await, 3 + 2);
}
