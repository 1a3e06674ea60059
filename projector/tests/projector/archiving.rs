//! Months are detached, archived to files and restored, and a read model is never silently wrong meanwhile.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use events::{Event, StreamId};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use projector::frame::month::Month;
use projector::months::manifest::Manifest;
use projector::months::{self, AfterArchive, Done, MonthState, Operation, RowCount, Target, operate};
use projector::retry::{self, RetryOutcome, Selected};
use projector::store::months::Months;
use projector::verify::report::AbsentState;
use read_model::{Generation, Projection};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::operations::{apply_all, promote, rebuild, verify};
use crate::platform::{Platform, now};
use crate::samples::*;

const AUGUST: &str = "2026-08";

/// Projections with tables by month.
const BY_MONTH: [Projection; 10] = [
    Projection::ORDERS,
    Projection::STOCK,
    Projection::PRODUCTS,
    Projection::STOCK_HOLDS,
    Projection::ORDER_TIMELINE,
    Projection::FULFILMENTS,
    Projection::ORDER_RETURNS,
    Projection::SALES,
    Projection::ORDER_STATISTICS,
    Projection::STOCK_MOVEMENTS,
];

fn august() -> DateTime<Utc> {
    "2026-08-31T23:59:59.999Z".parse().unwrap()
}

fn month() -> Month {
    AUGUST.parse().unwrap()
}

/// Three orders of August, one of now, and stock and products of both.
async fn with_august() -> Platform {
    let mut platform = Platform::new().await;
    platform.record_all_partitions().await;
    for (number, at) in [(1, august()), (2, august()), (3, august()), (4, now())] {
        let (id, stream) = order_at(at, number);
        let (product, stock) = (product_stream(&format!("MUG-{number}")), stock_stream(&format!("MUG-{number}")));
        publish_at(&mut platform, at, &product, created(&format!("MUG-{number}"), "Mug \"ü\"", 450)).await;
        publish_at(&mut platform, at, &stock, received(5)).await;
        publish_at(&mut platform, at, &stock, reserved(id, 2)).await;
        publish_at(&mut platform, at, &stream, placed(id, u64::from(number))).await;
        publish_at(&mut platform, at, &stream, captured(1500)).await;
        if number % 2 == 0 {
            publish_at(&mut platform, at, &stream, tagged(&["gift", "a, \"b\""], &[])).await;
            publish_at(&mut platform, at, &stream, fulfilment_created()).await;
            publish_at(&mut platform, at, &stream, shipped()).await;
        }
    }
    apply_all(&platform).await;
    platform
}

async fn publish_at(platform: &mut Platform, at: DateTime<Utc>, stream: &StreamId, event: impl Into<Event>) {
    let event = platform.append_at(at, stream, event).await;
    platform.send(&event).await;
}

async fn run(platform: &Platform, name: &str, operation: Operation) -> anyhow::Result<Done> {
    let target = Target { database_url: platform.database(), generation: None };
    operate(name, target, operation).await
}

async fn refusal(platform: &Platform, name: &str, operation: Operation) -> String {
    format!("{:#}", run(platform, name, operation).await.unwrap_err())
}

fn archive_to(folder: &Path, then: AfterArchive) -> Operation {
    Operation::Archive(month(), folder.to_owned(), then)
}

fn restore_from(folder: &Path) -> Operation {
    Operation::Restore(month(), Some(folder.to_owned()))
}

/// Detaches, archives and drops August of a projection.
async fn archive(platform: &Platform, name: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    run(platform, name, Operation::Detach(month())).await.unwrap();
    run(platform, name, archive_to(folder.path(), AfterArchive::Drop)).await.unwrap();
    folder
}

async fn retry_all(platform: &Platform) -> Vec<RetryOutcome> {
    let mut outcomes = Vec::new();
    let mut report = |_: Generation, _: &str, outcome: &RetryOutcome| outcomes.push(outcome.clone());
    retry::retry(&platform.database(), Selected::default(), &mut report).await.unwrap();
    outcomes
}

