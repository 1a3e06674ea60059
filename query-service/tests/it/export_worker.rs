//! The worker of exports: claims, retries, takeovers and snapshots. Several instances share a directory; time passes when the test
//! says so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use query_service::exports::claim::{Claim, End};
use query_service::exports::job::{Format, Outcome, State, WrittenFile};
use query_service::exports::measures::Ending;
use query_service::exports::worker::Step;
use query_service::http::export_query::parse_dataset;
use query_service::reads::database::routing::Prefer;
use query_service::reads::dataset::reader::{DatasetReader, ReadOptions};
use query_service::reads::dataset::row::Row;
use query_service::reads::error::Error;
use query_service::reads::orders::select::LineCounts;
use tempfile::TempDir;
use testbed::proxy::Proxy;
use uuid::Uuid;

use crate::export_instance::{BEGIN, Hand, Instance};
use crate::fixture::Platform;

const ENDED: fn(Ending) -> Step = Step::Ended;

fn written(export: &query_service::exports::job::Export) -> &WrittenFile {
    match &export.outcome {
        Some(Outcome { result: Ok(file), .. }) => file,
        other => panic!("{other:?}"),
    }
}

/// Starts to read all orders.
async fn snapshot(instance: &Instance) -> Result<DatasetReader, Error> {
    let options = ReadOptions {
        counts: LineCounts::Included,
        prefer: Prefer::Replica,
        statement_timeout: Duration::from_secs(60),
    };
    let (database, erasures) = (&instance.reads.database, instance.reads.erasures.clone());
    DatasetReader::open(database, erasures, parse_dataset("/v1/orders").expect("a query"), options).await
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|it| it.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn of_two_workers_one_executes_an_export() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    platform.place_order(BEGIN).await;
    let instance = || Instance::start(&platform.bed, directory.path(), &hand);
    let (first, second) = (instance(), instance());
    let id = first.create("/v1/orders", Format::Csv).await;
    let (one, other) = tokio::join!(first.step(), second.step());
    let mut steps = [one, other];
    steps.sort_by_key(|step| *step == Step::Idle);
    assert_eq!(steps, [ENDED(Ending::Complete), Step::Idle]);
    let export = second.find(id).await;
    assert_eq!((written(&export).rows, export.claim.as_ref().map(|it| it.0)), (1, Some(1)));
    assert_eq!(first.step().await, Step::Idle);
}

#[tokio::test]
async fn exports_are_executed_oldest_first() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    let instance = Instance::start(&platform.bed, directory.path(), &hand);
    let mut ids = Vec::new();
    for query in ["/v1/orders", "/v1/stock", "/v1/products"] {
        ids.push(instance.create(query, Format::Ndjson).await);
        hand.advance(1);
    }
    for id in ids {
        assert_eq!(instance.find(id).await.state(hand.clock().now()), State::Queued);
        instance.completes().await;
        assert_eq!(instance.find(id).await.state(hand.clock().now()), State::Complete);
    }
}

#[tokio::test]
async fn a_claim_that_is_not_renewed_is_taken_over_and_the_late_file_is_discarded() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    platform.place_order(BEGIN).await;
    let instance = Instance::start(&platform.bed, directory.path(), &hand);
    let id = instance.create("/v1/orders", Format::Csv).await;
    let claim = instance.jobs.claim(id, 1, Uuid::now_v7(), 0).await.expect("a store").expect("the claim");
    hand.advance(30);
    assert_eq!(
        (instance.step().await, instance.find(id).await.state(hand.clock().now())),
        (Step::Idle, State::Running)
    );
    let renewed = Claim { renewed_at: hand.clock().now(), rows: 7, ..claim };
    assert!(instance.jobs.renew(id, 1, &renewed).await.expect("a store"));
    hand.advance(30);
    assert_eq!(instance.step().await, Step::Idle);
    hand.advance(1);
    instance.completes().await;
    let export = instance.find(id).await;
    assert_eq!((export.claim.as_ref().map(|it| it.0), written(&export).attempt), (Some(2), 2));

    // The first worker was only suspended. It notices, and its outcome changes nothing.
    assert!(!instance.jobs.renew(id, 1, &renewed).await.expect("a store"));
    let late = WrittenFile { attempt: 1, rows: 99, ..written(&export).clone() };
    std::fs::write(directory.path().join(format!("exports/{id}/files/1")), "another file").expect("a file");
    let outcome = Outcome { finished_at: hand.clock().now(), result: Ok(late) };
    assert!(!instance.jobs.finish(id, &outcome).await.expect("a store"));
    assert_eq!(written(&instance.find(id).await).rows, 1);
    assert_eq!(files(&directory.path().join(format!("exports/{id}/files"))).len(), 1);
}