#[tokio::test]
async fn a_month_of_every_projection_is_archived_and_restored_to_the_same_rows() {
    let mut platform = with_august().await;
    for projection in BY_MONTH {
        let name = projection.name();
        if name == "stock_holds" || name == "order_returns" {
            assert_eq!(
                refusal(&platform, name, Operation::Detach(month())).await,
                format!("{name} generation 1 has no month 2026-08"),
                "the log has no such event"
            );
            continue;
        }
        let tables = months::list(&platform.database(), Some(name), None, RowCount::Exact).await.unwrap();
        let tables: Vec<_> = tables.into_iter().filter(|it| it.month == AUGUST).collect();
        assert!(!tables.is_empty(), "{name}");
        for table in &tables {
            let copy = format!("create table public.before_{0} as table {name}_1.{0}", table.table);
            sqlx::raw_sql(sqlx::AssertSqlSafe(copy)).execute(&mut platform.db).await.unwrap();
        }
        let indexes = platform.indexes(&format!("{name}_1.{}_2026_08", tables[0].table)).await;

        let folder = archive(&platform, name).await;
        let archived = months::list(&platform.database(), Some(name), None, RowCount::Exact).await.unwrap();
        for table in &tables {
            let found = archived.iter().find(|it| (it.table, &*it.month) == (table.table, AUGUST)).unwrap();
            assert_eq!((found.state, found.rows), (MonthState::Archived, table.rows), "{name}");
            let exists = platform.count(&format!("pg_class where relname = '{}_2026_08'", table.table)).await;
            assert_eq!(exists, 0, "{name}");
        }
        let report = verify(&platform, projection, None).await;
        assert!(report.is_equal(), "{name}: {report:?}");
        // The month is absent in all tables, although the log has no return, so that one table never had the month.
        let without_rows = usize::from(name == "order_statistics");
        assert_eq!(report.absent_months.len(), tables.len() + without_rows, "{name}: the report names the month");

        let restored = run(&platform, name, restore_from(folder.path())).await.unwrap();
        assert!(matches!(restored, Done::Restored(..)), "{restored:?}");
        for table in &tables {
            let (before, after) = (format!("public.before_{}", table.table), format!("{name}_1.{}", table.table));
            assert_eq!(platform.differing_rows(&before, &after).await, 0, "{name}");
        }
        assert_eq!(platform.indexes(&format!("{name}_1.{}_2026_08", tables[0].table)).await, indexes, "{name}");
        let report = verify(&platform, projection, None).await;
        assert!(report.is_equal() && report.absent_months.is_empty(), "{name}: {report:?}");
    }
}

#[tokio::test]
async fn an_event_of_an_archived_month_parks_its_stream_until_the_month_is_restored() {
    let mut platform = with_august().await;
    let folder = archive(&platform, "orders").await;
    let timeline = archive(&platform, "order_timeline").await;
    let (_, old) = order_at(august(), 1);
    let new: StreamId =
        platform.text("select 'order-' || id from public.orders where code = 'SON000004'").await.parse().unwrap();
    // A worker that has seen the month, and knows the state of the order.
    platform.publish(&old, grown()).await;
    platform.publish(&new, grown()).await;
    let (unseen, stream) = order_at(august(), 77);
    platform.publish(&stream, placed(unseen, 77)).await;
    apply_all(&platform).await;

    assert_eq!(platform.number("select count(*) from public.orders").await, 1);
    assert_eq!(platform.number("select count(*) from public.orders where total = 2100").await, 1, "the other goes on");
    let expected = format!(
        "month 2026-08 of orders is archived: run `projector months restore orders 2026-08 --generation 1 --from {}`, then \
         `projector parked retry` (55000)",
        folder.path().display()
    );
    for stream in [&old, &stream] {
        let reason =
            format!("select reason from parked_streams where projection = 'orders' and stream_id = '{stream}'");
        let reason: String = sqlx::query_scalar(sqlx::AssertSqlSafe(reason)).fetch_one(&mut platform.db).await.unwrap();
        assert!(reason.ends_with(&expected), "{reason}");
    }
    let parked = "select count(*) from parked_streams where projection = 'order_timeline'";
    assert_eq!(platform.number(parked).await, 2);
    assert!(retry_all(&platform).await.iter().all(|it| matches!(it, RetryOutcome::StillParked(_))));
    for projection in [Projection::ORDERS, Projection::ORDER_TIMELINE] {
        assert!(verify(&platform, projection, None).await.is_equal(), "the events that wait are not counted");
    }

    run(&platform, "orders", restore_from(folder.path())).await.unwrap();
    run(&platform, "order_timeline", restore_from(timeline.path())).await.unwrap();
    assert!(retry_all(&platform).await.iter().all(|it| matches!(it, RetryOutcome::Resumed(1))));
    assert_eq!(platform.number("select count(*) from public.orders where total = 2100").await, 2);
    for projection in [Projection::ORDERS, Projection::ORDER_TIMELINE] {
        let report = verify(&platform, projection, None).await;
        assert!(report.is_equal() && report.absent_months.is_empty(), "{report:?}");
    }
}

#[tokio::test]
async fn a_worker_that_knows_an_archived_month_does_not_create_it_again() {
    let mut platform = with_august().await;
    let mut worker = platform.worker::<projector::projections::Orders>();
    platform.catch_up(&mut worker).await;
    let (_, old) = order_at(august(), 1);
    publish_at(&mut platform, august(), &old, tagged(&["seen"], &[])).await;
    platform.catch_up(&mut worker).await;
    archive(&platform, "orders").await;
    publish_at(&mut platform, august(), &old, grown()).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select count(*) from parked_streams where projection = 'orders'").await, 1);
    assert_eq!(platform.number("select count(*) from pg_class where relname = 'orders_2026_08'").await, 0);
}

#[tokio::test]
async fn sums_of_an_archived_month_are_exact_after_its_restoration() {
    let mut platform = with_august().await;
    let folder = archive(&platform, "sales").await;
    let (_, old) = order_at(august(), 1);
    publish_at(&mut platform, august(), &old, grown()).await;
    apply_all(&platform).await;
    assert_eq!(platform.number("select count(*) from parked_streams where projection = 'sales'").await, 1);
    run(&platform, "sales", restore_from(folder.path())).await.unwrap();
    assert_eq!(retry_all(&platform).await, [RetryOutcome::Resumed(1)]);
    assert_eq!(platform.number("select sum(net)::bigint from public.sales_days").await, 4 * 1500 + 600);
    assert!(verify(&platform, Projection::SALES, None).await.is_equal());
}