#[tokio::test]
async fn an_export_whose_workers_end_again_and_again_fails() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    let instance = Instance::start(&platform.bed, directory.path(), &hand);
    let id = instance.create("/v1/orders", Format::Csv).await;
    for attempt in 1..=5 {
        instance.jobs.claim(id, attempt, Uuid::now_v7(), attempt - 1).await.expect("a store").expect("the claim");
        hand.advance(31);
    }
    assert_eq!(instance.step().await, ENDED(Ending::Failed));
    let error = instance.find(id).await.outcome.expect("an outcome").result.expect_err("a failure");
    assert_eq!(error.problem_type, "/problems/export-interrupted");
    assert_eq!(instance.step().await, Step::Idle);
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_after_a_pause() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    platform.place_order(BEGIN).await;
    let (proxy, url) = Proxy::to_server(&platform.bed.reader_url().expect("an address")).await.expect("a proxy");
    let instance = Instance::start_with(&platform.bed, directory.path(), &hand, &[("DATABASE_URL", url)]);
    let id = instance.create("/v1/orders", Format::Csv).await;
    proxy.stop();
    assert_eq!(instance.step().await, ENDED(Ending::Retried));
    let (number, claim) = instance.find(id).await.claim.expect("an attempt");
    assert_eq!((number, claim.failures), (1, 0));
    let Some(End::Failed { error, retry_at }) = claim.end else { panic!("it did not fail") };
    assert_eq!(error.problem_type, "/problems/database-down");
    assert!(retry_at - hand.clock().now() <= chrono::TimeDelta::seconds(1));
    proxy.restart();
    // A connection of the pool that broke with the proxy costs another attempt.
    for _ in 0..3 {
        let answers = async {
            while snapshot(&instance).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::service::PATIENCE, answers).await.expect("the database answers again");
        hand.advance(8);
        if instance.step().await == ENDED(Ending::Complete) {
            break;
        }
    }
    let export = instance.find(id).await;
    let failures = export.claim.as_ref().map_or(0, |(_, claim)| claim.failures);
    assert!(failures >= 1);
    assert_eq!(written(&export).attempt, failures + 1);
}

#[tokio::test]
async fn after_the_fifth_failure_an_export_has_failed_with_its_reason() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    let (proxy, url) = Proxy::to_server(&platform.bed.reader_url().expect("an address")).await.expect("a proxy");
    let instance = Instance::start_with(&platform.bed, directory.path(), &hand, &[("DATABASE_URL", url)]);
    let id = instance.create("/v1/orders", Format::Parquet).await;
    proxy.stop();
    for attempt in 1..=5 {
        let expected = if attempt < 5 { Ending::Retried } else { Ending::Failed };
        assert_eq!(instance.step().await, ENDED(expected), "{attempt}");
        hand.advance(8);
    }
    assert_eq!(instance.step().await, Step::Idle);
    let export = instance.find(id).await;
    assert_eq!(export.state(hand.clock().now()), State::Failed);
    let error = export.outcome.expect("an outcome").result.expect_err("a failure");
    assert_eq!(error.problem_type, "/problems/database-down");
}