#[tokio::test]
async fn a_detached_month_is_not_read_and_is_attached_by_command_or_by_an_event() {
    let mut platform = with_august().await;
    let orders = "select count(*) from public.orders";
    run(&platform, "orders", Operation::Detach(month())).await.unwrap();
    assert_eq!(platform.number(orders).await, 1);
    let report = verify(&platform, Projection::ORDERS, None).await;
    assert!(report.is_equal());
    assert_eq!(report.absent_months[0].state, AbsentState::Detached);
    assert_eq!(report.absent_months[0].to_string(), "orders 2026-08 is detached: its rows were not compared");
    let attached = run(&platform, "orders", Operation::Restore(month(), None)).await.unwrap();
    assert!(matches!(attached, Done::Attached(_)));
    assert_eq!(platform.number(orders).await, 4);

    run(&platform, "orders", Operation::Detach(month())).await.unwrap();
    let (_, old) = order_at(august(), 1);
    platform.publish(&old, grown()).await;
    apply_all(&platform).await;
    assert_eq!(platform.number(orders).await, 4);
    assert_eq!(platform.number("select count(*) from parked_streams where projection = 'orders'").await, 0);
    let constraints = "select count(*) from pg_constraint where conname = 'month'";
    assert_eq!(platform.number(constraints).await, 0, "the check constraint is removed when the month is attached");
    let folder = TempDir::new().unwrap();
    let refused = refusal(&platform, "orders", archive_to(folder.path(), AfterArchive::Drop)).await;
    assert!(
        refused
            .starts_with("the month is attached (order_search_2026_08, orders_2026_08): run `projector months detach`"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_month_is_detached_only_if_it_is_over_and_there() {
    let platform = with_august().await;
    let current = Month::of(now());
    for (name, month, expected) in [
        ("orders", current, "is not over"),
        ("orders", current.next(), "is not over"),
        ("orders", "2009-01".parse().unwrap(), "orders generation 1 has no month 2009-01"),
        ("customers", month(), "no table of customers is partitioned by month"),
        ("dreams", month(), "there is no projection `dreams`"),
    ] {
        let refused = refusal(&platform, name, Operation::Detach(month)).await;
        assert!(refused.contains(expected), "{refused}");
    }
    let target = Target { database_url: platform.database(), generation: Some(7) };
    let refused = operate("orders", target, Operation::Detach(month())).await.unwrap_err();
    assert_eq!(refused.to_string(), "orders has no generation 7");
    run(&platform, "orders", Operation::Detach(month())).await.unwrap();
    let refused = refusal(&platform, "orders", Operation::Detach(month())).await;
    assert_eq!(refused, "month 2026-08 of orders generation 1 is detached already");
    let folder = TempDir::new().unwrap();
    run(&platform, "orders", archive_to(folder.path(), AfterArchive::Drop)).await.unwrap();
    for operation in [Operation::Detach(month()), archive_to(folder.path(), AfterArchive::Drop)] {
        let refused = refusal(&platform, "orders", operation).await;
        assert!(refused.contains("is archived in") && refused.ends_with("already"), "{refused}");
    }
}

#[tokio::test]
async fn an_archive_is_repeated_and_dropped_only_if_its_files_have_the_rows() {
    let mut platform = with_august().await;
    let folder = TempDir::new().unwrap();
    run(&platform, "orders", Operation::Detach(month())).await.unwrap();
    let kept = run(&platform, "orders", archive_to(folder.path(), AfterArchive::Keep)).await.unwrap();
    let Done::Archived(_, manifest, path) = kept else { panic!("{kept:?}") };
    assert_eq!(manifest.tables[0].rows, 3);
    let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["manifest.json", "order_search.parquet", "orders.parquet"]);
    let written = fs::metadata(path.join("orders.parquet")).unwrap().modified().unwrap();

    platform.execute("update orders_1.orders_2026_08 set total = 7").await;
    let refused = refusal(&platform, "orders", archive_to(folder.path(), AfterArchive::Drop)).await;
    assert!(refused.contains("contains another archive of the month"), "{refused}");
    platform.execute("update orders_1.orders_2026_08 set total = 1500").await;
    let bytes = fs::read(path.join("orders.parquet")).unwrap();
    fs::write(path.join("orders.parquet"), &bytes[1..]).unwrap();
    let refused = refusal(&platform, "orders", archive_to(folder.path(), AfterArchive::Drop)).await;
    assert!(refused.contains("is not the file that was archived"), "{refused}");
    assert_eq!(platform.number("select count(*) from orders_1.orders_2026_08").await, 3, "nothing is dropped");
    fs::write(path.join("orders.parquet"), &bytes).unwrap();
    fs::File::open(path.join("orders.parquet")).unwrap().set_modified(written).unwrap();

    let dropped = run(&platform, "orders", archive_to(folder.path(), AfterArchive::Drop)).await.unwrap();
    assert!(matches!(dropped, Done::Dropped(..)));
    let modified = fs::metadata(path.join("orders.parquet")).unwrap().modified().unwrap();
    assert_eq!(modified, written, "the files that were complete are kept");
}

#[tokio::test]
async fn a_restore_refuses_what_was_not_archived() {
    let platform = with_august().await;
    let nowhere = TempDir::new().unwrap();
    let refused = refusal(&platform, "orders", restore_from(nowhere.path())).await;
    assert_eq!(refused, "orders generation 1 has month 2026-08 already");
    let refused = refusal(&platform, "orders", Operation::Restore("2009-01".parse().unwrap(), None)).await;
    assert_eq!(refused, "orders generation 1 has no month 2009-01, and none is archived");

    let folder = archive(&platform, "orders").await;
    let refused = refusal(&platform, "orders", Operation::Restore(month(), None)).await;
    assert_eq!(refused, "month 2026-08 of orders generation 1 is archived: name its folder with --from");
    let refused = refusal(&platform, "orders", restore_from(nowhere.path())).await;
    assert!(refused.ends_with("contains no archived month (no manifest.json)"), "{refused}");

    let path = folder.path().join("orders/2026-08");
    let text = fs::read_to_string(path.join("manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_str(&text).unwrap();
    let mut other_rows = manifest.clone();
    other_rows.tables[0].rows += 1;
    for (manifest, expected) in [
        (Manifest { version: 3, ..manifest.clone() }, "of orders version 3, not month 2026-08 of orders version 2"),
        (Manifest { projection: "sales".into(), ..manifest.clone() }, "contains month 2026-08 of sales version 2, not"),
        (Manifest { month: "2026-07".into(), ..manifest.clone() }, "contains month 2026-07 of orders"),
        (Manifest { format: 2, ..manifest.clone() }, "has format 2, and this build reads format 1"),
        (other_rows, "contains other rows than those that were archived"),
    ] {
        fs::write(path.join("manifest.json"), serde_json::to_string(&manifest).unwrap()).unwrap();
        let refused = refusal(&platform, "orders", restore_from(folder.path())).await;
        assert!(refused.contains(expected), "{refused}");
    }
    fs::write(path.join("manifest.json"), "{").unwrap();
    let refused = refusal(&platform, "orders", restore_from(folder.path())).await;
    assert!(refused.contains("is not the manifest of an archived month"), "{refused}");
    fs::write(path.join("manifest.json"), &text).unwrap();

    let file = path.join("orders.parquet");
    let bytes = fs::read(&file).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    fs::write(&file, flipped).unwrap();
    let refused = refusal(&platform, "orders", restore_from(folder.path())).await;
    assert!(refused.contains("is not the file that was archived: it has"), "{refused}");
    fs::remove_file(&file).unwrap();
    let refused = refusal(&platform, "orders", restore_from(folder.path())).await;
    assert!(refused.contains("No such file"), "{refused}");

    fs::write(&file, bytes).unwrap();
    run(&platform, "orders", restore_from(folder.path())).await.unwrap();
    let refused = refusal(&platform, "orders", restore_from(folder.path())).await;
    assert_eq!(refused, "orders generation 1 has month 2026-08 already");
}

#[tokio::test]
async fn a_restore_that_was_killed_begins_again() {
    let mut platform = with_august().await;
    let folder = archive(&platform, "orders").await;
    // What a restore leaves that was killed after it had loaded the rows.
    platform
        .execute("create table orders_1.orders_2026_08 (like orders_1.orders); alter table orders_1.orders_2026_08 owner to model_writer")
        .await;
    let (_, old) = order_at(august(), 1);
    platform.publish(&old, grown()).await;
    apply_all(&platform).await;
    assert_eq!(platform.number("select count(*) from parked_streams where projection = 'orders'").await, 1);
    let listed = months::list(&platform.database(), Some("orders"), None, RowCount::Exact).await.unwrap();
    assert_eq!(listed[0].state, MonthState::Archived);
    run(&platform, "orders", restore_from(folder.path())).await.unwrap();
    assert_eq!(platform.number("select count(*) from public.orders").await, 4);
}

#[tokio::test]
async fn a_verification_finds_an_archive_that_the_log_does_not_result_in() {
    let mut platform = with_august().await;
    platform.execute("update orders_1.orders set total = 7 where code = 'SON000001'").await;
    archive(&platform, "orders").await;
    let report = verify(&platform, Projection::ORDERS, None).await;
    assert!(!report.is_equal());
    let expected = AbsentState::Archived { archived: 3, expected: 3, is_equal: false };
    assert_eq!((&report.absent_months[0].state, report.differences_total), (&expected, 1));
}

#[tokio::test]
async fn a_rebuild_creates_archived_months_again_and_a_promotion_hides_none() {
    let mut platform = with_august().await;
    archive(&platform, "orders").await;
    rebuild(&platform, Projection::ORDERS).await.unwrap();
    let of_second = Target { database_url: platform.database(), generation: Some(2) };
    assert!(verify(&platform, Projection::ORDERS, Some(2)).await.is_equal());
    let september: Month = "2026-09".parse().unwrap();
    let mut db = projector::store::connect(&platform.database()).await.unwrap();
    for generation in [1, 2].map(|number| Generation { projection: Projection::ORDERS, number }) {
        projector::store::set_search_path(&mut db, generation).await.unwrap();
        let tables = projector::frame::rows::tables::<projector::projections::Orders>();
        Months::of(tables).ensure(&mut db, &[("orders", september.begin())]).await.unwrap();
    }
    operate("orders", of_second.clone(), Operation::Detach(september)).await.unwrap();
    let refused = promote(&platform, Projection::ORDERS).await.unwrap_err().to_string();
    let expected = "orders generation 2 does not show month 2026-09 of orders, which the live generation shows: run \
                    `projector months restore orders 2026-09 --generation 2`, or promote with --force";
    assert_eq!(refused, expected);
    operate("orders", of_second, Operation::Restore(september, None)).await.unwrap();
    promote(&platform, Projection::ORDERS).await.unwrap();
    assert_eq!(platform.number("select count(*) from public.orders").await, 4);
    projector::operate::operate("orders", projector::operate::Operation::Retire(platform.database(), 1)).await.unwrap();
    assert_eq!(platform.number("select count(*) from archived_months").await, 0);
}

#[tokio::test]
async fn status_names_detached_and_archived_months() {
    let platform = with_august().await;
    archive(&platform, "orders").await;
    run(&platform, "sales", Operation::Detach(month())).await.unwrap();
    let status = projector::status::list(&platform.database()).await.unwrap();
    let find = |name: &str| status.iter().find(|it| it.projection == name).unwrap();
    assert_eq!((find("orders").detached_months, find("orders").archived_months), (0, 1));
    assert_eq!((find("sales").detached_months, find("sales").archived_months), (1, 0));
    assert!(find("orders").to_string().ends_with("; 1 months archived"), "{}", find("orders"));
    assert!(find("sales").to_string().ends_with("; 1 months detached"), "{}", find("sales"));
}

/// Opens a transaction that reads all orders, and stays open.
async fn open_reader(platform: &Platform) -> PgConnection {
    let mut reader = PgConnection::connect(&platform.bed.reader_url().unwrap()).await.unwrap();
    sqlx::raw_sql("begin; select count(*) from public.orders").execute(&mut reader).await.unwrap();
    reader
}

#[tokio::test]
async fn detaching_waits_for_a_reader_and_lets_other_readers_pass() {
    let mut platform = with_august().await;
    let mut reader = open_reader(&platform).await;
    let target = Target { database_url: platform.database(), generation: None };
    let detaching = tokio::spawn(async move { operate("orders", target, Operation::Detach(month())).await });
    let waits = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and l.mode = 'AccessExclusiveLock' and not l.granted";
    let seen = async {
        while platform.number(waits).await == 0 {
            assert!(!detaching.is_finished());
        }
    };
    tokio::time::timeout(testbed::PATIENCE, seen).await.expect("the lock is not requested");
    // Behind the request for the lock, which is given up.
    let mut other = PgConnection::connect(&platform.bed.reader_url().unwrap()).await.unwrap();
    let read = sqlx::query_scalar::<_, i64>("select count(*) from public.orders").fetch_one(&mut other);
    assert_eq!(tokio::time::timeout(testbed::PATIENCE, read).await.expect("the reader is locked out").unwrap(), 4);
    assert!(!detaching.is_finished(), "the first reader is still there");
    sqlx::raw_sql("commit").execute(&mut reader).await.unwrap();
    let detached = tokio::time::timeout(testbed::PATIENCE, detaching).await.unwrap().unwrap().unwrap();
    assert!(matches!(detached, Done::Detached(_)));
    assert_eq!(platform.number("select count(*) from public.orders").await, 1);
}

#[tokio::test]
async fn months_are_created_and_restored_while_a_reader_holds_the_table() {
    let mut platform = with_august().await;
    let folder = archive(&platform, "orders").await;
    let mut reader = open_reader(&platform).await;
    let (id, stream) = order_at("2026-07-01T00:00:00Z".parse().unwrap(), 9);
    platform.publish(&stream, placed(id, 9)).await;
    apply_all(&platform).await;
    run(&platform, "orders", restore_from(folder.path())).await.unwrap();
    assert_eq!(platform.number("select count(*) from public.orders").await, 5);
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
    sqlx::raw_sql("commit").execute(&mut reader).await.unwrap();
}

#[tokio::test]
async fn one_operator_at_a_time_changes_the_months_of_a_generation() {
    let platform = with_august().await;
    let mut other = projector::store::connect(&platform.database()).await.unwrap();
    let generation = Generation::first(Projection::ORDERS);
    assert!(projector::store::archived_months::try_lock(&mut other, generation).await.unwrap());
    let refused = refusal(&platform, "orders", Operation::Detach(month())).await;
    assert!(refused.starts_with("another process detaches, archives or restores a month"), "{refused}");
    run(&platform, "sales", Operation::Detach(month())).await.unwrap();
}

#[tokio::test]
async fn any_reader_of_parquet_reads_an_archived_month() {
    let platform = with_august().await;
    let folder = archive(&platform, "orders").await;
    let path = folder.path().join("orders/2026-08/orders.parquet");
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let description = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert!(description.iter().any(|it| it.key == "order-platform.month" && it.value.as_deref() == Some(AUGUST)));
    let names: Vec<&str> = reader.metadata().file_metadata().schema().get_fields().iter().map(|it| it.name()).collect();
    let column = |name: &str| names.iter().position(|it| *it == name).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 3);
    let row = rows.iter().find(|row| row.get_string(column("code")).unwrap() == "SON000002").unwrap();
    let (id, _) = order_at(august(), 2);
    assert_eq!(row.get_string(column("id")).unwrap(), &id.to_string());
    assert_eq!(row.get_long(column("total")).unwrap(), 1500);
    assert_eq!(row.get_int(column("version")).unwrap(), 5);
    assert_eq!(row.get_timestamp_micros(column("placed_at")).unwrap(), august().timestamp_micros());
    let tags = row.get_list(column("tags")).unwrap().elements();
    assert_eq!(tags.iter().map(ToString::to_string).collect::<Vec<_>>(), [r#""a, "b"""#, r#""gift""#]);
    let document: serde_json::Value = serde_json::from_str(row.get_string(column("document")).unwrap()).unwrap();
    assert_eq!(document["code"], "SON000002");
    assert!(row.get_column_iter().nth(column("external_ref")).unwrap().1.to_string() == "null");
}