#[tokio::test]
async fn a_query_that_this_release_does_not_understand_fails_at_once() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    let instance = Instance::start(&platform.bed, directory.path(), &hand);
    let id = instance.create("/v1/orders?colour=red", Format::Csv).await;
    assert_eq!(instance.step().await, ENDED(Ending::Failed));
    let error = instance.find(id).await.outcome.expect("an outcome").result.expect_err("a failure");
    assert_eq!(error.problem_type, "/problems/invalid-query");
    assert!(error.detail.contains("`colour`"), "{error:?}");
}

#[tokio::test]
async fn a_worker_that_is_stopped_leaves_the_export_to_another_one() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    platform.place_order(BEGIN).await;
    let instance = || Instance::start(&platform.bed, directory.path(), &hand);
    let (stopped, other) = (instance(), instance());
    let id = stopped.create("/v1/orders", Format::Csv).await;
    let lock = platform.lock_table("orders_1.orders").await;
    let stopping = async {
        platform.statement_is_blocked().await;
        stopped.stop();
    };
    let (step, ()) = tokio::join!(stopped.step(), stopping);
    assert_eq!(step, ENDED(Ending::Released));
    assert_eq!(other.find(id).await.state(hand.clock().now()), State::Queued);
    drop(lock);
    other.completes().await;
    let export = other.find(id).await;
    assert_eq!(export.claim.map(|(number, claim)| (number, claim.failures)), Some((2, 0)), "not a failure");
}

#[tokio::test]
async fn deleting_a_running_export_ends_it_and_leaves_nothing_behind() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    platform.place_order(BEGIN).await;
    let instance = Instance::start(&platform.bed, directory.path(), &hand);
    let id = instance.create("/v1/orders", Format::Csv).await;
    let _lock = platform.lock_table("orders_1.orders").await;
    let deleting = async {
        platform.statement_is_blocked().await;
        assert!(instance.jobs.delete(id).await.expect("a store"));
    };
    let (step, ()) = tokio::join!(instance.step(), deleting);
    assert_eq!(step, ENDED(Ending::Cancelled));
    assert!(instance.jobs.find(id).await.expect("a store").is_none());
    assert_eq!(files(directory.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn exports_are_deleted_when_their_time_is_over() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    let instance = Instance::start(&platform.bed, directory.path(), &hand);
    let old = instance.create("/v1/orders", Format::Csv).await;
    instance.completes().await;
    // What a process that ended left behind.
    std::fs::write(directory.path().join(format!("exports/{old}/files/2#1")), "a part").expect("a file");
    hand.advance(60 * 60);
    let new = instance.create("/v1/stock", Format::Csv).await;
    instance.completes().await;
    hand.advance(23 * 60 * 60 - 1);
    assert_eq!(instance.jobs.sweep().await.expect("a store"), 0);
    hand.advance(1);
    assert_eq!(instance.jobs.sweep().await.expect("a store"), 1);
    assert!(instance.jobs.find(old).await.expect("a store").is_none());
    assert_eq!(instance.find(new).await.state(hand.clock().now()), State::Complete);
    assert!(!directory.path().join(format!("exports/{old}")).exists());
}

#[tokio::test]
async fn all_rows_are_of_one_state_while_orders_arrive() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::at(BEGIN));
    platform.place_order(BEGIN).await;
    let before = platform.head();
    let instance = Instance::start(&platform.bed, directory.path(), &hand);
    let lock = platform.lock_table("orders_1.order_search").await;
    let mut reader = snapshot(&instance).await.expect("a snapshot");
    platform.statement_is_blocked().await;
    drop(lock);
    platform.place_order("2026-03-05T10:00:01Z").await;
    let rows = reader.next().await.expect("a batch").expect("rows").rows;
    assert!(matches!(rows.as_slice(), [Row::Order(order)] if order.summary.code.as_str() == "SON000001"), "{rows:?}");
    assert_eq!(reader.contained.position.0, before);
    assert!(reader.next().await.is_none());
}
